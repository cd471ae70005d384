package main

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"net/url"
	"testing"
	"time"

	ct "github.com/google/certificate-transparency-go"
	cttls "github.com/google/certificate-transparency-go/tls"
	ctx509 "github.com/google/certificate-transparency-go/x509"
	"github.com/google/certificate-transparency-go/x509util"
	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
	"github.com/stretchr/testify/require"
)

// claims is who a certificate is for, and when.
type claims struct {
	issuer, subject, repository string
	notBefore                   time.Time
	unlogged                    bool // without a certificate transparency log
}

// otel is the release workflow of OpenTelemetry's Collector.
func otel() claims {
	return claims{
		issuer: "https://token.actions.githubusercontent.com",
		subject: "https://github.com/open-telemetry/opentelemetry-collector-releases/" +
			".github/workflows/base-release.yaml@refs/tags/v0.158.0",
		repository: "open-telemetry/opentelemetry-collector-releases",
		notBefore:  time.Now().Add(-time.Minute),
	}
}

// certificate does what Fulcio does: a key for ten minutes, with its name and its workflow.
func (s *instance) certificate(t *testing.T, who claims) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key := newKey(t)
	subject, err := url.Parse(who.subject)
	require.NoError(t, err)
	issuer, err := asn1.Marshal(who.issuer)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial(t)),
		URIs:         []*url.URL{subject},
		NotBefore:    who.notBefore, NotAfter: who.notBefore.Add(10 * time.Minute),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
		ExtraExtensions: []pkix.Extension{
			{Id: certificate.OIDIssuerV2, Value: issuer},
			{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 5}, Value: []byte(who.repository)},
		},
	}
	if !who.unlogged {
		template.ExtraExtensions = append(template.ExtraExtensions, s.logCertificate(t, template, key))
	}
	leaf, err := x509.ParseCertificate(s.issue(t, template, key))
	require.NoError(t, err)
	return leaf, key
}

func (s *instance) issue(t *testing.T, template *x509.Certificate, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, s.fulcio.Intermediates[0], key.Public(), s.fulcioKey)
	require.NoError(t, err)
	return der
}

// logCertificate has the certificate logged before it is issued, RFC 6962 section 3, and returns the proof to embed.
func (s *instance) logCertificate(t *testing.T, template *x509.Certificate, key *ecdsa.PrivateKey) pkix.Extension {
	t.Helper()
	before := *template
	before.ExtraExtensions = append([]pkix.Extension{
		{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 3}, Critical: true, Value: asn1.NullBytes}, // the poison
	}, before.ExtraExtensions...)
	leaf, err := ctx509.ParseCertificate(s.issue(t, &before, key))
	require.False(t, ctx509.IsFatal(err), "%v", err)
	parent, err := ctx509.ParseCertificate(s.fulcio.Intermediates[0].Raw)
	require.False(t, ctx509.IsFatal(err), "%v", err)

	sct := ct.SignedCertificateTimestamp{SCTVersion: ct.V1, Timestamp: uint64(time.Now().UnixMilli())}
	copy(sct.LogID.KeyID[:], keyID(t, s.ctKey))
	entry, err := ct.MerkleTreeLeafFromChain([]*ctx509.Certificate{leaf, parent}, ct.PrecertLogEntryType, sct.Timestamp)
	require.NoError(t, err)
	input, err := ct.SerializeSCTSignatureInput(sct, ct.LogEntry{Leaf: *entry})
	require.NoError(t, err)
	signed, err := cttls.CreateSignature(*s.ctKey, cttls.SHA256, input)
	require.NoError(t, err)
	sct.Signature = ct.DigitallySigned(signed)

	list, err := x509util.MarshalSCTsIntoSCTList([]*ct.SignedCertificateTimestamp{&sct})
	require.NoError(t, err)
	encoded, err := cttls.Marshal(*list)
	require.NoError(t, err)
	value, err := asn1.Marshal(encoded)
	require.NoError(t, err)
	return pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 2}, Value: value}
}
