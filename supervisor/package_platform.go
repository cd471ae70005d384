package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"debug/elf"
	"debug/macho"
	"io"
	"os"
	"path/filepath"
)

// platform is what a program is built for, as Go names it.
type platform struct{ os, arch string }

// platformOf looks for a program in a file: itself, or the first one in a .tar.gz or .zip.
// It is a courtesy to who signs, so whatever is unclear is simply not known.
func platformOf(path string) (platform, bool) {
	f, err := os.Open(path)
	if err != nil {
		return platform{}, false
	}
	defer func() { _ = f.Close() }()
	start := make([]byte, headerSize)
	n, _ := io.ReadFull(f, start)
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return platform{}, false
	}
	switch start = start[:n]; {
	case bytes.HasPrefix(start, []byte{0x1f, 0x8b}):
		return inTarGz(f)
	case bytes.HasPrefix(start, []byte("PK\x03\x04")):
		return inZip(path)
	}
	return builtFor(start)
}

// headerSize is enough of a program to tell what it is for.
const headerSize = 4096

// maxLooked bounds how much of an archive is unpacked in search of a program.
const maxLooked = 1 << 30

func inTarGz(r io.Reader) (platform, bool) {
	unzipped, err := gzip.NewReader(r)
	if err != nil {
		return platform{}, false
	}
	files := tar.NewReader(io.LimitReader(unzipped, maxLooked))
	for {
		if _, err := files.Next(); err != nil {
			return platform{}, false
		}
		if p, found := builtFor(head(files)); found {
			return p, true
		}
	}
}

func inZip(path string) (platform, bool) {
	files, err := zip.OpenReader(filepath.Clean(path))
	if err != nil {
		return platform{}, false
	}
	defer func() { _ = files.Close() }()
	for _, f := range files.File {
		r, err := f.Open()
		if err != nil {
			continue
		}
		p, found := builtFor(head(r))
		_ = r.Close()
		if found {
			return p, true
		}
	}
	return platform{}, false
}

func head(r io.Reader) []byte {
	start := make([]byte, headerSize)
	n, _ := io.ReadFull(r, start)
	return start[:n]
}

// builtFor reads the header of an ELF or Mach-O file. The rest of it is not there, so the
// readers of debug/elf and debug/macho, which want it, are of no use.
func builtFor(start []byte) (platform, bool) {
	if len(start) < 20 {
		return platform{}, false
	}
	if bytes.HasPrefix(start, []byte(elf.ELFMAG)) && start[elf.EI_DATA] == byte(elf.ELFDATA2LSB) {
		arch := map[elf.Machine]string{elf.EM_X86_64: "amd64", elf.EM_AARCH64: "arm64", elf.EM_386: "386", elf.EM_ARM: "arm", elf.EM_RISCV: "riscv64", elf.EM_PPC64: "ppc64le"}
		name := arch[elf.Machine(uint16(start[18])|uint16(start[19])<<8)]
		return platform{"linux", name}, name != ""
	}
	if bytes.HasPrefix(start, []byte{0xcf, 0xfa, 0xed, 0xfe}) {
		arch := map[macho.Cpu]string{macho.CpuAmd64: "amd64", macho.CpuArm64: "arm64"}
		name := arch[macho.Cpu(uint32(start[4])|uint32(start[5])<<8|uint32(start[6])<<16|uint32(start[7])<<24)]
		return platform{"darwin", name}, name != ""
	}
	return platform{}, false
}
