package download

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"opampd/supervisor/internal/testkit"
)

const path = "/v1/collector.tar.gz"

// network is a network of pipes, on which the clock of a synctest bubble is the only one.
type network struct {
	t     *testing.T
	hosts map[string]*pipeListener // by host:port

	mu   sync.Mutex // dials come from goroutines of net/http
	open int
}

// bubble runs a test with a network and a clock of its own.
func bubble(t *testing.T, test func(n *network)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		test(&network{t: t, hosts: map[string]*pipeListener{}})
	})
}

// serve makes a handler answer at host:port.
func (n *network) serve(addr string, handler http.Handler) {
	listener := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
	n.hosts[strings.ToLower(addr)] = listener
	var busy sync.WaitGroup // one that took its connection over is not known to the server any more
	counted := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		busy.Add(1)
		defer busy.Done()
		handler.ServeHTTP(w, r)
	})
	server := &http.Server{Handler: counted, ErrorLog: zap.NewStdLog(zap.NewNop())}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener)
	}()
	n.t.Cleanup(func() {
		_ = server.Close()
		<-served
		busy.Wait()
	})
}

// host serves the body at http://name/v1/collector.tar.gz.
func (n *network) host(name string, body []byte) *testkit.Downloads {
	d := &testkit.Downloads{}
	d.Put(path, testkit.DownloadFile{Body: body})
	n.serve(name+":80", d)
	return d
}

func (n *network) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	listener := n.hosts[strings.ToLower(addr)]
	if listener == nil {
		return nil, errors.New("connection refused")
	}
	near, far := net.Pipe()
	select {
	case listener.conns <- far:
		n.count(1)
		return &countedConn{Conn: near, closed: sync.OnceFunc(func() { n.count(-1) })}, nil
	case <-listener.done:
		return nil, errors.New("connection refused")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (n *network) count(change int) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.open += change
	return n.open
}

type countedConn struct {
	net.Conn
	closed func()
}

func (c *countedConn) Close() error {
	defer c.closed()
	return c.Conn.Close()
}

type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// client is a client on the network, without proxy, that takes http unless the settings were changed.
func (n *network) client(change ...func(*Settings)) *Client {
	n.t.Helper()
	s := Settings{AllowHTTP: true, Proxy: noProxy}
	for _, each := range change {
		each(&s)
	}
	c, err := New(s)
	require.NoError(n.t, err)
	c.dial = n.dial
	return c
}

// fetch fetches, and checks that nothing is left behind.
func (n *network) fetch(c *Client, r Request, p Partial) (Result, error) {
	n.t.Helper()
	return n.fetchWith(n.t.Context(), c, r, p)
}

func (n *network) fetchWith(ctx context.Context, c *Client, r Request, p Partial) (Result, error) {
	n.t.Helper()
	result, err := c.Fetch(ctx, r, p)
	assert.Zero(n.t, n.count(0), "connections that are open when Fetch has returned")
	synctest.Wait()
	assert.Empty(n.t, leftovers(), "goroutines that are left when Fetch has returned")
	return result, err
}

// leftovers are the goroutines of this bubble that are a client's.
func leftovers() []string {
	buffer := make([]byte, 1<<20)
	mine := regexp.MustCompile(`synctest bubble \d+`).Find(buffer[:runtime.Stack(buffer, false)])
	var left []string
	for stack := range strings.SplitSeq(string(buffer[:runtime.Stack(buffer, true)]), "\n\n") {
		head, _, _ := strings.Cut(stack, "\n")
		ours := strings.Contains(stack, "net/http.(*persistConn)") || strings.Contains(stack, "net/http.(*Transport)") ||
			strings.Contains(stack, "download.(*meter)") || strings.Contains(stack, "download.(*lines)")
		if ours && strings.Contains(head, string(mine)+"]") {
			left = append(left, stack)
		}
	}
	return left
}

func noProxy(*http.Request) (*url.URL, error) { return nil, nil }

func body(size int) []byte {
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i * 7 / 3)
	}
	return data
}

func request(host string, content []byte) Request {
	sum := sha256.Sum256(content)
	return Request{URL: "http://" + host + path, Size: int64(len(content)), MaxSize: 1 << 20, SHA256: hex.EncodeToString(sum[:])}
}

// memory is a Partial.
type memory struct {
	bytes.Buffer
	validator string
	restarts  int
	syncs     int
	unsynced  int
	room      int   // bytes it takes before it fails with full, if full is set
	full      error // of Write
	broken    error // of Restart and Sync
}

func (m *memory) Write(p []byte) (int, error) {
	if m.full != nil && m.Len()+len(p) > m.room {
		n, _ := m.Buffer.Write(p[:m.room-m.Len()])
		return n, m.full
	}
	m.unsynced += len(p)
	return m.Buffer.Write(p)
}

func (m *memory) Size() int64       { return int64(m.Len()) }
func (m *memory) Validator() string { return m.validator }

func (m *memory) Restart(validator string) error {
	m.Reset()
	m.validator = validator
	m.restarts++
	return m.broken
}

func (m *memory) Sync() error {
	m.syncs++
	m.unsynced = 0
	return m.broken
}

// requireError is the error as what it always is.
func requireError(t *testing.T, err error, kind Kind) Error {
	t.Helper()
	var e *Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, kind.String(), e.Kind.String(), "%v", err)
	return *e
}

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

var _ io.Writer = (*memory)(nil)
