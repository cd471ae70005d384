package release

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/disk"
)

func TestWhatIsExecutedIsWhatWasHashedWhateverBecomesOfItsName(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := openReal(t, dir)
	record := Record{Archive: sha("a"), Program: "true"}
	require.NoError(t, r.Install(record, func(w io.Writer) error { return copyFile(w, "/bin/true") }))
	f, record, err := r.OpenBinary(sha("a"))
	require.NoError(t, err)
	defer func() { _ = f.Close() }()
	require.NoError(t, os.Chmod(filepath.Join(dir, sha("a")), 0o700))
	require.NoError(t, os.Remove(r.Path(record)))
	writeFile(t, r.Path(record), "#!/bin/false\n")
	path := fmt.Sprintf("/proc/self/fd/%d", f.Fd())
	require.NoError(t, exec.CommandContext(t.Context(), path).Run())
	_, _, err = r.OpenBinary(sha("a"))
	assert.True(t, disk.Damaged(err))
}

func TestAProgramThatWasChangedIsNotOpened(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := openReal(t, dir)
	require.NoError(t, install(r, "a"))
	writeFile(t, filepath.Join(dir, sha("a"), "otelcol"), "PROGRAM of a")
	f, _, err := r.OpenBinary(sha("a"))
	require.ErrorContains(t, err, "changed or damaged since it was installed")
	assert.Nil(t, f)
	_, _, err = r.OpenBinary(sha("gone"))
	assert.ErrorIs(t, err, os.ErrNotExist)
}

// BenchmarkOpenBinary opens the program at OTELCOL, a Collector, as a release: time and memory of each start.
func BenchmarkOpenBinary(b *testing.B) {
	path := os.Getenv("OTELCOL")
	if path == "" {
		b.Skip("set OTELCOL to the path of a Collector")
	}
	dir := b.TempDir()
	tree, err := disk.Open(dir)
	require.NoError(b, err)
	defer func() { _ = tree.Close() }()
	r, _, err := Open(tree, dir)
	require.NoError(b, err)
	begin := time.Now()
	require.NoError(b, r.Install(Record{Archive: sha("a"), Program: "otelcol"}, func(w io.Writer) error { return copyFile(w, path) }))
	b.Logf("installed in %v", time.Since(begin))
	b.ReportAllocs()
	for b.Loop() {
		f, record, err := r.OpenBinary(sha("a"))
		require.NoError(b, err)
		b.SetBytes(record.Size)
		require.NoError(b, f.Close())
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.HeapSys)/(1<<20), "heapMB")
}

func copyFile(w io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	_, err = io.Copy(w, f)
	return err
}
