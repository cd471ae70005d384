// Package opampclient is the agent's side of OpAMP over WebSocket or plain HTTP: one server, one connection at a time.
//
// A [Client] is told what the agent is now ([Client.Set] and its siblings) and keeps the server told. The first message
// of every connection is a full report; after that only what changed goes out. All work is done by the goroutine that
// calls [Client.Run]. The setters only leave notes for it, so they never wait for the network and may be called from
// anywhere, the callbacks of [Events] included. To move to other connection settings, stop one client, then run another.
package opampclient

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/open-telemetry/opamp-go/protobufs"
)

const (
	// DefaultHeartbeat is how often an idle client lets itself be heard (specification, "Polling" and "Heartbeats").
	DefaultHeartbeat = 30 * time.Second
	// DefaultMaxMessage is the size limit the specification recommends for both directions (S-012, S-031), in bytes.
	DefaultMaxMessage = 64 << 20
)

// Settings says which server to speak to and as whom. They do not change during the life of a client, except through
// its setters.
type Settings struct {
	// URL is the endpoint; ws and wss choose WebSocket, http and https choose polling. An empty path becomes /v1/opamp.
	URL string
	// Header goes with every request. Its values never appear in errors or callbacks.
	Header http.Header
	// TLS is used with wss and https and with a proxy that is itself spoken to by TLS; nil means the system's roots.
	TLS *tls.Config
	// Proxy picks the proxy of a request; nil means http.ProxyFromEnvironment.
	Proxy func(*http.Request) (*url.URL, error)
	// UID is the instance_uid, 16 bytes, not all zero.
	UID [16]byte
	// Capabilities are the AgentCapabilities to announce. ReportsStatus is added, unknown bits are removed (S-301).
	Capabilities uint64
	// Heartbeat is the time between idle messages; 0 means DefaultHeartbeat.
	Heartbeat time.Duration
	// MaxMessage limits one message in either direction, uncompressed, in bytes; 0 means DefaultMaxMessage.
	MaxMessage int64
}

// Events are the callbacks of a client; any may be nil. They run one at a time on the goroutine of Run: they must not
// block, and must not call Stop, which waits for that goroutine.
type Events struct {
	// Connected is called when the server has answered the first message of a connection.
	Connected func()
	// Disconnected is called after each failed attempt and each lost connection. The error is for people; an
	// HTTP status can be had from it as a *StatusError. retryIn is the wait before the next attempt.
	Disconnected func(err error, retryIn time.Duration)
	// Message is called for each message of the server that is meant for this agent. A new instance_uid is not taken
	// over by the client: store it, then call SetUID, here or later (S-044).
	Message func(*protobufs.ServerToAgent)
	// Problem is called, at most once a minute for each kind, with one line on what was refused, left out or not understood.
	Problem func(string)
}

// Client speaks to one OpAMP server. Make it with [New].
type Client struct {
	settings Settings
	where    string // the endpoint without its query, which may hold a secret
	notify   *notifier
	box      *outbox
	report   *reporter
	pace     *pacer
	life     *lifecycle
	dial     dialFunc
	polling  bool // plain HTTP
}

// New checks the settings and makes a client that does nothing until Run. It fails for a URL that is not ws, wss,
// http or https with a host, for credentials in the URL, for headers the protocol needs itself, and for a zero UID.
func New(s Settings, e Events) (*Client, error) {
	endpoint, err := parseEndpoint(s.URL)
	if err != nil {
		return nil, err
	}
	if err := checkHeader(s.Header); err != nil {
		return nil, err
	}
	if s.UID == [16]byte{} {
		return nil, errors.New("the OpAMP instance uid is all zero")
	}
	s.URL, s.Header, s.TLS = endpoint.String(), s.Header.Clone(), tlsConfig(s.TLS)
	if s.Proxy == nil {
		s.Proxy = http.ProxyFromEnvironment
	}
	if s.Heartbeat <= 0 {
		s.Heartbeat = DefaultHeartbeat
	}
	if s.MaxMessage <= 0 {
		s.MaxMessage = DefaultMaxMessage
	}
	polling := strings.HasPrefix(endpoint.Scheme, "http")
	c := &Client{
		settings: s,
		where:    endpoint.Scheme + "://" + endpoint.Host + endpoint.Path,
		notify:   newNotifier(e),
		polling:  polling,
		box:      newOutbox(s.UID, s.Capabilities, s.Heartbeat, !polling),
		pace:     newPacer(),
		life:     newLifecycle(),
		dial:     (&net.Dialer{Timeout: handshakeTimeout}).DialContext,
	}
	c.report = newReporter(c.box, s.MaxMessage, c.notify.problem)
	return c, nil
}

// Run connects, and reconnects, until Stop has ended it (nil) or ctx is done (its error; the connection is then cut
// without a goodbye). When it returns, all goroutines it started have ended. It can be called once.
func (c *Client) Run(ctx context.Context) error {
	hard, cut := context.WithCancel(ctx) // ends everything at once
	defer cut()
	soft, stop := context.WithCancel(hard) // ends dialling and waiting, and makes a session say goodbye
	defer stop()
	if err := c.life.begin(stop, cut); err != nil {
		return err
	}
	defer c.life.end()
	for soft.Err() == nil {
		good, err := c.connect(hard, soft)
		if soft.Err() != nil {
			break
		}
		wait := c.pace.next(good, err)
		c.notify.disconnected(fmt.Errorf("OpAMP server %s, attempt %d: %w", c.where, c.pace.attempts, err), wait)
		sleep(soft, wait)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("OpAMP client for %s: %w", c.where, err)
	}
	return nil
}

// connect opens one connection and serves it to its end. It says whether it was good enough to make its end a surprise.
func (c *Client) connect(hard, soft context.Context) (good bool, err error) {
	s := newSession(c)
	connection, err := c.open(soft)
	if err == nil {
		err = s.serve(hard, soft, connection)
	}
	if soft.Err() == nil {
		c.notify.connectionProblem(err)
	}
	return s.answered && time.Since(s.began) > goodSession, err
}

func (c *Client) open(ctx context.Context) (conn, error) {
	if c.polling {
		return c.newHTTP(), nil
	}
	id, _ := c.box.identity()
	return c.dialWS(ctx, id.uid)
}

// header goes with every request: the settings' own and the canonical form of the instance_uid (S-026).
func (c *Client) header(uid [16]byte) http.Header {
	h := c.settings.Header.Clone()
	if h == nil {
		h = http.Header{}
	}
	h.Set("OpAMP-Instance-UID", uuid.UUID(uid).String())
	return h
}

// Stop reports what is still unsaid, with final as the last health if it is not nil, says AgentDisconnect (S-032,
// S-106), and waits for Run to return. When ctx ends first, the connection is cut and the error says so. Without a
// connection nothing is sent. A second call waits for the same end.
func (c *Client) Stop(ctx context.Context, final *protobufs.ComponentHealth) error {
	if final != nil {
		c.box.set(Report{Health: final})
	}
	done, cut := c.life.stop()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	cut()
	<-done
	return fmt.Errorf("saying goodbye to the OpAMP server %s: %w", c.where, ctx.Err())
}
