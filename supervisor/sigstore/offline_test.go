package main

import (
	"debug/elf"
	"debug/gosym"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const asChild = "OPAMPD_SIGSTORE_TEST_CHILD"

// TestMain lets the test program play a process that has isolated itself, which it cannot undo.
func TestMain(m *testing.M) {
	if os.Getenv(asChild) == "" {
		os.Exit(m.Run())
	}
	isolate()
	_, err := net.Dial("udp", "127.0.0.1:9")
	fmt.Println("dial:", err)
	fmt.Println("start:", exec.Command("/bin/true").Run())
}

func TestTheProgramCanNeitherDialNorStartAnything(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("there is no such filter here")
	}
	self, err := os.Executable()
	require.NoError(t, err)
	child := exec.CommandContext(t.Context(), self)
	child.Env = append(os.Environ(), asChild+"=1")
	out, err := child.CombinedOutput()
	require.NoError(t, err, string(out))
	if strings.Contains(string(out), "dial: <nil>") && strings.Contains(string(out), "start: <nil>") {
		t.Skip("this kernel or container does not allow the filter")
	}
	assert.Equal(t, 2, strings.Count(string(out), "operation not permitted"), string(out))
}

// The package of sigstore-go that reads a trusted root can also fetch one by TUF, so the client cannot be kept out of
// the dependencies. None of it is linked: nothing that the program calls leads there. The test program contains all of
// the program.
func TestNoTUFClientIsLinked(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("reads an ELF file")
	}
	var clients []string
	functions := linked(t)
	require.Contains(t, functions, "github.com/sigstore/sigstore-go/pkg/root.NewTrustedRootFromJSON")
	for _, name := range functions {
		for _, client := range []string{"sigstore-go/pkg/tuf.", "go-tuf/client.", "go-tuf/v2/metadata/updater.", "go-tuf/v2/metadata/fetcher."} {
			if strings.Contains(name, client) {
				clients = append(clients, name)
			}
		}
	}
	assert.Empty(t, clients)
}

// linked returns the names of all functions in this program.
func linked(t *testing.T) []string {
	t.Helper()
	self, err := elf.Open("/proc/self/exe")
	require.NoError(t, err)
	defer self.Close() //nolint:errcheck // was only read
	section := self.Section(".gopclntab")
	if section == nil {
		section = self.Section(".data.rel.ro.gopclntab") // of a position independent one
	}
	require.NotNil(t, section)
	lines, err := section.Data()
	require.NoError(t, err)
	table, err := gosym.NewTable(nil, gosym.NewLineTable(lines, self.Section(".text").Addr))
	require.NoError(t, err)
	names := make([]string, 0, len(table.Funcs))
	for _, f := range table.Funcs {
		names = append(names, f.Name)
	}
	return names
}
