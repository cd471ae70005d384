package archive

import (
	"archive/tar"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
)

// synthetic is a package that is made when it is read, too large to be kept anywhere: parts of many records of one length.
type synthetic struct {
	parts []part
	size  int64
	read  int64 // bytes that were asked for
}

type part struct {
	n      int
	record func(i int) []byte
	length int
}

func one(b []byte) part { return part{n: 1, record: func(int) []byte { return b }} }

func syntheticOf(parts ...part) *synthetic {
	s := &synthetic{parts: parts}
	for i := range parts {
		parts[i].length = len(parts[i].record(0))
		s.size += int64(parts[i].n * parts[i].length)
	}
	return s
}

func (s *synthetic) section() *io.SectionReader { return io.NewSectionReader(s, 0, s.size) }

func (s *synthetic) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	for n < len(p) && off < s.size {
		copied := s.copy(p[n:], off)
		n, off = n+copied, off+int64(copied)
	}
	s.read += int64(n)
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// copy fills p up to the end of the record at off.
func (s *synthetic) copy(p []byte, off int64) int {
	for _, part := range s.parts {
		if all := int64(part.n * part.length); off >= all {
			off -= all
			continue
		}
		return copy(p, part.record(int(off) / part.length)[int(off)%part.length:])
	}
	return 0
}

// storedBlock is a block of deflate that is not compressed (RFC 1951, 3.2.4).
func storedBlock(final byte, data []byte) []byte {
	b := append([]byte{final, 0, 0, 0, 0}, data...)
	binary.LittleEndian.PutUint16(b[1:], uint16(len(data)))
	binary.LittleEndian.PutUint16(b[3:], ^uint16(len(data)))
	return b
}

const gzipHeader = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"

// rawBlock is the same of zstd (RFC 8878, 3.1.1.2).
func rawBlock(last byte, data []byte) []byte {
	header := uint32(len(data))<<3 | uint32(last)
	return append([]byte{byte(header), byte(header >> 8), byte(header >> 16)}, data...)
}

// zipRecords are what goes before and after the bytes of a stored entry.
func zipRecords(name string, size, crc uint32, offset int) (before, after []byte) {
	before = append(make([]byte, localLength), name...)
	copy(before, localMagic)
	binary.LittleEndian.PutUint32(before[14:], crc)
	binary.LittleEndian.PutUint32(before[18:], size)
	binary.LittleEndian.PutUint32(before[22:], size)
	binary.LittleEndian.PutUint16(before[26:], uint16(len(name)))
	after = append(make([]byte, centralLength), name...)
	copy(after, centralMagic)
	copy(after[16:30], before[14:28])
	binary.LittleEndian.PutUint32(after[42:], uint32(offset))
	return before, after
}

func zipEndRecord(entries, size, offset int) []byte {
	b := make([]byte, endLength)
	copy(b, endMagic)
	binary.LittleEndian.PutUint16(b[8:], uint16(entries)) // modulo 65536, as a zip of more says without zip64
	binary.LittleEndian.PutUint16(b[10:], uint16(entries))
	binary.LittleEndian.PutUint32(b[12:], uint32(size))
	binary.LittleEndian.PutUint32(b[16:], uint32(offset))
	return b
}

// programOf is a program of n blocks of 32 KiB.
func programOf(n int) part {
	first := append(amd64(), make([]byte, 32<<10-len(amd64()))...)
	other := make([]byte, 32<<10)
	for i := range other {
		other[i] = byte(i * i >> 5)
	}
	return part{n: n, record: func(i int) []byte {
		if i == 0 {
			return first
		}
		return other
	}}
}

// wrapped is the part with each record changed.
func (p part) wrapped(with func([]byte) []byte) part {
	first, other := with(p.record(0)), with(p.record(1))
	return part{n: p.n, record: func(i int) []byte {
		if i == 0 {
			return first
		}
		return other
	}}
}

// largePackage has a program of n blocks that takes as much room in the package as it has bytes.
func largePackage(format Format, n int) *synthetic {
	program := programOf(n)
	size := n * 32 << 10
	header, end := sized(programName, tar.TypeReg, size), make([]byte, 1024)
	sum := func(crc uint32) uint32 {
		for i := range n {
			crc = crc32.Update(crc, crc32.IEEETable, program.record(i))
		}
		return crc
	}
	switch format {
	case TarGzip:
		trailer := binary.LittleEndian.AppendUint32(nil, crc32.Update(sum(crc32.ChecksumIEEE(header)), crc32.IEEETable, end))
		trailer = binary.LittleEndian.AppendUint32(trailer, uint32(512+size+1024))
		return syntheticOf(one([]byte(gzipHeader)), one(storedBlock(0, header)),
			program.wrapped(func(b []byte) []byte { return storedBlock(0, b) }), one(storedBlock(1, end)), one(trailer))
	case TarZstd:
		return syntheticOf(one([]byte("\x28\xb5\x2f\xfd\x00\x68")), one(rawBlock(0, header)),
			program.wrapped(func(b []byte) []byte { return rawBlock(0, b) }), one(rawBlock(1, end)))
	case Zip:
		before, after := zipRecords(programName, uint32(size), sum(0), 0)
		return syntheticOf(one(before), program, one(after), one(zipEndRecord(1, len(after), len(before)+size)))
	case Raw:
	}
	return syntheticOf(program)
}

const entriesOfMillion = 1_000_000

// millionPackage has a million empty files.
func millionPackage(format Format) *synthetic {
	name := func(i int) string { return fmt.Sprintf("f%07d", i) }
	if format == TarGzip {
		return syntheticOf(one([]byte(gzipHeader)), part{n: entriesOfMillion, record: func(i int) []byte {
			return storedBlock(0, tarBlock(name(i), tar.TypeReg))
		}})
	}
	before, after := zipRecords(name(0), 0, 0, 0)
	return syntheticOf(
		part{n: entriesOfMillion, record: func(i int) []byte { b, _ := zipRecords(name(i), 0, 0, 0); return b }},
		part{n: entriesOfMillion, record: func(i int) []byte { _, b := zipRecords(name(i), 0, 0, i*len(before)); return b }},
		one(zipEndRecord(entriesOfMillion, entriesOfMillion*len(after), entriesOfMillion*len(before))))
}
