package engine

// kept is how many events a running daemon remembers for a look back.
const kept = 400

// history is a ring of the last events as lines.
type history struct {
	ring [kept]string
	next int
}

func (h *history) add(line string) {
	h.ring[h.next%kept] = line
	h.next++
}

// lines returns what is kept, oldest first.
func (h *history) lines() []string {
	from := max(0, h.next-kept)
	out := make([]string, 0, h.next-from)
	for i := from; i < h.next; i++ {
		out = append(out, h.ring[i%kept])
	}
	return out
}
