package process

import (
	"fmt"
	"os"
	"time"
)

// beginInMemory starts a run whose output comes through a pipe, and of which only the last part is kept.
func (l *Log) beginInMemory() (output, error) {
	reader, writer, err := os.Pipe()
	if err != nil {
		return output{}, fmt.Errorf("open a pipe for the output of the Collector: %w", err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		l.readPipe(reader)
	}()
	finish := func() string {
		// All of the group is dead, but a descendant that left the group may hold the other end for ever.
		_ = reader.SetReadDeadline(time.Now().Add(drainWait))
		<-read
		return l.finish()
	}
	return output{file: writer, finish: finish}, nil
}

// readPipe goes on reading after Close: a full pipe would stop the child.
func (l *Log) readPipe(reader *os.File) {
	defer reader.Close() //nolint:errcheck // only read
	chunk := make([]byte, chunkBytes)
	for {
		n, err := reader.Read(chunk)
		if n > 0 {
			l.do(func(f *follower) { f.take(chunk[:n]) })
		}
		if err != nil {
			return
		}
	}
}
