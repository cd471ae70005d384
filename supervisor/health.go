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
	tls, err := c.TLS.Load()
	if err != nil {
		l.log.Error("the healthcheck endpoint is not served", zap.Error(err))
		return func() {}
	}
	go func() {
		defer close(done)
		if err := health.Serve(ctx, health.Settings{Endpoint: c.Endpoint, TLS: tls, State: l.healthState}); err != nil {
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
