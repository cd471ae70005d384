package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"go.uber.org/zap"

	"opampd/supervisor/internal/agent"
	"opampd/supervisor/internal/config"
	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/disk"
	"opampd/supervisor/internal/download"
	"opampd/supervisor/internal/release"
	"opampd/supervisor/internal/service"
	"opampd/supervisor/internal/trust"
	"opampd/supervisor/internal/upgrade"
)

// packages is what a life knows of releases.
type packages struct {
	releases *release.Releases
	trust    *trust.Trust
	distrust error // why there is no trust
	granted  bool  // the server may offer packages

	closePackages func() error
}

// openPackages looks at the releases that are installed and at who may publish others.
// Nothing here keeps the daemon from starting: what is installed runs.
func (l *life) openPackages() {
	dir := packagesDir(l.config)
	c := l.config.Packages
	l.closePackages = func() error { return nil }
	granted, reason := l.config.PackagesGranted(service.InContainer())
	if len(c.Roots) > 0 || c.Verify == config.VerifyHashOnly {
		l.trust, l.distrust = trust.Load(trustSettings(l.config, dir))
	} else {
		l.distrust = errors.New("packages.trust names nobody who may publish one")
	}
	tree, err := disk.Open(dir)
	var incidents []disk.Incident
	if err == nil {
		l.closePackages = tree.Close
		l.releases, incidents, err = release.Open(tree, dir)
	}
	if err == nil && granted {
		err = disk.Executable(dir)
	}
	if err != nil && l.distrust == nil {
		l.distrust = err
	}
	l.tell(incidents)
	l.granted = granted && l.distrust == nil
	if l.config.Capabilities.AcceptsPackages && !l.granted {
		if l.distrust != nil {
			reason = l.distrust.Error()
		}
		l.log.Warn("the server cannot upgrade the Collector: the capability is not announced", zap.String("reason", reason))
	}
}

func packagesDir(c config.Config) string { return filepath.Join(c.Storage.Directory, "packages") }

// trustSettings are what the local file says of who may publish.
func trustSettings(c config.Config, dir string) trust.Settings {
	p, cosign := c.Packages, c.Agent.Package.Verifier.Cosign
	s := trust.Settings{
		KeyListFile: p.KeyList, RevocationsFile: p.Revocations, Repository: cosign.GitHubWorkflowRepository,
		Policy: trust.Policy{
			Threshold: p.Threshold, RootThreshold: p.RootThreshold, HashOnly: p.Verify == config.VerifyHashOnly,
			AllowDowngrade: string(p.AllowDowngrade), Fleet: p.Fleet,
		},
		Sigstore: upgrade.Sigstore(sigstoreVerifier(p.SigstoreVerifier), dir),
	}
	for _, r := range p.Roots {
		s.Roots = append(s.Roots, trust.Root{Kind: string(r.Kind), File: r.File, ID: r.ID})
	}
	for _, id := range cosign.Identities {
		s.Identities = append(s.Identities, trust.Identity(id))
	}
	return s
}

// sigstoreVerifier is the program that checks Sigstore bundles: what the file says, or
// the one beside this program.
func sigstoreVerifier(path string) string {
	if path != "" {
		return path
	}
	own, err := os.Executable()
	if err != nil {
		return "opampd-sigstore"
	}
	return filepath.Join(filepath.Dir(own), "opampd-sigstore")
}

// program finds the Collector of an installed release.
func (l *life) program(id string) (agent.Program, error) {
	if l.releases == nil {
		return agent.Program{}, l.distrust
	}
	rec, err := l.releases.Load(id)
	if err != nil {
		return agent.Program{}, damaged(err)
	}
	return agent.Program{
		Path: l.releases.Path(rec), Hash: rec.Binary,
		Open: func() (*os.File, error) {
			f, _, err := l.releases.OpenBinary(id)
			return f, damaged(err)
		},
	}, nil
}

// damaged tells what is wrong with a release for good from a disk that does not answer.
func damaged(err error) error {
	if disk.Damaged(err) || errors.Is(err, fs.ErrNotExist) {
		return &agent.DamagedError{Err: err}
	}
	return err
}

// selected is the state of the links. A release that is damaged, be it its program or its
// record, is left for the one before it: there is always something to run.
func (l *life) selected() (current, previous core.Release) {
	if l.releases == nil {
		return current, previous
	}
	current, err := l.linked(l.releases.Current)
	previous, lost := l.linked(l.releases.Previous)
	if lost != nil {
		l.log.Warn("the release before cannot be gone back to", zap.Error(lost))
	}
	if err == nil {
		err = l.sound(current)
	}
	for err != nil {
		l.log.Error("the installed release is damaged; the one before it takes over", zap.String("release", current.Version), zap.Error(err))
		current, previous = previous, core.Release{}
		if err := l.releases.Select(current.ID, previous.ID); err != nil {
			l.log.Error("that cannot be written down", zap.Error(err))
		}
		err = l.sound(current)
	}
	return current, previous
}

// sound says what is wrong with a release; with agent.executable nothing is.
func (l *life) sound(r core.Release) error {
	if r.ID == "" {
		return nil
	}
	return l.releases.Sound(r.ID)
}

// linked is where a link leads. The error says that it leads to nothing that could run.
func (l *life) linked(link func() (string, error)) (core.Release, error) {
	id, err := link()
	if err != nil || id == "" {
		return core.Release{}, err
	}
	rec, err := l.releases.Load(id)
	return core.Release{ID: id, Version: rec.Version, Hash: rec.PackageHash}, err
}

// upgrade makes the lane of the releases; trusted says that none of them is on trial.
func (l *life) upgrade(post func(core.Event), trusted bool) *upgrade.Lane {
	p := l.config.Packages
	lane := upgrade.New(upgrade.Settings{
		Releases: l.releases, Trust: l.trust, Distrust: l.distrust,
		Download: l.download(),
		Limits: upgrade.Limits{
			Program: l.config.Agent.PackageBinary(), Mirrors: p.Mirrors,
			MaxSize: p.MaxSize, MaxUnpacked: p.MaxUnpackedSize, Keep: p.Keep,
			Unsigned: p.Verify == config.VerifyHashOnly, Inbox: filepath.Join(packagesDir(l.config), "inbox"),
		},
		Host: trust.Host{OS: runtime.GOOS, Arch: runtime.GOARCH, Package: l.config.Agent.PackageBinary()},
		Blob: l.store.Blob,
		Bad: func(content string) (string, bool) {
			v, bad := l.store.BadRelease(content)
			return v.Reason, bad
		},
		Free:  func() (uint64, error) { return disk.Free(packagesDir(l.config)) },
		Words: func() []byte { return endOf(l.store.LogPath()) },
		Now:   time.Now, Post: post,
		Warn: func(message string) { l.log.Warn(message) },
	})
	lane.Look(trusted)
	return lane
}

// download is how packages are fetched: with the certificates that the local file
// trusts, but without the one that is meant for the OpAMP server alone.
func (l *life) download() download.Settings {
	p := l.config.Packages
	s := download.Settings{
		AllowHTTP: p.AllowHTTP, AllowedHosts: p.AllowedHosts, RateLimit: p.RateLimit, StallTimeout: p.StallTimeout,
	}
	tls, err := l.config.Server.TLS.Load()
	if err != nil {
		l.log.Warn("packages are fetched with the certificates of the system alone", zap.Error(fmt.Errorf("server.tls: %w", err)))
		return s
	}
	if tls != nil {
		tls.Certificates, tls.GetClientCertificate, tls.ServerName = nil, nil, ""
	}
	s.TLS = tls
	return s
}

// keptWords is how much of what a release that failed printed is kept.
const keptWords = 256 << 10

// endOf returns the end of a file, or what can be had of it.
func endOf(path string) []byte {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close() //nolint:errcheck // read only
	info, err := f.Stat()
	if err != nil {
		return nil
	}
	end, _ := io.ReadAll(io.NewSectionReader(f, max(0, info.Size()-keptWords), keptWords))
	return end
}
