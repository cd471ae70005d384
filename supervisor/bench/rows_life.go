package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// measureStop ends opampd by SIGTERM, with a Collector that has nothing to do.
func measureStop(ctx context.Context, b *bench) ([]row, error) {
	s, err := b.site()
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := s.serve(ctx); err != nil {
		return nil, err
	}
	var took durations
	left := 0
	for i := range b.n {
		if i > 0 {
			if err := s.again(ctx); err != nil {
				return nil, err
			}
		}
		pause(ctx, 200*time.Millisecond)
		d, err := s.daemon.end(syscall.SIGTERM)
		if err != nil {
			return nil, err
		}
		pids, err := mentioning(s.dir)
		if err != nil {
			return nil, err
		}
		took, left = append(took, d), left+len(pids)
	}
	return []row{{
		what: "SIGTERM → exit, p50 (max)", reference: "dies, Collector orphaned", budget: "clean, ≤ 1 s",
		measured: fmt.Sprintf("%s; %d processes left", took, left), verdict: judge(left == 0 && took.max() <= time.Second),
	}}, nil
}

// again starts opampd once more and waits for it to be healthy.
func (s *site) again(ctx context.Context) error {
	known := s.server.connections()
	if err := s.start(); err != nil {
		return err
	}
	_, err := s.server.healthyWhere(ctx, func(h health) bool { return h.conn > known })
	return err
}

// measureStart starts opampd with a configuration that it applied in an earlier life, with senders already waiting.
func measureStart(ctx context.Context, b *bench) ([]row, error) {
	s, err := b.site()
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := s.serve(ctx); err != nil {
		return nil, err
	}
	var took durations
	for range b.n {
		pause(ctx, 100*time.Millisecond)
		if _, err := s.daemon.end(syscall.SIGTERM); err != nil {
			return nil, err
		}
		load := s.load(ctx, newHTTPSender(s.http, kept))
		err := s.again(ctx)
		pause(ctx, 100*time.Millisecond)
		traffic := load.end()
		first, ok := traffic.firstAnswer()
		if err = errors.Join(err, unless(ok, "no request was answered")); err != nil {
			return nil, err
		}
		took = append(took, first.Sub(s.daemon.started))
	}
	return []row{{what: "start with a stored configuration → OTLP served, p50 (max)", measured: took.String()}}, nil
}

func unless(ok bool, problem string) error {
	if ok {
		return nil
	}
	return errors.New(problem)
}

// measureLaunches puts a script in the Collector's place that writes down its arguments.
func measureLaunches(ctx context.Context, b *bench) ([]row, error) {
	s, err := b.site()
	if err != nil {
		return nil, err
	}
	defer s.close()
	script, log := filepath.Join(s.dir, "otelcol-counted"), filepath.Join(s.dir, "launches")
	text := fmt.Sprintf("#!/bin/sh\necho \"$*\" >>'%s'\nexec '%s' \"$@\"\n", log, s.collector)
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		return nil, fmt.Errorf("write a script: %w", err)
	}
	if err := s.configure(local{server: s.server.address, executable: script}); err != nil {
		return nil, err
	}
	hash, _ := s.server.offer(s.good()) // before opampd asks
	if err := s.again(ctx); err != nil {
		return nil, err
	}
	if _, err := s.server.verdict(ctx, hash); err != nil {
		return nil, err
	}
	written, err := os.ReadFile(log)
	if err != nil {
		return nil, fmt.Errorf("read the launches: %w", err)
	}
	launches, questions := sortLaunches(string(written))
	return []row{{
		what: "Collector launches to get serving, first start", reference: "3", budget: "1", verdict: judge(launches == 1),
		measured: fmt.Sprintf("%d (and %d questions: %s)", launches, len(questions), strings.Join(questions, ", ")),
	}}, nil
}

// sortLaunches tells runs of the pipeline from questions to the binary, and names these.
func sortLaunches(log string) (launches int, questions []string) {
	for line := range strings.Lines(log) {
		words := strings.Fields(line)
		switch {
		case len(words) > 0 && !strings.HasPrefix(words[0], "-"):
			questions = append(questions, words[0])
		case slices.Contains(words, "--version"):
			questions = append(questions, "--version")
		default:
			launches++
		}
	}
	return launches, questions
}
