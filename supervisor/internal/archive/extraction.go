package archive

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// chunk is how much is read or written at once: enough that calls cost nothing, little enough that the end of a context is noticed at once.
const chunk = 32 << 10

// extraction is one call of Extract.
type extraction struct {
	ended    func() error // the context's Err
	src      *io.SectionReader
	dst      io.Writer
	want     Program
	limits   Limits
	contents contents
	info     Info
	buf      []byte
	// halted is the first error that did not come from a decoder. It is kept because decoders may drop an error, or give it another name.
	halted error
}

func (x *extraction) run() error {
	head := make([]byte, headBytes)
	n, err := io.ReadFull(x.read(0, x.src.Size()), head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err //nolint:wrapcheck // explain finds the words
	}
	x.info.Format, err = sniff(head[:n])
	if err != nil {
		return err
	}
	switch x.info.Format {
	case TarGzip:
		err = x.gunzip()
	case TarZstd:
		err = x.unzstd()
	case Zip:
		err = x.unzip()
	case Raw:
		_, err = x.contents.add(entry{name: x.want.Name, kind: file})
		if err == nil {
			err = x.take(x.meter(x.read(0, x.src.Size())))
		}
	}
	if err != nil {
		return err
	}
	x.info.Entries = x.contents.entries
	x.info.Name, err = x.contents.verdict()
	return err
}

// take writes the program, when it is one for this host.
func (x *extraction) take(program io.Reader) error {
	head := make([]byte, programHead)
	n, err := io.ReadFull(program, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err //nolint:wrapcheck // explain finds the words
	}
	if err := x.want.fits(head[:n]); err != nil {
		return err
	}
	whole := io.MultiReader(bytes.NewReader(head[:n]), program)
	// What is not to be seen here, ReaderFrom and WriterTo, would have the copy use a buffer of its own.
	x.info.Size, err = io.CopyBuffer(output{x}, io.LimitReader(whole, x.limits.Binary), x.buf)
	if err != nil {
		return err //nolint:wrapcheck // as above
	}
	if n, err := io.ReadFull(whole, head[:1]); n > 0 {
		return refuse(CheckBinary, "the program is larger than %d bytes, the most that is allowed", x.limits.Binary)
	} else if !errors.Is(err, io.EOF) {
		return err //nolint:wrapcheck // as above
	}
	return nil
}

// read is a part of the package, in the order of its bytes.
func (x *extraction) read(offset, size int64) io.Reader {
	return input{x, io.NewSectionReader(x.src, offset, size)}
}

func (x *extraction) halt(err error) error {
	if x.halted == nil {
		x.halted = err
	}
	return x.halted
}

// checkEnded halts when the context is over.
func (x *extraction) checkEnded() error {
	if err := x.ended(); err != nil {
		return x.halt(fmt.Errorf("unpacking was given up: %w", err))
	}
	return x.halted
}

func (x *extraction) explain(err error) error {
	if x.halted != nil {
		return x.halted
	}
	return broken(err)
}
