package main

import (
	"context"
	"fmt"
	"time"
)

// measureControl looks at telemetry while nothing happens, and at how well the senders keep time.
func measureControl(ctx context.Context, b *bench) ([]row, error) {
	s, err := b.site()
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := s.serve(ctx); err != nil {
		return nil, err
	}
	load := s.load(ctx, newHTTPSender(s.http, kept))
	pause(ctx, 5*time.Second)
	traffic := load.end()
	var late, took durations
	for i, request := range load.samples[:load.sent] {
		late = append(late, time.Duration(request.sent)-due(i))
		took = append(took, time.Duration(request.done-request.sent))
	}
	return []row{{
		what: "control: nothing happens for 5 s", measured: fmt.Sprintf("%d of %d failed; lost %d; answered in %s, p99 %s; sent late by %s, p99 %s",
			len(traffic.failed), load.sent, s.sink.lost(ctx, traffic.accepted), took, ms(took.quantile(0.99)), late, ms(late.quantile(0.99))),
	}}, nil
}
