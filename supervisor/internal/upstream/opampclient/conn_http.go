package opampclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/open-telemetry/opamp-go/protobufs"
)

// httpConn is a run of requests to a polling server. Its end is a failed request; TCP connections come and go (S-033).
type httpConn struct {
	client *http.Client
	owner  *Client
}

func (c *Client) newHTTP() conn {
	transport := &http.Transport{
		Proxy: c.settings.Proxy, DialContext: c.dial, TLSClientConfig: c.settings.TLS, ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: handshakeTimeout, MaxIdleConns: 1, IdleConnTimeout: quiet,
		MaxResponseHeaderBytes: 1 << 20, ExpectContinueTimeout: time.Second,
	}
	return &httpConn{owner: c, client: &http.Client{
		Transport: transport,
		// A redirected POST would lose its body or take the credentials elsewhere (G-31).
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// send posts one message. Its time is limited by the loop, which ends ctx when the answer is overdue.
func (h *httpConn) send(ctx context.Context, out outgoing) (*protobufs.ServerToAgent, error) {
	request, err := h.request(ctx, out)
	if err != nil {
		return nil, err
	}
	response, err := h.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("polling: %w", withoutURL(err))
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, newStatusError(response)
	}
	limit := h.owner.settings.MaxMessage
	data, err := io.ReadAll(io.LimitReader(response.Body, limit+1)) // decompressed by the transport
	if err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	if int64(len(data)) > limit {
		return nil, errOversize // S-028
	}
	return decodeBody(data)
}

func (h *httpConn) request(ctx context.Context, out outgoing) (*http.Request, error) {
	header := h.owner.header(out.uid)
	header.Set("Content-Type", "application/x-protobuf") // S-024
	header.Del("Content-Encoding")
	header.Del("Accept-Encoding") // with it set the transport would leave answers compressed
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, h.owner.settings.URL, bytes.NewReader(out.frame[1:]))
	if err != nil {
		return nil, fmt.Errorf("polling: %w", withoutURL(err))
	}
	request.Header = header
	request.Host = header.Get("Host")
	return request, nil
}

// withoutURL drops the URL that net/http puts into its errors, since its query may hold a secret.
func withoutURL(err error) error {
	if located, ok := errors.AsType[*url.Error](err); ok {
		return located.Err
	}
	return err
}

func (h *httpConn) receive(ctx context.Context) (*protobufs.ServerToAgent, error) {
	<-ctx.Done()
	return nil, ctx.Err() //nolint:wrapcheck // the end of the session, which nobody reads
}

func (h *httpConn) ping()   {}
func (h *httpConn) bye(int) {}
func (h *httpConn) cut()    { h.client.CloseIdleConnections() }
