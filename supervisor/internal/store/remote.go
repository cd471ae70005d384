package store

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"opampd/supervisor/internal/disk"
)

// maxName is the longest file name, in bytes, of the usual file systems (NAME_MAX).
const maxName = 255

// WriteRemoteFiles makes the directory remote hold exactly these files, names as the server gave them, made safe: no
// separators, no leading dots, no control characters, at most 255 bytes, "" becomes config.yaml, and names that would
// become the same get a suffix from the hash of the original. Each file is replaced atomically, the set is not: write it
// again after a crash.
func (s *Store) WriteRemoteFiles(remote map[string][]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keeper.Dir == "" {
		return s.keeper.Failed("write", remoteDir, errNoDirectory)
	}
	wanted := map[string]bool{}
	for original, name := range safeNames(remote) {
		wanted[name] = true
		name = path.Join(remoteDir, name)
		if old, err := s.keeper.Files.Read(name); err == nil && bytes.Equal(old, remote[original]) {
			continue
		}
		if err := disk.Replace(s.keeper.Files, name, remote[original]); err != nil {
			return s.keeper.Failed("write", name, err)
		}
	}
	return s.removeRemoteExcept(wanted)
}

func (s *Store) removeRemoteExcept(wanted map[string]bool) error {
	names, err := s.keeper.Files.List(remoteDir)
	if err != nil {
		return s.keeper.Failed("list", remoteDir, err)
	}
	var errs []error
	for _, name := range names {
		if !wanted[name] {
			name = path.Join(remoteDir, name)
			errs = append(errs, s.keeper.Failed("remove", name, disk.Remove(s.keeper.Files, name)))
		}
	}
	return errors.Join(errs...)
}

// safeNames maps each name to the file name it gets. The names that are safe as they are come first, so that none of them
// has to give way. Names are compared without case, as some file systems do.
func safeNames(remote map[string][]byte) map[string]string {
	originals := slices.Sorted(maps.Keys(remote))
	slices.SortStableFunc(originals, func(a, b string) int { return rank(a) - rank(b) })
	out := map[string]string{}
	taken := map[string]bool{}
	for _, original := range originals {
		name := safeName(original)
		for i := 0; taken[strings.ToLower(name)]; i++ {
			suffix := hexSHA256(fmt.Appendf(nil, "%d %s", i, original))[:8]
			name = withSuffix(safeName(original), "-"+suffix)
		}
		taken[strings.ToLower(name)] = true
		out[original] = name
	}
	return out
}

func rank(name string) int {
	if safeName(name) == name {
		return 0
	}
	return 1
}

// safeName turns a name from the network into one that is a plain file in the directory it is joined to, whatever it was.
func safeName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r == '/' || r == '\\' || r == utf8.RuneError || unicode.IsControl(r) {
			return '_'
		}
		return r
	}, name)
	name = strings.TrimLeft(name, ".")
	if name == "" {
		return "config.yaml"
	}
	return withSuffix(name, "")
}

// withSuffix puts suffix before the extension, and shortens the name to make it fit.
func withSuffix(name, suffix string) string {
	ext := path.Ext(name)
	if len(ext) > 16 {
		ext = "" // a dot in a long name, not an extension
	}
	stem := strings.TrimSuffix(name, ext)
	stem = stem[:min(len(stem), maxName-len(suffix)-len(ext))]
	return strings.ToValidUTF8(stem, "") + suffix + ext
}
