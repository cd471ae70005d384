package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"go.uber.org/zap"

	"opampd/supervisor/internal/config"
	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/engine"
	"opampd/supervisor/internal/remotepackage"
)

// request is what an operator of this host asks of the daemon, by way of a file in its
// storage directory: whoever may write there owns the daemon anyway. It is read at start
// and at SIGUSR2.
type request struct {
	Action    string `json:"action"`              // install or rollback
	Content   string `json:"content,omitempty"`   // SHA-256 of the package, hex
	Path      string `json:"path,omitempty"`      // where it is
	Signature []byte `json:"signature,omitempty"` // as a server would offer it
}

const (
	actionInstall  = "install"
	actionRollback = "rollback"
	// maxRequest bounds what is read, in bytes.
	maxRequest = 1 << 20
)

func requestPath(c config.Config) string { return filepath.Join(c.Storage.Directory, "request.json") }

// obey takes up a request, if there is one. The file is gone before anything is done, so
// that a request which ends the daemon is not found again.
func (l *life) obey(ctx context.Context) {
	r, err := takeRequest(requestPath(l.config))
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil {
		err = l.carryOut(ctx, r)
	}
	if err != nil {
		l.log.Error("what was asked for by hand cannot be done", zap.Error(err))
	}
}

func takeRequest(path string) (request, error) {
	var r request
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a named pipe must not hold us up
	if err != nil {
		return r, err //nolint:wrapcheck // names the path
	}
	defer f.Close() //nolint:errcheck // read only
	if err := os.Remove(path); err != nil {
		return r, fmt.Errorf("it would be done again: %w", err)
	}
	if err := json.NewDecoder(io.LimitReader(f, maxRequest)).Decode(&r); err != nil {
		return r, fmt.Errorf("read %s: %w", path, err)
	}
	return r, nil
}

func (l *life) carryOut(ctx context.Context, r request) error {
	switch r.Action {
	case actionRollback:
		l.log.Info("an operator of this host asked for the release before")
		l.engine.Post(ctx, core.RollbackRequested{})
		return nil
	case actionInstall:
		body, err := remotepackage.Encode(remotepackage.File{Path: r.Path, Signature: r.Signature})
		if err != nil {
			return err
		}
		sha, err := l.store.PutBlob(body)
		if err != nil {
			return err
		}
		l.log.Info("an operator of this host asked for a package", zap.String("package", short(r.Content)))
		l.engine.Post(ctx, core.PackagesOffered{Offer: core.PackageOffer{
			Name: l.config.Packages.Name, Hash: r.Content, Content: r.Content, Body: sha, Manual: true,
		}})
		return nil
	}
	return fmt.Errorf("%q is nothing that can be asked for", r.Action)
}

// standing is where an upgrade stands, for `opampd package list` and those who wait for
// one.
type standing struct {
	Content string       `json:"content"`
	Version string       `json:"version,omitempty"`
	Code    string       `json:"code"`
	Message string       `json:"message,omitempty"`
	Phase   string       `json:"phase,omitempty"`
	Percent int          `json:"percent,omitempty"`
	Has     core.Release `json:"has"`
	Trial   string       `json:"trial"`
	At      time.Time    `json:"at"` // when it was written
}

// publish writes down where an upgrade stands when that changed.
func (l *life) publish(t engine.Transition) {
	from, to := t.From.Link.Told.Package, t.To.Link.Told.Package
	if from == to && t.From.Packages == t.To.Packages {
		return
	}
	err := l.store.SaveUpgrade(standing{
		Content: to.Offer.Content, Version: to.Offer.Version, Code: to.Code.String(), Message: to.Message, Phase: to.Phase,
		Percent: to.Percent, Has: to.Has, Trial: t.To.Packages.Trial.Stage.String(),
		At: time.Now(),
	})
	if err != nil {
		l.log.Warn("where the upgrade stands cannot be written down", zap.Error(err))
	}
}
