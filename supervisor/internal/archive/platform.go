package archive

import (
	"debug/elf"
	"debug/macho"
	"encoding/binary"
	"fmt"
)

// programHead is as much of a program as says what it runs on.
const programHead = 32

// platform is what a program says that it runs on, in the words of Go where Go has one.
type platform struct{ os, arch string }

// fits looks at the first bytes of a program.
func (p Program) fits(head []byte) error {
	is, err := platformOf(head)
	switch {
	case err != nil:
		return refuse(CheckPlatform, "%s is no program for %s/%s: %s", quote(p.Name), p.OS, p.Arch, err)
	case is.os != p.OS:
		return refuse(CheckPlatform, "%s is a program for %s/%s, this host is %s/%s", quote(p.Name), is.os, is.arch, p.OS, p.Arch)
	case is.arch != p.Arch:
		return refuse(CheckPlatform, "%s is for %s, this host is %s", quote(p.Name), is.arch, p.Arch)
	}
	return nil
}

func platformOf(head []byte) (platform, error) {
	switch {
	case len(head) < programHead:
		return platform{}, fmt.Errorf("it has %d bytes", len(head))
	case string(head[:4]) == elf.ELFMAG:
		return elfPlatform(head)
	case binary.LittleEndian.Uint32(head) == macho.Magic64:
		return machoPlatform(head)
	default:
		return platform{}, fmt.Errorf("it begins with % x", head[:8])
	}
}

// elfPlatform obeys elf(5).
func elfPlatform(head []byte) (platform, error) {
	var order binary.ByteOrder = binary.LittleEndian
	if elf.Data(head[elf.EI_DATA]) == elf.ELFDATA2MSB {
		order = binary.BigEndian
	}
	// A program that is loaded wherever there is room calls itself a shared object.
	if kind := elf.Type(order.Uint16(head[16:])); kind != elf.ET_EXEC && kind != elf.ET_DYN {
		return platform{}, fmt.Errorf("it is an ELF file of another type, %d", kind)
	}
	return platform{elfOS(elf.OSABI(head[elf.EI_OSABI])), elfArch(head, order)}, nil
}

// elfOS: Linux uses ELFOSABI_NONE, or its own number when it needs an extension of GNU.
func elfOS(abi elf.OSABI) string {
	switch abi { //nolint:exhaustive // those that Go makes programs for
	case elf.ELFOSABI_NONE, elf.ELFOSABI_LINUX:
		return "linux"
	case elf.ELFOSABI_FREEBSD:
		return "freebsd"
	case elf.ELFOSABI_NETBSD:
		return "netbsd"
	case elf.ELFOSABI_OPENBSD:
		return "openbsd"
	case elf.ELFOSABI_SOLARIS:
		return "solaris"
	default:
		return fmt.Sprintf("operating system %d", abi)
	}
}

// elfArch needs the class and the byte order, too: x32 and little endian PowerPC share their machine with others.
func elfArch(head []byte, order binary.ByteOrder) string {
	type key struct {
		machine elf.Machine
		class   elf.Class
		data    elf.Data
	}
	is := key{elf.Machine(order.Uint16(head[18:])), elf.Class(head[elf.EI_CLASS]), elf.Data(head[elf.EI_DATA])}
	known := map[key]string{
		{elf.EM_386, elf.ELFCLASS32, elf.ELFDATA2LSB}:       "386",
		{elf.EM_X86_64, elf.ELFCLASS64, elf.ELFDATA2LSB}:    "amd64",
		{elf.EM_ARM, elf.ELFCLASS32, elf.ELFDATA2LSB}:       "arm",
		{elf.EM_AARCH64, elf.ELFCLASS64, elf.ELFDATA2LSB}:   "arm64",
		{elf.EM_LOONGARCH, elf.ELFCLASS64, elf.ELFDATA2LSB}: "loong64",
		{elf.EM_PPC64, elf.ELFCLASS64, elf.ELFDATA2MSB}:     "ppc64",
		{elf.EM_PPC64, elf.ELFCLASS64, elf.ELFDATA2LSB}:     "ppc64le",
		{elf.EM_RISCV, elf.ELFCLASS64, elf.ELFDATA2LSB}:     "riscv64",
		{elf.EM_S390, elf.ELFCLASS64, elf.ELFDATA2MSB}:      "s390x",
	}
	if name, ok := known[is]; ok {
		return name
	}
	return fmt.Sprintf("machine %d (class %d, byte order %d)", is.machine, is.class, is.data)
}

// machoPlatform: the header has the machine at 4 and the type of file at 12. iOS, say, is not told apart; it is nothing that a host of ours runs.
func machoPlatform(head []byte) (platform, error) {
	if kind := macho.Type(binary.LittleEndian.Uint32(head[12:])); kind != macho.TypeExec {
		return platform{}, fmt.Errorf("it is a Mach-O file of another type, %d", kind)
	}
	switch cpu := macho.Cpu(binary.LittleEndian.Uint32(head[4:])); cpu { //nolint:exhaustive // those of 64 bits
	case macho.CpuAmd64:
		return platform{"darwin", "amd64"}, nil
	case macho.CpuArm64:
		return platform{"darwin", "arm64"}, nil
	default:
		return platform{"darwin", fmt.Sprintf("machine %d", cpu)}, nil
	}
}
