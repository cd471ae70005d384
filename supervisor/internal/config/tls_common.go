package config

import (
	"crypto/tls"
	"fmt"
	"slices"
)

// TLSCommon is what both ends of a TLS connection can be told.
type TLSCommon struct {
	CertFile string `koanf:"cert_file"`
	CertPEM  Secret `koanf:"cert_pem"`
	KeyFile  string `koanf:"key_file"`
	KeyPEM   Secret `koanf:"key_pem"`

	MinVersion       string   `koanf:"min_version"` // "1.0" to "1.3"; empty is 1.2
	MaxVersion       string   `koanf:"max_version"` // empty is the newest
	CipherSuites     []string `koanf:"cipher_suites"`
	CurvePreferences []string `koanf:"curve_preferences"`
}

// fault is something wrong with one key of a tls block.
type fault struct{ key, message string }

// faults finds what can be found without looking at files.
func (t TLSCommon) faults() []fault {
	var faults []fault
	add := func(wrong bool, key, message string) {
		if wrong {
			faults = append(faults, fault{key, message})
		}
	}
	add(t.CertFile != "" && t.CertPEM != "", "cert_pem", "provide either a certificate or the PEM-encoded string, but not both")
	add(t.KeyFile != "" && t.KeyPEM != "", "key_pem", "provide either a key or the PEM-encoded string, but not both")
	hasCert, hasKey := t.CertFile != "" || t.CertPEM != "", t.KeyFile != "" || t.KeyPEM != ""
	add(hasCert && !hasKey, "cert_file", "provide both certificate and key, or neither: the key is missing")
	add(hasKey && !hasCert, "key_file", "provide both certificate and key, or neither: the certificate is missing")
	lowest, highest := version(t.MinVersion), version(t.MaxVersion)
	add(highest != 0 && highest < lowest, "max_version", "min_version cannot be greater than max_version")
	_, err := t.ciphers()
	add(err != nil, "cipher_suites", fmt.Sprint(err))
	_, err = t.curves()
	add(err != nil, "curve_preferences", fmt.Sprint(err))
	return faults
}

func (t TLSCommon) load() (*tls.Config, error) {
	ciphers, err := t.ciphers()
	if err != nil {
		return nil, err
	}
	curves, err := t.curves()
	if err != nil {
		return nil, err
	}
	lowest := version(t.MinVersion)
	if lowest == 0 {
		lowest = tls.VersionTLS12
	}
	return &tls.Config{
		MinVersion: lowest, MaxVersion: version(t.MaxVersion),
		CipherSuites: ciphers, CurvePreferences: curves,
	}, nil
}

func (t TLSCommon) hasCertificate() bool { return t.CertFile != "" || t.CertPEM != "" }

func (t TLSCommon) certificate() (*tls.Certificate, error) {
	cert, err := fileOr(t.CertFile, t.CertPEM)
	if err != nil {
		return nil, fmt.Errorf("failed to load TLS certificate: %w", err)
	}
	key, err := fileOr(t.KeyFile, t.KeyPEM)
	if err != nil {
		return nil, fmt.Errorf("failed to load TLS key: %w", err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("failed to load TLS cert and key PEMs from %s and %s: %w",
			orInline(t.CertFile, "cert_pem"), orInline(t.KeyFile, "key_pem"), err)
	}
	return &pair, nil
}

func fileOr(path string, inline Secret) ([]byte, error) {
	if path == "" {
		return []byte(inline), nil
	}
	content, err := readText(path)
	return []byte(content), err
}

func orInline(path, key string) string {
	if path == "" {
		return key
	}
	return path
}

func tlsVersions() []string { return []string{"1.0", "1.1", "1.2", "1.3"} }

// version returns 0 for an empty or unknown version.
func version(name string) uint16 {
	if i := slices.Index(tlsVersions(), name); i >= 0 {
		return tls.VersionTLS10 + uint16(i) //nolint:gosec // 0 to 3
	}
	return 0
}

func (t TLSCommon) ciphers() ([]uint16, error) {
	var ids []uint16
	for _, name := range t.CipherSuites {
		known := tls.CipherSuites()
		i := slices.IndexFunc(known, func(s *tls.CipherSuite) bool { return s.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("invalid TLS cipher suite: %q is unknown or not secure", name)
		}
		ids = append(ids, known[i].ID)
	}
	return ids, nil
}

func (t TLSCommon) curves() ([]tls.CurveID, error) {
	known := map[string]tls.CurveID{
		"P256": tls.CurveP256, "P384": tls.CurveP384, "P521": tls.CurveP521,
		"X25519": tls.X25519, "X25519MLKEM768": tls.X25519MLKEM768,
	}
	var ids []tls.CurveID
	for _, name := range t.CurvePreferences {
		id, ok := known[name]
		if !ok {
			return nil, fmt.Errorf("invalid curve type: %q is unknown", name)
		}
		ids = append(ids, id)
	}
	return ids, nil
}
