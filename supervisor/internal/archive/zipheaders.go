package archive

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"strings"
)

// The records of APPNOTE.TXT 4.3: how they begin, and how long they are without their names.
const (
	localMagic   = "PK\x03\x04"
	centralMagic = "PK\x01\x02"
	endMagic     = "PK\x05\x06"
	locatorMagic = "PK\x06\x07" // of the end of a zip64
	afterMagic   = "PK\x07\x08" // of a data descriptor; it may be missing

	localLength   = 30
	centralLength = 46
	endLength     = 22
	locatorLength = 20
)

// Flags of APPNOTE 4.4.4.
const (
	flagDescriptor = 1 << 3
	// flagsRefused: encrypted, patch data, strongly encrypted, headers encrypted.
	flagsRefused = 1<<0 | 1<<5 | 1<<6 | 1<<13
)

// zipHeader is an entry of the directory.
type zipHeader struct {
	name         string
	flags        uint16
	method       uint16
	crc          uint32
	packed, size int64
	mode         uint32 // as st_mode of stat(2); 0 when it was made on a system without
	offset       int64  // of the local header
}

// readCentral reads the next header of the directory.
func readCentral(r *bufio.Reader) (zipHeader, error) {
	b := make([]byte, centralLength)
	if _, err := io.ReadFull(r, b); err != nil || string(b[:4]) != centralMagic {
		return zipHeader{}, refuse(CheckDamaged, "its directory has fewer entries than it says")
	}
	h := zipHeader{
		flags:  binary.LittleEndian.Uint16(b[8:]),
		method: binary.LittleEndian.Uint16(b[10:]),
		crc:    binary.LittleEndian.Uint32(b[16:]),
		packed: int64(binary.LittleEndian.Uint32(b[20:])),
		size:   int64(binary.LittleEndian.Uint32(b[24:])),
		mode:   binary.LittleEndian.Uint32(b[38:]) >> 16, // the half that is for Unix
		offset: int64(binary.LittleEndian.Uint32(b[42:])),
	}
	name := make([]byte, binary.LittleEndian.Uint16(b[28:]))
	if _, err := io.ReadFull(r, name); err != nil {
		return zipHeader{}, err //nolint:wrapcheck // explain finds the words
	}
	h.name = string(name)
	extra, comment := binary.LittleEndian.Uint16(b[30:]), binary.LittleEndian.Uint16(b[32:])
	_, err := r.Discard(int(extra) + int(comment))
	return h, err //nolint:wrapcheck // as above
}

// readLocal reads the header in front of an entry's bytes, which must say what the directory says, and returns its length.
func readLocal(r io.Reader, h zipHeader) (int64, error) {
	b := make([]byte, localLength+len(h.name))
	if _, err := io.ReadFull(r, b); err != nil {
		return 0, err //nolint:wrapcheck // explain finds the words
	}
	nameLength, extraLength := binary.LittleEndian.Uint16(b[26:]), binary.LittleEndian.Uint16(b[28:])
	same := string(b[:4]) == localMagic && int(nameLength) == len(h.name) && string(b[localLength:]) == h.name &&
		binary.LittleEndian.Uint16(b[6:]) == h.flags && binary.LittleEndian.Uint16(b[8:]) == h.method
	if h.flags&flagDescriptor == 0 { // with it, CRC and sizes follow the bytes
		same = same && binary.LittleEndian.Uint32(b[14:]) == h.crc &&
			int64(binary.LittleEndian.Uint32(b[18:])) == h.packed && int64(binary.LittleEndian.Uint32(b[22:])) == h.size
	}
	if !same && binary.LittleEndian.Uint32(b[22:]) == math.MaxUint32 {
		return 0, errZip64()
	}
	if !same {
		return 0, refuse(CheckDamaged, "%s has another header in front of it than in the directory", quote(h.name))
	}
	return int64(localLength) + int64(nameLength) + int64(extraLength), nil
}

// readDescriptor reads what follows an entry's bytes when it was written by who did not know their number before, and returns its length.
func readDescriptor(r io.Reader, h zipHeader) (int64, error) {
	if h.flags&flagDescriptor == 0 {
		return 0, nil
	}
	want := binary.LittleEndian.AppendUint32(nil, h.crc)
	want = binary.LittleEndian.AppendUint32(want, uint32(h.packed)) //nolint:gosec // it was one
	want = binary.LittleEndian.AppendUint32(want, uint32(h.size))   //nolint:gosec // as above
	b := make([]byte, len(afterMagic)+len(want))
	n, _ := io.ReadFull(r, b) // what could not be read is not equal
	switch b = b[:n]; {
	case string(b) == afterMagic+string(want):
		return int64(n), nil
	case bytes.HasPrefix(b, want):
		return int64(len(want)), nil
	}
	return 0, refuse(CheckDamaged, "%s has another size or checksum behind it than in the directory", quote(h.name))
}

func (h zipHeader) supported() error {
	switch {
	case h.flags&flagsRefused != 0:
		return refuse(CheckMethod, "%s is encrypted, or a patch", quote(h.name))
	case h.method != zip.Store && h.method != zip.Deflate:
		return refuse(CheckMethod, "%s is compressed by method %d: only deflate is supported", quote(h.name), h.method)
	case max(h.packed, h.size, h.offset) == math.MaxUint32:
		return errZip64()
	}
	return nil
}

// entry: the name says what a directory is, and st_mode must not contradict it.
func (h zipHeader) entry() entry {
	e := entry{name: h.name, kind: file, mode: h.mode & 0o7777}
	if strings.HasSuffix(h.name, "/") {
		e.kind = directory
		if h.size > 0 {
			e.kind = "directory with content"
		}
	}
	const ( // inode(7)
		format, fifo, char, dir, block, regular, link, socket = 0o170000, 0o010000, 0o020000, 0o040000, 0o060000, 0o100000, 0o120000, 0o140000
	)
	switch h.mode & format {
	case 0:
	case regular:
		if e.kind != file {
			e.kind = "file with the name of a directory"
		}
	case dir:
		if e.kind == file {
			e.kind = "directory with the name of a file"
		}
	case link:
		e.kind = "symbolic link"
	case char, block:
		e.kind = "device"
	case fifo:
		e.kind = "fifo"
	case socket:
		e.kind = "socket"
	default:
		e.kind = "thing of unknown type"
	}
	return e
}
