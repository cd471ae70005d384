package process

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"syscall"
)

// Explain puts into words, for the operator, why the Collector at path could not be started: err is from Start or
// Run. It looks at the file, because the kernel says "exec format error" for a wrong machine and "no such file"
// for a missing C library. What it does not know it returns as it is; it returns "" for no error.
func Explain(err error, path string) string {
	if err == nil {
		return ""
	}
	info, statErr := os.Stat(path) //nolint:gosec // the executable that the operator named
	switch {
	case statErr == nil && info.IsDir():
		return fmt.Sprintf("the Collector at %s is a directory: give the path of the executable in it", path)
	case errors.Is(err, syscall.ENOEXEC):
		return explainFormat(path)
	case errors.Is(err, fs.ErrNotExist) && statErr == nil:
		return explainMissing(path)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Sprintf("there is no Collector at %s", path)
	case errors.Is(err, fs.ErrPermission):
		return explainPermission(path, info)
	case errors.Is(err, syscall.ETXTBSY):
		return fmt.Sprintf("the Collector at %s is being written by another program: try again when that is done", path)
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.ENOMEM):
		return fmt.Sprintf("the machine has no room for another process (%v): raise TasksMax, pids.max or the memory limit", err)
	}
	return err.Error()
}

func explainPermission(path string, info fs.FileInfo) string {
	switch {
	case info == nil:
		return fmt.Sprintf("the Collector at %s cannot be reached: a directory above it is closed to this user", path)
	case info.Mode().Perm()&0o111 == 0:
		return fmt.Sprintf("the Collector at %s is not executable: chmod +x %s", path, path)
	}
	return fmt.Sprintf("the Collector at %s may not be executed by this user: look at its owner and mode (%s), "+
		"at a noexec mount, and at SELinux or AppArmor", path, info.Mode().Perm())
}

// explainFormat tells a program of another machine from what is no program.
func explainFormat(path string) string {
	machine, ok := machineOf(path)
	switch {
	case !ok:
		return fmt.Sprintf("the Collector at %s is not a program for this system: it may be damaged, or an archive", path)
	case machine == ourMachine():
		return fmt.Sprintf("the Collector at %s is damaged: it is for this machine, yet the kernel does not take it", path)
	}
	return fmt.Sprintf("the Collector at %s is built for another architecture (%s; this machine is %s)",
		path, machine, ourMachine())
}

// explainMissing is for a file that is there: then it is its interpreter that is not.
func explainMissing(path string) string {
	if name := interpreterOf(path); name != "" {
		return fmt.Sprintf("the Collector at %s needs %s, which this system does not have: "+
			"take a static build, or one for this C library", path, name)
	}
	return fmt.Sprintf("the Collector at %s is a script or a program whose interpreter is missing", path)
}

// machineOf reads the two fields of the ELF header that matter; the rest of the file may be cut off.
func machineOf(path string) (string, bool) {
	file, err := os.Open(path) //nolint:gosec // the executable that was to be started
	if err != nil {
		return "", false
	}
	defer file.Close() //nolint:errcheck // only read
	var header [20]byte
	if _, err := io.ReadFull(file, header[:]); err != nil || string(header[:4]) != elf.ELFMAG {
		return "", false
	}
	var order binary.ByteOrder = binary.LittleEndian
	if elf.Data(header[elf.EI_DATA]) == elf.ELFDATA2MSB {
		order = binary.BigEndian
	}
	return machineName(elf.Machine(order.Uint16(header[18:]))), true
}

// machineName uses the words of uname -m.
func machineName(machine elf.Machine) string {
	if machine == elf.EM_386 {
		return "i686"
	}
	return strings.ToLower(strings.TrimPrefix(machine.String(), "EM_"))
}

func ourMachine() string {
	switch runtime.GOARCH {
	case "amd64":
		return "x86_64"
	case "arm64":
		return "aarch64"
	case "386":
		return "i686"
	}
	return runtime.GOARCH
}

func interpreterOf(path string) string {
	file, err := elf.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close() //nolint:errcheck // only read
	for _, part := range file.Progs {
		if part.Type == elf.PT_INTERP && part.Filesz < 4096 {
			name, _ := io.ReadAll(part.Open())
			return printable(strings.TrimRight(string(name), "\x00"))
		}
	}
	return ""
}
