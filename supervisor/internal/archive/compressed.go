package archive

import (
	"bufio"
	"compress/gzip"
	"errors"
	"io"

	"github.com/klauspost/compress/zstd"
)

// zstdWindow is what RFC 8878, section 3.1.1.1.2, recommends every decoder to support. zstd -19 needs as much; more is
// needed after --ultra and --long, up to 2 GiB.
const zstdWindow = 8 << 20

func (x *extraction) gunzip() error {
	// gzip.Reader reads no byte too many from a ByteReader.
	packed := bufio.NewReaderSize(x.read(0, x.src.Size()), chunk)
	unpacked, err := gzip.NewReader(packed)
	if err != nil {
		return err //nolint:wrapcheck // explain finds the words
	}
	unpacked.Multistream(false) // RFC 1952 allows more than one member; gzip(1) and tar(1) write one, what follows was appended
	if err := x.untar(unpacked); err != nil {
		return err
	}
	if _, err := packed.ReadByte(); !errors.Is(err, io.EOF) {
		return refuse(CheckTrailing, "there are bytes after the end of the gzip")
	}
	return nil
}

func (x *extraction) unzstd() error {
	packed := bufio.NewReaderSize(x.read(0, x.src.Size()), chunk)
	// In a stream, the limit on memory is one on the window of a frame that is a single segment.
	unpacked, err := zstd.NewReader(packed, zstd.WithDecoderConcurrency(1),
		zstd.WithDecoderMaxWindow(zstdWindow), zstd.WithDecoderMaxMemory(zstdWindow), zstd.WithDecoderLowmem(true))
	if err != nil {
		return err //nolint:wrapcheck // explain finds the words
	}
	defer unpacked.Close()
	return zstdError(x.untar(unpacked))
}

// zstdError: a magic that is none can only be one after the end of a frame, for the first has been sniffed.
func zstdError(err error) error {
	switch {
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return refuse(CheckMethod, "unpacking it takes a window of more than %d MiB of memory: pack it without --long and --ultra", zstdWindow>>20)
	case errors.Is(err, zstd.ErrUnknownDictionary):
		return refuse(CheckMethod, "unpacking it takes a dictionary: pack it without")
	case errors.Is(err, zstd.ErrMagicMismatch):
		return refuse(CheckTrailing, "there are bytes after the end of the zstd")
	default:
		return err
	}
}
