package process

// head keeps the first limit bytes.
type head struct {
	data  []byte
	limit int
	more  bool
}

func (h *head) Write(chunk []byte) (int, error) {
	n := min(len(chunk), h.limit-len(h.data))
	h.data = append(h.data, chunk[:n]...)
	h.more = h.more || n < len(chunk)
	return len(chunk), nil
}

func (h *head) bytes() []byte   { return h.data }
func (h *head) truncated() bool { return h.more }

// end keeps the last limit bytes, in a slice that is cut when it is twice as long.
type end struct {
	data  []byte
	limit int
	more  bool
}

func (e *end) Write(chunk []byte) (int, error) {
	e.more = e.more || len(e.data)+len(chunk) > e.limit
	e.data = append(e.data, lastOf(chunk, e.limit)...)
	if len(e.data) > 2*e.limit {
		e.data = append(e.data[:0], lastOf(e.data, e.limit)...)
	}
	return len(chunk), nil
}

func (e *end) bytes() []byte   { return lastOf(e.data, e.limit) }
func (e *end) truncated() bool { return e.more }
