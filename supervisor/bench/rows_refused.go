package main

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/open-telemetry/opamp-go/protobufs"
)

// afterwards is how long traffic is watched after FAILED: a configuration that is rolled back may hurt once more.
const afterwards = 2 * time.Second

// measureRefused offers what the Collector rejects, each kind to a site of its own.
func measureRefused(ctx context.Context, b *bench) ([]row, error) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("take a port: %w", err)
	}
	defer taken.Close() //nolint:errcheck // nothing is pending
	var rows []row
	for _, bad := range bads() {
		r, err := b.refuse(ctx, bad, taken.Addr().String())
		if err != nil {
			return rows, err
		}
		rows = append(rows, r)
	}
	return rows, nil
}

func (b *bench) refuse(ctx context.Context, bad bad, taken string) (row, error) {
	s, err := b.site()
	if err != nil {
		return row{}, err
	}
	defer s.close()
	if err := s.serve(ctx); err != nil {
		return row{}, err
	}
	load := s.load(ctx, newHTTPSender(s.http, kept))
	pause(ctx, betweenChanges)
	hash, sent := s.server.offer(bad.config(s, taken))
	v, err := s.server.verdict(ctx, hash)
	pause(ctx, afterwards)
	until := time.Now()
	traffic := load.end()
	if err != nil {
		return row{}, fmt.Errorf("%s: %w", bad.kind, err)
	}
	o := traffic.outage(sent, until)
	failed := v.GetStatus() == protobufs.RemoteConfigStatuses_RemoteConfigStatuses_FAILED
	measured := fmt.Sprintf("%s; %d failed; FAILED after %s", ms(o.length), o.failed, ms(v.at.Sub(sent)))
	if !failed {
		measured += " (APPLIED, not FAILED)"
	}
	if !o.repaired {
		measured += "; not repaired"
	}
	return row{
		what: "outage from a rejected configuration: " + bad.kind, reference: "until repaired (4 kinds of 5)", budget: "0",
		measured: measured, verdict: judge(failed && o.failed == 0), note: v.GetErrorMessage(),
	}, nil
}
