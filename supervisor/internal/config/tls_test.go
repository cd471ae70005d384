package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// authority is a CA that issues certificates for 127.0.0.1.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  string
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		Subject: pkix.Name{CommonName: "ca"}, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return authority{cert, key, block("CERTIFICATE", der)}
}

func block(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func (a authority) issue(t *testing.T, name string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotAfter: time.Now().Add(time.Hour), Subject: pkix.Name{CommonName: name},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{name},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &private.PublicKey, a.key)
	require.NoError(t, err)
	inner, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	return block("CERTIFICATE", der), block("PRIVATE KEY", inner)
}

// pair writes a certificate and its key to a folder, over those that were there.
func (a authority) pair(t *testing.T, dir, name string) TLSCommon {
	t.Helper()
	cert, key := a.issue(t, name)
	c := TLSCommon{CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
	require.NoError(t, writeFile(c.CertFile, cert))
	require.NoError(t, writeFile(c.KeyFile, key))
	return c
}

// handshake connects both configurations and returns the client's name as the server saw it.
func handshake(t *testing.T, client, server *tls.Config) (string, error) {
	t.Helper()
	a, b := net.Pipe()
	t.Cleanup(func() { _, _ = a.Close(), b.Close() })
	if client.ServerName == "" {
		client = client.Clone()
		client.ServerName = "127.0.0.1"
	}
	done := make(chan error, 1)
	conn := tls.Client(a, client)
	go func() {
		err := conn.HandshakeContext(t.Context())
		if err != nil {
			_ = a.Close()
		}
		done <- err
	}()
	accepted := tls.Server(b, server)
	serverErr := accepted.HandshakeContext(t.Context())
	if serverErr != nil {
		_ = b.Close()
	}
	if err := <-done; err != nil {
		return "", err
	}
	require.NoError(t, serverErr)
	if peers := accepted.ConnectionState().PeerCertificates; len(peers) > 0 {
		return peers[0].Subject.CommonName, nil
	}
	return "", nil
}

func TestClientAndServerTrustEachOther(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	caFile := putFile(t, "ca.pem", ca.pem)
	server, err := ServerTLS{TLSCommon: ca.pair(t, t.TempDir(), "server"), ClientCAFile: caFile}.Load()
	require.NoError(t, err)
	cert, key := ca.issue(t, "agent")
	client, err := TLS{CAPEM: Secret(ca.pem), TLSCommon: TLSCommon{CertPEM: Secret(cert), KeyPEM: Secret(key)}}.Load()
	require.NoError(t, err)
	name, err := handshake(t, client, server)
	require.NoError(t, err)
	assert.Equal(t, "agent", name)
}

func TestClientRefusesAnUnknownServerUnlessToldOtherwise(t *testing.T) {
	t.Parallel()
	server, err := ServerTLS{TLSCommon: newAuthority(t).pair(t, t.TempDir(), "server")}.Load()
	require.NoError(t, err)
	for _, skip := range []bool{false, true} {
		client, err := TLS{CAPEM: Secret(newAuthority(t).pem), InsecureSkipVerify: skip}.Load()
		require.NoError(t, err)
		_, err = handshake(t, client, server)
		assert.Equal(t, skip, err == nil)
	}
}

func TestServerNameOverrideIsVerified(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	server, err := ServerTLS{TLSCommon: ca.pair(t, t.TempDir(), "server")}.Load()
	require.NoError(t, err)
	for name, good := range map[string]bool{"server": true, "other": false} {
		client, err := TLS{CAPEM: Secret(ca.pem), ServerName: name}.Load()
		require.NoError(t, err)
		_, err = handshake(t, client, server)
		assert.Equal(t, good, err == nil, name)
	}
}

func TestRenewedClientCertificateIsUsedWithoutARestart(t *testing.T) {
	t.Parallel() // G-38
	ca, dir := newAuthority(t), t.TempDir()
	server, err := ServerTLS{TLSCommon: ca.pair(t, t.TempDir(), "server"), ClientCAFile: putFile(t, "ca.pem", ca.pem)}.Load()
	require.NoError(t, err)
	client, err := TLS{CAPEM: Secret(ca.pem), TLSCommon: ca.pair(t, dir, "first")}.Load()
	require.NoError(t, err)

	ca.pair(t, dir, "second")
	name, err := handshake(t, client, server)
	require.NoError(t, err)
	assert.Equal(t, "second", name)

	require.NoError(t, os.Remove(filepath.Join(dir, "key.pem")))
	name, err = handshake(t, client, server)
	require.NoError(t, err)
	assert.Equal(t, "first", name, "half a pair falls back to the one that was loaded")
}

func TestVersionsAndSuitesReachTheHandshake(t *testing.T) {
	t.Parallel()
	c, err := TLS{TLSCommon: TLSCommon{
		MinVersion: "1.3", MaxVersion: "1.3", CurvePreferences: []string{"X25519", "P384"},
		CipherSuites: []string{"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"},
	}}.Load()
	require.NoError(t, err)
	assert.Equal(t, []uint16{tls.VersionTLS13, tls.VersionTLS13}, []uint16{c.MinVersion, c.MaxVersion})
	assert.Equal(t, []tls.CurveID{tls.X25519, tls.CurveP384}, c.CurvePreferences)
	assert.Equal(t, []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}, c.CipherSuites)

	c, err = TLS{}.Load()
	require.NoError(t, err)
	assert.Equal(t, uint16(tls.VersionTLS12), c.MinVersion)
	assert.Nil(t, c.RootCAs, "nil is the system's")
}

func TestSystemCertificatesCanBeTrustedAsWell(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	c, err := TLS{CAPEM: Secret(ca.pem), IncludeSystemCAs: true}.Load()
	require.NoError(t, err)
	assert.NotNil(t, c.RootCAs)
}

func TestLoadingCertificatesNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	cert, _ := ca.issue(t, "a")
	_, other := ca.issue(t, "b")
	for want, block := range map[string]TLS{
		"failed to load CA: cannot read the file":                {CAFile: "testdata/missing.pem"},
		"no PEM certificate found in testdata/local.yaml":        {CAFile: "testdata/local.yaml"},
		"no PEM certificate found in ca_pem":                     {CAPEM: "x"},
		"failed to load TLS certificate":                         {TLSCommon: TLSCommon{CertFile: "testdata/missing.pem"}},
		"failed to load TLS key":                                 {TLSCommon: TLSCommon{CertPEM: "x", KeyFile: "testdata/missing.pem"}},
		"failed to load TLS cert and key PEMs from cert_pem and": {TLSCommon: TLSCommon{CertPEM: Secret(cert), KeyPEM: Secret(other)}},
	} {
		_, err := block.Load()
		require.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "PRIVATE KEY")
	}
	_, err := ServerTLS{}.Load()
	require.Error(t, err, "a server needs a certificate")
}

func TestAKeyThatEveryoneCanReadIsAWarning(t *testing.T) {
	t.Parallel()
	files := newAuthority(t).pair(t, t.TempDir(), "agent")
	o := write(t, "server: {tls: {cert_file: "+files.CertFile+", key_file: "+files.KeyFile+"}}")
	assert.Empty(t, accepted(t, o).Warnings)
	require.NoError(t, os.Chmod(files.KeyFile, 0o644))
	warnings := accepted(t, o).Warnings
	require.Len(t, warnings, 1)
	assert.Contains(t, warnings[0].String(), "server.tls.key_file: every user of this machine can read the private key")
}
