package archive

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
)

// zipEnd is the end of the central directory.
type zipEnd struct {
	entries      int
	offset, size int64 // of the directory
}

// zipEnd takes the last bytes of the file for the end of the directory: a search, as for a zip with a comment, could be led to another.
func (x *extraction) zipEnd() (zipEnd, error) {
	b, err := x.tail(endLength)
	if err != nil {
		return zipEnd{}, err
	}
	if !bytes.HasPrefix(b, []byte(endMagic)) || binary.LittleEndian.Uint16(b[20:]) != 0 {
		return zipEnd{}, x.noEnd()
	}
	const disks = "\x00\x00\x00\x00"
	here, entries := binary.LittleEndian.Uint16(b[8:]), binary.LittleEndian.Uint16(b[10:])
	size, offset := binary.LittleEndian.Uint32(b[12:]), binary.LittleEndian.Uint32(b[16:])
	if string(b[4:8]) != disks || here != entries {
		return zipEnd{}, refuse(CheckMethod, "it is one part of several: pack it as one file")
	}
	if entries == math.MaxUint16 || size == math.MaxUint32 || offset == math.MaxUint32 {
		return zipEnd{}, errZip64()
	}
	if int64(offset)+int64(size) != x.src.Size()-endLength {
		return zipEnd{}, x.misplaced()
	}
	return zipEnd{entries: int(entries), offset: int64(offset), size: int64(size)}, nil
}

// errZip64: what is small enough needs no zip64, but some tools make one when they do not know the size in time.
func errZip64() error {
	return refuse(CheckMethod, "it is a zip64: pack less than 65535 entries and 4 GiB, from files and into a file")
}

// misplaced finds the word for a directory that does not end where its end begins.
func (x *extraction) misplaced() error {
	b, err := x.tail(endLength + locatorLength)
	if err == nil && bytes.HasPrefix(b, []byte(locatorMagic)) {
		err = errZip64()
	}
	if err == nil {
		err = refuse(CheckDamaged, "its directory is not where it says")
	}
	return err
}

// noEnd finds the word for a zip that does not end with its directory.
func (x *extraction) noEnd() error {
	const reach = endLength + math.MaxUint16 // with the longest comment
	b, err := x.tail(min(reach, x.src.Size()))
	if err == nil && bytes.Contains(b, []byte(endMagic)) {
		err = refuse(CheckTrailing, "there are bytes after its end, or a comment: pack it without")
	}
	if err == nil {
		err = refuse(CheckTruncated, "its directory is missing: fetch or pack it again")
	}
	return err
}

// tail is the last n bytes, or an error.
func (x *extraction) tail(n int64) ([]byte, error) {
	b := make([]byte, n)
	_, err := io.ReadFull(x.read(max(0, x.src.Size()-n), n), b)
	return b, err //nolint:wrapcheck // explain finds the words
}
