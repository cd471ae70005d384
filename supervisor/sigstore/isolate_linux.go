package main

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// isolate forbids this process for good to open a socket and to start a program (man 2 seccomp).
//
// Nothing here does either. But the libraries bring clients for HTTP, gRPC and TUF, and what is parsed comes from a
// stranger: no address in a bundle or trusted root shall ever be called. Where the kernel or a container does not allow
// the filter, the check is the same without it, and so its failure is no reason to refuse an upgrade.
func isolate() {
	const (
		load   = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equals = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		answer = unix.BPF_RET | unix.BPF_K
	)
	program := [...]unix.SockFilter{
		{Code: load}, // the number of the call
		{Code: equals, K: unix.SYS_SOCKET, Jt: 4},
		{Code: equals, K: unix.SYS_IO_URING_SETUP, Jt: 3},
		{Code: equals, K: unix.SYS_EXECVE, Jt: 2},
		{Code: equals, K: unix.SYS_EXECVEAT, Jt: 1},
		{Code: answer, K: unix.SECCOMP_RET_ALLOW},
		{Code: answer, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
	}
	filter := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}

	runtime.LockOSThread() // both calls are about one thread; TSYNC then takes the others along
	defer runtime.UnlockOSThread()
	if unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != nil {
		return
	}
	_, _, _ = unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC,
		uintptr(unsafe.Pointer(&filter))) //nolint:gosec // the kernel reads it; x/sys has no wrapper
}
