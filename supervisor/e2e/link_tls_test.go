//go:build linux

package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io/fs"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/testkit"
)

// authority is a private CA with its files.
type authority struct {
	tb   testing.TB
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(tb testing.TB) *authority {
	tb.Helper()
	a := &authority{tb: tb, dir: tb.TempDir()}
	a.issue("ca", &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return a
}

// issue writes <name>.crt and <name>.key; the first is the CA itself.
func (a *authority) issue(name string, c *x509.Certificate) {
	a.tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(a.tb, err)
	c.SerialNumber, c.Subject = big.NewInt(time.Now().UnixNano()), pkix.Name{CommonName: name}
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	if a.cert == nil {
		a.cert, a.key = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, a.cert, &key.PublicKey, a.key)
	require.NoError(a.tb, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(a.tb, err)
	a.write(name+".crt", "CERTIFICATE", der)
	a.write(name+".key", "PRIVATE KEY", secret)
}

func (a *authority) write(name, kind string, der []byte) {
	a.tb.Helper()
	text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	require.NoError(a.tb, os.WriteFile(a.file(name), text, 0o600))
}

func (a *authority) file(name string) string { return filepath.Join(a.dir, name) }

// server returns the TLS settings of a server on the loopback address, which asks for
// certificates of the clients' CA if there is one.
func (a *authority) server(clients *authority) *tls.Config {
	a.tb.Helper()
	a.issue("server", &x509.Certificate{
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	pair, err := tls.LoadX509KeyPair(a.file("server.crt"), a.file("server.key"))
	require.NoError(a.tb, err)
	c := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if clients != nil {
		text, err := os.ReadFile(clients.file("ca.crt"))
		require.NoError(a.tb, err)
		c.ClientCAs, c.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
		require.True(a.tb, c.ClientCAs.AppendCertsFromPEM(text))
	}
	return c
}

func TestTheServerIsVerifiedByTheCAOfTheFile(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, tr testkit.Transport) {
		ca := newAuthority(t)
		server := polled(testkit.NewServer(t, testkit.WithTLS(ca.server(nil))))
		d := prepare(t, settings{endpoint: endpoint(server, tr)})
		d.serverKeys("tls: {ca_file: " + ca.file("ca.crt") + "}")
		d.start()
		server.WaitHealthy(t, true)
		assert.GreaterOrEqual(t, server.Connections()[0].TLS.Version, uint16(tls.VersionTLS12))
		assert.Equal(t, 0, d.stop())
	})
}

func TestAServerOfAnotherCAHearsNothing(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, tr testkit.Transport) {
		server := testkit.NewServer(t, testkit.WithTLS(newAuthority(t).server(nil)))
		d := prepare(t, settings{endpoint: endpoint(server, tr)})
		d.serverKeys(`headers: {Authorization: "Bearer hush-hush"}, tls: {ca_file: ` + newAuthority(t).file("ca.crt") + "}")
		d.start()
		d.said("certificate signed by unknown authority", 1)
		assert.Empty(t, server.Connections(), "not one request got through")
		assert.Equal(t, 0, d.stop())
	})
}

func TestAClientCertificateIsShown(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, tr testkit.Transport) {
		ca, clients := newAuthority(t), newAuthority(t)
		clients.issue("agent-7", &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
		server := polled(testkit.NewServer(t, testkit.WithTLS(ca.server(clients))))
		d := prepare(t, settings{endpoint: endpoint(server, tr)})
		d.serverKeys("tls: {ca_file: " + ca.file("ca.crt") + ", cert_file: " + clients.file("agent-7.crt") + ", key_file: " + clients.file("agent-7.key") + "}")
		d.start()
		server.WaitHealthy(t, true)
		assert.Equal(t, "agent-7", server.Connections()[0].TLS.PeerCertificates[0].Subject.CommonName)
		assert.Equal(t, 0, d.stop())
	})
}

func TestWithoutItsClientCertificateAnAgentIsToldWhatIsMissing(t *testing.T) {
	t.Parallel()
	ca, clients := newAuthority(t), newAuthority(t)
	server := testkit.NewServer(t, testkit.WithTLS(ca.server(clients)))
	d := prepare(t, settings{endpoint: server.WebSocketURL()})
	d.serverKeys("tls: {ca_file: " + ca.file("ca.crt") + "}")
	d.start()
	d.said("certificate required", 1)
	assert.Empty(t, server.Messages())
}

// keepsSecret asserts that no file under the directory holds a text, but for supervisor.yaml.
func (d *daemon) keepsSecret(text string) {
	d.tb.Helper()
	require.NoError(d.tb, filepath.WalkDir(d.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Base(path) == "supervisor.yaml" {
			return err
		}
		body, err := os.ReadFile(path)
		assert.NotContains(d.tb, string(body), text, "%s holds a secret", path)
		return err
	}))
}

func TestHeadersGoWithEveryConnectionAndIntoNoLog(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, tr testkit.Transport) {
		server := polled(testkit.NewServer(t))
		server.Inject(testkit.RefuseWith(http.StatusUnauthorized, ""), 1)
		d := prepare(t, settings{endpoint: endpoint(server, tr) + "?token=in-the-query"})
		d.serverKeys(`headers: {Authorization: "Bearer one-secret", X-Tenant: [two-secret, three-secret]}`)
		d.start()
		server.WaitHealthy(t, true)
		assert.Equal(t, 0, d.stop())
		for _, c := range server.Connections() {
			assert.Equal(t, []string{"Bearer one-secret"}, c.Header.Values("Authorization"))
			assert.Equal(t, []string{"two-secret", "three-secret"}, c.Header.Values("X-Tenant"))
		}
		assert.Contains(t, d.log(), "check the headers")
		for _, secret := range []string{"one-secret", "two-secret", "three-secret", "in-the-query"} {
			d.keepsSecret(secret)
		}
	})
}
