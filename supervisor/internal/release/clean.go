package release

import (
	"cmp"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"opampd/supervisor/internal/disk"
)

// keepDamaged is how many damaged slots stay as evidence: each is as large as a Collector.
const keepDamaged = 1

// Clean removes the releases that nobody needs, and returns their names. What stays is found out from the disk now, and not from what
// anybody remembers (peers.md 2.3, #14699, #13505): what current and previous lead to, what protect names (what runs, the
// last known good, the one that is being downloaded), and of the others the keep last installed ones. It also removes what
// crashes left behind, all but one of the damaged slots, and the downloads that protect does not name.
//
// The error tells of what could not be removed; the rest was. After a crash or an error it can be called again.
func (r *Releases) Clean(keep int, protect ...string) (removed []string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	entries, err := r.tree.Entries(".")
	if err != nil {
		return nil, r.failed("look into", ".", err)
	}
	for _, name := range []string{currentName, previousName} {
		target, err := r.tree.Readlink(name)
		if disk.IgnoreMissing(err) != nil {
			return nil, r.failed("read the link", name, err)
		}
		protect = append(protect, target)
	}
	errs := []error{r.cleanLitter(entries), r.cleanPartials(protect)}
	for _, sha := range r.unneeded(entries, keep, protect) {
		err := r.removeSlot(sha)
		if err == nil {
			removed = append(removed, sha)
		}
		errs = append(errs, err)
	}
	return removed, errors.Join(append(errs, r.failed("clean", ".", r.tree.SyncDir(".")))...)
}

// unneeded returns the slots that can go.
func (r *Releases) unneeded(entries []fs.FileInfo, keep int, protect []string) []string {
	var others []Record
	for _, entry := range entries {
		sha := entry.Name()
		if !isSHA256(sha) || slices.Contains(protect, sha) {
			continue
		}
		record, err := r.load(sha)
		if err != nil { // of no use to anybody, so it goes first
			record = Record{}
		}
		record.Archive = sha
		others = append(others, record)
	}
	slices.SortStableFunc(others, newestFirst)
	var out []string
	for _, record := range others[min(max(keep, 0), len(others)):] {
		out = append(out, record.Archive)
	}
	return out
}

// removeSlot takes the name away first, and durably: half a slot would be taken for a damaged one.
func (r *Releases) removeSlot(sha string) error {
	trash := trashPrefix + sha
	err := r.tree.Rename(sha, trash)
	if err == nil {
		err = r.tree.SyncDir(".")
	}
	if err == nil {
		err = disk.RemoveTree(r.tree, trash)
	}
	return r.failed("remove the release", sha, err)
}

// cleanLitter removes what is under temporary names, but for a slot that is being built, and the older of the damaged slots.
func (r *Releases) cleanLitter(entries []fs.FileInfo) error {
	idle := r.building.TryLock() // not Lock: it would wait for an archive, with mu held
	if idle {
		defer r.building.Unlock()
	}
	var damaged []string
	var errs []error
	for _, entry := range entries {
		name := entry.Name()
		if sha, _, aside := strings.Cut(name, disk.CorruptMark); aside && isSHA256(sha) {
			damaged = append(damaged, name)
		}
		if strings.HasPrefix(name, ".") && (idle || name != buildDir) {
			errs = append(errs, r.failed("remove", name, disk.RemoveTree(r.tree, name)))
		}
	}
	slices.SortFunc(damaged, func(a, b string) int { return cmp.Compare(b[64:], a[64:]) }) // by the time in the name, newest first
	for _, name := range damaged[min(keepDamaged, len(damaged)):] {
		errs = append(errs, r.failed("remove", name, disk.RemoveTree(r.tree, name)))
	}
	return errors.Join(errs...)
}

func (r *Releases) cleanPartials(protect []string) error {
	names, err := r.tree.List(partialDir)
	if err != nil {
		return r.failed("look into", partialDir, disk.IgnoreMissing(err))
	}
	var errs []error
	for i := range names {
		names[i] = strings.TrimSuffix(names[i], ".json")
	}
	for _, sha := range slices.Compact(names) {
		if isSHA256(sha) && !slices.Contains(protect, sha) {
			errs = append(errs, r.removePartial(sha))
		}
	}
	return errors.Join(append(errs, r.failed("clean", partialDir, r.tree.SyncDir(partialDir)))...)
}
