package trust

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The example of protocol.md of DSSE v1.
func TestWhatIsSignedIsThePreAuthenticationEncoding(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "DSSEv1 29 http://example.com/HelloWorld 11 hello world", string(toSign("http://example.com/HelloWorld", []byte("hello world"))))
}

func TestAGeneratedKeySignsWhatAHostAccepts(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []string{Ed25519, ECDSAP256} {
		made, err := GenerateKey(algorithm)
		require.NoError(t, err)
		private, public, err := made.PEM()
		require.NoError(t, err)
		key, err := ParsePrivateKey(private)
		require.NoError(t, err)
		assert.Equal(t, made.ID(), key.ID())

		data, err := SignRelease(statement(), nil, key)
		require.NoError(t, err)
		known, err := parsePublicKey(public)
		require.NoError(t, err)
		e, err := openEnvelope(data, releaseType)
		require.NoError(t, err)
		assert.Len(t, e.signers([]publicKey{known}), 1)
		assert.Equal(t, []string{key.ID()}, e.keyIDs())
	}
	_, err := GenerateKey("rsa")
	assert.ErrorContains(t, err, "choose ed25519 or ecdsa-p256")
}

func TestAPublicKeyIsReadFromBase64Too(t *testing.T) {
	t.Parallel()
	text := strings.Split(publicText(signer), "\n")[1]
	key, err := parsePublicKey([]byte(text + "\n"))
	require.NoError(t, err)
	assert.Equal(t, private(signer).ID(), key.id)
}

func TestKeysOfOtherKindsAreRefused(t *testing.T) {
	t.Parallel()
	other, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(other)
	require.NoError(t, err)
	_, err = ParsePrivateKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	require.ErrorContains(t, err, "only P-256")
	_, err = ParsePrivateKey([]byte(publicText(signer)))
	require.ErrorContains(t, err, "no PRIVATE KEY")
	_, err = ParsePrivateKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")}))
	assert.ErrorContains(t, err, "no private key that can be read")
}

func TestWhatNoHostWouldTakeIsNotSigned(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*Statement){
		"index must":      func(s *Statement) { s.Index = 0 },
		"floor must":      func(s *Statement) { s.Floor = 16 },
		"size must":       func(s *Statement) { s.Size = 0 },
		"sha256 must":     func(s *Statement) { s.SHA256 = strings.ToUpper(s.SHA256) },
		"package name":    func(s *Statement) { s.Package = "../x" },
		"version":         func(s *Statement) { s.Version = "" },
		"os is":           func(s *Statement) { s.OS = "Linux" },
		"arch is":         func(s *Statement) { s.Arch = "" },
		"not_before must": func(s *Statement) { s.NotBefore = s.Expires },
		"notes must":      func(s *Statement) { s.Notes = "\x1b[2J" },
		"from_min":        permit(5, 4, at(1), ""),
		"fleet must":      permit(1, 2, at(1), "\n"),
	} {
		_, err := SignRelease(statement(change), nil, private(signer))
		assert.ErrorContains(t, err, want)
	}
	for want, change := range map[string]func(*KeyList){
		"number must":    numbered(0),
		"twice":          func(l *KeyList) { l.Keys = append(l.Keys, l.Keys[0]) },
		"wrong way":      func(l *KeyList) { l.Keys[0].Until = 3 },
		"no public key":  func(l *KeyList) { l.Keys[0].Public = "?" },
		"revoked_keys":   func(l *KeyList) { l.RevokedKeys = []string{""} },
		"revoked_hashes": func(l *KeyList) { l.RevokedHashes = []string{"12"} },
		"65 keys":        func(l *KeyList) { l.Keys = make([]ListedKey, 65) },
	} {
		l := KeyList{Number: 1, Issued: at(1), Keys: []ListedKey{{ID: "a", Public: publicText(listed), From: 10}}}
		change(&l)
		_, err := SignKeyList(l, private(root))
		assert.ErrorContains(t, err, want)
	}
}

func TestASignatureIsAddedOnce(t *testing.T) {
	t.Parallel()
	one := signed(statement(), nil, signer)
	_, err := AddSignature(one, nil, private(signer))
	require.ErrorContains(t, err, "signed it already")
	two, err := AddSignature(one, keyList(root), private(second))
	require.NoError(t, err)
	claims, err := Inspect(two)
	require.NoError(t, err)
	assert.Equal(t, []string{private(signer).ID(), private(second).ID()}, claims.KeyIDs)
	assert.EqualValues(t, 5, claims.KeyList.Number)
}

func TestOnlyReleasesAndKeyListsAreSigned(t *testing.T) {
	t.Parallel()
	for _, data := range [][]byte{raw("text/plain", "{}"), raw(releaseType, "{}"), []byte("{}")} {
		_, err := AddSignature(data, nil, private(second))
		assert.Error(t, err)
	}
}

func TestTooManySignaturesAreRefused(t *testing.T) {
	t.Parallel()
	data := signed(statement(), nil, 20)
	var err error
	for i := range byte(maxSigners) {
		if data, err = AddSignature(data, nil, private(21+i)); err != nil {
			break
		}
	}
	assert.ErrorContains(t, err, "17 signatures")
}
