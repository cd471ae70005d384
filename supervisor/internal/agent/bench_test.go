//go:build linux

package agent

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/process"
	"opampd/supervisor/internal/remoteconfig"
	"opampd/supervisor/internal/store"
)

// patience is for what happens at once on an idle machine.
const patience = 30 * time.Second

// bench is a storage directory with what both lanes need around them.
type bench struct {
	Settings
	dir    string
	calls  string // where a fake Collector notes how it was called
	events chan core.Event
	lines  chan string

	mu       sync.Mutex // lanes warn on goroutines of their own
	warnings []string
}

// newBench is for a fake Collector of the given kind.
func newBench(t *testing.T, kind string) *bench {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	b := &bench{dir: t.TempDir(), events: make(chan core.Event, 100), lines: make(chan string, 1000)}
	b.calls = filepath.Join(t.TempDir(), "calls")
	st, _, err := store.Open(b.dir, store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = st.Close() })
	log := process.OpenLog(process.LogSettings{Path: st.LogPath(), Lines: func(l process.Line) { b.lines <- l.Raw }})
	t.Cleanup(log.Close)
	b.Settings = Settings{
		Agent: Launch{
			Executable: exe, Env: []string{fakeEnv + "=" + kind, callsEnv + "=" + b.calls}, StopTimeout: patience, Snippet: 1 << 10,
		},
		Merge: Merge{Validate: true},
		Link:  "ws://127.0.0.1:4321/v1/opamp", Store: st, Log: log,
		Post: func(ev core.Event) { b.events <- ev },
		Warn: func(message string) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.warnings = append(b.warnings, message)
		},
	}
	return b
}

func (b *bench) warned() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.warnings, "\n")
}

// count tells how often a fake Collector was called with a first word.
func (b *bench) count(t *testing.T, word string) int {
	t.Helper()
	text, err := os.ReadFile(b.calls)
	if os.IsNotExist(err) {
		return 0
	}
	require.NoError(t, err)
	n := 0
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, word) {
			n++
		}
	}
	return n
}

func (b *bench) next(t *testing.T) core.Event {
	t.Helper()
	select {
	case ev := <-b.events:
		return ev
	case <-time.After(patience):
		require.Fail(t, "no event")
		return nil
	}
}

// says waits until the Collector printed a line.
func (b *bench) says(t *testing.T, line string) {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case said := <-b.lines:
			if said == line {
				return
			}
		case <-deadline:
			require.Fail(t, "not said", line)
		}
	}
}

// offer stores a remote configuration of one file and wishes for it.
func (b *bench) offer(t *testing.T, yaml string) core.Wish {
	t.Helper()
	body, err := remoteconfig.Encode([]remoteconfig.File{{Name: "pipelines.yaml", Body: []byte(yaml)}})
	require.NoError(t, err)
	sha, err := b.Store.PutBlob(body)
	require.NoError(t, err)
	return core.Wish{
		Target: core.Target{Kind: core.TargetOffer, Offer: core.Offer{Hash: "0a", Body: sha}},
		UID:    "018f2f3e-0000-7000-8000-000000000001",
	}
}

// local wishes for the local files alone.
func local() core.Wish {
	return core.Wish{Target: core.Target{Kind: core.TargetLocal}, UID: "018f2f3e-0000-7000-8000-000000000001"}
}

// prepare asks lane for one configuration.
func (b *bench) prepare(t *testing.T, lane *Config, wish core.Wish) core.Event {
	t.Helper()
	lane.Run(t.Context(), core.Prepare{Attempt: 5, Wish: wish})
	return b.next(t)
}

// prepared returns the name of a configuration that passed.
func (b *bench) prepared(t *testing.T, lane *Config, wish core.Wish) string {
	t.Helper()
	ev, ok := b.prepare(t, lane, wish).(core.Prepared)
	require.True(t, ok, "%#v", ev)
	return ev.Config
}

// refused returns why a configuration did not pass.
func (b *bench) refused(t *testing.T, lane *Config, wish core.Wish) core.Refused {
	t.Helper()
	ev := b.prepare(t, lane, wish)
	refused, ok := ev.(core.Refused)
	require.True(t, ok, "%#v", ev)
	require.Equal(t, uint64(5), refused.Attempt)
	return refused
}

// life is a process lane until end.
type life struct {
	*Process
	ctx context.Context //nolint:containedctx // it is what a life is
	end func()
}

func (b *bench) live(t *testing.T, s Settings, heir *Heir) *life {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	p := NewProcess(s, heir)
	l := &life{Process: p, ctx: ctx, end: func() { cancel(); p.Wait() }}
	t.Cleanup(func() {
		if p.child != nil {
			p.child.Kill()
			<-p.child.Done()
		}
		l.end()
	})
	return l
}

// do runs commands in the lane.
func (l *life) do(commands ...core.Command) {
	for _, c := range commands {
		l.Run(l.ctx, c)
	}
}

// started is a lane with a Collector that is up.
func (b *bench) started(t *testing.T) (*life, core.Started) {
	t.Helper()
	config := b.prepared(t, NewConfig(b.Settings), local())
	l := b.live(t, b.Settings, nil)
	l.do(core.Start{Run: 2, Config: config, Token: "t1"})
	ev := b.next(t)
	started, ok := ev.(core.Started)
	require.True(t, ok, "%#v", ev)
	b.says(t, "ready")
	return l, started
}

// rest is what the Collector said and nobody waited for.
func (b *bench) rest() []string {
	var lines []string
	for {
		select {
		case line := <-b.lines:
			lines = append(lines, line)
		default:
			return lines
		}
	}
}
