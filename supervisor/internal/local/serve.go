package local

import (
	"context"
	"crypto/subtle"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/opampserver"
)

// serve lets a client in and listens to it until it goes.
func (l *Lane) serve(w http.ResponseWriter, r *http.Request) {
	if !l.begin() {
		http.Error(w, "opampd is on its way out", http.StatusServiceUnavailable)
		return
	}
	defer l.running.Done()
	run, status := l.admit(r)
	if status != http.StatusOK {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now()) // what it still owes is not waited for
		http.Error(w, http.StatusText(status), status)
		return
	}
	c, err := opampserver.Upgrade(w, r)
	if err != nil {
		return // the client was told why
	}
	defer c.Close()
	s := &session{run: run, conn: c, gone: make(chan struct{})}
	if !l.enter(s) {
		return
	}
	defer l.leave(s)
	for {
		m, err := c.Receive()
		if err != nil || c.Send(l.message(s, m)) != nil {
			return
		}
	}
}

// begin counts a connection in, unless Close was called.
func (l *Lane) begin() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closing {
		l.running.Add(1)
	}
	return !l.closing
}

// admit lets in the holder of the token, and of those one at a time (W25). A
// Collector that reloads opens its new session while the old one is closing, so a
// second one waits a moment before it is refused.
func (l *Lane) admit(r *http.Request) (run core.RunID, status int) {
	if !websocket.IsWebSocketUpgrade(r) {
		return 0, http.StatusUpgradeRequired
	}
	l.mu.Lock()
	token, run, current := l.token, l.run, l.session
	l.mu.Unlock()
	given := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if token == "" || subtle.ConstantTimeCompare([]byte(given), []byte(token)) != 1 {
		return 0, http.StatusUnauthorized
	}
	l.crowd.known(r)
	if current != nil && !closes(r.Context(), current) {
		return 0, http.StatusConflict
	}
	return run, http.StatusOK
}

func closes(ctx context.Context, s *session) bool {
	t := time.NewTimer(handoverWait)
	defer t.Stop()
	select {
	case <-s.gone:
		return true
	case <-t.C:
	case <-ctx.Done():
	}
	return false
}

// enter makes s the session, unless two came at once or its run is over.
func (l *Lane) enter(s *session) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closing || l.session != nil || s.run != l.run {
		return false
	}
	l.session = s
	l.quiet.Reset(silentAfter)
	return true
}

// leave ends the session. The next one, which may be of the same run, begins after
// that is told: the end of this one must not be taken for its own.
func (l *Lane) leave(s *session) {
	l.Post(core.AgentDisconnected{Run: s.run})
	l.mu.Lock()
	l.session = nil
	if s.run == l.run {
		l.quiet.Reset(lostAfter)
	}
	l.mu.Unlock()
	close(s.gone)
}
