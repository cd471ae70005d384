package testkit

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"go.uber.org/zap"
)

// Downloads serves files as a download server does: with ranges, If-Range and entity tags. It misbehaves on demand. The zero value is an
// http.Handler, for a server of the test's own; [NewDownloads] gives it one. Its methods may be called from any goroutine.
type Downloads struct {
	server *httptest.Server
	board
	files  map[string]DownloadFile
	gets   []Download
	next   []DownloadFault
	always DownloadFault
}

// DownloadFile is what is served under a path.
type DownloadFile struct {
	Body []byte
	// ETag is sent as it is, quotes included; empty means the quoted SHA-256 of Body, "none" means none.
	ETag string
	// Modified becomes Last-Modified unless it is zero.
	Modified time.Time
}

// Download is one request, as it came and as it was answered.
type Download struct {
	Method, Path, Query, Host string
	Header                    http.Header
	Range                     string // as in the header
	Status                    int    // it was answered with; 0 if the connection was just cut
	Sent                      int64  // bytes of body that were handed to the connection
}

// NewDownloads starts a server on a free port of 127.0.0.1, which ends with the test.
func NewDownloads(tb testing.TB) *Downloads {
	tb.Helper()
	d := &Downloads{}
	d.listen(tb).Start()
	return d
}

// NewTLSDownloads is NewDownloads with TLS; [Downloads.Roots] has the CA that its certificate is from.
func NewTLSDownloads(tb testing.TB) *Downloads {
	tb.Helper()
	d := &Downloads{}
	d.listen(tb).StartTLS()
	return d
}

func (d *Downloads) listen(tb testing.TB) *httptest.Server {
	tb.Helper()
	d.server = httptest.NewUnstartedServer(d)
	d.server.Config.ErrorLog = zap.NewStdLog(zap.NewNop())
	tb.Cleanup(func() {
		d.server.CloseClientConnections()
		d.server.Close()
	})
	return d.server
}

// Roots trusts the server's certificate, and no other.
func (d *Downloads) Roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(d.server.Certificate())
	return pool
}

// URL is where a path is served.
func (d *Downloads) URL(path string) string { return d.server.URL + path }

// Put serves a file under a path from now on.
func (d *Downloads) Put(path string, file DownloadFile) {
	if file.ETag == "" {
		sum := sha256.Sum256(file.Body)
		file.ETag = `"` + hex.EncodeToString(sum[:]) + `"`
	}
	d.update(func() {
		if d.files == nil {
			d.files = map[string]DownloadFile{}
		}
		d.files[path] = file
	})
}

// Next makes the next requests go wrong, one each, in this order. nil is a request that goes well.
func (d *Downloads) Next(faults ...DownloadFault) {
	d.update(func() { d.next = append(d.next, faults...) })
}

// Always makes every request go wrong for which Next has nothing; nil ends that.
func (d *Downloads) Always(fault DownloadFault) {
	d.update(func() { d.always = fault })
}

// Requests are all that came so far, oldest first.
func (d *Downloads) Requests() []Download {
	var all []Download
	d.read(func() { all = slices.Clone(d.gets) })
	return all
}

// Ranges are the Range headers of all requests so far, oldest first, empty for those without.
func (d *Downloads) Ranges() []string {
	var all []string
	for _, r := range d.Requests() {
		all = append(all, r.Range)
	}
	return all
}

// WaitRequests waits until there have been n requests and returns the last of them.
func (d *Downloads) WaitRequests(tb testing.TB, n int) Download {
	tb.Helper()
	var last Download
	if !d.wait(Patience, func() bool {
		if len(d.gets) < n {
			return false
		}
		last = d.gets[n-1]
		return true
	}) {
		tb.Fatalf("not %d requests within %s, but %d", n, Patience, len(d.Requests()))
	}
	return last
}

// ServeHTTP implements http.Handler.
func (d *Downloads) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var fault DownloadFault
	var id int
	d.update(func() {
		fault, id = d.always, len(d.gets)
		if len(d.next) > 0 {
			fault, d.next = d.next[0], d.next[1:]
		}
		d.gets = append(d.gets, Download{
			Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, Host: r.Host, Header: r.Header.Clone(), Range: r.Header.Get("Range"),
		})
	})
	tap := &downloadTap{ResponseWriter: w, note: func(status int, sent int64) {
		d.update(func() { d.gets[id].Status, d.gets[id].Sent = status, sent })
	}}
	if fault == nil {
		d.serve(tap, r)
		return
	}
	fault(tap, r, d.serve)
}

func (d *Downloads) serve(w http.ResponseWriter, r *http.Request) {
	var file DownloadFile
	var found bool
	d.read(func() { file, found = d.files[r.URL.Path] })
	if !found {
		http.Error(w, fmt.Sprintf("there is no %s", r.URL.Path), http.StatusNotFound)
		return
	}
	if file.ETag != "none" {
		w.Header().Set("ETag", file.ETag)
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", file.Modified, bytes.NewReader(file.Body))
}
