package main

import (
	"context"
	"fmt"
	"syscall"
	"time"
)

// measureCollectorKilled kills the Collector again and again. Each crash is a first one: probation is over, and crashes are
// forgotten before the next.
func measureCollectorKilled(ctx context.Context, b *bench) ([]row, error) {
	s, err := b.site("probation: 0s", "restart: {reset_after: 200ms}")
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := s.serve(ctx); err != nil {
		return nil, err
	}
	load := s.load(ctx, newHTTPSender(s.http, kept))
	kills, err := s.killCollector(ctx, b.n)
	traffic := load.end()
	if err != nil {
		return nil, err
	}
	var serving durations
	failed := 0
	for i := range len(kills) - 1 {
		o := traffic.outage(kills[i], kills[i+1])
		if !o.repaired {
			return nil, fmt.Errorf("after kill %d the Collector did not serve again", i+1)
		}
		if o.failed > 0 {
			serving = append(serving, o.until.Sub(kills[i]))
			failed += o.failed
		}
	}
	lost := s.sink.lost(ctx, traffic.accepted)
	return []row{{
		what: "Collector killed → serving again, p50 (max)", reference: "5,050 ms (43 ms on command)", budget: "≤ 80 ms",
		measured: fmt.Sprintf("%s; %s failed, %s accepted lost each", serving, per(failed, b.n), per(lost, b.n)),
		verdict:  judge(len(serving) > 0 && serving.p50() <= 80*time.Millisecond),
	}}, nil
}

// killCollector returns when it was killed, and the end of all.
func (s *site) killCollector(ctx context.Context, n int) ([]time.Time, error) {
	var kills []time.Time
	for range n {
		pause(ctx, 500*time.Millisecond)
		pid, err := s.theCollector()
		if err != nil {
			return nil, err
		}
		at := time.Now()
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			return nil, fmt.Errorf("kill the Collector: %w", err)
		}
		kills = append(kills, at)
		if _, err := s.server.healthyWhere(ctx, func(h health) bool { return h.started.After(at) }); err != nil {
			return nil, err
		}
	}
	pause(ctx, 500*time.Millisecond)
	return append(kills, time.Now()), nil
}

// adoptions is what happened when opampd was killed and started again.
type adoptions struct {
	tries, samePID int
	took           durations // from the start of the next opampd to the server's reading of a healthy Collector
}

// measureSupervisorKilled kills opampd again and again, and starts it again 0.5 s later.
func measureSupervisorKilled(ctx context.Context, b *bench) ([]row, error) {
	s, err := b.site()
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := s.serve(ctx); err != nil {
		return nil, err
	}
	load := s.load(ctx, newHTTPSender(s.http, kept))
	pause(ctx, betweenChanges)
	a, err := s.killSupervisor(ctx, (b.n+1)/2)
	pause(ctx, betweenChanges)
	traffic := load.end()
	if err != nil {
		return nil, err
	}
	lost := s.sink.lost(ctx, traffic.accepted)
	ok := len(traffic.failed) == 0 && lost == 0 && a.samePID == a.tries
	return []row{{
		what: "supervisor killed; after restart", reference: "serves on; the next one never comes up",
		budget: "nothing lost, adopted, same pid", verdict: judge(ok),
		measured: fmt.Sprintf("%d failed, lost %d of %d; same pid %d of %d; adopted in %s",
			len(traffic.failed), lost, len(traffic.accepted), a.samePID, a.tries, a.took),
	}}, nil
}

func (s *site) killSupervisor(ctx context.Context, n int) (adoptions, error) {
	var a adoptions
	for range n {
		before, err := s.theCollector()
		if err != nil {
			return a, err
		}
		known := s.server.connections()
		if err := s.kill(); err != nil {
			return a, err
		}
		pause(ctx, 500*time.Millisecond)
		if err := s.start(); err != nil {
			return a, err
		}
		h, err := s.server.healthyWhere(ctx, func(h health) bool { return h.conn > known })
		if err != nil {
			return a, err
		}
		after, err := s.theCollector()
		if err != nil {
			return a, err
		}
		a.tries++
		if after == before {
			a.samePID++
		}
		a.took = append(a.took, h.at.Sub(s.daemon.started))
	}
	return a, nil
}
