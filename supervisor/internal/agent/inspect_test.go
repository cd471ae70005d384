//go:build linux

package agent

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/core"
)

func TestBinaryIsAskedOncePerHash(t *testing.T) {
	t.Parallel()
	b := newBench(t, "good")
	lane := NewConfig(b.Settings)
	b.prepared(t, lane, local())
	b.prepared(t, lane, local())
	b.prepared(t, NewConfig(b.Settings), local()) // another life knows it from the disk
	assert.Equal(t, 1, b.count(t, "components"))
	assert.Equal(t, 1, b.count(t, "featuregate"))
}

func TestReplacedBinaryIsAskedAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t, "good")
	script := filepath.Join(b.dir, "collector")
	b.Agent.Executable = script
	lane := NewConfig(b.Settings)
	for _, version := range []string{"0.1.0", "0.2.0"} {
		replacement := script + "." + version
		text := "#!/bin/sh\nprintf 'buildinfo: {command: c, version: " + version + "}\\nextensions: [{name: opamp}]\\n'\n"
		require.NoError(t, os.WriteFile(replacement, []byte(text), 0o700))
		require.NoError(t, os.Rename(replacement, script))
		ev, ok := b.prepare(t, lane, local()).(core.Prepared)
		require.True(t, ok)
		assert.Equal(t, version, ev.Version)
	}
}

func TestCollectorWithoutTheExtensionIsToldSo(t *testing.T) {
	t.Parallel()
	b := newBench(t, "plain")
	for range 2 { // the second time from what was kept
		ev := b.refused(t, NewConfig(b.Settings), local())
		assert.Equal(t, core.KindBinary, ev.Kind)
		assert.Contains(t, ev.Reason, "has no opamp extension")
		assert.Contains(t, ev.Reason, "agent.executable")
	}
	assert.Equal(t, 1, b.count(t, "components"))
}

func TestStrangeProgramIsNotTakenForACollector(t *testing.T) {
	t.Parallel()
	for kind, words := range map[string]string{
		"stranger": "something else than its components",
		"broken":   `"components" exited with code 3: cannot initialise the random generator`,
		"shot":     `"featuregate" was killed by signal 9`,
	} {
		b := newBench(t, kind)
		ev := b.refused(t, NewConfig(b.Settings), local())
		assert.Equal(t, core.KindBinary, ev.Kind, kind)
		assert.Contains(t, ev.Reason, words)
		assert.Contains(t, ev.Reason, b.Agent.Executable)
	}
}

func TestOldCollectorWithoutFeatureGatesIsGood(t *testing.T) {
	t.Parallel()
	b := newBench(t, "old")
	binary, err := NewConfig(b.Settings).look(t.Context(), "")
	require.NoError(t, err)
	assert.False(t, binary.NoPipelines)
	assert.Equal(t, []string{"--config", "x"}, b.Agent.args("x", binary))
}

func TestUnusableExecutableIsExplained(t *testing.T) {
	t.Parallel()
	b := newBench(t, "good")
	path := func(name string) string { return filepath.Join(b.dir, name) }
	require.NoError(t, os.WriteFile(path("plain"), []byte("#!/bin/sh\n"), 0o600))
	require.NoError(t, os.WriteFile(path("archive"), []byte("PK\x03\x04 no program"), 0o700))
	// ELF, 64 bit, little endian, executable, EM_AARCH64.
	require.NoError(t, os.WriteFile(path("arm"), append([]byte("\x7fELF\x02\x01\x01"), "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"...), 0o700))
	require.NoError(t, syscall.Mkfifo(path("fifo"), 0o700))
	for name, words := range map[string]string{
		"missing": "there is no Collector at " + path("missing"),
		".":       "is a directory",
		"plain":   "chmod +x",
		"archive": "not a program for this system",
		"arm":     "built for another architecture (aarch64",
		"fifo":    "is not a file",
	} {
		b.Agent.Executable = path(name)
		ev := b.refused(t, NewConfig(b.Settings), local())
		assert.Equal(t, core.KindBinary, ev.Kind, name)
		assert.Contains(t, ev.Reason, words)
		assert.Contains(t, ev.Reason, "check agent.executable")
		_, err := b.Agent.Inspect(t.Context())
		assert.ErrorContains(t, err, words)
	}
}

func TestInspectLooksWithoutKeeping(t *testing.T) {
	t.Parallel()
	b := newBench(t, "good")
	binary, err := b.Agent.Inspect(t.Context())
	require.NoError(t, err)
	assert.Equal(t, Binary{Name: "otelcol-fake", Version: "1.2.3", NoPipelines: true, Extension: true}, binary)
	b.Agent.Env[0] = fakeEnv + "=plain"
	_, err = b.Agent.Inspect(t.Context())
	assert.ErrorContains(t, err, "no opamp extension")
}

func TestAnswerThatCannotBeKeptIsAProblem(t *testing.T) {
	t.Parallel()
	b := newBench(t, "good")
	require.NoError(t, b.Store.Close()) // from here on nothing can be written
	ev := b.refused(t, NewConfig(b.Settings), local())
	assert.Equal(t, core.KindBinary, ev.Kind, "the process lane would not know how to start it")
	assert.Contains(t, ev.Reason, "cannot be kept")
}
