package archive

import (
	"archive/tar"
	"bufio"
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
)

// tarHeaders is the most that the headers of one entry may take. archive/tar takes 1 MiB for each, of which any number may follow each
// other, and makes 40 MB of it in memory; those of real packages have some hundred bytes.
const tarHeaders = 64 << 10

// untar reads a tar that comes out of a decoder, to its very end.
func (x *extraction) untar(unpacked io.Reader) error {
	peeked := bufio.NewReaderSize(unpacked, chunk)
	// A mistake that is easily made. What cannot be peeked at will not be read below, either.
	head, _ := peeked.Peek(8)
	if format, _ := sniff(head); format != "" {
		return refuse(CheckFormat, "it is a compressed %s, not a compressed tar: put the program into a tar, or offer it as it is", format)
	}
	stream := x.meter(peeked)
	stream.ration(0)
	archive := tar.NewReader(stream)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return x.endTar(stream)
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) { // which GODEBUG can ask for; names are looked at in any case
			return err //nolint:wrapcheck // explain finds the words
		}
		stream.ration(header.Size)
		program, err := x.contents.add(tarEntry(header))
		if err == nil && program {
			err = x.take(archive)
		}
		if err != nil {
			return err
		}
	}
}

// endTar: archive/tar takes the end of the data for the end of the archive, and leaves unread what follows it.
func (x *extraction) endTar(stream *meter) error {
	if stream.over {
		return refuse(CheckTruncated, "its tar has no end: fetch or pack it again")
	}
	stream.left = math.MaxInt64 // the limit on everything is enough
	for {
		n, err := stream.Read(x.buf)
		if len(bytes.Trim(x.buf[:n], "\x00")) > 0 { // tar(1) fills its last record up with zeros
			return refuse(CheckTrailing, "there is something after the end of the tar in it")
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func tarEntry(header *tar.Header) entry {
	e := entry{name: header.Name, kind: tarKind(header.Typeflag), mode: uint32(header.Mode & 0o7777)}
	for key := range header.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") { // a regular file by its type, whose size is but a claim
			e.kind = "sparse file"
		}
	}
	return e
}

// tarKind knows the types of ustar and of GNU tar.
func tarKind(flag byte) kind {
	switch flag {
	case tar.TypeReg:
		return file
	case tar.TypeDir:
		return directory
	case tar.TypeLink:
		return "hard link"
	case tar.TypeSymlink:
		return "symbolic link"
	case tar.TypeChar, tar.TypeBlock:
		return "device"
	case tar.TypeFifo:
		return "fifo"
	case tar.TypeGNUSparse:
		return "sparse file"
	case tar.TypeXGlobalHeader:
		return "global header"
	default:
		return kind("thing of unknown type " + quote(string(rune(flag))))
	}
}
