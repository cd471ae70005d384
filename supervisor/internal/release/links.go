package release

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"opampd/supervisor/internal/disk"
)

// Current returns the release that is to run, "" being the factory release. A link that leads anywhere but to a slot that can be loaded
// counts as none and is an error, which is to be told and survived.
func (r *Releases) Current() (sha string, err error) { return r.link(currentName) }

// Previous returns the release to go back to; as Current.
func (r *Releases) Previous() (sha string, err error) { return r.link(previousName) }

func (r *Releases) link(name string) (string, error) {
	target, err := r.tree.Readlink(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", r.failed("read the link", name, err)
	}
	if !isSHA256(target) {
		return "", r.failed("follow the link", name, fmt.Errorf("it leads to %.100q, which is not a release", target))
	}
	if _, err := r.load(target); err != nil {
		return "", r.failed("follow the link", name, fmt.Errorf("the release %s cannot be used: %w", target, err))
	}
	return target, nil
}

// Select makes current the release that is to run and previous the one to go back to; "" is the factory release. A slot
// that cannot be loaded is refused before anything is changed.
//
// previous is written first, and current first on the way back to what was previous: so at each instant one of the links
// leads to the release that was current, or to the one that is gone back to. After an error both links are put back as they were, if the disk lets it.
func (r *Releases) Select(current, previous string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, sha := range []string{current, previous} {
		if sha == "" {
			continue
		}
		if _, err := r.Load(sha); err != nil {
			return err
		}
	}
	links, err := r.plan(current, previous)
	if err != nil {
		return err
	}
	for i, l := range links {
		if err := r.point(l.name, l.to); err != nil {
			err = r.failed("set the link", l.name, err)
			for _, done := range slices.Backward(links[:i+1]) {
				err = errors.Join(err, r.failed("put back the link", done.name, r.point(done.name, done.was)))
			}
			return err
		}
	}
	return nil
}

// link is a link that is being changed. "" is none.
type link struct{ name, to, was string }

// plan returns the links in the order in which they are to be changed.
func (r *Releases) plan(current, previous string) ([]link, error) {
	links := []link{{name: previousName, to: previous}, {name: currentName, to: current}}
	for i := range links {
		l := &links[i]
		var err error
		if l.was, err = r.tree.Readlink(l.name); disk.IgnoreMissing(err) != nil {
			return nil, r.failed("read the link", l.name, err)
		}
	}
	if current == links[0].was {
		slices.Reverse(links)
	}
	return links, nil
}

// point makes a link in one step and durably; "" removes it.
func (r *Releases) point(name, target string) error {
	if target == "" {
		return disk.Remove(r.tree, name)
	}
	err := r.tree.Symlink(target, linkTemp)
	if errors.Is(err, fs.ErrExist) { // left over by a crash
		err = disk.RemoveTree(r.tree, linkTemp)
		if err == nil {
			err = r.tree.Symlink(target, linkTemp)
		}
	}
	if err != nil {
		return err
	}
	if err := r.tree.Rename(linkTemp, name); err != nil {
		return errors.Join(err, disk.IgnoreMissing(r.tree.Remove(linkTemp)))
	}
	return r.tree.SyncDir(".")
}
