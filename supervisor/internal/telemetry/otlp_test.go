package telemetry

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// quiet keeps the level of a logger and drops what it would write.
func quiet(zapcore.Core) zapcore.Core {
	return zapcore.NewCore(zapcore.NewJSONEncoder(zapcore.EncoderConfig{}), zapcore.AddSync(discard{}), zap.InfoLevel)
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// blackHole accepts connections and says nothing.
func blackHole(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = conn.Close() })
		}
	}()
	return l.Addr().String()
}

func send(t *testing.T, o OTLP) {
	t.Helper()
	tel := start(t, Settings{Logs: []Processor{{Simple: true, Exporter: o}}})
	tel.Logger(zap.NewExample(zap.WrapCore(quiet))).Info("hello")
}

func TestHeadersCompressionAndPathAreThoseConfigured(t *testing.T) {
	t.Parallel()
	s := startSink(t)
	send(t, OTLP{
		Protocol: "http/protobuf", Endpoint: s.URL + "/ingest/logs", Compression: "gzip",
		Headers: map[string]string{"Authorization": "Bearer x"}, Timeout: time.Minute,
	})
	r := s.next(t)
	assert.Equal(t, "/ingest/logs", r.path)
	assert.Equal(t, "gzip", r.header.Get("Content-Encoding"))
	assert.Equal(t, "Bearer x", r.header.Get("Authorization"))
	assert.Len(t, records(t, r), 1)
}

func TestAnEndpointIsCompleted(t *testing.T) {
	t.Parallel()
	for endpoint, want := range map[string]string{
		"host:4318":           "https://host:4318/v1/logs",
		"http://host":         "http://host/v1/logs",
		"https://host:1/":     "https://host:1/v1/logs",
		"https://host/v1/own": "https://host/v1/own",
		"":                    "",
	} {
		got, err := OTLP{Endpoint: endpoint}.url("/v1/logs")
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	got, err := OTLP{Endpoint: "host:4318", Insecure: true}.url("/v1/logs")
	require.NoError(t, err)
	assert.Equal(t, "http://host:4318/v1/logs", got)
}

func TestTheServerIsVerifiedAgainstTheConfiguredCertificate(t *testing.T) {
	t.Parallel()
	s := newSink(t, http.StatusOK)
	s.StartTLS()
	send(t, OTLP{Endpoint: s.URL, Certificate: s.certificate(t)})
	assert.Len(t, records(t, s.next(t)), 1)
}

func TestTheClientShowsItsCertificate(t *testing.T) {
	t.Parallel()
	certificate, key := identity(t)
	s := newSink(t, http.StatusOK)
	s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS12}
	s.StartTLS()
	send(t, OTLP{Endpoint: s.URL, Certificate: s.certificate(t), ClientCertificate: certificate, ClientKey: key})
	assert.Len(t, records(t, s.next(t)), 1)
}

// identity writes a self-signed client certificate and its key.
func identity(t *testing.T) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	require.NoError(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	return writePEM(t, "CERTIFICATE", der), writePEM(t, "PRIVATE KEY", secret)
}

func TestABadCertificateFileIsNamed(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	for want, o := range map[string]OTLP{
		"certificate: no PEM certificate in " + empty: {Certificate: empty},
		"certificate: open /nonexistent":              {Certificate: "/nonexistent"},
		"client_certificate, client_key: ":            {ClientCertificate: empty, ClientKey: empty},
	} {
		_, err := Start(t.Context(), Settings{Metrics: []Reader{{Exporter: o}}})
		assert.ErrorContains(t, err, "telemetry.metrics.readers[0]: "+want)
	}
}
