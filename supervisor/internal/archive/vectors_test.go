package archive

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// limits are those that the vectors are made for.
func limits() Limits { return Limits{Entries: 100, Unpacked: 8 << 20, Binary: 1 << 20} }

// vector is a file of testdata/archives: how it is made, and what it is refused for (nothing: it is good).
type vector struct {
	file  string
	check Check
	make  func() []byte
}

// vectors are grouped by what they are packed in.
func vectors() []vector {
	return slices.Concat(goodVectors(), formatVectors(), gzipVectors(), zstdVectors(), tarVectors(), zipVectors(), zipHeaderVectors())
}

func bytesOf(b []byte) func() []byte { return func() []byte { return b } }

// tarGz is a tar that a gzip without compression wraps.
func tarGz(files ...tarFile) func() []byte {
	return func() []byte { return stored(tarOf(files...)) }
}

func zipped(files ...zipFile) func() []byte {
	return func() []byte { return zipOf(files...) }
}

// patched is a zip of two files without data descriptors, changed after the fact.
func patched(change func(b []byte) []byte) func() []byte {
	return func() []byte { return change(plainZip(zipOtelcol(), zipLicence())) }
}

// blocks is a tar of headers that archive/tar does not write, in front of a program.
func blocks(headers ...[]byte) func() []byte {
	return func() []byte {
		return stored(append(bytes.Join(headers, nil), tarOf(otelcol())...))
	}
}

func goodVectors() []vector {
	inDirectory := []tarFile{{name: "./", flag: tar.TypeDir}, {name: "./LICENSE", body: []byte("x")}, {name: "./bin/", flag: tar.TypeDir}, {name: "./bin/otelcol", body: amd64()}}
	return []vector{
		{"good.elf", "", bytesOf(amd64())},
		{"good.tar.gz", "", func() []byte {
			return gzipped(tarOf(licence(), otelcol()), gzip.DefaultCompression)
		}},
		{"good.tar.zst", "", func() []byte {
			return zstded(tarOf(licence(), otelcol()), zstd.WithWindowSize(64<<10))
		}},
		{"good.zip", "", zipped(zipFile{name: "LICENSE", body: []byte("x"), method: zip.Deflate}, zipFile{name: programName, body: amd64(), mode: 0o755, method: zip.Deflate})},
		{"good-directory.tar.gz", "", tarGz(inDirectory...)},
		{"good-directory.tar.zst", "", func() []byte { return zstdFrame("\x00\x30", tarOf(inDirectory...)) }},
		{"good-window.tar.zst", "", func() []byte { return zstdFrame("\x00\x68", tarOf(otelcol())) }}, // 8 MiB
		{"good-directory.zip", "", zipped(zipFile{name: "bin/", mode: fs.ModeDir | 0o755}, zipFile{name: "bin/otelcol", body: amd64(), mode: 0o755})},
		{"good-descriptorless.zip", "", patched(func(b []byte) []byte { return b })},
		{"good-pax.tar.gz", "", tarGz(tarFile{name: strings.Repeat("d/", 110) + programName, body: amd64(), pax: map[string]string{"comment": "long names and more"}})},
	}
}

func formatVectors() []vector {
	return []vector{
		{"empty", CheckFormat, bytesOf(nil)},
		{"error-page.tar.gz", CheckFormat, bytesOf([]byte("<!DOCTYPE html><title>502 Bad Gateway</title>\n"))},
		{"unknown.tar.gz", CheckFormat, bytesOf([]byte("none of the formats\n"))},
		{"uncompressed.tar", CheckFormat, func() []byte { return tarOf(otelcol()) }},
		{"xz.tar.xz", CheckFormat, bytesOf([]byte("\xfd7zXZ\x00\x00\x04"))},
		{"script.sh", CheckFormat, bytesOf([]byte("#!/bin/sh\n"))},
		{"bare.gz", CheckFormat, func() []byte { return stored(amd64()) }},
		{"bare.zst", CheckFormat, func() []byte { return zstdFrame("\x00\x68", amd64()) }},
		{"arm64.elf", CheckPlatform, bytesOf(arm64())},
		{"arm64.tar.gz", CheckPlatform, tarGz(tarFile{name: programName, body: arm64()})},
		{"arm64.zip", CheckPlatform, zipped(zipFile{name: programName, body: arm64()})},
		{"darwin.macho", CheckPlatform, bytesOf(machO(0x0100000c))},
		{"object.elf", CheckPlatform, bytesOf(patch(amd64(), 16, "\x01"))},
		{"short.elf", CheckPlatform, bytesOf(amd64()[:20])},
		{"script.tar.gz", CheckPlatform, tarGz(tarFile{name: programName, body: []byte("#!/bin/sh\nexec otelcol-contrib \"$@\"\n")})},
		{"empty-program.tar.gz", CheckPlatform, tarGz(tarFile{name: programName})},
	}
}

func gzipVectors() []vector {
	changed := func(change func(b []byte) []byte) func() []byte {
		return func() []byte { return change(stored(tarOf(licence(), otelcol()))) }
	}
	return []vector{
		{"truncated.tar.gz", CheckTruncated, changed(func(b []byte) []byte { return b[:len(b)-1500] })},
		{"truncated-trailer.tar.gz", CheckTruncated, changed(func(b []byte) []byte { return b[:len(b)-1] })},
		{"truncated-header.tar.gz", CheckTruncated, changed(func(b []byte) []byte { return b[:5] })},
		{"appended.tar.gz", CheckTrailing, changed(func(b []byte) []byte { return append(b, "appended"...) })},
		{"appended-member.tar.gz", CheckTrailing, changed(func(b []byte) []byte { return append(b, b...) })},
		{"checksum.tar.gz", CheckDamaged, changed(func(b []byte) []byte { return patch(b, len(b)-8, "\x00\x00\x00\x00") })},
		{"bomb.tar.gz", CheckUnpacked, func() []byte { return gzipped(bomb(), gzip.BestCompression) }},
		{"large-program.tar.gz", CheckBinary, func() []byte { return gzipped(largeProgram(), gzip.BestCompression) }},
		{"entries.tar.gz", CheckEntries, func() []byte { return gzipped(manyEntries(), gzip.BestCompression) }},
	}
}

func zstdVectors() []vector {
	changed := func(change func(b []byte) []byte) func() []byte {
		return func() []byte {
			return change(zstdFrame("\x00\x68", tarOf(licence(), otelcol())))
		}
	}
	framed := func(descriptor string) func() []byte {
		return func() []byte { return zstdFrame(descriptor, tarOf(otelcol())) }
	}
	return []vector{
		{"truncated.tar.zst", CheckTruncated, changed(func(b []byte) []byte { return b[:len(b)-1500] })},
		{"appended.tar.zst", CheckTrailing, changed(func(b []byte) []byte { return append(b, "appended"...) })},
		{"appended-frame.tar.zst", CheckTrailing, changed(func(b []byte) []byte { return append(b, b...) })},
		{"checksum.tar.zst", CheckDamaged, func() []byte {
			b := zstded(tarOf(licence(), otelcol()))
			return patch(b, len(b)-4, "\x00\x00\x00\x00")
		}},
		{"long.tar.zst", CheckMethod, framed("\x00\x88")},                                       // a window of 128 MiB: zstd --long
		{"long-enough.tar.zst", CheckMethod, framed("\x00\x69")},                                // of 9 MiB
		{"single-segment.tar.zst", CheckMethod, framed("\xe0\x00\x00\x00\x10\x00\x00\x00\x00")}, // 256 MiB at once
		{"dictionary.tar.zst", CheckMethod, framed("\x01\x68\x07")},                             // number 7
		{"bomb.tar.zst", CheckUnpacked, func() []byte { return zstded(bomb()) }},
		{"large-program.tar.zst", CheckBinary, func() []byte { return zstded(largeProgram()) }},
		{"entries.tar.zst", CheckEntries, func() []byte { return zstded(manyEntries()) }},
	}
}

// bomb is a tar that unpacks to 16 MiB.
func bomb() []byte {
	return tarOf(otelcol(), tarFile{name: "zeros", body: make([]byte, 16<<20)})
}

func largeProgram() []byte {
	return tarOf(tarFile{name: programName, body: append(amd64(), make([]byte, 2<<20)...)})
}

func manyEntries() []byte {
	files := []tarFile{otelcol()}
	for i := range 1000 {
		files = append(files, tarFile{name: fmt.Sprint("f", i)})
	}
	return tarOf(files...)
}
