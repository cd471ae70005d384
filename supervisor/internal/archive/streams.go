package archive

import (
	"errors"
	"fmt"
	"io"
	"math"
)

// input reads the package. That the disk fails is not the package's fault, and is told apart here, where it is known.
type input struct {
	x *extraction
	r io.Reader
}

func (in input) Read(p []byte) (int, error) {
	if err := in.x.checkEnded(); err != nil {
		return 0, err
	}
	n, err := in.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = in.x.halt(fmt.Errorf("cannot read the package: %w", err))
	}
	return n, err
}

// output writes the program.
type output struct{ x *extraction }

func (out output) Write(p []byte) (int, error) {
	n, err := out.x.dst.Write(p)
	if err != nil {
		err = out.x.halt(fmt.Errorf("cannot write the program: %w", err))
	}
	return n, err
}

// meter counts what is unpacked. It looks at the context, too: a bomb unpacks for long without reading anything.
type meter struct {
	x    *extraction
	r    io.Reader
	over bool  // r has nothing more
	left int64 // what may still be read before the next ration
}

func (x *extraction) meter(r io.Reader) *meter {
	return &meter{x: x, r: r, left: math.MaxInt64}
}

func (m *meter) Read(p []byte) (int, error) {
	if err := m.x.checkEnded(); err != nil {
		return 0, err
	}
	n, err := m.r.Read(p)
	m.x.info.Unpacked += int64(n)
	m.left -= int64(n)
	if m.x.info.Unpacked > m.x.limits.Unpacked {
		return 0, m.x.halt(refuse(CheckUnpacked, "it unpacks to more than %d bytes, the most that is allowed", m.x.limits.Unpacked))
	}
	if m.left < 0 {
		return 0, m.x.halt(refuse(CheckMethod, "the headers of an entry take more than %d bytes: pack it without extended attributes", tarHeaders))
	}
	m.over = n == 0 && errors.Is(err, io.EOF)
	if n > 0 && errors.Is(err, io.EOF) {
		err = nil // it comes again, alone, and says who asked for more than there was
	}
	return n, err
}

// ration allows to read the body of an entry, and then the headers of the next.
func (m *meter) ration(body int64) {
	m.left = min(body, m.x.limits.Unpacked) + tarHeaders
}
