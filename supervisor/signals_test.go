package main

import (
	"context"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"opampd/supervisor/internal/config"
	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/engine"
)

// idle is a lane that does nothing.
type idle struct{}

func (idle) Run(context.Context, core.Command) {}

// caught is a life whose loop shows what signals become.
type caught struct {
	*life
	files
	signals chan os.Signal
	events  chan core.Event
	next    func() (*config.Loaded, int)
}

func catching(t *testing.T) *caught {
	t.Helper()
	l, _ := loaded(t, "")
	l.log = zap.NewNop()
	f := newFiles(t, "")
	o := &options{}
	o.register(pflag.NewFlagSet("", pflag.ContinueOnError))
	o.path = f.config
	c := &caught{life: l, files: f, signals: make(chan os.Signal, 8), events: make(chan core.Event, 100)}
	l.engine = engine.New(engine.Settings{
		Store: ledger{l.store}, Observe: func(s engine.Transition) { c.events <- s.Event }, Alive: func() {}, AliveEvery: time.Hour,
	})
	ended := make(chan struct{})
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		defer close(ended)
		_, _ = l.engine.Run(ctx, core.State{}, engine.Lanes{Agent: idle{}, Config: idle{}, Local: idle{}, Upstream: idle{}, Upgrade: idle{}})
	}()
	t.Cleanup(func() { stop(); <-ended })
	c.next = l.catch(ctx, o, c.signals)
	return c
}

func (c *caught) event(t *testing.T) core.Event {
	t.Helper()
	select {
	case ev := <-c.events:
		return ev
	case <-time.After(30 * time.Second):
		require.Fail(t, "no event")
		return nil
	}
}

func TestSecondSignalToStopIsTheForcedOne(t *testing.T) {
	t.Parallel()
	c := catching(t)
	c.signals <- syscall.SIGTERM
	assert.Equal(t, core.ShutdownRequested{}, c.event(t))
	c.signals <- syscall.SIGINT
	assert.Equal(t, core.ShutdownRequested{Force: true}, c.event(t))
	next, stops := c.next()
	assert.Nil(t, next)
	assert.Equal(t, 2, stops)
}

func TestHangupBeginsAnotherLifeWithWhatTheFileSaysNow(t *testing.T) {
	t.Parallel()
	c := catching(t)
	text, err := os.ReadFile(c.files.config)
	require.NoError(t, err)
	c.write(t, c.files.config, strings.Replace(string(text), "agent: {", "agent: {probation: 17s, ", 1))
	c.signals <- syscall.SIGHUP
	assert.Equal(t, core.ReloadRequested{}, c.event(t))
	next, stops := c.next()
	require.NotNil(t, next)
	assert.Zero(t, stops)
	assert.Equal(t, 17*time.Second, next.Config.Agent.Probation)
}

func TestHangupWithAWrongFileChangesNothing(t *testing.T) {
	t.Parallel()
	c := catching(t)
	c.write(t, c.files.config, "agent: [")
	c.signals <- syscall.SIGHUP
	c.signals <- syscall.SIGTERM
	assert.Equal(t, core.ShutdownRequested{}, c.event(t), "the first event there is")
	next, _ := c.next()
	assert.Nil(t, next)
}

// A stop that comes when the life has ended for a reload must not be lost with it: the
// next life takes the Collector over, and has to be told to stop it.
func TestStopAfterHangupIsKeptForTheNextLife(t *testing.T) {
	t.Parallel()
	c := catching(t)
	c.signals <- syscall.SIGHUP
	assert.Equal(t, core.ReloadRequested{}, c.event(t))
	c.signals <- syscall.SIGTERM
	c.event(t)
	next, stops := c.next()
	assert.NotNil(t, next)
	assert.Equal(t, 1, stops)
}

func TestUserSignalWritesTheLastEvents(t *testing.T) {
	t.Parallel()
	c := catching(t)
	c.engine.Post(t.Context(), core.ServerLost{Reason: "weather"})
	c.event(t)
	c.signals <- syscall.SIGUSR1
	c.signals <- syscall.SIGTERM // after it: signals are taken one by one
	c.event(t)
	text, err := os.ReadFile(c.store.Path("events.txt"))
	require.NoError(t, err)
	assert.Equal(t, "> ServerLost Reason=\"weather\"\n", string(text))
}
