package archive

import (
	"archive/tar"
	"bytes"
	"fmt"
	"strings"
)

func tarVectors() []vector {
	return []vector{
		{"traversal.tar.gz", CheckName, tarGz(tarFile{name: "../otelcol", body: amd64()})},
		{"traversal-within.tar.gz", CheckName, tarGz(otelcol(), tarFile{name: "a/../../b"})},
		{"absolute.tar.gz", CheckName, tarGz(tarFile{name: "/usr/bin/otelcol", body: amd64()})},
		{"backslash.tar.gz", CheckName, tarGz(otelcol(), tarFile{name: `..\evil`})},
		{"control.tar.gz", CheckName, tarGz(otelcol(), tarFile{name: "\x1b[2Jevil"})},
		{"direction.tar.gz", CheckName, tarGz(otelcol(), tarFile{name: "\u202efdp.exe"})},
		{"latin1.tar.gz", CheckName, blocks(tarBlock("caf\xe9", tar.TypeReg))},
		{"nameless.tar.gz", CheckName, blocks(tarBlock("", tar.TypeReg))},
		{"slash.tar.gz", CheckName, blocks(tarBlock("file/", tar.TypeReg))},
		{"long-name.tar.gz", CheckName, tarGz(otelcol(), tarFile{name: strings.Repeat("n", 256)})},
		{"symlink.tar.gz", CheckType, tarGz(tarFile{name: programName, flag: tar.TypeSymlink, link: "/bin/sh"})},
		{"hardlink.tar.gz", CheckType, tarGz(otelcol(), tarFile{name: "again", flag: tar.TypeLink, link: programName})},
		{"device.tar.gz", CheckType, tarGz(otelcol(), tarFile{name: "sda", flag: tar.TypeBlock})},
		{"console.tar.gz", CheckType, tarGz(otelcol(), tarFile{name: "console", flag: tar.TypeChar})},
		{"fifo.tar.gz", CheckType, tarGz(otelcol(), tarFile{name: "pipe", flag: tar.TypeFifo})},
		{"global.tar.gz", CheckType, blocks(tarBlock("pax_global_header", tar.TypeXGlobalHeader))},
		{"sparse.tar.gz", CheckType, blocks(sparseBlock())},
		{"sparse-pax.tar.gz", CheckType, sparsePAX},
		{"unknown-type.tar.gz", CheckType, blocks(tarBlock("volume", 'V'))},
		{"large-headers.tar.gz", CheckMethod, tarGz(otelcol(), tarFile{name: "x", pax: map[string]string{"comment": strings.Repeat("x", 70<<10)}})},
		{"setuid.tar.gz", CheckMode, tarGz(tarFile{name: programName, body: amd64(), mode: 0o4755})},
		{"setgid.tar.gz", CheckMode, tarGz(otelcol(), tarFile{name: "d/", flag: tar.TypeDir, mode: 0o2755})},
		{"duplicate.tar.gz", CheckDuplicate, tarGz(otelcol(), otelcol())},
		{"duplicate-path.tar.gz", CheckDuplicate, tarGz(otelcol(), tarFile{name: "./otelcol", body: amd64()})},
		{"duplicate-case.tar.gz", CheckDuplicate, tarGz(otelcol(), tarFile{name: "OtelCol", body: amd64()})},
		{"duplicate-directory.tar.gz", CheckDuplicate, tarGz(otelcol(), tarFile{name: "otelcol/", flag: tar.TypeDir})},
		{"two-programs.tar.gz", CheckAmbiguous, tarGz(otelcol(), tarFile{name: "bin/otelcol", body: amd64()})},
		{"no-program.tar.gz", CheckMissing, tarGz(licence(), tarFile{name: "otelcol-contrib", body: amd64()})},
		{"nothing.tar.gz", CheckMissing, tarGz()},
		{"only-a-directory.tar.gz", CheckMissing, tarGz(tarFile{name: "otelcol/", flag: tar.TypeDir})},
		{"no-end.tar.gz", CheckTruncated, func() []byte { b := tarOf(otelcol()); return stored(b[:len(b)-1024]) }},
		{"half-an-end.tar.gz", CheckTruncated, func() []byte { b := tarOf(otelcol()); return stored(b[:len(b)-512]) }},
		{"truncated-within.tar.gz", CheckTruncated, func() []byte { return stored(tarOf(otelcol())[:700]) }},
		{"appended-within.tar.gz", CheckTrailing, func() []byte { return stored(append(tarOf(otelcol()), "appended"...)) }},
		{"header.tar.gz", CheckDamaged, func() []byte { return stored(patch(tarOf(otelcol()), 100, "7777777")) }},
	}
}

// sparseBlock is a file of 8 EiB in the old format of GNU tar, all of it a hole.
func sparseBlock() []byte {
	b := patch(tarBlock("hole", tar.TypeGNUSparse), 257, "ustar  \x00")
	return checksummed(patch(b, 483, "777777777777"))
}

// sparsePAX is the same in the newer format, 1.0, which shows in the extended header only.
func sparsePAX() []byte {
	var pax strings.Builder
	for _, record := range []string{"GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.name=otelcol", "GNU.sparse.realsize=9000000000"} {
		length := len(record) + 2 + 2 // itself, the space, the line feed
		fmt.Fprintf(&pax, "%d %s\n", length, record)
	}
	header := sized("PaxHeaders/x", tar.TypeXHeader, pax.Len())
	padded := append([]byte(pax.String()), make([]byte, 512-pax.Len())...)
	sparse := sized("GNUSparseFile.0/otelcol", tar.TypeReg, 512)
	holes := append([]byte("0\n"), make([]byte, 510)...)
	return stored(bytes.Join([][]byte{header, padded, sparse, holes, make([]byte, 1024)}, nil))
}

func sized(name string, flag byte, size int) []byte {
	return checksummed(patch(tarBlock(name, flag), 124, fmt.Sprintf("%011o\x00", size)))
}
