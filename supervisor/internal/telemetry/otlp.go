package telemetry

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"
)

// with names the options of one exporter package. The three packages of the SDK have the same options with types of
// their own.
type with[O any] struct {
	path       string // where receivers take the signal
	url        func(string) O
	insecure   func() O
	tls        func(*tls.Config) O
	headers    func(map[string]string) O
	timeout    func(time.Duration) O
	gzip, none O
}

// options translates o. An error is about the endpoint or a certificate.
func options[O any](o OTLP, w with[O]) ([]O, error) {
	var opts []O
	endpoint, err := o.url(w.path)
	if err != nil {
		return nil, err
	}
	opts = set(opts, endpoint, w.url)
	if endpoint == "" && o.Insecure {
		opts = append(opts, w.insecure())
	}
	if !o.Insecure && !strings.HasPrefix(endpoint, "http://") {
		config, err := o.tls()
		if err != nil {
			return nil, err
		}
		opts = set(opts, config, w.tls)
	}
	if len(o.Headers) > 0 {
		opts = append(opts, w.headers(o.Headers))
	}
	switch o.Compression {
	case "gzip":
		opts = append(opts, w.gzip)
	case "none":
		opts = append(opts, w.none)
	}
	return set(opts, o.Timeout, w.timeout), nil
}

// set appends an option unless its value is the zero value, which leaves the choice to the SDK.
func set[V comparable, O any](opts []O, value V, option func(V) O) []O {
	var zero V
	if value == zero {
		return opts
	}
	return append(opts, option(value))
}

// url completes the endpoint: the scheme, which people leave out as they may for gRPC, and the path.
func (o OTLP) url(path string) (string, error) {
	if o.Endpoint == "" {
		return "", nil
	}
	text := o.Endpoint
	if !strings.Contains(text, "://") {
		scheme := "https://"
		if o.Insecure {
			scheme = "http://"
		}
		text = scheme + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return "", errors.New("endpoint must be a URL such as https://otlp.example.com:4318") // without the text: it may hold a password
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = path
	}
	return u.String(), nil
}

// tls returns nil when no file is named, which means the system's certificates or those of the environment.
func (o OTLP) tls() (*tls.Config, error) {
	if o.Certificate == "" && o.ClientCertificate == "" {
		return nil, nil //nolint:nilnil // nil is crypto/tls's own word for defaults
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.Certificate != "" {
		pem, err := os.ReadFile(o.Certificate)
		if err != nil {
			return nil, fmt.Errorf("certificate: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("certificate: no PEM certificate in %s", o.Certificate)
		}
	}
	if o.ClientCertificate != "" {
		if _, err := o.pair(); err != nil {
			return nil, err
		}
		// Read again at each handshake, so that a renewed certificate needs no restart.
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return o.pair() }
	}
	return config, nil
}

func (o OTLP) pair() (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(o.ClientCertificate, o.ClientKey)
	if err != nil {
		return nil, fmt.Errorf("client_certificate, client_key: %w", err)
	}
	return &pair, nil
}
