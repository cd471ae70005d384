package upgrade

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"syscall"

	"opampd/supervisor/internal/archive"
	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/download"
	"opampd/supervisor/internal/release"
	"opampd/supervisor/internal/remotepackage"
	"opampd/supervisor/internal/trust"
)

// failure is why a package did not get to the disk.
type failure struct {
	kind core.Kind
	err  error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// refused is a failure that lasts as long as the offer is what it is.
func refused(format string, args ...any) error {
	return &failure{core.KindBinary, fmt.Errorf(format, args...)}
}

func (l *Lane) fetch(ctx context.Context, cmd core.Fetch) core.Event {
	r, err := l.bring(ctx, cmd)
	if err == nil {
		return core.Fetched{Attempt: cmd.Attempt, Release: r}
	}
	var f *failure
	if !errors.As(err, &f) {
		f = &failure{core.KindWorld, err}
	}
	return core.FetchFailed{Attempt: cmd.Attempt, Kind: f.kind, Reason: f.Error()}
}

// bring gets a release to the disk: fetched, compared with what was offered, signed by
// someone who may, and only then unpacked.
func (l *Lane) bring(ctx context.Context, cmd core.Fetch) (core.Release, error) {
	o := cmd.Offer
	if l.Releases == nil {
		return core.Release{}, refused("no package can be kept: %w", l.Distrust)
	}
	if reason, bad := l.Bad(o.Content); bad && !o.Manual {
		return core.Release{}, refused("this release failed here before, and is not tried again unless an operator of this host asks for it: %s", reason)
	}
	if r, ok := l.known(o); ok {
		return r, nil
	}
	body, err := l.Blob(o.Body)
	if err != nil {
		return core.Release{}, fmt.Errorf("what the server said of the package cannot be read back: %w", err)
	}
	file, err := remotepackage.Decode(body)
	if err != nil {
		return core.Release{}, err
	}
	if len(file.Signature) == 0 && !l.Limits.Unsigned {
		return core.Release{}, refused("the release is refused: it is not signed, so that it was not even fetched (unsigned)")
	}
	partial, err := l.Releases.Partial(o.Content)
	if err != nil {
		return core.Release{}, err
	}
	defer partial.Close() //nolint:errcheck // what was synced is there, and the rest is fetched again
	if err := l.fill(ctx, cmd, file, partial); err != nil {
		return core.Release{}, err
	}
	verified, err := l.verify(ctx, o, file.Signature, partial)
	if err != nil {
		return core.Release{}, err
	}
	r, err := l.install(ctx, o, verified, partial)
	if err != nil {
		return core.Release{}, err
	}
	if file.Path != "" && filepath.Dir(file.Path) == l.Limits.Inbox {
		_ = os.Remove(file.Path)
	}
	if err := partial.Remove(); err != nil {
		l.Warn(fmt.Sprintf("the file of a package that was unpacked cannot be removed: %v", err))
	}
	return r, nil
}

// known returns a release that is there already: the one before, which may be gone back
// to without asking anyone but the list of what was revoked.
func (l *Lane) known(o core.PackageOffer) (core.Release, bool) {
	previous, err := l.Releases.Previous()
	if err != nil || previous != o.Content {
		return core.Release{}, false
	}
	rec, err := l.sound(o.Content)
	if err != nil {
		return core.Release{}, false
	}
	return core.Release{ID: o.Content, Version: rec.Version, Hash: o.Hash}, true
}

// fill gets the file: from the network, or from where an operator put it. One that was
// put together of several answers and is not what was offered is fetched once more.
func (l *Lane) fill(ctx context.Context, cmd core.Fetch, file remotepackage.File, partial *release.Partial) error {
	for again := true; ; again = false {
		resumed, err := l.get(ctx, cmd, file, partial)
		if err != nil {
			return err
		}
		sum, err := digest(ctx, partial)
		if err != nil {
			return err
		}
		if sum == cmd.Offer.Content {
			return nil
		}
		if err := partial.Restart(""); err != nil {
			return fmt.Errorf("a file that is not what was offered cannot be removed: %w", err)
		}
		if !resumed || !again {
			return refused("the file has the SHA-256 %s, but %s was offered as its content_hash; it was thrown away", sum, cmd.Offer.Content)
		}
	}
}

func (l *Lane) get(ctx context.Context, cmd core.Fetch, file remotepackage.File, partial *release.Partial) (resumed bool, err error) {
	if file.Path != "" {
		return false, l.copy(ctx, file.Path, partial)
	}
	settings := l.Download
	settings.Space = func(size int64) error { return l.room(size, partial.Size()) }
	settings.Progress = l.progress(cmd.Attempt)
	client, err := download.New(settings)
	if err != nil {
		return false, refused("the package cannot be fetched: %w", err)
	}
	header := http.Header{}
	for _, h := range file.Headers {
		header.Add(h.Name, h.Value)
	}
	result, err := client.Fetch(ctx, download.Request{
		URL: file.URL, Mirrors: l.Limits.Mirrors, Header: header, MaxSize: l.Limits.MaxSize, SHA256: cmd.Offer.Content,
	}, partial)
	var e *download.Error
	if errors.As(err, &e) && e.Kind == download.Refused {
		return false, &failure{core.KindBinary, err}
	}
	return result.Resumed, err
}

// progress tells how far a download is, every twentieth of it or every ten seconds: the
// server hears of each.
func (l *Lane) progress(attempt uint64) func(download.Progress) {
	told, calls := -1, 0
	return func(p download.Progress) {
		if calls++; int(p.Percent)/5 == told && calls%10 != 0 {
			return
		}
		told = int(p.Percent) / 5
		l.Post(core.Fetching{Attempt: attempt, Percent: int(p.Percent), Rate: int64(p.BytesPerSecond)})
	}
}

// copy takes a file of this host.
func (l *Lane) copy(ctx context.Context, path string, partial *release.Partial) error {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a named pipe must not hold us up
	if err != nil {
		return refused("the package cannot be read: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("look at the package: %w", err)
	}
	if info.Size() > l.Limits.MaxSize {
		return refused("the package has %d bytes, more than the %d of packages.max_size", info.Size(), l.Limits.MaxSize)
	}
	if err := l.room(info.Size(), 0); err != nil {
		return err
	}
	if err := partial.Restart(""); err != nil {
		return err
	}
	if _, err := io.Copy(partial, io.LimitReader(patient{ctx, f}, l.Limits.MaxSize)); err != nil {
		return fmt.Errorf("copy the package from %s: %w", path, err)
	}
	return partial.Sync()
}

// room says why there is none for a file of that size, of which some is there already, and
// for what is in it.
func (l *Lane) room(size, have int64) error {
	free, err := l.Free()
	if err != nil {
		return nil //nolint:nilerr // a file system that does not tell says ENOSPC when it is full
	}
	if need := uint64(max(0, size*11/5-have)) + roomMargin; free < need {
		return fmt.Errorf("the disk has %d MB free, and the package needs %d MB with what is in it; make room", free>>20, need>>20)
	}
	return nil
}

// roomMargin is what a Collector that runs needs of the disk meanwhile, in bytes.
const roomMargin = 64 << 20

// install unpacks what was verified.
func (l *Lane) install(ctx context.Context, o core.PackageOffer, v trust.Verified, partial *release.Partial) (core.Release, error) {
	rec := l.record(o, v)
	err := l.Releases.Install(rec, func(w io.Writer) error {
		src, err := partial.Reader()
		if err != nil {
			return err
		}
		defer src.Close() //nolint:errcheck // read only
		want := archive.Program{Name: l.Limits.Program, OS: l.Host.OS, Arch: l.Host.Arch}
		_, err = archive.Extract(ctx, io.NewSectionReader(src, 0, partial.Size()), want, w, archive.Limits{
			Entries: maxEntries, Unpacked: l.Limits.MaxUnpacked, Binary: l.Limits.MaxUnpacked,
		})
		return err
	})
	if _, no := errors.AsType[*archive.RefusedError](err); no {
		return core.Release{}, &failure{core.KindBinary, err}
	}
	return core.Release{ID: o.Content, Version: rec.Version, Hash: o.Hash}, err
}

// maxEntries is how many files an archive may have: a release has a handful.
const maxEntries = 10_000
