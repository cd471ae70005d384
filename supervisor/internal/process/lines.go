package process

import "bytes"

// maxLine is the longest line that is passed on whole; the rest of a longer one is left out.
const maxLine = 64 << 10

// splitter cuts a stream into lines, with bounded memory.
type splitter struct {
	part     []byte // the beginning of a line whose end was not seen
	skipping bool   // the rest of a line that was too long
}

// feed calls emit for each line that ends in chunk. The bytes are valid only during the call.
func (s *splitter) feed(chunk []byte, emit func(line []byte)) {
	for len(chunk) > 0 {
		line, rest, ended := bytes.Cut(chunk, []byte{'\n'})
		if !s.skipping {
			s.part = append(s.part, line[:min(len(line), maxLine-len(s.part))]...)
		}
		if ended || (len(s.part) == maxLine && !s.skipping) {
			s.flush(emit)
			s.skipping = !ended
		}
		chunk = rest
	}
}

// flush emits what is there of a line that has not ended.
func (s *splitter) flush(emit func(line []byte)) {
	if len(s.part) > 0 {
		emit(s.part)
	}
	s.part = s.part[:0]
	s.skipping = false
}
