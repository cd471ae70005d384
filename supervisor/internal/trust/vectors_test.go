package trust

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"strings"
	"time"

	"aead.dev/minisign"
)

// The cast. Keys have fixed seeds, so that the committed files can be made again.
const (
	signer   = 1 // trusted to sign releases
	second   = 2 // trusted, too
	stranger = 3 // trusted by nobody
	root     = 4 // signs key lists
	oldRoot  = 5 // signs nothing that counts
	listed   = 6 // known from the key list alone, good from index 10
	retired  = 7 // known from the key list alone, good up to index 9
	hardware = 8 // ECDSA
)

const (
	releaseFile  = "release.bin"
	appendedFile = "release-appended.bin"
	otherFile    = "other.bin"
	installed    = 14
)

func at(month time.Month) time.Time { return time.Date(2026, month, 1, 0, 0, 0, 0, time.UTC) }

func archives() map[string][]byte {
	release := []byte(strings.Repeat("otelcol-lean 0.150.0 linux/amd64\n", 20))
	return map[string][]byte{
		releaseFile:  release,
		appendedFile: append(bytes.Clone(release), "rm -rf /\n"...),
		otherFile:    []byte(strings.Repeat("otelcol-lean 0.120.0 linux/amd64\n", 20)),
	}
}

func hashOf(name string) string {
	sum := sha256.Sum256(archives()[name])
	return hex.EncodeToString(sum[:])
}

func private(number byte) PrivateKey {
	seed := bytes.Repeat([]byte{number}, ed25519.SeedSize)
	if number == hardware {
		return must(newPrivateKey(must(ecdsa.ParseRawPrivateKey(elliptic.P256(), seed))))
	}
	return must(newPrivateKey(ed25519.NewKeyFromSeed(seed)))
}

func minisignPair(number byte) (minisign.PublicKey, minisign.PrivateKey) {
	public, private, err := minisign.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{number}, ed25519.SeedSize)))
	if err != nil {
		panic(err)
	}
	return public, private
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// statement is the one of the release, changed a little.
func statement(changes ...func(*Statement)) Statement {
	s := Statement{
		Type: statementType, Release: Release{Package: "otelcol-lean", Version: "0.150.0", OS: "linux", Arch: "amd64"},
		SHA256: hashOf(releaseFile), Size: int64(len(archives()[releaseFile])),
		Index: 15, Floor: 10, NotBefore: at(time.May), Expires: at(time.December),
	}
	for _, change := range changes {
		change(&s)
	}
	return s
}

func older(s *Statement) { s.Index = 12 }

func permit(from, to int64, expires time.Time, fleet string) func(*Statement) {
	return func(s *Statement) { s.Downgrade = &Permit{FromMin: from, FromMax: to, Expires: expires, Fleet: fleet} }
}

func signed(s Statement, list []byte, by ...byte) []byte {
	data := must(SignRelease(s, list, private(by[0])))
	for _, key := range by[1:] {
		data = must(AddSignature(data, nil, private(key)))
	}
	return data
}

// keyList is a list, changed a little, signed by a key.
func keyList(by byte, changes ...func(*KeyList)) []byte {
	l := KeyList{Number: 5, Issued: at(time.April), Keys: []ListedKey{
		{ID: "release-2026", Public: publicText(listed), From: 10},
		{ID: "release-2025", Public: publicText(retired), Until: 9},
	}}
	for _, change := range changes {
		change(&l)
	}
	return must(SignKeyList(l, private(by)))
}

func publicText(number byte) string {
	_, public, err := private(number).PEM()
	if err != nil {
		panic(err)
	}
	return string(public)
}

func numbered(n int64) func(*KeyList) { return func(l *KeyList) { l.Number = n } }

// raw is an envelope that SignRelease would not make.
func raw(payloadType, payload string) []byte {
	return must(sealed(envelope{payloadType: payloadType, payload: []byte(payload)}, private(signer)))
}

func text64(s Statement) string { return string(must(json.Marshal(s))) }

const comment = "opampd package=otelcol-lean version=0.150.0 os=linux arch=amd64 index=15 floor=10 expires=2026-12-01T00:00:00Z"

func minisigned(by byte, file, trusted string) []byte {
	_, private := minisignPair(by)
	r := minisign.NewReader(bytes.NewReader(archives()[file]))
	_ = must(bytes.NewBuffer(nil).ReadFrom(r))
	return r.SignWithComments(private, trusted, "signature of a test")
}

func minisignedWhole(by byte, message []byte, trusted string) []byte {
	_, private := minisignPair(by)
	return minisign.SignWithComments(private, message, trusted, "signature of a test")
}

// bundle looks like a Sigstore bundle; the test's checker reads the digest from it.
func bundle(file string) []byte {
	return []byte(`{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "digest": "` + hashOf(file) + `"}` + "\n")
}

// committed is every file of testdata/signatures, by name.
func committed() map[string][]byte {
	files := maps.Clone(archives())
	for name, number := range map[string]byte{
		"signer": signer, "second": second, "root": root, "hardware": hardware, "listed": listed, "retired": retired,
	} {
		files[name+".pub"] = []byte(publicText(number))
	}
	public, _ := minisignPair(signer)
	files["minisign.pub"] = append(must(public.MarshalText()), '\n')
	files["trusted_root.json"] = []byte("{\"mediaType\": \"application/vnd.dev.sigstore.trustedroot+json;version=0.1\"}\n")
	files["revoked-key.txt"] = []byte("# of a laptop that was lost\nkey:" + private(signer).ID() + "\n")
	files["revoked-hash.txt"] = []byte("sha256:" + hashOf(releaseFile) + " # exporter loses data\n")
	files["floor.txt"] = []byte("floor:16\n")
	files["README.md"] = readme()
	for _, v := range vectors() {
		if v.signature != nil {
			files[v.name+".sig"] = v.signature
		}
	}
	return files
}

func readme() []byte {
	var b strings.Builder
	b.WriteString("# Signatures, good and bad\n\nMade by `go test ./supervisor/internal/trust -update`, which also checks that they are what it makes. Not for use: the private\n" +
		"keys are in the test. Unless said otherwise, the host runs index 14 of otelcol-lean on linux/amd64, is offered `release.bin`,\nand trusts signer.pub, second.pub and minisign.pub.\n\n" +
		"| file | what it is | refused because (`Refusal.Check`) |\n|---|---|---|\n")
	for _, v := range vectors() {
		file, want := "`"+v.name+".sig`", "`"+v.want+"`"
		if v.signature == nil {
			file = "none"
		}
		if v.want == "" {
			want = "accepted"
		}
		b.WriteString("| " + file + " | " + v.is + " | " + want + " |\n")
	}
	return []byte(b.String())
}
