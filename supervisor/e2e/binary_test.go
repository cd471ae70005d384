//go:build linux

package e2e

import (
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/testkit"
)

// soon tries a repaired Collector sooner than people would want it.
const soon = "restart: {initial_delay: 100ms, max_delay: 200ms}"

func TestACollectorThatCannotBeUsedIsExplainedAndUsedWhenItIsRepaired(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(tb testing.TB, path string)
		words string
	}{
		"missing":        {func(testing.TB, string) {}, "there is no Collector at"},
		"not executable": {writes("#!/bin/sh\n", 0o600), "chmod +x"},
		"a directory":    {func(tb testing.TB, path string) { tb.Helper(); require.NoError(tb, os.Mkdir(path, 0o700)) }, "is a directory"},
		"for another architecture": {
			writes(string(elfOf(elf.EM_S390)), 0o700),
			"built for another architecture (s390",
		},
		"no program":         {writes("PK\x03\x04", 0o700), "not a program for this system"},
		"no Collector":       {func(tb testing.TB, path string) { tb.Helper(); require.NoError(tb, os.Symlink("/bin/true", path)) }, "does not look like an OpenTelemetry Collector"},
		"fails":              {writes("#!/bin/sh\necho libfoo is missing >&2\nexit 127\n", 0o700), "libfoo is missing"},
		"without extension":  {writes("#!/bin/sh\nprintf 'buildinfo:\\n  command: otelcol\\n  version: 0.1.0\\nextensions:\\n  - name: health_check\\n'\n", 0o700), "no opamp extension"},
		"without its linker": {withoutLinker, "interpreter is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, collector := programs(t)
			path := filepath.Join(t.TempDir(), "otelcol")
			c.spoil(t, path)
			h, _ := installed(t, settings{executable: path, agent: soon}, testkit.Except(testkit.ApplyingFirst))
			sweeping(h.daemon)
			h.start()
			h.unwell(c.words)
			require.NoError(t, os.RemoveAll(path))
			require.NoError(t, os.Symlink(collector, path))
			h.server.WaitHealthy(t, true)
			assert.Equal(t, 0, h.stop())
		})
	}
}

func writes(text string, mode os.FileMode) func(testing.TB, string) {
	return func(tb testing.TB, path string) {
		tb.Helper()
		require.NoError(tb, os.WriteFile(path, []byte(text), mode))
	}
}

func withoutLinker(tb testing.TB, path string) {
	tb.Helper()
	writes("#!/nowhere/sh\n", 0o700)(tb, path)
}

// elfOf is the beginning of a program for a machine.
func elfOf(machine elf.Machine) []byte {
	header := make([]byte, 64)
	copy(header, elf.ELFMAG)
	header[elf.EI_CLASS], header[elf.EI_DATA], header[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)
	binary.LittleEndian.PutUint16(header[16:], uint16(elf.ET_EXEC))
	binary.LittleEndian.PutUint16(header[18:], uint16(machine))
	return header
}

// What was offered while there was no Collector is not forgotten: the server, which
// sees its hash answered, does not offer it again.
func TestAnOfferThatMetNoCollectorIsAppliedWhenThereIsOne(t *testing.T) {
	t.Parallel()
	_, collector := programs(t)
	path := filepath.Join(t.TempDir(), "otelcol")
	h, hash := installed(t, settings{executable: path, agent: soon}, testkit.Except(testkit.ApplyingFirst))
	sweeping(h.daemon)
	h.start()
	status := h.server.WaitStatus(t, hash, failed)
	assert.Contains(t, status.GetErrorMessage(), "there is no Collector at")
	require.NoError(t, os.Symlink(collector, path))
	h.server.WaitStatus(t, hash, applied)
	h.serving()
}

func TestACollectorThatVanishesRunsOnAndIsMissedAtItsNextStart(t *testing.T) {
	t.Parallel()
	_, collector := programs(t)
	path := filepath.Join(t.TempDir(), "otelcol")
	require.NoError(t, os.Symlink(collector, path))
	h, hash := working(t, testkit.WebSocket, settings{executable: path, agent: soon + "\nprobation: 0s"})
	sweeping(h.daemon)
	h.proven(hash)
	require.NoError(t, os.Remove(path))
	h.serving()
	h.server.Mark()
	h.server.Restart()
	h.unwell("there is no Collector at")
	require.NoError(t, os.Symlink(collector, path))
	h.server.WaitHealthy(t, true)
	h.serving()
	h.alone()
}
