package process

import "sync"

// registry knows the children that this package will reap itself, so that Reap leaves their exit status alone.
//
// It has a mutex because a fork, the note of its pid, and a sweep of the reaper must not interleave: a child that
// ends within microseconds would be taken for a stray by the reaper before its pid is noted, and a pid that was
// reaped could be signalled after the kernel gave it to somebody else. There is one per program because the
// kernel has one table of children per program: two registries would steal from each other.
type registry struct {
	mu   sync.Mutex
	pids map[int]struct{}
}

var children = &registry{pids: map[int]struct{}{}} //nolint:gochecknoglobals // see registry

// keep runs start and keeps the pid of what it started.
func (r *registry) keep(start func() (*handle, error)) (*handle, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	h, err := start()
	if err == nil {
		r.pids[h.pid] = struct{}{}
	}
	return h, err
}

// take runs wait, which may reap pid, and forgets the pid when it did.
func (r *registry) take(pid int, wait func() (reaped bool)) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !wait() {
		return false
	}
	delete(r.pids, pid)
	return true
}

// ifKept runs do unless pid was reaped already.
func (r *registry) ifKept(pid int, do func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.pids[pid]; ok {
		do()
	}
}

// sweep runs reap for each of the pids that list returns and nobody here keeps, and tells how many were reaped.
func (r *registry) sweep(list func() []int, reap func(pid int) bool) (reaped int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, pid := range list() {
		if _, ok := r.pids[pid]; !ok && reap(pid) {
			reaped++
		}
	}
	return reaped
}
