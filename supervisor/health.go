package main

import (
	"context"

	"go.uber.org/zap"

	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/health"
)

// serveHealth serves the healthcheck endpoint until ctx ends. Returned is what waits
// for that.
func (l *life) serveHealth(ctx context.Context) (wait func()) {
	c := l.config.HealthCheck
	done := make(chan struct{})
	if !c.Enabled() {
		close(done)
		return func() {}
	}
	go func() {
		defer close(done)
		settings, err := health.Settings{Endpoint: c.Endpoint, State: l.healthState}, error(nil)
		if c.TLS.Enabled() {
			settings.TLS, err = c.TLS.Load()
		}
		if err == nil {
			err = health.Serve(ctx, settings)
		}
		if err != nil {
			l.log.Error("the healthcheck endpoint is not served", zap.Error(err))
		}
	}()
	return func() { <-done }
}

// healthState asks the loop.
func (l *life) healthState(ctx context.Context) (health.Status, bool) {
	view, ok := l.engine.View(ctx)
	if !ok {
		return health.Status{}, false
	}
	s := view.State
	stopped := s.Agent.Phase == core.PhaseDown && s.Rollout.Stage == core.StageIdle && s.Rollout.Tried.Target.Kind == core.TargetNone
	return health.Status{
		Started: s.Boot == core.BootDone, Composed: s.Rollout.Active != "" || stopped,
		CollectorHealthy: s.Agent.Healthy || stopped, Problem: s.Link.Told.Health.LastError,
	}, true
}
