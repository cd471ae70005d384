package opampclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/gorilla/websocket"
	"github.com/open-telemetry/opamp-go/protobufs"
)

// slowestWrite is the progress a write must make on average, in bytes per second, to be given more than writeTimeout.
const (
	slowestWrite = 256 << 10
	writeTimeout = 30 * time.Second
)

// wsConn is a WebSocket connection.
type wsConn struct {
	ws    *websocket.Conn
	limit int64 // of one frame with its header, decompressed
}

// dialWS connects and upgrades within handshakeTimeout. Redirects are not followed (S-291).
func (c *Client) dialWS(ctx context.Context, uid [16]byte) (conn, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	proxy, err := c.proxy()
	if err != nil {
		return nil, err
	}
	// The handshake watches only the deadline of ctx, not its cancellation; closing the socket is what ends it.
	release := func() bool { return true }
	d := &websocket.Dialer{TLSClientConfig: c.settings.TLS}
	d.NetDialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if connects(proxy) {
			addr = proxyAddress(proxy)
		}
		raw, err := c.dial(ctx, network, addr)
		if err == nil {
			release = context.AfterFunc(ctx, func() { _ = raw.Close() })
		}
		return raw, err
	}
	if connects(proxy) {
		d.NetDialContext = c.tunnel(proxy, d.NetDialContext)
	} else if proxy != nil {
		d.Proxy = http.ProxyURL(proxy)
	}
	ws, response, err := d.DialContext(ctx, c.settings.URL, c.header(uid))
	if response != nil && response.Body != nil {
		_ = response.Body.Close()
	}
	if err != nil {
		return nil, upgradeError(response, err)
	}
	if !release() {
		_ = ws.Close()
		return nil, fmt.Errorf("connecting: %w", context.Cause(ctx))
	}
	w := &wsConn{ws: ws, limit: c.settings.MaxMessage + 1}
	ws.SetReadLimit(w.limit)
	ws.SetPongHandler(func(string) error { return ws.SetReadDeadline(time.Now().Add(quiet)) })
	return w, nil
}

func upgradeError(response *http.Response, err error) error {
	if errors.Is(err, websocket.ErrBadHandshake) && response.StatusCode != http.StatusSwitchingProtocols {
		return newStatusError(response)
	}
	return fmt.Errorf("connecting: %w", err)
}

func (w *wsConn) send(_ context.Context, out outgoing) (*protobufs.ServerToAgent, error) {
	timeout := writeTimeout + time.Duration(len(out.frame)/slowestWrite)*time.Second
	err := w.ws.SetWriteDeadline(time.Now().Add(timeout))
	if err == nil {
		err = w.ws.WriteMessage(websocket.BinaryMessage, out.frame)
	}
	if err != nil {
		return nil, fmt.Errorf("sending: %w", err)
	}
	return nil, nil //nolint:nilnil // answers come through receive
}

func (w *wsConn) receive(context.Context) (*protobufs.ServerToAgent, error) {
	if err := w.ws.SetReadDeadline(time.Now().Add(quiet)); err != nil {
		return nil, fmt.Errorf("receiving: %w", err)
	}
	kind, r, err := w.ws.NextReader()
	if err != nil {
		return nil, readError(err)
	}
	if kind != websocket.BinaryMessage {
		return nil, fmt.Errorf("%w: a text frame", errMalformed) // S-004
	}
	data, err := io.ReadAll(io.LimitReader(r, w.limit+1))
	if err != nil {
		return nil, readError(err)
	}
	if int64(len(data)) > w.limit { // the limit of the library counts compressed bytes
		return nil, errOversize
	}
	return decodeFrame(data)
}

func readError(err error) error {
	var closed *websocket.CloseError
	var timeout net.Error
	switch {
	case errors.Is(err, websocket.ErrReadLimit):
		return errOversize // the library has sent the close code 1009
	case errors.As(err, &closed) && closed.Code != websocket.CloseAbnormalClosure:
		return fmt.Errorf("the server closed the connection (%w)", closed)
	case errors.As(err, &timeout) && timeout.Timeout():
		return errSilent
	}
	return fmt.Errorf("the connection was lost: %w", err)
}

// ping needs no error: the missing answer shows in receive.
func (w *wsConn) ping() {
	_ = w.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeTimeout))
}

func (w *wsConn) bye(code int) {
	_ = w.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""), time.Now().Add(goodbyeTimeout))
}

func (w *wsConn) cut() { _ = w.ws.Close() }
