package main

import (
	"cmp"

	"go.uber.org/zap"

	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/engine"
)

// upgrade logs how a package and the release in it fare.
func (o *observer) upgrade(t engine.Transition) {
	if o.publish != nil {
		o.publish(t)
	}
	from, to := t.From.Packages, t.To.Packages
	log := o.log.With(zap.String("version", to.Offer.Version), zap.String("package", short(to.Offer.Content)))
	if from.Code != to.Code {
		switch to.Code {
		case core.PackageDownloading:
			log.Info("a package is being fetched", zap.Bool("by_hand", to.Offer.Manual))
		case core.PackageInstalled:
			log.Info("the release is installed")
		case core.PackageFailed:
			log.Error("the package failed", zap.String("reason", to.Message))
		case core.PackageNone, core.PackagePending, core.PackageInstalling:
		}
	}
	if to.Offer.Problem != from.Offer.Problem && to.Offer.Problem != "" {
		o.log.Warn("the server's offer of packages is refused", zap.String("reason", to.Offer.Problem))
	}
	o.trial(from.Trial, to.Trial, t.To.Settings)
}

// trial logs the way from one release to another.
func (o *observer) trial(from, to core.Trial, s core.Settings) {
	if from.Stage == to.Stage {
		return
	}
	log := o.log.With(zap.String("release", to.To.Version), zap.String("package", short(to.To.ID)), zap.String("before", cmp.Or(to.From.Version, "factory")))
	switch to.Stage {
	case core.TrialSwitching:
		log.Info("the release is verified and fit to take over; the Collector is switched to it")
	case core.TrialWatching:
		log.Info("the new release works; it is watched before it counts as installed", zap.Duration("for", s.Watch))
	case core.TrialReverting:
		log.Error("the new release is given up; the one before takes over again")
	case core.TrialProving, core.TrialNone:
	}
}
