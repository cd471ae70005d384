package archive

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// failing is a disk that fails at the n-th read.
type failing struct {
	io.ReaderAt
	left int
}

func (f *failing) ReadAt(p []byte, off int64) (int, error) {
	if f.left--; f.left < 0 {
		return 0, &fs.PathError{Op: "read", Path: "package", Err: syscall.EIO}
	}
	return f.ReaderAt.ReadAt(p, off)
}

func TestADiskThatCannotBeReadIsNotThePackagesFault(t *testing.T) {
	t.Parallel()
	for _, file := range append(packed(), "good.elf") {
		b := vectorFile(t, file)
		failed := 0
		for ; ; failed++ {
			disk := &failing{bytes.NewReader(b), failed}
			_, err := Extract(t.Context(), io.NewSectionReader(disk, 0, int64(len(b))), linux(), io.Discard, limits())
			if err == nil {
				break
			}
			require.ErrorIs(t, err, syscall.EIO)
			require.ErrorContains(t, err, "cannot read the package")
			require.NotErrorAs(t, err, new(*RefusedError))
		}
		assert.Positive(t, failed, file)
	}
}

type writer func(p []byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

func TestAFullDiskIsNotThePackagesFault(t *testing.T) {
	t.Parallel()
	full := writer(func(p []byte) (int, error) {
		return len(p) / 2, &fs.PathError{Op: "write", Path: "slot", Err: syscall.ENOSPC}
	})
	for _, file := range append(packed(), "good.elf") {
		_, err := Extract(t.Context(), section(vectorFile(t, file)), linux(), full, limits())
		require.ErrorIs(t, err, syscall.ENOSPC, file)
		require.NotErrorAs(t, err, new(*RefusedError))
	}
}

func TestAContextThatEndsEndsTheUnpacking(t *testing.T) {
	t.Parallel()
	roomy := Limits{Entries: 10, Unpacked: 1 << 30, Binary: 1 << 30}
	large := append(amd64(), make([]byte, 2<<20)...)
	program := tarOf(tarFile{name: programName, body: large})
	for name, b := range map[string][]byte{
		"program": large,
		"tar.gz":  gzipped(program, 1),
		"tar.zst": zstded(program),
		"zip":     zipOf(zipFile{name: programName, body: large, method: 8}),
	} {
		ctx, cancel := context.WithCancel(t.Context())
		written := 0
		dst := writer(func(p []byte) (int, error) {
			cancel()
			written += len(p)
			return len(p), nil
		})
		_, err := Extract(ctx, section(b), linux(), dst, roomy)
		require.ErrorIs(t, err, context.Canceled, name)
		require.NotErrorAs(t, err, new(*RefusedError))
		assert.LessOrEqual(t, written, 2*chunk, name)
	}
}

func TestABombEndsWithTheContext(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"bomb.tar.gz", "bomb.tar.zst", "bomb.zip"} {
		b := vectorFile(t, file)
		ctx, cancel := context.WithCancel(t.Context())
		dst := writer(func(p []byte) (int, error) { return len(p), nil })
		reads := 0
		src := io.NewSectionReader(readerAt(func(p []byte, off int64) (int, error) {
			if reads++; reads == 2 { // the first is to see what it is
				cancel()
			}
			return bytes.NewReader(b).ReadAt(p, off)
		}), 0, int64(len(b)))
		_, err := Extract(ctx, src, linux(), dst, Limits{Entries: 10, Unpacked: 1 << 40, Binary: 1 << 40})
		require.ErrorIs(t, err, context.Canceled, file)
		cancel()
	}
}

type readerAt func(p []byte, off int64) (int, error)

func (r readerAt) ReadAt(p []byte, off int64) (int, error) { return r(p, off) }
