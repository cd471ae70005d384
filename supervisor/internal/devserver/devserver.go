// Package devserver is the OpAMP server behind `opampd dev-server`: small, real, and driven by a directory, for trying out a
// supervisor and its configuration on one machine. It has no authentication and no TLS, so it listens on loopback by default.
//
// The directory is the whole user interface:
//
//	<dir>/config/*.yaml                          offered to every agent, in the order of the names; changes are pushed at once;
//	                                             with no such file nothing is offered, and agents keep what they have
//	<dir>/packages/FILE                          the one package, offered to every agent that takes packages; FILE.sig is its
//	                                             signature and FILE.version its version, else that of the signed statement; when it
//	                                             is removed, agents are offered no package, and keep what they have
//	<dir>/agents/<uid>/description.json          what the agent last reported, replaced atomically
//	<dir>/agents/<uid>/health.json
//	<dir>/agents/<uid>/effective.yaml
//	<dir>/agents/<uid>/remote-config-status.json
//	<dir>/agents/<uid>/package-statuses.json
//	<dir>/agents/<uid>/components.json
//	<dir>/agents/<uid>/restart                   create it to have the agent restarted; it is removed when the command is sent
//
// One goroutine, the loop in [Run], owns everything that is known about the agents; connections hand it closures.
package devserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
	"go.uber.org/zap"
)

const (
	// DefaultListen is the address of the OpAMP specification's default port (S-003) on loopback.
	DefaultListen = "127.0.0.1:4320"
	// DefaultDir is the directory used when none is named, relative to the working directory.
	DefaultDir = "fleet"
	// Path is the URL path of the OpAMP endpoint (S-002).
	Path = "/v1/opamp"
)

// Settings say where the server listens, which directory drives it and where it tells what happens.
type Settings struct {
	// Dir holds config/, packages/ and agents/, which are created when missing. Empty means [DefaultDir].
	Dir string
	// Listen is a host:port. Empty means [DefaultListen]; port 0 picks a free one, which ready is told.
	Listen string
	// Out gets one line per change, written by one goroutine at a time. Nil means nowhere.
	Out io.Writer
	// Color puts ANSI colours into the lines; see [Colors].
	Color bool
}

// Run serves until ctx ends and returns nil then, with every connection closed and every goroutine of its own ended. It
// calls ready, if not nil, once with the host:port it listens on, before it answers anything. An error means that it
// could not start, or that the listener broke.
func Run(ctx context.Context, s Settings, ready func(addr string)) error {
	s = s.withDefaults()
	watcher, err := watch(s.Dir)
	if err != nil {
		return err
	}
	defer func() { _ = watcher.Close() }()
	listener, err := listen(ctx, s.Listen)
	if err != nil {
		return err
	}
	addr := listener.Addr().String()
	out := printer{w: s.Out, color: s.Color}
	out.say(plain, "listening on ws://%s%s and http://%s%s", addr, Path, addr, Path)
	if host, _, err := net.SplitHostPort(addr); err == nil && !net.ParseIP(host).IsLoopback() {
		out.say(bad, "%s is not a loopback address: whoever reaches it can pose as an agent and read the configuration", addr)
	}
	if ready != nil {
		ready(addr)
	}
	return serve(ctx, listener, newFleet(s.Dir, out, watcher), watcher)
}

// serve runs the HTTP server beside the loop of the fleet and waits for both.
func serve(ctx context.Context, listener net.Listener, f *fleet, watcher *fsnotify.Watcher) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var running sync.WaitGroup
	calls := make(chan func())
	agents := &endpoint{fleet: f, calls: calls, ended: ctx.Done(), running: &running}
	mux := http.NewServeMux()
	mux.Handle(Path, agents)
	mux.HandleFunc("GET "+packagesPath+"{content}/{name}", agents.download)
	server := &http.Server{
		Handler:           mux,
		ConnState:         agents.track,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          zap.NewStdLog(zap.NewNop()),
	}
	broken := make(chan error, 1)
	running.Go(func() {
		defer cancel()
		broken <- server.Serve(listener)
	})
	f.run(ctx, calls, watcher)
	_ = server.Close()
	running.Wait()
	if err := <-broken; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve OpAMP on %s: %w", listener.Addr(), err)
	}
	return nil
}

// Colors says whether f should get coloured lines: it is a terminal, not a dumb one, and NO_COLOR (no-color.org) is not set.
func Colors(f *os.File) bool {
	if os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func (s Settings) withDefaults() Settings {
	if s.Dir == "" {
		s.Dir = DefaultDir
	}
	if s.Listen == "" {
		s.Listen = DefaultListen
	}
	if s.Out == nil {
		s.Out = io.Discard
	}
	s.Dir = filepath.Clean(s.Dir)
	return s
}

// listen turns the two mistakes people make into sentences that say what to do.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s is in use by another process; stop it or choose another address with --listen: %w", addr, err)
	case err != nil:
		return nil, fmt.Errorf("cannot listen on %s; choose a host:port of this machine with --listen: %w", addr, err)
	}
	return listener, nil
}
