package upgrade

import (
	"errors"
	"fmt"
	"io/fs"

	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/disk"
	"opampd/supervisor/internal/trust"
)

// choose moves the links to a release that may run. A damaged or revoked one is refused,
// so that the core can name another.
func (l *Lane) choose(cmd core.Select) core.Event {
	if l.Releases == nil {
		return core.SelectFailed{Release: cmd.Release, Reason: l.Distrust.Error()}
	}
	if cmd.Failed != "" {
		if err := l.Releases.KeepLog(cmd.Failed, l.Words()); err != nil {
			l.Warn(fmt.Sprintf("the last words of the release that failed cannot be kept: %v", err))
		}
	}
	if cmd.Release != "" {
		if _, err := l.sound(cmd.Release); err != nil {
			return core.SelectFailed{Release: cmd.Release, Reason: err.Error(), Refused: lasting(err)}
		}
	}
	if err := l.Releases.Select(cmd.Release, l.spare(cmd)); err != nil {
		return core.SelectFailed{Release: cmd.Release, Reason: err.Error()}
	}
	return core.Selected{Release: cmd.Release}
}

// lasting reports whether an error says of a release that it must not run, and not only
// that the disk could not be asked just now: the core leaves such a release for good.
func lasting(err error) bool {
	_, refused := errors.AsType[*trust.Refusal](err)
	return refused || disk.Damaged(err) || errors.Is(err, fs.ErrNotExist)
}

// spare is the release to name as the one before. On the way back that is one which nothing
// pointed at meanwhile: it may have been cleaned away, and must not keep the links on the
// release that failed.
func (l *Lane) spare(cmd core.Select) string {
	if cmd.Failed == "" || cmd.Previous == "" {
		return cmd.Previous
	}
	if _, err := l.Releases.Load(cmd.Previous); err != nil && lasting(err) {
		l.Warn(fmt.Sprintf("after this, agent.executable is what can be gone back to: %v", err))
		return ""
	}
	return cmd.Previous
}

// prune removes what nobody needs, and remembers the floor of what is installed for
// good: from here on nothing below it is taken.
func (l *Lane) prune(cmd core.Prune) {
	if l.Releases == nil {
		return
	}
	if cmd.Trusted {
		l.keepFloor()
	}
	if _, err := l.Releases.Clean(l.Limits.Keep, cmd.Running, cmd.Wanted); err != nil {
		l.Warn(fmt.Sprintf("old releases cannot be removed: %v", err))
	}
}

func (l *Lane) keepFloor() {
	if err := l.raiseFloor(); err != nil {
		l.Warn(fmt.Sprintf("the security floor of the installed release cannot be kept: %v", err))
	}
}

func (l *Lane) raiseFloor() error {
	current, err := l.Releases.Current()
	if err != nil || current == "" {
		return err
	}
	rec, err := l.Releases.Load(current)
	if err != nil {
		return err
	}
	s, err := l.trustState()
	if err != nil || rec.Floor <= s.Floor {
		return err
	}
	s.Floor = rec.Floor
	return l.Releases.SaveTrust(s)
}

// Look says at start what an operator should know of the release that is selected. Trusted
// says that it is no longer watched: the last life may have ended before its floor was kept.
func (l *Lane) Look(trusted bool) {
	if l.Releases == nil {
		return
	}
	if trusted {
		l.keepFloor()
	}
	current, err := l.Releases.Current()
	if err != nil || current == "" || l.Trust == nil {
		return
	}
	var no *trust.Refusal
	if _, err := l.sound(current); errors.As(err, &no) {
		l.Warn(fmt.Sprintf("the release that runs is revoked; it runs on until another is offered, or `opampd rollback`: %v", no))
	}
}
