package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"
)

// idle is how long nothing happens before memory is read.
const idle = 10 * time.Second

// measureMemory reads the memory of opampd at rest, and after it refused a big configuration.
func measureMemory(ctx context.Context, b *bench) ([]row, error) {
	const limit, names = 18e6, 2_000_000
	s, err := b.site()
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := s.serve(ctx); err != nil {
		return nil, err
	}
	pause(ctx, idle)
	rest, err := memoryOf(s.daemon.pid)
	if err != nil {
		return nil, err
	}
	rows := []row{{
		what: fmt.Sprintf("idle memory (RSS), %s after APPLIED", idle), reference: "25.0 MB", budget: "≤ 18 MB, then 12",
		measured: rest.String(), verdict: judge(rest.resident <= limit),
	}}
	hash, _ := s.server.offer("receivers: [" + strings.Repeat("otlp,", names))
	if _, err := s.server.verdict(ctx, hash); err != nil {
		return rows, err
	}
	after, err := memoryOf(s.daemon.pid)
	if err != nil {
		return rows, err
	}
	pause(ctx, idle)
	later, err := memoryOf(s.daemon.pid)
	if err != nil {
		return rows, err
	}
	return append(rows, row{
		what:     "memory after a configuration of 10 MB was refused",
		measured: fmt.Sprintf("%s at once, %s after %s", mb(after.resident), mb(later.resident), idle),
	}), nil
}

func measureSize(_ context.Context, b *bench) ([]row, error) {
	const limit = 20e6
	info, err := os.Stat(b.opampd)
	if err != nil {
		return nil, fmt.Errorf("look at opampd: %w", err)
	}
	return []row{{
		what: "binary, stripped", reference: "22.2 MB", budget: "≤ 20 MB", measured: mb(info.Size()), verdict: judge(info.Size() <= limit),
	}}, nil
}
