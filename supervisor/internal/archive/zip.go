package archive

import (
	"archive/zip"
	"bufio"
	"compress/flate"
	"errors"
	"hash/crc32"
	"io"
)

// zipReader goes through a zip by its directory, one entry after the other.
//
// archive/zip is not used to read: it keeps the whole directory in memory before anything can be counted (a package of 300 MB
// may have five million entries), believes a count that is right modulo 65536, does not say where the header of an
// entry is, by which names could be compared, skips a CRC that is zero, and does not mind bytes between entries.
type zipReader struct {
	x         *extraction
	directory *bufio.Reader
	end       zipEnd
	next      int64         // where the next entry has to begin
	packed    *bufio.Reader // of the entry that is being unpacked
	flate     io.ReadCloser // made once, like packed, for a zip may have many entries
}

func (x *extraction) unzip() error {
	end, err := x.zipEnd()
	if err != nil {
		return err
	}
	if end.entries > x.limits.Entries {
		return refuse(CheckEntries, "it has %d entries, more than %d, the most that is allowed", end.entries, x.limits.Entries)
	}
	z := zipReader{
		x: x, end: end,
		directory: bufio.NewReaderSize(x.read(end.offset, end.size), chunk),
		packed:    bufio.NewReaderSize(nil, chunk),
	}
	for range end.entries {
		if err := z.entry(); err != nil {
			return err
		}
	}
	if _, err := z.directory.ReadByte(); !errors.Is(err, io.EOF) {
		return refuse(CheckDamaged, "its directory is longer than its %d entries", end.entries)
	}
	return z.checkGap(end.offset)
}

// entry reads the next entry of the directory and all that it speaks of.
func (z *zipReader) entry() error {
	h, err := readCentral(z.directory)
	if err != nil {
		return err
	}
	program, err := z.x.contents.add(h.entry())
	if err != nil {
		return err
	}
	if err := h.supported(); err != nil {
		return err
	}
	if err := z.checkGap(h.offset); err != nil {
		return err
	}
	local := z.x.read(h.offset, z.end.offset-h.offset)
	length, err := readLocal(local, h)
	if err != nil {
		return err
	}
	start := h.offset + length
	z.next = start + h.packed
	if z.next > z.end.offset {
		return refuse(CheckDamaged, "%s reaches into the directory", quote(h.name))
	}
	if err := z.body(h, start, program); err != nil {
		return err
	}
	length, err = readDescriptor(z.x.read(z.next, z.end.offset-z.next), h)
	z.next += length
	return err
}

// checkGap: entries follow each other. In a gap, or where two overlap, other tools may see other files.
func (z *zipReader) checkGap(begin int64) error {
	switch {
	case begin < z.next:
		return refuse(CheckDamaged, "entries overlap")
	case begin > z.next:
		return refuse(CheckTrailing, "there are bytes between entries that belong to none")
	}
	return nil
}

// body unpacks an entry: into the program, or to see that it is sound.
func (z *zipReader) body(h zipHeader, start int64, program bool) error {
	z.packed.Reset(z.x.read(start, h.packed))
	crc := crc32.NewIEEE()
	before := z.x.info.Unpacked
	unpacked := io.TeeReader(z.x.meter(z.decoder(h.method)), crc)
	var err error
	if program {
		err = z.x.take(unpacked)
	} else {
		_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, unpacked, z.x.buf)
	}
	if err != nil {
		return err //nolint:wrapcheck // explain finds the words
	}
	if z.x.info.Unpacked-before != h.size || crc.Sum32() != h.crc {
		return refuse(CheckDamaged, "%s does not have the size or the checksum that it should have", quote(h.name))
	}
	if _, err := z.packed.ReadByte(); !errors.Is(err, io.EOF) {
		return refuse(CheckTrailing, "there are bytes after the end of %s that belong to nothing", quote(h.name))
	}
	return nil
}

// decoder is for a method that is supported.
func (z *zipReader) decoder(method uint16) io.Reader {
	if method == zip.Store {
		return z.packed
	}
	if z.flate == nil {
		z.flate = flate.NewReader(z.packed)
	} else {
		_ = z.flate.(flate.Resetter).Reset(z.packed, nil) // it has no error to return
	}
	return z.flate
}
