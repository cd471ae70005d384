package opampclient

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/open-telemetry/opamp-go/protobufs"
)

const (
	handshakeTimeout = 30 * time.Second
	// quiet is how long a connection may bring nothing at all, and a message may wait for its answer, unless three
	// heartbeats are longer.
	quiet = 90 * time.Second
	// pingPeriod keeps a WebSocket connection without heartbeats known to be alive, at both ends and between.
	pingPeriod = 30 * time.Second
	// goodbyeTimeout is what a closing handshake may take.
	goodbyeTimeout = time.Second
)

// conn is one connection of either transport. send and ping are called from one goroutine, receive from another, bye
// and cut from a third.
type conn interface {
	// send delivers one message. On HTTP it returns the answer; on WebSocket nil, since answers come through receive.
	send(ctx context.Context, out outgoing) (*protobufs.ServerToAgent, error)
	// receive waits for a message that the server sent by itself; HTTP has none and waits for ctx.
	receive(ctx context.Context) (*protobufs.ServerToAgent, error)
	// ping makes the other end show that it is there.
	ping()
	// bye starts the closing handshake with a WebSocket close code.
	bye(code int)
	// cut frees the connection; send and receive end.
	cut()
}

// arrival is what the goroutines of a connection tell the loop.
type arrival struct {
	message *protobufs.ServerToAgent
	err     error
	sent    bool // the sender is free again
}

// line runs a conn: one goroutine that sends, one that receives, both ended by close.
type line struct {
	conn   conn
	out    chan outgoing // of one place; the loop fills it only after the last message was reported as sent
	in     chan arrival
	cancel context.CancelFunc
	ends   sync.WaitGroup
}

func openLine(ctx context.Context, c conn) *line {
	ctx, cancel := context.WithCancel(ctx)
	l := &line{conn: c, out: make(chan outgoing, 1), in: make(chan arrival), cancel: cancel}
	l.ends.Go(func() { l.deliver(ctx) })
	l.ends.Go(func() { l.listen(ctx) })
	return l
}

func (l *line) deliver(ctx context.Context) {
	pings := time.NewTicker(pingPeriod)
	defer pings.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-pings.C:
			l.conn.ping()
		case out := <-l.out:
			m, err := l.conn.send(ctx, out)
			l.post(ctx, arrival{message: m, err: err, sent: true})
		}
	}
}

// listen also reads what comes during the closing handshake, to its end.
func (l *line) listen(ctx context.Context) {
	for {
		m, err := l.conn.receive(ctx)
		l.post(ctx, arrival{message: m, err: err})
		if err != nil {
			return
		}
	}
}

func (l *line) post(ctx context.Context, a arrival) {
	select {
	case l.in <- a:
	case <-ctx.Done():
	}
}

// close ends the connection for the given reason and waits for both goroutines. One that was cancelled is cut at once.
func (l *line) close(reason error) {
	l.cancel() // from here on what arrives is read but not reported, so that nobody waits for the loop
	if errors.Is(reason, context.Canceled) {
		l.conn.cut()
	} else {
		l.conn.bye(closeCode(reason))
	}
	grace := time.AfterFunc(goodbyeTimeout, l.conn.cut)
	l.ends.Wait()
	grace.Stop()
	l.conn.cut()
}
