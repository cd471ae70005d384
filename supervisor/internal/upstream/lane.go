// Package upstream is the lane of the OpAMP server: it turns what the server says
// into events, and reports into messages. The protocol itself is spoken by
// opampclient; this package decides what of it is meant for whom.
package upstream

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/open-telemetry/opamp-go/protobufs"

	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/upstream/opampclient"
)

const (
	// goodbyeTimeout bounds the last words to the server: a dead one must not hold up
	// the end of the daemon.
	goodbyeTimeout = 700 * time.Millisecond
	// inboxSize is how many messages of the server may wait; beyond it the server does.
	inboxSize = 16
)

// Settings is what the lane works with.
type Settings struct {
	URL          string
	Header       http.Header
	TLS          *tls.Config
	Unusable     error // why the settings above cannot be used; the server is not spoken to then
	Grants       Grants
	PackageName  string // of the one package that is taken
	MaxMessage   int64
	Attributes   Attributes
	PutBlob      func(body []byte) (sha string, err error)
	Post         func(core.Event)
	Warn         func(message string)
	Disconnected func(err error, retryIn time.Duration)
}

// Lane speaks to one server.
type Lane struct {
	Settings
	client  *opampclient.Client
	inbox   chan incoming
	deaf    chan struct{} // closed when nothing that the server says counts any more
	deafen  func()
	running sync.WaitGroup
	cancel  context.CancelFunc
	started bool
	uid     uuid.UUID
	health  *protobufs.ComponentHealth // told last

	restraint restraint // the goroutine of listen owns it
}

// incoming is a message of the server, or the loss of it.
type incoming struct {
	msg  *protobufs.ServerToAgent
	lost error
}

// New returns a lane that connects when core.Connect and a first report have come.
func New(s Settings) *Lane {
	l := &Lane{Settings: s, inbox: make(chan incoming, inboxSize), deaf: make(chan struct{})}
	l.deafen = sync.OnceFunc(func() { close(l.deaf) })
	return l
}

// Run carries out the commands of the link.
func (l *Lane) Run(ctx context.Context, cmd core.Command) {
	if c, ok := cmd.(core.Connect); ok {
		l.connect(c)
		return
	}
	if l.client == nil {
		if _, ok := cmd.(core.Disconnect); ok {
			l.Post(core.LinkClosed{})
		}
		return
	}
	switch cmd := cmd.(type) { //nolint:gochecksumtype // the rest is for other lanes
	case core.Publish:
		l.publish(ctx, cmd.Report)
	case core.ReportStatus:
		l.client.SendConfigStatus(statusMessage(cmd.Status))
	case core.Send:
		l.send(cmd.Message)
	case core.Disconnect:
		l.disconnect(ctx)
	}
}

// Close cuts the link without a word, if it is still there, and waits for its
// goroutines.
func (l *Lane) Close() {
	l.deafen()
	if l.cancel != nil {
		l.cancel()
	}
	l.running.Wait()
}

func (l *Lane) connect(cmd core.Connect) {
	uid, err := uuid.Parse(cmd.UID)
	if err != nil {
		l.Warn(fmt.Sprintf("the instance uid %q is not a UUID, so the server cannot be spoken to: %v", cmd.UID, err))
		return
	}
	if l.Unusable != nil {
		l.Warn(fmt.Sprintf("the server cannot be spoken to until that is mended and opampd told to reload: %v", l.Unusable))
		return
	}
	l.uid = uid
	l.client, err = opampclient.New(opampclient.Settings{
		URL: l.URL, Header: l.Header, TLS: l.TLS, UID: uid, Capabilities: l.Grants.Capabilities(),
		Heartbeat: cmd.Beat, MaxMessage: l.MaxMessage,
	}, opampclient.Events{
		Message:      func(m *protobufs.ServerToAgent) { l.put(incoming{msg: m}) },
		Disconnected: l.lost,
		Problem:      l.Warn,
	})
	if err != nil {
		l.Warn(fmt.Sprintf("the server cannot be spoken to: %v", err))
		return
	}
	// That nothing is known is worth saying: a server that remembers what it heard of an
	// earlier life would not offer what got lost since. An offer that nobody acted on yet
	// is left to its APPLYING.
	if cmd.Status.Code != core.StatusUnset || cmd.Status.Hash == "" {
		l.client.SendConfigStatus(statusMessage(cmd.Status))
	}
}

// put makes the server wait when too many of its messages do, but never the end of the
// connection.
func (l *Lane) put(in incoming) {
	select {
	case l.inbox <- in:
	case <-l.deaf:
	}
}

func (l *Lane) lost(err error, retryIn time.Duration) {
	l.Disconnected(err, retryIn)
	l.put(incoming{lost: err})
}

// publish keeps the server told. The first report that says who the agent is opens
// the connection, so that the server never meets an agent without a name (S-060,
// S-073); a problem opens it as well: an agent that cannot run is still reported.
func (l *Lane) publish(ctx context.Context, r core.Report) {
	if uid, err := uuid.Parse(r.UID); err == nil && uid != l.uid {
		l.uid = uid
		l.client.SetUID(uid)
	}
	l.client.Set(l.report(r))
	if l.started || r.Name == "" && r.Description == "" && r.Problem == "" {
		return
	}
	l.started = true
	ctx, l.cancel = context.WithCancel(ctx)
	l.running.Go(func() { _ = l.client.Run(ctx) }) // its end is ours: Stop or Close
	l.running.Go(func() { l.listen(ctx) })
}

func (l *Lane) send(m core.Message) {
	if !l.client.SendCustom(&protobufs.CustomMessage{Capability: m.Capability, Type: m.Type, Data: []byte(m.Data)}) {
		l.Warn(fmt.Sprintf("a custom message of the Collector (%s) was dropped: too many wait for the server", m.Capability))
	}
}

// disconnect says goodbye. What the server still says is not listened to: it must not
// hold up the end.
func (l *Lane) disconnect(ctx context.Context) {
	l.deafen()
	if l.started {
		ctx, cancel := context.WithTimeout(ctx, goodbyeTimeout)
		defer cancel()
		if err := l.client.Stop(ctx, nil); err != nil {
			l.Warn(fmt.Sprintf("the server was not told that the agent goes away: %v", err))
		}
	}
	l.Post(core.LinkClosed{})
}
