package main

import (
	"context"
	"fmt"
	"time"
)

// reload is a value of agent.reload, with what it does to a Collector that is healthy.
type reload struct{ name, value string }

func reloads() []reload { return []reload{{"SIGHUP", "auto"}, {"restart", "restart"}} }

// betweenChanges lets the senders' connections and the Collector settle.
const betweenChanges = 300 * time.Millisecond

// measureApply takes the time from a configuration that is sent to the server's reading APPLIED, without telemetry.
func measureApply(ctx context.Context, b *bench) ([]row, error) {
	var rows []row
	for _, r := range reloads() {
		took, err := b.applyTimes(ctx, r)
		if err != nil {
			return rows, err
		}
		rows = append(rows, row{
			what: "configuration sent → APPLIED, p50 (max): " + r.name, reference: "5,007 ms", budget: "≤ 150 ms",
			measured: took.String(), verdict: judge(took.p50() <= 150*time.Millisecond),
		})
	}
	return rows, nil
}

func (b *bench) applyTimes(ctx context.Context, r reload) (durations, error) {
	s, err := b.site("reload: " + r.value)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := s.serve(ctx); err != nil {
		return nil, err
	}
	var took durations
	for range b.n {
		pause(ctx, betweenChanges)
		d, err := s.apply(ctx)
		if err != nil {
			return took, err
		}
		took = append(took, d)
	}
	return took, nil
}

// disturbance is what senders saw of repeated events.
type disturbance struct {
	outages  durations
	failed   int
	accepted int
	lost     int
}

func (d disturbance) String() string {
	return fmt.Sprintf("%s; %s failed each; lost %d of %d", d.outages, per(d.failed, len(d.outages)), d.lost, d.accepted)
}

// disturb changes the configuration n times under load, and looks at each change until `settle` after it.
func (b *bench) disturb(ctx context.Context, r reload, n int, settle time.Duration, dial func(*site) (sender, error)) (disturbance, error) {
	var d disturbance
	s, err := b.site("reload: " + r.value)
	if err != nil {
		return d, err
	}
	defer s.close()
	if err := s.serve(ctx); err != nil {
		return d, err
	}
	from, err := dial(s)
	if err != nil {
		return d, err
	}
	traffic, periods, err := s.changes(ctx, n, settle, from)
	if err != nil {
		return d, err
	}
	for i := range len(periods) - 1 {
		o := traffic.outage(periods[i], periods[i+1])
		d.outages = append(d.outages, o.length)
		d.failed += o.failed
	}
	d.accepted, d.lost = len(traffic.accepted), s.sink.lost(ctx, traffic.accepted)
	return d, nil
}

// changes returns the traffic during n changes, and the time between each of them and around all.
func (s *site) changes(ctx context.Context, n int, settle time.Duration, from sender) (traffic, []time.Time, error) {
	load := s.load(ctx, from)
	pause(ctx, settle)
	periods := []time.Time{time.Now()}
	for range n {
		if _, err := s.apply(ctx); err != nil {
			load.end()
			return traffic{}, nil, err
		}
		pause(ctx, settle)
		periods = append(periods, time.Now())
	}
	return load.end(), periods, nil
}

func measureHTTPOutage(ctx context.Context, b *bench) ([]row, error) {
	var rows []row
	references := map[string]string{"SIGHUP": "23 ms", "restart": "52 ms"}
	for _, c := range []connections{kept, fresh} {
		for _, r := range reloads() {
			d, err := b.disturb(ctx, r, b.n, betweenChanges, func(s *site) (sender, error) { return newHTTPSender(s.http, c), nil })
			if err != nil {
				return rows, err
			}
			rows = append(rows, row{
				what: "OTLP/HTTP outage at a change, p50 (max): " + r.name + c.String(), reference: references[r.name],
				budget: "≤ 25 ms", measured: d.String(), verdict: judge(d.outages.p50() <= 25*time.Millisecond),
			})
		}
	}
	return rows, nil
}

// measureGRPCOutage needs more time between changes: a refused grpc-go channel tries again after 1 s ± 20 %.
func measureGRPCOutage(ctx context.Context, b *bench) ([]row, error) {
	const settle = 1600 * time.Millisecond
	var rows []row
	for _, r := range reloads() {
		d, err := b.disturb(ctx, r, (b.n+1)/2, settle, func(s *site) (sender, error) { return newGRPCSender(s.grpc) })
		if err != nil {
			return rows, err
		}
		rows = append(rows, row{
			what: "OTLP/gRPC outage at a change, p50 (max): " + r.name, reference: "1,007 ms", budget: "none, with listener custody",
			measured: d.String(), verdict: judge(d.failed == 0),
		})
	}
	return rows, nil
}
