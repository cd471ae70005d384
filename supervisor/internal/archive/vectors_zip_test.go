package archive

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"fmt"
	"hash/crc32"
	"io/fs"
	"slices"
)

func zipVectors() []vector {
	zeros := zipFile{name: "zeros", body: make([]byte, 16<<20), method: zip.Deflate}
	var many []zipFile
	for i := range 1000 {
		many = append(many, zipFile{name: fmt.Sprint("f", i)})
	}
	return []vector{
		{"traversal.zip", CheckName, zipped(zipFile{name: "../otelcol", body: amd64()})},
		{"absolute.zip", CheckName, zipped(zipFile{name: "/usr/bin/otelcol", body: amd64()})},
		{"backslash.zip", CheckName, zipped(zipOtelcol(), zipFile{name: `..\evil`})},
		{"nul.zip", CheckName, zipped(zipOtelcol(), zipFile{name: "evil\x00.txt"})},
		{"nameless.zip", CheckName, zipped(zipOtelcol(), zipFile{name: ""})},
		{"symlink.zip", CheckType, zipped(zipFile{name: programName, body: []byte("/bin/sh"), mode: fs.ModeSymlink | 0o777})},
		{"device.zip", CheckType, zipped(zipOtelcol(), zipFile{name: "sda", mode: fs.ModeDevice | 0o600})},
		{"fifo.zip", CheckType, zipped(zipOtelcol(), zipFile{name: "pipe", mode: fs.ModeNamedPipe | 0o600})},
		{"socket.zip", CheckType, zipped(zipOtelcol(), zipFile{name: "socket", mode: fs.ModeSocket | 0o600})},
		{"disguised.zip", CheckType, zipped(zipFile{name: programName, mode: fs.ModeDir | 0o755})},
		{"setuid.zip", CheckMode, zipped(zipFile{name: programName, body: amd64(), mode: fs.ModeSetuid | 0o755})},
		{"duplicate.zip", CheckDuplicate, zipped(zipOtelcol(), zipOtelcol())},
		{"duplicate-case.zip", CheckDuplicate, zipped(zipOtelcol(), zipFile{name: "OTELCOL"})},
		{"two-programs.zip", CheckAmbiguous, zipped(zipOtelcol(), zipFile{name: "bin/otelcol"})},
		{"no-program.zip", CheckMissing, zipped(zipLicence())},
		{"nothing.zip", CheckMissing, zipped()},
		{"bomb.zip", CheckUnpacked, zipped(zipOtelcol(), zeros)},
		{"large-program.zip", CheckBinary, zipped(zipFile{name: programName, body: append(amd64(), make([]byte, 2<<20)...), method: zip.Deflate})},
		{"entries.zip", CheckEntries, zipped(many...)},
	}
}

// zipHeaderVectors contradict themselves. Offsets are those of APPNOTE 4.3.7 (local), 4.3.12 (central) and 4.3.16 (end).
func zipHeaderVectors() []vector {
	return []vector{
		{"truncated.zip", CheckTruncated, patched(func(b []byte) []byte { return b[:len(b)-30] })},
		{"appended.zip", CheckTrailing, patched(func(b []byte) []byte { return append(b, "appended"...) })},
		{"comment.zip", CheckTrailing, patched(func(b []byte) []byte { return append(patch(b, end(b)+20, "\x07"), "comment"...) })},
		{"gap.zip", CheckTrailing, patched(func(b []byte) []byte {
			gap := slices.Insert(b, central(b, 0), []byte("between")...)
			return patch(gap, end(gap)+16, string([]byte{byte(central(gap, 0)), byte(central(gap, 0) >> 8)}))
		})},
		{"packed-rest.zip", CheckTrailing, packedRest},
		{"local-name.zip", CheckDamaged, patched(func(b []byte) []byte { return patch(b, local(b, 1)+30, "license") })},
		{"local-size.zip", CheckDamaged, patched(func(b []byte) []byte { return patch(b, local(b, 1)+22, "\x09") })},
		{"descriptor.zip", CheckDamaged, func() []byte {
			b := zipOf(zipOtelcol(), zipLicence())
			return patch(b, bytes.Index(b, []byte(afterMagic))+4, "????")
		}},
		{"overlap.zip", CheckDamaged, patched(func(b []byte) []byte { return patch(b, central(b, 1)+42, "\x00\x00\x00\x00") })},
		{"checksum.zip", CheckDamaged, patched(func(b []byte) []byte { return patch(b, local(b, 0)+30+len(programName)+500, "?") })},
		{"fewer-entries.zip", CheckDamaged, patched(func(b []byte) []byte { return patch(b, end(b)+8, "\x01\x00\x01\x00") })},
		{"more-entries.zip", CheckDamaged, patched(func(b []byte) []byte { return patch(b, end(b)+8, "\x03\x00\x03\x00") })},
		{"directory-offset.zip", CheckDamaged, patched(func(b []byte) []byte { return patch(b, end(b)+16, "\x00\x00\x00\x00") })},
		{"zip64.zip", CheckMethod, patched(func(b []byte) []byte { return patch(b, end(b)+8, "\xff\xff\xff\xff") })},
		{"zip64-entry.zip", CheckMethod, patched(func(b []byte) []byte { return patch(b, central(b, 1)+24, "\xff\xff\xff\xff") })},
		{"zip64-local.zip", CheckMethod, patched(func(b []byte) []byte { return patch(b, local(b, 1)+18, "\xff\xff\xff\xff\xff\xff\xff\xff") })},
		{"zip64-end.zip", CheckMethod, patched(func(b []byte) []byte {
			return slices.Insert(b, end(b), append([]byte(locatorMagic), make([]byte, locatorLength-4)...)...)
		})},
		{"several-disks.zip", CheckMethod, patched(func(b []byte) []byte { return patch(b, end(b)+4, "\x01") })},
		{"encrypted.zip", CheckMethod, patched(func(b []byte) []byte { return patch(patch(b, local(b, 1)+6, "\x01"), central(b, 1)+8, "\x01") })},
		{"bzip2.zip", CheckMethod, patched(func(b []byte) []byte { return patch(patch(b, local(b, 1)+8, "\x0c"), central(b, 1)+10, "\x0c") })},
	}
}

// packedRest hides bytes between the end of a deflate stream and the end of its entry.
func packedRest() []byte {
	var packed, out bytes.Buffer
	deflate, err := flate.NewWriter(&packed, flate.NoCompression)
	must(err)
	_, err = deflate.Write(amd64())
	must(err)
	must(deflate.Close())
	packed.WriteString("hidden")
	w := zip.NewWriter(&out)
	entry, err := w.CreateRaw(&zip.FileHeader{
		Name: programName, Method: zip.Deflate, CRC32: crc32.ChecksumIEEE(amd64()),
		CompressedSize64: uint64(packed.Len()), UncompressedSize64: uint64(len(amd64())),
	})
	must(err)
	_, err = entry.Write(packed.Bytes())
	must(err)
	must(w.Close())
	return out.Bytes()
}
