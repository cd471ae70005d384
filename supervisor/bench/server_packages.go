package main

import (
	"context"
	"fmt"
	"time"

	"github.com/open-telemetry/opamp-go/protobufs"
)

// packageStatus is what the agent said of its package last.
type packageStatus struct {
	*protobufs.PackageStatus
	at time.Time
}

// offerPackage sends an offer to the agent that is connected, and returns when.
func (s *server) offerPackage(p *protobufs.PackageAvailable) (sent time.Time) {
	s.update(func() {
		sent = time.Now()
		write(s.conn, &protobufs.ServerToAgent{PackagesAvailable: &protobufs.PackagesAvailable{
			Packages: map[string]*protobufs.PackageAvailable{"": p}, AllPackagesHash: p.GetHash(),
		}})
	})
	return sent
}

// settled waits until the agent has said INSTALLED or INSTALL_FAILED of a package.
func (s *server) settled(ctx context.Context, hash []byte) (packageStatus, error) {
	var found packageStatus
	err := s.await(ctx, time.Minute, "the end of an installation", func() bool {
		found = s.pkg
		code := found.GetStatus()
		return found.PackageStatus != nil && string(found.GetServerOfferedHash()) == string(hash) &&
			(code == protobufs.PackageStatusEnum_PackageStatusEnum_Installed || code == protobufs.PackageStatusEnum_PackageStatusEnum_InstallFailed)
	})
	return found, err
}

// runs waits until the agent has a package, which it says when the release in it works, and returns when its Collector
// was started.
func (s *server) runs(ctx context.Context, hash []byte) (started time.Time, err error) {
	failed := ""
	err = s.await(ctx, time.Minute, "a new release", func() bool {
		if s.pkg.GetStatus() == protobufs.PackageStatusEnum_PackageStatusEnum_InstallFailed && string(s.pkg.GetServerOfferedHash()) == string(hash) {
			failed = s.pkg.GetErrorMessage()
			return true
		}
		started = s.health.started
		return s.health.healthy && string(s.pkg.GetAgentHasHash()) == string(hash)
	})
	if err == nil && failed != "" {
		err = fmt.Errorf("a good release failed: %s", failed)
	}
	return started, err
}
