package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/open-telemetry/opamp-go/protobufs"
)

// site is one opampd with all that it needs around it.
type site struct {
	*bench
	dir    string // of this site alone, so that its processes can be found by it
	server *server
	sink   *sink
	http   string // host:port where the Collector takes OTLP/HTTP
	grpc   string
	daemon *daemon // the one that was started last
	offers int
	loads  int
}

// local is what supervisor.yaml says.
type local struct {
	server, executable string
	agent              []string // further lines below `agent:`
}

// site makes a place for an opampd and does not start it. It is to be closed.
func (b *bench) site(agent ...string) (*site, error) {
	dir, err := os.MkdirTemp(b.dir, "site-")
	if err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	s := &site{bench: b, dir: dir}
	if s.server, err = newServer(); err != nil {
		return nil, err
	}
	if s.sink, err = newSink(); err != nil {
		return nil, err
	}
	for _, address := range []*string{&s.http, &s.grpc} {
		if *address, err = freeAddress(); err != nil {
			return nil, err
		}
	}
	return s, s.configure(local{server: s.server.address, executable: s.collector, agent: agent})
}

// configure writes supervisor.yaml.
func (s *site) configure(l local) error {
	lines := []string{
		"server: {endpoint: ws://" + l.server + "/v1/opamp}",
		"capabilities: {accepts_remote_config: true, accepts_packages: true}",
		"storage: {directory: " + filepath.Join(s.dir, "storage") + "}",
		"agent:", "  executable: " + l.executable,
	}
	for _, line := range l.agent {
		lines = append(lines, "  "+line)
	}
	if err := os.WriteFile(s.yaml(), []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		return fmt.Errorf("write supervisor.yaml: %w", err)
	}
	return nil
}

func (s *site) yaml() string { return filepath.Join(s.dir, "supervisor.yaml") }

// close ends everything of this site, whatever state it is in.
func (s *site) close() {
	if s.daemon != nil {
		s.daemon.stop()
	}
	left, _ := mentioning(s.dir) // a Collector whose opampd was killed
	killAll(left)
	s.server.close()
	s.sink.close()
}

// start starts opampd.
func (s *site) start() (err error) {
	s.daemon, err = launch(s.opampd, s.yaml(), filepath.Join(s.dir, "opampd.log"))
	return err
}

// serve starts opampd and waits until it has applied a first configuration.
func (s *site) serve(ctx context.Context) error {
	if err := s.start(); err != nil {
		return err
	}
	if _, err := s.apply(ctx); err != nil {
		return err
	}
	_, err := s.server.healthyWhere(ctx, func(health) bool { return true })
	return err
}

// apply offers a new configuration. It returns how long it took from there to APPLIED.
func (s *site) apply(ctx context.Context) (time.Duration, error) {
	hash, sent := s.server.offer(s.good())
	v, err := s.server.verdict(ctx, hash)
	if err != nil {
		return 0, err
	}
	if v.GetStatus() != protobufs.RemoteConfigStatuses_RemoteConfigStatuses_APPLIED {
		return 0, fmt.Errorf("a good configuration was FAILED: %s", v.GetErrorMessage())
	}
	return v.at.Sub(sent), nil
}

// load starts to send by the given sender.
func (s *site) load(ctx context.Context, from sender) *load {
	s.loads++
	return startLoad(ctx, from, uint64(s.loads)<<32)
}

// theCollector returns the pid of the one that there must be: who has the configuration in force as an argument, as opposed to
// a candidate, which is validated.
func (s *site) theCollector() (int, error) {
	pids, err := mentioning(filepath.Join(s.dir, "storage", "effective.yaml"))
	if err == nil && len(pids) != 1 {
		err = fmt.Errorf("there are %d Collectors", len(pids))
	}
	if err != nil {
		return 0, err
	}
	return pids[0], nil
}

// freeAddress returns a host:port where nobody listens, outside of what the kernel gives to outgoing connections (32768 and up on
// Linux, 49152 on darwin): a load makes thousands of them, and one of them would take the port while the Collector is away.
func freeAddress() (string, error) {
	for range 100 {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(20000+rand.IntN(12000)))
		listener, err := net.Listen("tcp", address)
		if err == nil {
			return address, listener.Close() //nolint:wrapcheck // it was open
		}
	}
	return "", errors.New("no free port was found")
}

// kill ends opampd without a word to it.
func (s *site) kill() error {
	_, err := s.daemon.end(syscall.SIGKILL)
	return err
}
