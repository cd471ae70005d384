package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/open-telemetry/opamp-go/protobufs"
)

// upgrades is how often a release is exchanged; each is downloaded, verified, unpacked and rehearsed.
const upgrades = 10

// upgradable is a site whose server may offer packages of the publisher.
func (b *bench) upgradable(ctx context.Context) (*site, *publisher, error) {
	if os.Getuid() != 0 {
		return nil, nil, errors.New("keys are believed only when they belong to root, so that this has to be measured by root")
	}
	dir, err := os.MkdirTemp(b.dir, "publisher-")
	if err != nil {
		return nil, nil, fmt.Errorf("make a directory: %w", err)
	}
	p, err := newPublisher(dir)
	if err != nil {
		return nil, nil, err
	}
	s, err := b.site("package: {agent_binary: " + programName + "}")
	if err != nil {
		return nil, nil, errors.Join(err, p.http.Close())
	}
	f, err := os.OpenFile(s.yaml(), os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = fmt.Fprintf(f, "packages: {trust: [{kind: key, file: %s}], watch: 1s, allow_http: true, allow_in_container: true}\n", p.root())
		err = errors.Join(err, f.Close())
	}
	if err == nil {
		err = s.serve(ctx)
	}
	if err != nil {
		p.close()
		s.close()
		return nil, nil, fmt.Errorf("prepare upgrades: %w", err)
	}
	return s, p, nil
}

// measureUpgrade exchanges the release under load, and has one that failed taken back.
func measureUpgrade(ctx context.Context, b *bench) ([]row, error) {
	s, p, err := b.upgradable(ctx)
	if err != nil {
		return nil, err
	}
	defer s.close()
	defer p.close()
	forth, back, took, err := s.exchange(ctx, p)
	if err != nil {
		return nil, err
	}
	return []row{
		{what: "OTLP/HTTP outage during an upgrade, p50 (max)", measured: forth.String()},
		{what: "OTLP/HTTP outage when a new release is killed and taken back, p50 (max)", measured: back.String()},
		{what: "package offered → Collector of the new release started, without the download, p50 (max)", measured: took.String()},
	}, nil
}

// exchange upgrades under load; every second release is killed while it is watched.
func (s *site) exchange(ctx context.Context, p *publisher) (forth, back disturbance, took durations, err error) {
	load := s.load(ctx, newHTTPSender(s.http, kept))
	type period struct {
		kind     *disturbance
		from, to time.Time
	}
	var periods []period
	for i := range 2 * upgrades {
		var offered *protobufs.PackageAvailable
		if offered, err = p.raw(s.collector); err != nil {
			break
		}
		from := time.Now()
		sent := s.server.offerPackage(offered)
		var started time.Time
		if started, err = s.server.runs(ctx, offered.GetHash()); err != nil {
			break
		}
		took = append(took, started.Sub(sent)-p.took())
		pause(ctx, betweenChanges)
		periods = append(periods, period{&forth, from, time.Now()})
		if i%2 == 1 {
			killed := time.Now()
			if err = s.killNewest(); err != nil {
				break
			}
			if _, err = s.server.settled(ctx, offered.GetHash()); err != nil {
				break
			}
			pause(ctx, 2*betweenChanges)
			periods = append(periods, period{&back, killed, time.Now()})
			continue
		}
		if _, err = s.server.settled(ctx, offered.GetHash()); err != nil {
			break
		}
	}
	traffic := load.end()
	for _, p := range periods {
		o := traffic.outage(p.from, p.to)
		p.kind.outages = append(p.kind.outages, o.length)
		p.kind.failed += o.failed
	}
	forth.accepted, forth.lost = len(traffic.accepted), s.sink.lost(ctx, traffic.accepted)
	back.accepted, back.lost = forth.accepted, forth.lost
	return forth, back, took, err
}

func (s *site) killNewest() error {
	pid, err := s.theCollector()
	if err != nil {
		return err
	}
	return syscall.Kill(pid, syscall.SIGKILL) //nolint:wrapcheck // nothing to add
}

// measureInstallMemory installs a package of 300 MB.
func measureInstallMemory(ctx context.Context, b *bench) ([]row, error) {
	const noise, growth = 300_000_000, 24e6
	s, p, err := b.upgradable(ctx)
	if err != nil {
		return nil, err
	}
	defer s.close()
	defer p.close()
	offered, err := p.large(s.collector, noise)
	if err != nil {
		return nil, err
	}
	pause(ctx, idle)
	before, err := memoryOf(s.daemon.pid)
	if err != nil {
		return nil, err
	}
	if err := forgetPeak(s.daemon.pid); err != nil {
		return nil, err
	}
	sent, last, err := s.install(ctx, offered)
	if err != nil {
		return nil, err
	}
	peak, err := peakOf(s.daemon.pid)
	if err != nil {
		return nil, err
	}
	return []row{{
		what: "peak memory (RSS) while a package of 300 MB is installed", budget: "≤ idle + 24 MB", verdict: judge(peak-before.resident <= growth),
		measured: fmt.Sprintf("%s, idle + %s; %s after %.1f s, download %.1f s", mb(peak), mb(peak-before.resident),
			last.GetStatus().String()[len("PackageStatusEnum_"):], last.at.Sub(sent).Seconds(), p.took().Seconds()),
	}}, nil
}

// forgetPeak resets VmHWM, by man proc_pid_clear_refs.
func forgetPeak(pid int) error {
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0o600); err != nil {
		return fmt.Errorf("reset the peak of memory: %w", err)
	}
	return nil
}

func peakOf(pid int) (peak int64, err error) {
	return peak, kilobytes(fmt.Sprintf("/proc/%d/status", pid), map[string]*int64{"VmHWM": &peak})
}
