package crashdisk

import (
	"io/fs"
	"maps"
	"path"
	"slices"
)

// node is a file, a directory or a link, as it is and as it is durable. What a link says is its data, and durable with its name.
type node struct {
	kind             fs.FileMode // 0, fs.ModeDir or fs.ModeSymlink
	mode, syncedMode fs.FileMode // permissions
	data, synced     []byte
	live, durable    map[string]*node
	pending          []change // what became of the names since they were durable, in this order
	when             int64
}

// change is what one operation did to the names in a directory; nil removes one.
type change map[string]*node

func newDir() *node {
	return &node{kind: fs.ModeDir, mode: 0o700, syncedMode: 0o700, live: map[string]*node{}, durable: map[string]*node{}}
}

func (n *node) put(c change) {
	c.apply(n.live)
	n.pending = append(n.pending, c)
}

func (c change) apply(names map[string]*node) {
	for name, n := range c {
		if n == nil {
			delete(names, name)
		} else {
			names[name] = n
		}
	}
}

// sync makes durable what fsync(2) of it does.
func (n *node) sync() {
	n.syncedMode = n.mode
	if n.kind == fs.ModeDir {
		n.durable, n.pending = maps.Clone(n.live), nil
	} else {
		n.synced = slices.Clone(n.data)
	}
}

// clone copies what is below n; a node that has several names, as one that was renamed and not synced, is copied once.
func (n *node) clone(done map[*node]*node) *node {
	if done[n] != nil {
		return done[n]
	}
	out := *n
	done[n] = &out
	clone := func(_ string, n *node) *node { return n.clone(done) }
	out.data, out.synced, out.pending = slices.Clone(n.data), slices.Clone(n.synced), nil
	out.live, out.durable = mapNodes(n.live, clone), mapNodes(n.durable, clone)
	for _, c := range n.pending {
		out.pending = append(out.pending, mapNodes(c, clone))
	}
	return &out
}

// after is what a crash leaves of n, all of it durable.
func (n *node) after(name string, a Aftermath) *node {
	out := &node{kind: n.kind, mode: n.syncedMode, when: n.when}
	if a.modes {
		out.mode = n.mode
	}
	out.data = slices.Clone(n.data)
	if n.kind == 0 {
		out.data = slices.Clone(a.data(n.synced, n.data))
	}
	if n.kind == fs.ModeDir {
		out.live = n.namesAfter(name, a)
	}
	out.syncedMode, out.synced, out.durable = out.mode, out.data, maps.Clone(out.live)
	return out
}

func (n *node) namesAfter(name string, a Aftermath) map[string]*node {
	names := maps.Clone(n.durable)
	for i, c := range n.pending {
		if a.names(name, i, len(n.pending)) {
			c.apply(names)
		}
	}
	return mapNodes(names, func(child string, n *node) *node { return n.after(path.Join(name, child), a) })
}
