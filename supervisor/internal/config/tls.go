package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// TLS is the client's side of a connection, in the form of the Collector's configtls.
type TLS struct {
	TLSCommon `koanf:",squash"`

	// Insecure has no effect: the scheme of the endpoint decides.
	Insecure           bool   `koanf:"insecure"`
	InsecureSkipVerify bool   `koanf:"insecure_skip_verify"`
	ServerName         string `koanf:"server_name_override"`
	CAFile             string `koanf:"ca_file"`
	CAPEM              Secret `koanf:"ca_pem"`
	IncludeSystemCAs   bool   `koanf:"include_system_ca_certs_pool"`
	// ReloadInterval has no effect: files are read for every connection.
	ReloadInterval time.Duration `koanf:"reload_interval"`
}

// Load returns the configuration of a client. Versions and certificates are those of now; the client certificate is
// read again at each handshake, so that a renewed one is used without a restart (G-38). CA certificates are read by
// Load alone: call it for each connection attempt that should see new ones.
// An error says which file or setting is wrong and never shows key material.
func (t TLS) Load() (*tls.Config, error) {
	config, err := t.load()
	if err != nil {
		return nil, err
	}
	config.InsecureSkipVerify = t.InsecureSkipVerify // the operator wrote it; loading the settings warns
	config.ServerName = t.ServerName
	if config.RootCAs, err = t.roots(); err != nil {
		return nil, err
	}
	if current := t.certificate; t.hasCertificate() {
		first, err := current()
		if err != nil {
			return nil, err
		}
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return latest(current, first), nil
		}
	}
	return config, nil
}

// latest falls back to the certificate that was good before: files may be half replaced at this moment.
func latest(current func() (*tls.Certificate, error), first *tls.Certificate) *tls.Certificate {
	if renewed, err := current(); err == nil {
		return renewed
	}
	return first
}

// roots returns nil for "those of the system".
func (t TLS) roots() (*x509.CertPool, error) {
	if t.CAFile == "" && t.CAPEM == "" {
		return nil, nil //nolint:nilnil // crypto/tls gives nil this meaning
	}
	pem, err := fileOr(t.CAFile, t.CAPEM)
	if err != nil {
		return nil, fmt.Errorf("failed to load CA: %w", err)
	}
	pool := x509.NewCertPool()
	if t.IncludeSystemCAs {
		if pool, err = x509.SystemCertPool(); err != nil {
			return nil, fmt.Errorf("failed to load the system's CA certificates: %w", err)
		}
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("failed to load CA: no PEM certificate found in " + orInline(t.CAFile, "ca_pem"))
	}
	return pool, nil
}

func (t TLS) faults() []fault {
	faults := t.TLSCommon.faults()
	if t.CAFile != "" && t.CAPEM != "" {
		faults = append(faults, fault{"ca_pem", "provide either a CA file or the PEM-encoded string, but not both"})
	}
	return faults
}

// ServerTLS is the server's side of a connection, in the form of the Collector's configtls.
type ServerTLS struct {
	TLSCommon `koanf:",squash"`

	// ClientCAFile makes clients show a certificate of one of these CAs.
	ClientCAFile       string        `koanf:"client_ca_file"`
	ClientCAFileReload bool          `koanf:"client_ca_file_reload"` // has no effect
	ReloadInterval     time.Duration `koanf:"reload_interval"`       // has no effect: files are read for every connection
}

// Enabled reports whether TLS is asked for at all.
func (t ServerTLS) Enabled() bool { return t.hasCertificate() || t.ClientCAFile != "" }

// Load returns the configuration of a server. The certificate is read again at each handshake.
func (t ServerTLS) Load() (*tls.Config, error) {
	config, err := t.load()
	if err != nil {
		return nil, err
	}
	first, err := t.certificate()
	if err != nil {
		return nil, err
	}
	config.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		return latest(t.certificate, first), nil
	}
	if t.ClientCAFile != "" {
		config.ClientAuth = tls.RequireAndVerifyClientCert
		config.ClientCAs, err = TLS{CAFile: t.ClientCAFile}.roots()
	}
	return config, err
}

func (t ServerTLS) faults() []fault {
	faults := t.TLSCommon.faults()
	if t.Enabled() && !t.hasCertificate() {
		faults = append(faults, fault{"cert_file", "a server needs a certificate and a key"})
	}
	return faults
}
