//go:build linux

package process

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestCollectorOutlivesOurCrashAndIsAdopted(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "collector.log")
	record := crashedParent(t, path)

	log, lines := recorder(t, LogSettings{Path: path})
	lineWith(t, lines, "line") // it goes on writing, on an output of which the parent is dead
	p, err := Find(record, log)
	require.NoError(t, err)
	assert.Equal(t, record, p.Record())
	assert.WithinDuration(t, time.Now(), p.StartedAt(), patience)
	lineWith(t, lines, "line")

	require.NoError(t, p.Stop(deadline(t), patience))
	assert.True(t, p.Exit().Unknown)
	assert.Contains(t, p.Exit().Tail, "line")
	_, err = Find(record, nil)
	require.ErrorIs(t, err, ErrGone)
}

// crashedParent runs a parent of a Collector and kills it.
func crashedParent(t *testing.T, log string) Record {
	t.Helper()
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	parent, err := start(self("opampd", log), writer, nil)
	require.NoError(t, err)
	go parent.watch(func() string { return "" })
	require.NoError(t, writer.Close())
	require.NoError(t, reader.SetReadDeadline(time.Now().Add(patience)))
	text, err := bufio.NewReader(reader).ReadString('\n')
	require.NoError(t, err)
	var record Record
	require.NoError(t, json.Unmarshal([]byte(text), &record))
	t.Cleanup(func() { _ = unix.Kill(record.PID, unix.SIGKILL) })
	require.NoError(t, parent.Signal(unix.SIGKILL))
	ended(t, parent)
	return record
}

func TestOurOwnChildIsAdoptedAfterExecAndReaped(t *testing.T) {
	t.Parallel()
	out, err := Run(deadline(t), self("reexec"), 0)
	require.NoError(t, err, string(out.Stdout))
	assert.Equal(t, "killed by signal 9 (SIGKILL)\n", string(out.Stdout))
}

func TestZombieIsGoneAndReaped(t *testing.T) {
	t.Parallel()
	p, err := start(self("wait"), nil, nil)
	require.NoError(t, err)
	record := p.Record()
	require.NoError(t, p.Signal(unix.SIGKILL))
	p.handle.wait()
	_, err = Find(record, nil)
	require.ErrorIs(t, err, ErrGone)
	assert.ErrorIs(t, unix.Kill(record.PID, 0), unix.ESRCH)
}

func TestOtherProcessWithTheSamePidIsForeign(t *testing.T) {
	t.Parallel()
	record := started(t, self("wait")).Record()
	for name, change := range map[string]func(*Record){
		"start time": func(r *Record) { r.StartTime++ },
		"boot":       func(r *Record) { r.BootID = "another" },
		"executable": func(r *Record) { r.Inode++ },
		"init":       func(r *Record) { r.PID = 1 },
		"ourselves":  func(r *Record) { r.PID = os.Getpid() },
		"zero":       func(r *Record) { *r = Record{} },
	} {
		changed := record
		change(&changed)
		_, err := Find(changed, nil)
		assert.ErrorIs(t, err, ErrForeign, name)
	}
}

func TestRecordOfTheDeadIsZero(t *testing.T) {
	t.Parallel()
	p := started(t, self("exit", "0"))
	ended(t, p)
	assert.Zero(t, p.Record())
}

func TestReaperBuriesOrphansAndStealsNothing(t *testing.T) {
	t.Parallel()
	out, err := Run(deadline(t), self("reaper"), 0)
	require.NoError(t, err, string(out.Stdout))
	assert.Equal(t, "orphan no such process\n", string(out.Stdout))
}

func TestReaperReturnsWhereThereAreNoOrphans(t *testing.T) {
	t.Parallel()
	Reap(deadline(t)) // this is neither PID 1 nor a subreaper
}

func TestChildrenAreFoundWithoutTheListOfTheKernel(t *testing.T) {
	t.Parallel()
	p := started(t, self("wait"))
	assert.Contains(t, scanChildren(), p.PID())
	assert.Contains(t, listChildren(), p.PID())
}

func TestStatIsReadBehindAnyName(t *testing.T) {
	t.Parallel()
	stat, ok := parseStat([]byte("7 (a) R 1 (x) Z 5 7 7 0 -1 4 1 2 3 4 5 6 7 8 20 0 1 0 4242 0 0\n"))
	require.True(t, ok)
	assert.Equal(t, procStat{state: 'Z', parent: 5, start: 4242}, stat)
	for _, bad := range []string{"", "7", "7 (a) Z", "7 (a) Z x 7 7 0 -1 4 1 2 3 4 5 6 7 8 20 0 1 0 y 0 0"} {
		_, ok := parseStat([]byte(bad))
		assert.False(t, ok, bad)
	}
}
