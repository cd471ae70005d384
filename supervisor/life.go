package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"go.uber.org/zap"

	"opampd/supervisor/internal/agent"
	"opampd/supervisor/internal/config"
	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/engine"
	"opampd/supervisor/internal/local"
	"opampd/supervisor/internal/process"
	"opampd/supervisor/internal/service"
	"opampd/supervisor/internal/store"
	"opampd/supervisor/internal/telemetry"
	"opampd/supervisor/internal/upstream"
)

// aliveEvery is how often the loop does its housekeeping without a watchdog.
const aliveEvery = 5 * time.Second

// life is the daemon between two readings of supervisor.yaml.
type life struct {
	config config.Config
	log    *zap.Logger
	store  *store.Store
	lost   error // why the store does not last; nil when it does
	engine *engine.Engine
	own    *telemetry.Telemetry // nil when it could not be started
	packages
	*legacy
}

// live runs the daemon until a signal ends it. After SIGHUP it returns the
// configuration of the next life, and the Collector runs on.
func live(ctx context.Context, o *options, loaded *config.Loaded, signals <-chan os.Signal, left *legacy) (*config.Loaded, error) {
	l := &life{config: loaded.Config, legacy: left}
	var err error
	if l.log, err = l.logger(); err != nil {
		return nil, err
	}
	defer l.log.Sync() //nolint:errcheck // stdout cannot be synced
	if left.complaint != nil {
		l.log.Error("the new configuration cannot be used; opampd goes on with the old one", zap.Error(left.complaint))
		left.complaint = nil
	}
	l.log.Info("opampd "+version, zap.String("config", o.path), zap.String("storage", l.config.Storage.Directory),
		zap.String("server", endpointOf(l.config.Server.Endpoint)), zap.String("collector", l.config.Agent.Executable))
	l.warn(o, loaded)
	if err = l.openStore(); err != nil {
		return nil, err
	}
	defer l.store.Close() //nolint:errcheck // everything in it is synced already
	l.openPackages()
	defer l.closePackages() //nolint:errcheck // it is only read from
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	exit, next, err := l.run(ctx, o, signals)
	if err != nil {
		return nil, err
	}
	if next == nil {
		l.log.Info("opampd has stopped")
		return nil, nil
	}
	l.log.Info("the configuration was read again", zap.Bool("collector_runs_on", exit.Detach))
	return next, nil
}

// run wires the lanes to the loop and waits for its end.
func (l *life) run(ctx context.Context, o *options, signals <-chan os.Signal) (core.Exit, *config.Loaded, error) {
	state, err := l.state()
	if err != nil {
		return core.Exit{}, nil, err
	}
	l.openOutput()
	l.startTelemetry(ctx, state.UID)
	defer l.stopTelemetry() //nolint:contextcheck // what is left is sent after the end of everything else
	watch := &observer{log: l.log, own: l.own, sweep: l.sweep, settle: l.store.Settle, publish: l.publish}
	l.engine = engine.New(engine.Settings{
		Store: l.book(), Observe: watch.observe, Alive: service.Alive, AliveEvery: service.AliveEvery(aliveEvery),
	})
	post := func(ev core.Event) { l.engine.Post(ctx, ev) }
	listener, err := local.Listen(ctx, agent.LinkOf(l.store.LoadRun, l.heir), l.config.Agent.OpAMPServerPort)
	if err != nil {
		return core.Exit{}, nil, err
	}
	settings := l.agent(post, local.Endpoint(listener))
	link := local.New(local.Settings{Listener: listener, Post: post, Rendered: l.store.Effective, Environ: settings.Agent.Env})
	defer link.Close()
	server := l.upstream(post)
	defer server.Close()
	collector := agent.NewProcess(settings, l.heir)
	releases := l.upgrade(post, state.Packages.Trial.Stage == core.TrialNone)
	caught := l.catch(ctx, o, signals)
	healthCtx, stopHealth := context.WithCancel(ctx)
	healthDone := l.serveHealth(healthCtx)
	defer func() { stopHealth(); healthDone() }()

	l.boot(ctx, post)
	exit, err := l.engine.Run(ctx, state, engine.Lanes{
		Agent: collector, Config: agent.NewConfig(settings), Local: link, Upstream: server,
		Upgrade: releases,
	})
	collector.Wait()
	releases.Wait()
	if err != nil {
		return exit, nil, fmt.Errorf("the event loop ended: %w", err)
	}
	l.heir = nil
	if exit.Detach {
		l.heir = collector.Bequeath()
	}
	next, stops := caught()
	if stops > 0 && !exit.Detach {
		return exit, nil, nil
	}
	l.stops = stops // the next life takes the Collector over, and stops it
	return exit, next, nil
}

// boot tells the loop that it begins, and what is known from before.
func (l *life) boot(ctx context.Context, post func(core.Event)) {
	post(core.Booted{At: core.Time(time.Now().UnixNano())})
	if l.stops > 0 {
		post(core.ShutdownRequested{Force: l.stops > 1})
		l.stops = 0
	}
	if l.lost != nil {
		post(core.StoreChanged{Problem: l.lost.Error()})
	}
	l.obey(ctx)
}

func (l *life) warn(o *options, loaded *config.Loaded) {
	for _, w := range loaded.Warnings {
		l.log.Warn(w.String())
	}
	if o.gates != "" {
		l.log.Warn("--feature-gates is accepted for the sake of older unit files and does nothing")
	}
}

// upstream makes the lane of the server. Certificates that cannot be used keep the
// server away, not the Collector down.
func (l *life) upstream(post func(core.Event)) *upstream.Lane {
	c := l.config.Server
	tls, err := tlsOf(c)
	attempts := 0
	return upstream.New(upstream.Settings{
		URL: c.Endpoint, Header: c.Headers.HTTP(), TLS: tls, Unusable: err, Grants: l.grants(), MaxMessage: c.MaxMessageSize,
		PackageName: l.config.Packages.Name,
		Attributes: upstream.Attributes{
			Host: hostAttributes(), Supervisor: version,
			Identifying:    l.config.Agent.Description.IdentifyingAttributes,
			NonIdentifying: l.config.Agent.Description.NonIdentifyingAttributes,
		},
		PutBlob: l.store.PutBlob, Post: post,
		Warn: func(message string) { l.log.Warn(message) },
		Disconnected: func(err error, retryIn time.Duration) {
			attempts++
			l.log.Warn("no connection to the OpAMP server; telemetry does not need it",
				zap.Error(err), zap.Int("attempt", attempts), zap.Stringer("retry_in", retryIn.Round(time.Millisecond)))
		},
	})
}

func (l *life) grants() upstream.Grants {
	c := l.config.Capabilities
	return upstream.Grants{
		RemoteConfig: c.AcceptsRemoteConfig, Restart: c.AcceptsRestartCommand,
		Effective: c.ReportsEffectiveConfig, Health: c.ReportsHealth, Components: c.ReportsAvailableComponents,
		OwnMetrics: c.ReportsOwnMetrics, OwnTraces: c.ReportsOwnTraces, OwnLogs: c.ReportsOwnLogs,
		Heartbeat: c.ReportsHeartbeat, Packages: l.granted,
	}
}

func (l *life) agent(post func(core.Event), link string) agent.Settings {
	c := l.config.Agent
	return agent.Settings{
		Agent: launch(c),
		Merge: agent.Merge{
			Files: c.ConfigFiles, Fallback: c.StartupFallbackConfigs, Validate: c.ValidateConfig,
			Resource: c.Description.IdentifyingAttributes, ReportsComponents: l.config.Capabilities.ReportsAvailableComponents,
			IncludeResource: c.Description.IncludeResourceAttributes, MaxSize: c.MaxConfigSize,
		},
		Link: link, Store: l.store, Log: l.output, Post: post, Program: l.program,
		Warn: func(message string) { l.log.Warn(message) },
	}
}

// launch is how the Collector is run: with our environment but for what is ours alone,
// and agent.env on top.
func launch(c config.Agent) agent.Launch {
	extra, variables := map[string]string{}, []string{}
	for name, value := range c.Env {
		extra[name] = string(value)
		variables = append(variables, name+"="+string(value))
	}
	slices.Sort(variables)
	return agent.Launch{
		Executable: c.Executable, Args: c.Args, Env: process.ChildEnv(os.Environ(), extra), Variables: variables,
		StopTimeout: c.StopTimeout, Snippet: snippet(c.CrashLogSnippetKiB),
	}
}

// snippet is how many bytes of a Collector's last words are told: what the file
// says, or enough for the cause.
func snippet(kib int) int {
	if kib == 0 {
		return 1 << 10
	}
	return kib << 10
}
