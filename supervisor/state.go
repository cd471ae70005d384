package main

import (
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"go.uber.org/zap"

	"opampd/supervisor/internal/config"
	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/engine"
	"opampd/supervisor/internal/store"
	"opampd/supervisor/internal/upstream"
)

// state is what the loop begins with: what an earlier life saved, or what the
// reference supervisor left in the same directory, or nothing but a new identity.
func (l *life) state() (core.State, error) {
	s := core.State{Settings: l.settings()}
	found, err := l.store.LoadState(&s.Durable)
	if err != nil {
		l.log.Error("the saved state cannot be read; opampd starts without it", zap.Error(err))
	}
	if !found {
		l.imported(&s.Durable)
	}
	if s.UID == "" {
		if s.UID, err = l.newUID(); err != nil {
			return s, err
		}
	}
	l.recall(&s)
	s.Upgrade.Current, s.Upgrade.Previous = l.selected()
	if err := l.store.SaveState(s.Durable); err != nil { // the uid must last before anyone hears it (S-041)
		l.log.Error("the state cannot be saved", zap.Error(err))
	}
	l.sweep(s)
	l.tell(l.store.Incidents())
	return s, nil
}

// recall finds the last two known good configurations whose bodies can still be
// read. An offer whose body cannot is forgotten, status and all, so that the server
// offers it again when it hears that none is known.
func (l *life) recall(s *core.State) {
	var good []core.Offer
	for _, v := range l.store.Good(l.config.Storage.KeepConfigs) {
		if _, err := l.store.Blob(v.Body); err == nil {
			good = append(good, offerOf(v))
		}
	}
	if len(good) > 0 {
		s.Rollout.Good = good[0]
	}
	if len(good) > 1 {
		s.Rollout.Spare = good[1]
	}
	if s.Offered.Body == "" {
		return
	}
	if _, err := l.store.Blob(s.Offered.Body); err != nil {
		l.log.Error("the configuration that was offered last cannot be read back; it is forgotten, so that the server offers it again", zap.Error(err))
		s.Offered, s.Status, s.Tries = core.Offer{}, core.Status{}, 0
	}
}

func (l *life) newUID() (string, error) {
	if id := l.config.Agent.InstanceID; id != "" {
		return id, nil
	}
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("make an instance uid: %w", err)
	}
	return id.String(), nil
}

// sweep removes configuration bodies that nothing refers to any more.
func (l *life) sweep(s core.State) {
	needed := []string{
		s.Offered.Body, s.Applied.Body, s.Rollout.Good.Body, s.Rollout.Spare.Body,
		s.Rollout.Last.Offer.Body, s.Rollout.Tried.Target.Offer.Body, s.Rollout.Probation.Body,
		s.Packages.Offer.Body, s.Upgrade.Queued.Offer.Body,
	}
	keep := func(sha string) bool { return slices.Contains(needed, sha) }
	if err := l.store.SweepBlobs(keep); err != nil {
		l.log.Warn("old configurations could not be removed", zap.Error(err))
	}
}

// imported takes over what the reference supervisor left.
func (l *life) imported(d *core.Durable) {
	old, found, err := l.store.Import()
	if err != nil || !found {
		if err != nil {
			l.log.Warn("the reference supervisor's state could not be taken over", zap.Error(err))
		}
		return
	}
	d.UID = old.InstanceUID
	if offer, err := l.keep(old.RemoteConfig); err == nil {
		d.Offered, d.Status = offer, core.Status{Hash: offer.Hash}
		if hex.EncodeToString(old.StatusHash) == offer.Hash { // else it is of another one, and this one was never tried
			d.Status.Code, d.Status.Message = core.StatusCode(old.Status), old.StatusMessage
		}
	}
	if offer, err := l.keep(old.WorkingConfig); err == nil {
		_ = l.store.Record(store.Verdict{Offer: offer.Hash, Body: offer.Body, Source: "import", Good: true, Time: time.Now()})
	}
	if d.Signals, err = upstream.ImportTelemetry(old.OwnTelemetry); err != nil {
		l.log.Warn("the own telemetry settings of the reference supervisor could not be taken over", zap.Error(err))
	}
	l.log.Info("took over the state of the reference supervisor", zap.String("instance_uid", d.UID), zap.String("config", d.Offered.Hash))
}

// keep stores a remote configuration that came as a protobuf.
func (l *life) keep(raw []byte) (core.Offer, error) {
	offer, body, err := upstream.ImportConfig(raw)
	if err != nil {
		return offer, err
	}
	offer.Body, err = l.store.PutBlob(body)
	return offer, err
}

func (l *life) settings() core.Settings {
	a := l.config.Agent
	return core.Settings{
		AcceptsConfig: l.config.Capabilities.AcceptsRemoteConfig, HasFallback: len(a.StartupFallbackConfigs) > 0,
		Rollback: a.AutomaticConfigRollback, Reload: reloadMode(a.Reload),
		ApplyTimeout: a.ConfigApplyTimeout, Probation: a.Probation,
		RestartDelay: a.Restart.InitialDelay, RestartMax: a.Restart.MaxDelay, RestartReset: a.Restart.ResetAfter,
		AcceptsPackages: l.granted, Watch: l.config.Packages.Watch, UnhealthyLimit: l.config.Packages.UnhealthyLimit,
	}
}

func reloadMode(r config.Reload) core.ReloadMode {
	switch r {
	case config.ReloadHUP:
		return core.ReloadHUP
	case config.ReloadRestart:
		return core.ReloadRestart
	case config.ReloadAuto:
	}
	return core.ReloadAuto
}

// ledger is the store as the loop sees it.
type ledger struct{ *store.Store }

// Save implements engine.Store.
func (l ledger) Save(d core.Durable) error { return l.SaveState(d) }

// Record implements engine.Store.
func (l ledger) Record(v core.Verdict) error {
	kind := map[core.Kind]string{
		core.KindContent: store.KindContent, core.KindWorld: store.KindWorld, core.KindBinary: store.KindWorld,
		core.KindSuperseded: store.KindSuperseded,
	}[v.Kind]
	return l.Store.Record(store.Verdict{
		Package: v.Package, Time: time.Now(), Offer: v.Offer.Hash, Body: v.Offer.Body, Source: "remote", Good: v.Good, Kind: kind,
		Reason: v.Reason, Evidence: v.Evidence, Config: v.Config, Binary: v.Binary, Policy: v.Policy,
	})
}

// fleeting is a ledger in a place that does not last. What is saved there does not
// count as saved, so that the server is told.
type fleeting struct {
	ledger
	problem error
}

// Save implements engine.Store.
func (f fleeting) Save(d core.Durable) error {
	if err := f.ledger.Save(d); err != nil {
		return err
	}
	return f.problem
}

// book is where the loop keeps what must survive.
func (l *life) book() engine.Store {
	if l.lost != nil {
		return fleeting{ledger{l.store}, l.lost}
	}
	return ledger{l.store}
}

func offerOf(v store.Verdict) core.Offer { return core.Offer{Hash: v.Offer, Body: v.Body} }
