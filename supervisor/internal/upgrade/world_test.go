package upgrade

import (
	"bytes"
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/disk"
	"opampd/supervisor/internal/release"
	"opampd/supervisor/internal/remotepackage"
	"opampd/supervisor/internal/store"
	"opampd/supervisor/internal/testkit/crashdisk"
	"opampd/supervisor/internal/trust"
)

// shop publishes packages, and is trusted.
type shop struct {
	trust    *trust.Trust
	packages map[string]offered // by version
}

// offered is a package as it lies on a real disk, for the lane to take.
type offered struct {
	content string // SHA-256, hex
	file    remotepackage.File
}

// open makes a shop with these versions; their indexes grow.
func open(t *testing.T, versions ...string) *shop {
	t.Helper()
	dir := t.TempDir()
	key, err := trust.GenerateKey(trust.Ed25519)
	require.NoError(t, err)
	_, public, err := key.PEM()
	require.NoError(t, err)
	root := filepath.Join(dir, "root.pub")
	require.NoError(t, os.WriteFile(root, public, 0o600))
	s := &shop{packages: map[string]offered{}}
	s.trust, err = trust.Load(trust.Settings{Roots: []trust.Root{{Kind: trust.KindKey, File: root}}, Owner: trust.AnyOwner})
	require.NoError(t, err)
	for i, version := range versions {
		body := program(t, version)
		sum := sha256.Sum256(body)
		content := hex.EncodeToString(sum[:])
		signature, err := trust.SignRelease(trust.Statement{
			Release: trust.Release{Package: "otelcol", Version: version, OS: "linux", Arch: "amd64"},
			SHA256:  content, Size: int64(len(body)), Index: int64(i + 1), Expires: time.Now().Add(time.Hour),
		}, nil, key)
		require.NoError(t, err)
		file := filepath.Join(dir, version)
		require.NoError(t, os.WriteFile(file, body, 0o600))
		s.packages[version] = offered{content, remotepackage.File{Path: file, Signature: signature}}
	}
	return s
}

// program is the smallest file that is a program for linux/amd64, with some body.
func program(t *testing.T, version string) []byte {
	t.Helper()
	var b bytes.Buffer
	head := elf.Header64{Type: uint16(elf.ET_EXEC), Machine: uint16(elf.EM_X86_64), Version: 1, Ehsize: 64}
	copy(head.Ident[:], []byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), 1})
	require.NoError(t, binary.Write(&b, binary.LittleEndian, head))
	b.WriteString(strings.Repeat(version+" ", 10_000))
	return b.Bytes()
}

// host is a machine with a disk that may crash, and a Collector that it runs.
type host struct {
	t       *testing.T
	shop    *shop
	disk    *crashdisk.Disk
	bad     string // the version that dies when it runs
	wanted  string // the version that the server offers
	goBack  bool   // an operator asks for the release before, once
	running string // the release of the Collector, when there is one
	alive   bool
	state   core.State
	lane    *Lane
	store   *store.Store
	queue   []core.Event
	timers  []core.SetTimer
}

// crashed reports whether the machine is down.
func (h *host) crashed() bool {
	_, err := h.disk.Read("state.json")
	return errors.Is(err, crashdisk.ErrCrashed)
}

// boot starts a life with what is on disk, as main does.
func (h *host) boot() {
	h.alive, h.queue, h.timers = false, nil, nil
	h.store = store.Over(h.disk, store.Options{})
	releases, _, err := release.Open(below{h.disk, "packages"}, "")
	if err != nil {
		require.True(h.t, h.crashed(), "%v", err)
		return
	}
	h.lane = New(Settings{
		Releases: releases, Trust: h.shop.trust, Blob: h.store.Blob, Now: time.Now,
		Bad: func(content string) (string, bool) {
			v, bad := h.store.BadRelease(content)
			return v.Reason, bad
		},
		Free: func() (uint64, error) { return 1 << 40, nil }, Words: func() []byte { return []byte("last words") },
		Limits: Limits{Program: "otelcol", MaxSize: 1 << 30, MaxUnpacked: 1 << 30, Keep: 2},
		Host:   trust.Host{OS: "linux", Arch: "amd64", Package: "otelcol"},
		Post:   func(core.Event) {}, Warn: func(string) {},
	})
	h.state = core.State{Settings: core.Settings{
		AcceptsConfig: true, AcceptsPackages: true, Rollback: true, Watch: time.Minute, UnhealthyLimit: time.Second,
		ApplyTimeout: time.Second, RestartDelay: time.Second, RestartMax: time.Second, RestartReset: time.Minute,
	}}
	_, _ = h.store.LoadState(&h.state.Durable)
	h.state.UID = "018f2f3e-0000-7000-8000-000000000001"
	h.state.Upgrade.Current, h.state.Upgrade.Previous = h.linked(releases.Current), h.linked(releases.Previous)
	h.queue = []core.Event{core.Booted{At: 1}}
	h.ask()
}

func (h *host) linked(link func() (string, error)) core.Release {
	id, err := link()
	if err != nil || id == "" || h.lane.Releases.Sound(id) != nil {
		return core.Release{}
	}
	return core.Release{ID: id}
}

// ask is what comes from outside: the server's offer, as it is repeated at each connect, and the operator's wish.
func (h *host) ask() {
	if p, ok := h.shop.packages[h.wanted]; ok {
		body, err := remotepackage.Encode(p.file)
		require.NoError(h.t, err)
		sha, err := h.store.PutBlob(body)
		if err != nil {
			return // the offer cannot be stored: it is not taken
		}
		h.queue = append(h.queue, core.PackagesOffered{All: "all", Offer: core.PackageOffer{
			Version: h.wanted, Hash: p.content, Content: p.content, Body: sha,
		}})
	}
	if h.goBack {
		h.goBack = false
		h.queue = append(h.queue, core.RollbackRequested{})
	}
}

// live runs the loop until nothing is left to happen or the machine crashes.
func (h *host) live() {
	for range 2000 {
		switch {
		case h.crashed():
			return
		case len(h.queue) > 0:
			ev := h.queue[0]
			h.queue = h.queue[1:]
			h.step(ev)
		case len(h.timers) > 0:
			timer := h.timers[0]
			h.timers = h.timers[1:]
			h.step(core.TimerFired{Timer: timer.Timer, ID: timer.ID})
		case h.state.Storage != "":
			h.step(core.StoreChanged{})
		default:
			return
		}
	}
	require.Fail(h.t, "the host does not come to rest")
}

// step does what the engine does: save, then hand out.
func (h *host) step(ev core.Event) {
	before := h.state.Durable
	var commands []core.Command
	h.state, commands = core.Step(h.state, ev)
	problem := error(nil)
	if h.state.Durable != before {
		problem = h.store.SaveState(h.state.Durable)
	}
	for _, c := range commands {
		if h.crashed() {
			return
		}
		h.carryOut(c)
	}
	if problem != nil && h.state.Storage == "" && !h.crashed() {
		h.step(core.StoreChanged{Problem: problem.Error()})
	}
}

func (h *host) carryOut(c core.Command) {
	switch c := c.(type) {
	case core.Find:
		h.post(core.NothingFound(c))
	case core.Prepare:
		h.post(core.Prepared{Attempt: c.Attempt, Config: "c", Binary: "b" + c.Wish.Release, Policy: "p"})
	case core.Rehearse:
		h.post(core.Rehearsed{Attempt: c.Attempt})
	case core.Expect:
		h.post(core.Expecting{Run: c.Run, Token: "t"})
	case core.Start:
		h.start(c)
	case core.Stop:
		h.stop(c.Run)
	case core.Kill:
		h.stop(c.Run)
	case core.Fetch:
		h.post(h.lane.fetch(context.Background(), c))
	case core.Select:
		h.post(h.lane.choose(c))
	case core.Prune:
		h.lane.prune(c)
	case core.Record:
		_ = h.store.Record(store.Verdict{
			Package: c.Verdict.Package, Offer: c.Verdict.Offer.Hash, Body: c.Verdict.Offer.Body, Good: c.Verdict.Good,
			Kind: map[core.Kind]string{core.KindContent: store.KindContent}[c.Verdict.Kind], Reason: c.Verdict.Reason,
		})
	case core.SetTimer:
		if c.Timer != core.TimerPackage { // the server's next offer comes sooner
			h.timers = append(h.timers, c)
		}
	default:
	}
}

func (h *host) post(ev core.Event) { h.queue = append(h.queue, ev) }

// start runs what must never be anything but a release that was verified.
func (h *host) start(c core.Start) {
	require.False(h.t, h.alive, "two Collectors")
	if c.Release != "" {
		if err := h.lane.Releases.Sound(c.Release); err != nil {
			if !h.crashed() {
				h.post(core.StartFailed{Run: c.Run, Reason: err.Error()})
			}
			return
		}
		known := false
		for _, p := range h.shop.packages {
			known = known || p.content == c.Release
		}
		require.True(h.t, known, "what nobody signed is run")
	}
	h.alive, h.running = true, c.Release
	h.post(core.Started{Run: c.Run, PID: 1, At: 1})
	if h.bad != "" && c.Release == h.shop.packages[h.bad].content {
		h.alive = false
		h.post(core.Exited{Run: c.Run, Code: 2, Reason: "exited with code 2"})
		return
	}
	h.post(core.AgentDescribed{Run: c.Run, Marker: c.Config})
	h.post(core.AgentHealth{Run: c.Run, Healthy: true, Status: "StatusOK"})
}

func (h *host) stop(run core.RunID) {
	if h.alive {
		h.alive = false
		h.post(core.Exited{Run: run, Reason: "exited with code 0"})
	}
}

// below is a directory of a disk.
type below struct {
	disk.Tree
	dir string
}

func (b below) at(name string) string { return path.Join(b.dir, name) }

func (b below) Read(name string) ([]byte, error)      { return b.Tree.Read(b.at(name)) }
func (b below) List(dir string) ([]string, error)     { return b.Tree.List(b.at(dir)) }
func (b below) Create(name string) (disk.File, error) { return b.Tree.Create(b.at(name)) }
func (b below) Append(name string) (disk.File, error) { return b.Tree.Append(b.at(name)) }
func (b below) Rename(oldName, newName string) error {
	return b.Tree.Rename(b.at(oldName), b.at(newName))
}
func (b below) Remove(name string) error                  { return b.Tree.Remove(b.at(name)) }
func (b below) SyncDir(dir string) error                  { return b.Tree.SyncDir(b.at(dir)) }
func (b below) Lstat(name string) (fs.FileInfo, error)    { return b.Tree.Lstat(b.at(name)) }
func (b below) Entries(dir string) ([]fs.FileInfo, error) { return b.Tree.Entries(b.at(dir)) }
func (b below) Readlink(name string) (string, error)      { return b.Tree.Readlink(b.at(name)) }
func (b below) Open(name string) (disk.Source, error)     { return b.Tree.Open(b.at(name)) }
func (b below) Mkdir(name string) error                   { return b.Tree.Mkdir(b.at(name)) }
func (b below) Symlink(target, name string) error         { return b.Tree.Symlink(target, b.at(name)) }
func (b below) Chmod(name string, mode fs.FileMode) error { return b.Tree.Chmod(b.at(name), mode) }
func (b below) Resume(name string, size int64) (disk.File, error) {
	return b.Tree.Resume(b.at(name), size)
}
