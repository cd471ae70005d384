package crashdisk

import (
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"strings"
)

// Aftermath is what a crash leaves of the things that were not synced.
type Aftermath struct {
	Name string
	// names says whether change i of the n in the directory dir that were not synced has happened all the same.
	names func(dir string, i, n int) bool
	data  func(synced, data []byte) []byte
	modes bool
}

// AfterCrash returns the disks that may be found at the next start, each once, with what became of what was not synced in words.
// A disk need not keep the order of what was not synced, neither between directories nor within one.
func (d *Disk) AfterCrash() iter.Seq2[string, *Disk] {
	return func(yield func(string, *Disk) bool) {
		seen := map[string]bool{}
		for _, a := range Aftermaths() {
			found := d.After(a)
			if content := found.content(); !seen[content] {
				seen[content] = true
				if !yield(a.Name, found) {
					return
				}
			}
		}
	}
}

// Durable is the disk without anything that was not synced.
func (d *Disk) Durable() *Disk { return d.After(Aftermaths()[0]) }

// After is the disk as it is found at the next start.
func (d *Disk) After(a Aftermath) *Disk {
	return &Disk{root: d.root.after(".", a), clock: d.clock}
}

// content is all that is on the disk.
func (d *Disk) content() string {
	var out strings.Builder
	d.root.describe(&out)
	return out.String()
}

func (n *node) describe(w io.Writer) {
	_, _ = fmt.Fprintf(w, "%v %q", n.kind|n.mode, n.data)
	if n.kind == fs.ModeDir {
		for _, name := range slices.Sorted(maps.Keys(n.live)) {
			_, _ = fmt.Fprintf(w, " %q(", name)
			n.live[name].describe(w)
			_, _ = io.WriteString(w, ")")
		}
	}
}

// Aftermaths are all combinations of what becomes of names and of data; in the first all is lost.
func Aftermaths() []Aftermath {
	var out []Aftermath
	for _, n := range fatesOfNames() {
		for _, d := range fatesOfData() {
			out = append(out, Aftermath{n.Name + ", " + d.Name, n.names, d.data, d.modes})
		}
	}
	return out
}

func fatesOfNames() []Aftermath {
	return []Aftermath{
		{Name: "names lost", names: func(string, int, int) bool { return false }},
		{Name: "names kept", names: func(string, int, int) bool { return true }},
		{Name: "only the last of the names kept", names: func(_ string, i, n int) bool { return i == n-1 }},
		{Name: "names kept at the top alone", names: func(dir string, _, _ int) bool { return dir == "." }},
		{Name: "names kept below alone", names: func(dir string, _, _ int) bool { return dir != "." }},
	}
}

func fatesOfData() []Aftermath {
	return []Aftermath{
		{Name: "data lost", data: func(synced, _ []byte) []byte { return synced }},
		{Name: "data kept", data: func(_, data []byte) []byte { return data }, modes: true},
		{Name: "data torn", data: torn},
		{Name: "data zeroed", data: zeroed, modes: true},
	}
}

// torn keeps half of what was added.
func torn(synced, data []byte) []byte {
	if len(data) <= len(synced) {
		return synced
	}
	return data[:len(synced)+(len(data)-len(synced))/2]
}

// zeroed keeps the new length and none of what was added, as file systems do that allocate late.
func zeroed(synced, data []byte) []byte {
	out := make([]byte, len(data))
	copy(out, synced)
	return out
}
