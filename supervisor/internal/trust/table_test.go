package trust

import (
	"bytes"
	"encoding/base64"
	"strings"
	"sync"
	"time"
)

// vector is one signature and what has to become of it.
type vector struct {
	name      string
	is        string // what it is, for people
	signature []byte // nil for none at all
	want      string // code of the refusal; empty if it is good
	host      func(*host)
}

// host is where a vector is tried.
type host struct {
	settings Settings
	state    State
	archive  string // the file that was downloaded
	offered  string // the file whose hash was offered; empty for the same
	request  Request
}

func roots(roots ...Root) func(*host) { return func(h *host) { h.settings.Roots = roots } }

func withRoot(more ...func(*host)) func(*host) {
	return func(h *host) {
		h.settings.Roots = []Root{{Kind: KindKey, File: "signer.pub"}, {Kind: KindRoot, File: "root.pub"}}
		for _, change := range more {
			change(h)
		}
	}
}

func twoNeeded() func(*host) { return func(h *host) { h.settings.Policy.Threshold = 2 } }

func downloaded(file, offered string) func(*host) {
	return func(h *host) { h.archive, h.offered = file, offered }
}

func remembers(list []byte) func(*host) {
	return func(h *host) { h.state.KeyList, h.state.Number = string(list), 5 }
}

// vectors is every vector; made once, for signing takes its time.
var vectors = sync.OnceValue(func() []vector {
	all := goodVectors()
	for _, more := range [][]vector{envelopeVectors(), fieldVectors(), revocationVectors(), downgradeVectors(), listVectors(), otherVectors()} {
		all = append(all, more...)
	}
	return all
})

func goodVectors() []vector {
	none := func(h *host) { h.settings.Roots, h.settings.Policy.HashOnly = nil, true }
	return []vector{
		{"good-envelope", "an envelope signed with Ed25519", signed(statement(), nil, signer), "", nil},
		{"good-envelope-ecdsa", "an envelope signed with ECDSA P-256", signed(statement(), nil, hardware), "", roots(Root{Kind: KindKey, File: "hardware.pub"})},
		{"good-envelope-url-base64", "an envelope in the other alphabet of base64", urlBase64(signed(statement(), nil, signer)), "", nil},
		{"good-two-keys", "signed by two keys, as two are needed", signed(statement(), nil, signer, second), "", twoNeeded()},
		{"good-keylist", "signed by a key of the key list that goes along", signed(statement(), keyList(root), listed), "", withRoot()},
		{"good-keylist-known", "signed by a key of the key list that was seen before", signed(statement(), nil, listed), "", withRoot(remembers(keyList(root)))},
		{"good-old-key", "an old release, signed by the key of its time, with a permit", signed(statement(older, func(s *Statement) { s.Index, s.Floor = 9, 0 }, permit(14, 14, at(time.August), "")), keyList(root), retired), "", withRoot()},
		{"good-permit", "an older release with a permit for this host", signed(statement(older, permit(13, 14, at(time.August), "")), nil, signer), "", nil},
		{"good-approved", "an older release that an operator asked for", signed(statement(older), nil, signer), "", func(h *host) { h.request.Host.Approved = true }},
		{"good-minisign", "minisign with a statement", minisigned(signer, releaseFile, comment), "", nil},
		{"good-minisign-legacy", "minisign of the old kind, over the whole file", minisignedWhole(signer, archives()[releaseFile], comment), "", nil},
		{"good-minisign-bytes-only", "minisign without a statement", minisigned(signer, releaseFile, "timestamp:1780000000 file:release.bin hashed"), "", nil},
		{"good-sigstore", "a Sigstore bundle (stands for one)", bundle(releaseFile), "", keyless()},
		{"hash-only", "nothing, and hash-only-insecure", nil, "", none},
	}
}

func keyless() func(*host) {
	return func(h *host) {
		h.settings.Roots = []Root{{Kind: KindSigstore, File: "trusted_root.json"}}
		h.settings.Identities = []Identity{{Issuer: "https://token.example", Subject: "ci@example.com"}}
	}
}

func envelopeVectors() []vector {
	good := signed(statement(), nil, signer)
	noMinisign := roots(Root{Kind: KindMinisign, File: "minisign.pub"})
	return []vector{
		{"unsigned", "nothing", nil, checkUnsigned, nil},
		{"wrong-key", "signed by a key that nobody trusts", signed(statement(), nil, stranger), checkKey, nil},
		{"root-key", "a release signed by the key for lists", signed(statement(), nil, root), checkKey, withRoot()},
		{"no-root", "an envelope, and only minisign is trusted", good, checkRoot, noMinisign},
		{"truncated", "the end is missing", good[:len(good)-40], checkFormat, nil},
		{"appended", "something follows after the end", append(bytes.Clone(good), "{}"...), checkFormat, nil},
		{"unknown-format", "an OpenPGP signature", []byte("-----BEGIN PGP SIGNATURE-----\n\niQEz\n-----END PGP SIGNATURE-----\n"), checkFormat, nil},
		{"unknown-json", "JSON of some other kind", []byte("{\"signature\": \"AAAA\"}\n"), checkFormat, nil},
		{"duplicate-member", "two payloads", bytes.Replace(good, []byte("{"), []byte("{\n  \"payload\": \"e30=\","), 1), checkFormat, nil},
		{"changed-payload", "the statement was changed after it was signed", bytes.Replace(good, payloadOf(statement()), payloadOf(statement(func(s *Statement) { s.Index = 16 })), 1), checkKey, nil},
		{"changed-type", "signed as a key list, shown as a release", raw(keyListType, text64(statement())), checkFormat, nil},
		{"unknown-field", "the statement has a field that is not known", raw(releaseType, strings.Replace(text64(statement()), "{", "{\"min_kernel\": 6,", 1)), checkStatement, nil},
		{"duplicate-field", "the statement says two indexes", raw(releaseType, strings.Replace(text64(statement()), "{", "{\"index\": 99,", 1)), checkStatement, nil},
		{"threshold", "signed by one key where two are needed", good, checkThreshold, twoNeeded()},
		{"threshold-same-key", "signed twice by one key where two are needed", twice(statement(), signer), checkThreshold, twoNeeded()},
		{"threshold-stranger", "signed by a trusted key and a stranger where two are needed", signed(statement(), nil, signer, stranger), checkThreshold, twoNeeded()},
	}
}

func fieldVectors() []vector {
	set := func(change func(*Statement)) []byte { return signed(statement(change), nil, signer) }
	return []vector{
		{"appended-archive", "the archive goes on after its end", signed(statement(), nil, signer), checkDigest, downloaded(appendedFile, releaseFile)},
		{"appended-archive-offered", "the same, and the server offers its hash", signed(statement(), nil, signer), checkArchive, downloaded(appendedFile, "")},
		{"other-file", "the signature of another file", signed(statement(), nil, signer), checkArchive, downloaded(otherFile, "")},
		{"wrong-size", "the statement says another size", set(func(s *Statement) { s.Size++ }), checkArchive, nil},
		{"wrong-package", "another package", set(func(s *Statement) { s.Package = "otelcol-contrib" }), checkPackage, nil},
		{"wrong-package-offered", "offered under another name", set(func(*Statement) {}), checkPackage, func(h *host) { h.request.Offer.Package, h.request.Host.Package = "addon", "" }},
		{"wrong-version", "another version than was offered", set(func(s *Statement) { s.Version = "0.149.0" }), checkVersion, nil},
		{"wrong-os", "for another operating system", set(func(s *Statement) { s.OS = "darwin" }), checkOS, nil},
		{"wrong-arch", "for another architecture", set(func(s *Statement) { s.Arch = "arm64" }), checkArch, nil},
		{"expired", "offered too late", set(func(s *Statement) { s.Expires = at(time.June) }), checkExpired, nil},
		{"expired-slow-clock", "offered too late, on a host with the clock of 1970 that has seen a later list", signed(statement(func(s *Statement) { s.NotBefore, s.Expires = time.Time{}, at(time.March) }), keyList(root), signer), checkExpired, withRoot(func(h *host) { h.request.Host.Now = time.Unix(0, 0) })},
	}
}

func revocationVectors() []vector {
	file := func(name string) func(*host) { return func(h *host) { h.settings.RevocationsFile = name } }
	revoke := func(key, hash []string) func(*KeyList) {
		return func(l *KeyList) { l.RevokedKeys, l.RevokedHashes = key, hash }
	}
	return []vector{
		{"revoked-key", "the key list that goes along revokes the key", signed(statement(), keyList(root, revoke([]string{private(signer).ID()}, nil)), signer), checkRevokedKey, withRoot()},
		{"revoked-key-by-id", "the key list revokes one of its own keys by its id", signed(statement(), keyList(root, revoke([]string{"release-2026"}, nil)), listed), checkRevokedKey, withRoot()},
		{"revoked-key-local", "the local file revokes the key", signed(statement(), nil, signer), checkRevokedKey, file("revoked-key.txt")},
		{"revoked-key-minisign", "the local file revokes the key of a minisign signature", minisigned(signer, releaseFile, comment), checkRevokedKey, file("revoked-key.txt")},
		{"revoked-key-of-two", "one of two keys is revoked, one is enough", signed(statement(), nil, signer, second), "", file("revoked-key.txt")},
		{"revoked-hash", "the key list that was seen before revokes the archive", signed(statement(), nil, signer), checkRevokedHash, withRoot(remembers(keyList(root, revoke(nil, []string{hashOf(releaseFile)}))))},
		{"revoked-hash-local", "the local file revokes the archive", signed(statement(), nil, signer), checkRevokedHash, file("revoked-hash.txt")},
		{"floor", "below the floor of what was installed before", signed(statement(older, permit(14, 14, at(time.August), "")), nil, signer), checkFloor, func(h *host) { h.state.Floor = 13 }},
		{"floor-local", "below the floor of the local file", signed(statement(), nil, signer), checkFloor, file("floor.txt")},
		{"floor-list", "below the floor of the key list", signed(statement(), keyList(root, func(l *KeyList) { l.Floor = 16 }), signer), checkFloor, withRoot()},
	}
}

func downgradeVectors() []vector {
	return []vector{
		{"lower-index", "an older release without a permit", signed(statement(older), nil, signer), checkIndex, nil},
		{"lower-index-none", "an older release with a permit, and allow_downgrade none", signed(statement(older, permit(14, 14, at(time.August), "")), nil, signer), checkIndex, func(h *host) { h.settings.Policy.AllowDowngrade = DowngradeNone }},
		{"permit-other-index", "the permit is for another installed index", signed(statement(older, permit(15, 20, at(time.August), "")), nil, signer), checkPermit, nil},
		{"permit-other-fleet", "the permit is for another fleet", signed(statement(older, permit(14, 14, at(time.August), "edge")), nil, signer), checkPermit, nil},
		{"permit-expired", "the permit is too old", signed(statement(older, permit(14, 14, at(time.June), "")), nil, signer), checkPermitExpired, nil},
		{"minisign-lower-index", "an older release by minisign, which cannot carry a permit", minisigned(signer, releaseFile, strings.NewReplacer("index=15", "index=12").Replace(comment)), checkIndex, nil},
	}
}

func listVectors() []vector {
	return []vector{
		{"keylist-going-back", "an older key list than was seen", signed(statement(), keyList(root, numbered(4)), signer), checkKeyListNumber, withRoot(remembers(keyList(root)))},
		{"keylist-same-number", "another key list of the same number", signed(statement(), keyList(root, func(l *KeyList) { l.Floor = 1 }), signer), checkKeyListNumber, withRoot(remembers(keyList(root)))},
		{"keylist-wrong-root", "a key list signed by a former root", signed(statement(), keyList(oldRoot), signer), checkKeyList, withRoot()},
		{"keylist-by-signer", "a key list signed by a key for releases", signed(statement(), keyList(signer), signer), checkKeyList, withRoot()},
		{"keylist-threshold", "a key list signed by one root where two are needed", signed(statement(), keyList(root), signer), checkKeyList, func(h *host) {
			h.settings.Roots = []Root{{Kind: KindKey, File: "signer.pub"}, {Kind: KindRoot, File: "root.pub"}, {Kind: KindRoot, File: "second.pub"}}
			h.settings.Policy.RootThreshold = 2
		}},
		{"keylist-range", "signed by a listed key that is not good for this index", signed(statement(), keyList(root), retired), checkThreshold, withRoot()},
		{"keylist-former-root", "the list that named the key was signed by a root that is trusted no more", signed(statement(), nil, listed), checkKey, withRoot(remembers(keyList(oldRoot)))},
		{"keylist-missing", "signed by a listed key, and no list was ever seen", signed(statement(), nil, listed), checkKey, roots(Root{Kind: KindRoot, File: "root.pub"})},
	}
}

func otherVectors() []vector {
	good := minisigned(signer, releaseFile, comment)
	forged := bytes.Replace(good, []byte("index=15"), []byte("index=99"), 1)
	sum := blake(archives()[releaseFile])
	return []vector{
		{"minisign-wrong-key", "minisign by a key that nobody trusts", minisigned(stranger, releaseFile, comment), checkKey, nil},
		{"minisign-other-file", "minisign of another file", minisigned(signer, otherFile, comment), checkKey, nil},
		{"minisign-appended-archive", "the archive goes on after its end, and the server offers its hash", good, checkKey, downloaded(appendedFile, "")},
		{"minisign-forged-comment", "the trusted comment was changed", forged, checkKey, nil},
		{"minisign-truncated", "the last line is missing", good[:bytes.LastIndexByte(good[:len(good)-1], '\n')], checkFormat, nil},
		{"minisign-appended", "something follows after the end", append(bytes.Clone(good), "\n\n"...), checkFormat, nil},
		{"minisign-hash-signed", "the old kind over the hash instead of the file", minisignedWhole(signer, sum, comment), checkKey, nil},
		{"minisign-wrong-arch", "minisign, for another architecture", minisigned(signer, releaseFile, strings.Replace(comment, "amd64", "arm64", 1)), checkArch, nil},
		{"minisign-bad-comment", "minisign with half a statement", minisigned(signer, releaseFile, "opampd package=otelcol-lean index=15"), checkStatement, nil},
		{"minisign-threshold", "minisign where two keys are needed", good, checkThreshold, twoNeeded()},
		{"sigstore-no-root", "a Sigstore bundle, and no root of its kind", bundle(releaseFile), checkRoot, nil},
		{"sigstore-other-file", "a Sigstore bundle of another file", bundle(otherFile), checkKey, keyless()},
	}
}

func payloadOf(s Statement) []byte {
	return []byte(base64.StdEncoding.EncodeToString([]byte(text64(s))))
}

func urlBase64(data []byte) []byte {
	e := must(parseEnvelope(data))
	data = bytes.Replace(data, []byte(base64.StdEncoding.EncodeToString(e.payload)), []byte(base64.URLEncoding.EncodeToString(e.payload)), 1)
	sig := e.signatures[0].bytes
	return bytes.Replace(data, []byte(base64.StdEncoding.EncodeToString(sig)), []byte(base64.URLEncoding.EncodeToString(sig)), 1)
}

// twice is signed twice by one key, which AddSignature would not do.
func twice(s Statement, by byte) []byte {
	e := must(parseEnvelope(signed(s, nil, by)))
	return must(sealed(e, private(by)))
}
