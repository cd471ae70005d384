//go:build linux

package process

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLogIsPrivateAndGoesOnOverRuns(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "logs", "collector.log")
	log, _ := recorder(t, LogSettings{Path: path})
	for range 2 {
		exit := ended(t, started(t, withLog(self("exit", "1"), log)))
		assert.Equal(t, "about to exit", exit.Tail, "of this run alone")
	}
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "about to exit\nabout to exit\n", string(data))
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode())
}

func TestEvidenceIsFitToShow(t *testing.T) {
	t.Parallel()
	log := OpenLog(LogSettings{Path: filepath.Join(t.TempDir(), "collector.log")})
	t.Cleanup(log.Close)
	exit := ended(t, started(t, withLog(self("garbage"), log)))
	lines := strings.Split(exit.Tail, "\n")
	require.Len(t, lines, 4)
	assert.Equal(t, "bad \uFFFD utf-8", lines[0])
	assert.Equal(t, "[31mred[0m bell", lines[1])
	assert.Equal(t, strings.Repeat("long", 512)+"…", lines[2])
	assert.Equal(t, "no newline at the end", lines[3])
}

func TestEvidenceIsOfWholeLines(t *testing.T) {
	t.Parallel()
	text := evidence(lastOf([]byte(strings.Repeat("0123456789\n", 2000)), evidenceBytes))
	assert.LessOrEqual(t, len(text), evidenceBytes)
	assert.True(t, strings.HasPrefix(text, "0123456789\n"))
	assert.True(t, strings.HasSuffix(text, "\n0123456789"))
}

func TestFloodIsKeptSmall(t *testing.T) {
	t.Parallel()
	const limit = 1 << 20
	for name, lines := range map[string]func(Line){"followed": func(Line) {}, "not followed": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			log := OpenLog(LogSettings{Path: filepath.Join(dir, "collector.log"), MaxBytes: limit, Lines: lines})
			t.Cleanup(log.Close)
			exit := ended(t, started(t, withLog(self("flood", "100000000"), log)))
			assert.True(t, exit.Success())
			assert.NotEmpty(t, exit.Tail)
			entries, err := os.ReadDir(dir)
			require.NoError(t, err)
			assert.LessOrEqual(t, len(entries), 1+defaultKeep)
			assert.FileExists(t, filepath.Join(dir, "collector.log.1"))
			for _, entry := range entries {
				info, err := entry.Info()
				require.NoError(t, err)
				assert.LessOrEqual(t, info.Size(), int64(2*limit), entry.Name())
			}
		})
	}
}

func TestRotationKeepsEveryLine(t *testing.T) {
	t.Parallel()
	const limit, batches, perBatch = 10_000, 8, 300
	path := filepath.Join(t.TempDir(), "collector.log")
	log, lines := recorder(t, LogSettings{Path: path, MaxBytes: limit, Keep: batches})
	out, err := log.begin()
	require.NoError(t, err)
	defer out.release()
	for batch := range batches {
		var text strings.Builder
		for i := range perBatch {
			fmt.Fprintf(&text, "this is line number %d\n", batch*perBatch+i)
		}
		// A half line too: what was read before a rotation and what comes after it are one.
		writes(t, log, out.file, text.String()+"half and ")
		writes(t, log, out.file, "half\n")
	}
	tail := out.finish()
	assert.Contains(t, tail, "this is line number 2399\nhalf and half", "what rotation took away is evidence still")
	for i := range batches * perBatch {
		require.Equal(t, fmt.Sprintf("this is line number %d", i), (<-lines).Raw)
		if i%perBatch == perBatch-1 {
			require.Equal(t, "half and half", (<-lines).Raw)
		}
	}
	requireInFiles(t, path, batches*perBatch)
}

// writes appends text while the file is not being rotated, and returns when it was read and rotated if it is due.
func writes(t *testing.T, log *Log, file *os.File, text string) {
	t.Helper()
	require.True(t, log.do(func(f *follower) {
		_, err := file.WriteString(text)
		assert.NoError(t, err)
		for f.follow() {
			continue
		}
		assert.Less(t, f.size(), f.MaxBytes)
	}))
}

func requireInFiles(t *testing.T, path string, lines int) {
	t.Helper()
	names, err := filepath.Glob(path + "*")
	require.NoError(t, err)
	count := 0
	for _, name := range names {
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		count += strings.Count(string(data), "this is line number")
	}
	assert.Equal(t, lines, count)
}

func TestLongLogIsRotatedAtStart(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "collector.log")
	require.NoError(t, os.WriteFile(path, make([]byte, 2000), 0o600))
	log := OpenLog(LogSettings{Path: path, MaxBytes: 1000, Keep: 1})
	t.Cleanup(log.Close)
	assert.Equal(t, "about to exit", ended(t, started(t, withLog(self("exit", "1"), log))).Tail)
	assert.FileExists(t, path+".1")
}

func TestLogThatWasMovedAwayIsMadeAnew(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "collector.log")
	log, lines := recorder(t, LogSettings{Path: path})
	ended(t, started(t, withLog(self("exit", "1"), log)))
	require.NoError(t, os.Rename(path, path+".moved"))
	ended(t, started(t, withLog(self("exit", "1"), log)))
	assert.Len(t, lines, 2)
	assert.FileExists(t, path)
}

func TestLogEmptiedBySomebodyElseIsFollowedOn(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "collector.log")
	log, lines := recorder(t, LogSettings{Path: path})
	out, err := log.begin()
	require.NoError(t, err)
	defer out.release()
	writes(t, log, out.file, "a long line before\n")
	require.NoError(t, os.Truncate(path, 0))
	_, _ = fmt.Fprintln(out.file, "after")
	assert.Equal(t, "after", out.finish())
	assert.Equal(t, "a long line before", (<-lines).Raw)
	assert.Equal(t, "after", (<-lines).Raw)
}

func TestWithoutFileOutputGoesToMemory(t *testing.T) {
	t.Parallel()
	blocker := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(blocker, nil, 0o600))
	log, lines := recorder(t, LogSettings{Path: filepath.Join(blocker, "collector.log")})
	require.Error(t, log.Err())
	exit := ended(t, started(t, withLog(self("flood", "5000000"), log)))
	assert.True(t, exit.Success())
	assert.True(t, strings.HasSuffix(exit.Tail, "\nthe last line"))
	assert.LessOrEqual(t, len(exit.Tail), evidenceBytes)
	lineWith(t, lines, "the last line")
}

func TestMemoryDoesNotWaitForWhoLeftTheGroup(t *testing.T) {
	t.Parallel()
	log, lines := recorder(t, LogSettings{Path: "/dev/null"}) // no regular file
	p := started(t, withLog(self("family", "leave", "own session"), log))
	assert.True(t, ended(t, p).Success())
	assert.NoError(t, syscall.Kill(pidIn(t, lineWith(t, lines, "grandchild")), syscall.SIGKILL))
}

func TestStuckReaderOfLinesHoldsUpNothing(t *testing.T) {
	t.Parallel()
	release, told := make(chan struct{}), make(chan string, 100_000)
	log := OpenLog(LogSettings{
		Path:     filepath.Join(t.TempDir(), "collector.log"),
		MaxBytes: 100_000,
		Lines:    func(line Line) { <-release; told <- line.Level + " " + line.Message },
	})
	ended(t, started(t, withLog(self("flood", "5000000"), log)))
	close(release)
	log.Close()
	close(told)
	var gap string
	for text := range told {
		if strings.HasPrefix(text, "warn ") {
			gap = text
		}
	}
	assert.Contains(t, gap, "lines of the Collector were left out here")
}
