package archive

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io/fs"
	"time"

	"github.com/klauspost/compress/zstd"
)

// programName is what every vector calls its program.
const programName = "otelcol"

// elf64 is as much of a program as anybody looks at, and some bytes that a decoder can do something with.
func elf64(machine uint16) []byte {
	b := make([]byte, 1000)
	copy(b, "\x7fELF\x02\x01\x01")           // 64 bits, little endian, version 1, no ABI
	binary.LittleEndian.PutUint16(b[16:], 2) // ET_EXEC
	binary.LittleEndian.PutUint16(b[18:], machine)
	for i := range b[64:] {
		b[64+i] = byte(i * i >> 4)
	}
	return b
}

func amd64() []byte { return elf64(62) }
func arm64() []byte { return elf64(183) }

// machO is the same for darwin.
func machO(cpu uint32) []byte {
	b := make([]byte, 100)
	for i, word := range []uint32{0xfeedfacf, cpu, 0, 2} { // MH_EXECUTE
		binary.LittleEndian.PutUint32(b[4*i:], word)
	}
	return b
}

// must is for what fails only when a vector is wrongly made.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// tarFile is one entry, a regular file unless it says otherwise.
type tarFile struct {
	name string
	body []byte
	flag byte
	mode int64
	link string
	pax  map[string]string
}

func otelcol() tarFile { return tarFile{name: programName, body: amd64()} }
func licence() tarFile { return tarFile{name: "LICENSE", body: []byte("Apache License\n")} }

func tarOf(files ...tarFile) []byte {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, f := range files {
		h := &tar.Header{
			Name: f.name, Typeflag: f.flag, Size: int64(len(f.body)), Mode: f.mode, Linkname: f.link,
			ModTime: time.Unix(1_700_000_000, 0), PAXRecords: f.pax,
		}
		if f.flag == 0 {
			h.Typeflag = tar.TypeReg
		}
		if f.mode == 0 {
			h.Mode = 0o755
		}
		must(w.WriteHeader(h))
		_, err := w.Write(f.body)
		must(err)
	}
	must(w.Close())
	return out.Bytes()
}

// tarBlock is the header of an empty file, for entries that archive/tar does not write.
func tarBlock(name string, flag byte) []byte {
	b := make([]byte, 512)
	copy(b, name)
	copy(b[100:], "0000755\x000000000\x000000000\x00000000000\x0014524500000\x00")
	b[156] = flag
	copy(b[257:], "ustar\x0000")
	return checksummed(b)
}

// checksummed is the header with the sum of its bytes, its own place taken for spaces.
func checksummed(header []byte) []byte {
	sum := 0
	for _, c := range patch(header, 148, "        ") {
		sum += int(c)
	}
	return patch(header, 148, fmt.Sprintf("%06o\x00 ", sum))
}

// stored is a gzip that is not compressed, so that it is the same whatever version of Go makes it.
func stored(data []byte) []byte {
	return gzipped(data, gzip.NoCompression)
}

func gzipped(data []byte, level int) []byte {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, level)
	must(err)
	_, err = w.Write(data)
	must(err)
	must(w.Close())
	return out.Bytes()
}

func zstded(data []byte, options ...zstd.EOption) []byte {
	var out bytes.Buffer
	w, err := zstd.NewWriter(&out, append(options, zstd.WithEncoderConcurrency(1))...)
	must(err)
	_, err = w.Write(data)
	must(err)
	must(w.Close())
	return out.Bytes()
}

// zstdFrame is a frame without compression and checksum: descriptor is what it says of itself (RFC 8878, 3.1.1.1).
func zstdFrame(descriptor string, data []byte) []byte {
	out := append([]byte("\x28\xb5\x2f\xfd"), descriptor...)
	for {
		n := min(len(data), 100<<10)
		header := uint32(n) << 3
		if n == len(data) {
			header |= 1
		}
		out = append(out, byte(header), byte(header>>8), byte(header>>16))
		out = append(out, data[:n]...)
		if data = data[n:]; len(data) == 0 {
			return out
		}
	}
}

// zipFile is one entry, stored unless it says otherwise.
type zipFile struct {
	name   string
	body   []byte
	mode   fs.FileMode
	method uint16
}

func zipOtelcol() zipFile { return zipFile{name: programName, body: amd64(), mode: 0o755} }
func zipLicence() zipFile {
	return zipFile{name: "LICENSE", body: []byte("Apache License\n"), mode: 0o644}
}

// zipOf makes a zip as archive/zip does, with data descriptors.
func zipOf(files ...zipFile) []byte {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range files {
		h := &zip.FileHeader{Name: f.name, Method: f.method, Modified: time.Unix(1_700_000_000, 0).UTC()}
		h.SetMode(f.mode)
		entry, err := w.CreateHeader(h)
		must(err)
		_, err = entry.Write(f.body)
		must(err)
	}
	must(w.Close())
	return out.Bytes()
}

// plainZip has no data descriptors: sizes stand in front.
func plainZip(files ...zipFile) []byte {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range files {
		h := &zip.FileHeader{
			Name: f.name, Method: f.method, CRC32: crc32.ChecksumIEEE(f.body),
			CompressedSize64: uint64(len(f.body)), UncompressedSize64: uint64(len(f.body)),
		}
		h.SetMode(f.mode)
		entry, err := w.CreateRaw(h)
		must(err)
		_, err = entry.Write(f.body)
		must(err)
	}
	must(w.Close())
	return out.Bytes()
}

// local, central and end are the places where the n-th record of a kind begins.
func local(b []byte, n int) int   { return nth(b, localMagic, n) }
func central(b []byte, n int) int { return nth(b, centralMagic, n) }
func end(b []byte) int            { return bytes.LastIndex(b, []byte(endMagic)) }

func nth(b []byte, magic string, n int) int {
	at := bytes.Index(b, []byte(magic))
	for range n {
		at += 1 + bytes.Index(b[at+1:], []byte(magic))
	}
	return at
}

// patch overwrites bytes of b.
func patch(b []byte, at int, with string) []byte {
	copy(b[at:], with)
	return b
}
