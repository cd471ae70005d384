package devserver

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/open-telemetry/opamp-go/protobufs"
)

const (
	// packagesPath is where the listener serves the package that is offered: packagesPath SHA-256 / name.
	packagesPath = "/packages/"
	// besideLimit is the largest signature or version read, in bytes.
	besideLimit = 1 << 20

	signatureExt = ".sig"
	versionExt   = ".version"
)

// packageFile is the package that is offered, as it was when it was read.
type packageFile struct {
	path, version string
	info          fs.FileInfo // another file in its place has another content and is not served
	content       []byte      // the SHA-256 of the file
	signature     []byte
}

func (p *packageFile) name() string { return filepath.Base(p.path) }

// hash tells packages apart for the agent, to which it means nothing else (S-233): a new signature makes another one.
func (p *packageFile) hash() []byte { return digest([]byte(p.version), p.content, p.signature) }

// allHash is the all_packages_hash of an offer of p alone, or of no package when p is nil. The name that is hashed is the empty one
// of the top-level package (S-189).
func (p *packageFile) allHash() []byte {
	if p == nil {
		return digest()
	}
	return digest(nil, p.hash())
}

// offer is for an agent that reaches this server at addr, a host:port. A nil p offers that there is no package.
func (p *packageFile) offer(addr string) *protobufs.PackagesAvailable {
	all := &protobufs.PackagesAvailable{AllPackagesHash: p.allHash()}
	if p == nil {
		return all
	}
	download := url.URL{Scheme: "http", Host: addr, Path: packagesPath + hex.EncodeToString(p.content) + "/" + p.name()}
	all.Packages = map[string]*protobufs.PackageAvailable{"": {
		Type:    protobufs.PackageType_PackageType_TopLevel,
		Version: p.version,
		Hash:    p.hash(),
		File:    &protobufs.DownloadableFile{DownloadUrl: download.String(), ContentHash: p.content, Signature: p.signature},
	}}
	return all
}

// serve answers a download, whole or a range of it (S-185). Nothing but the file that is offered is ever opened.
func (p *packageFile) serve(w http.ResponseWriter, r *http.Request) {
	if p == nil || r.PathValue("content") != hex.EncodeToString(p.content) || r.PathValue("name") != p.name() {
		http.Error(w, "not offered", http.StatusNotFound)
		return
	}
	file, err := os.Open(p.path)
	if err != nil {
		http.Error(w, "not there any more", http.StatusNotFound)
		return
	}
	defer func() { _ = file.Close() }()
	now, err := file.Stat()
	if err != nil || !unchanged(now, p.info) {
		http.Error(w, "changed since it was offered", http.StatusNotFound)
		return
	}
	w.Header().Set("ETag", `"`+hex.EncodeToString(p.content)+`"`)
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", now.ModTime(), file)
}

// unchanged says whether now is the file that was there before, as it was.
func unchanged(now, was fs.FileInfo) bool {
	return was != nil && os.SameFile(now, was) && now.Size() == was.Size() && now.ModTime().Equal(was.ModTime())
}

// findPackage returns the path of the one package file in dir, empty when there is none, or no directory. Hidden files and those
// that end in ~ are drafts. Only regular files count, for others may never end.
func findPackage(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read packages: %w", err)
	}
	var found []string
	for _, entry := range entries {
		name := entry.Name()
		ext := filepath.Ext(name)
		if ext == signatureExt || ext == versionExt || strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") {
			continue
		}
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Mode().IsRegular() {
			found = append(found, name)
		}
	}
	switch len(found) {
	case 0:
		return "", nil
	case 1:
		return filepath.Join(dir, found[0]), nil
	}
	return "", fmt.Errorf("there are %d packages in %s (%s); leave one", len(found), dir, strings.Join(found, ", "))
}

// readPackage hashes the package file in dir and reads what lies beside it; it returns nil when there is none. What the package
// holds is not looked at, nor whether the signature is one: offering a bad package is one of the things a person wants to try.
func readPackage(dir string) (*packageFile, error) {
	path, err := findPackage(dir)
	if err != nil || path == "" {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the package: %w", err)
	}
	defer func() { _ = file.Close() }()
	p := &packageFile{path: path}
	if p.info, err = file.Stat(); err != nil {
		return nil, fmt.Errorf("read the package: %w", err)
	}
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return nil, fmt.Errorf("read the package: %w", err)
	}
	p.content = h.Sum(nil)
	if p.signature, err = beside(path, signatureExt); err != nil {
		return nil, err
	}
	version, err := beside(path, versionExt)
	if err != nil {
		return nil, err
	}
	p.version = strings.TrimSpace(string(version))
	if version == nil {
		p.version = signedVersion(p.signature)
	}
	if p.version = strings.ToValidUTF8(p.version, "\uFFFD"); len(p.version) > maxLine { // S-085: a field that is not UTF-8 breaks the message
		return nil, fmt.Errorf("the version of %s has %d bytes, at most %d are offered", path, len(p.version), maxLine)
	}
	return p, nil
}

// beside reads a small file that lies beside the package; it returns nil when there is none.
func beside(path, ext string) ([]byte, error) {
	path += ext
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read what lies beside the package: %w", err)
	case !info.Mode().IsRegular() || info.Size() > besideLimit:
		return nil, fmt.Errorf("%s is no file of at most %d bytes", path, besideLimit)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read what lies beside the package: %w", err)
	}
	return data, nil
}

// signedVersion is the version in the statement of an opampd envelope (DSSE: JSON whose payload is base64), empty for other
// signatures. It is not verified: whoever receives it does that.
func signedVersion(signature []byte) string {
	var envelope struct{ Payload []byte }
	var statement struct{ Version string }
	if json.Unmarshal(signature, &envelope) != nil || json.Unmarshal(envelope.Payload, &statement) != nil {
		return ""
	}
	return statement.Version
}

// awaitsSignature says whether the signature is probably on its way, given the package offered before: it is missing and was not
// missing before, or the file is another and the signature is not.
func (p *packageFile) awaitsSignature(was *packageFile) bool {
	switch {
	case p == nil:
		return false
	case was == nil:
		return len(p.signature) == 0
	case bytes.Equal(p.content, was.content):
		return len(p.signature) == 0 && len(was.signature) > 0
	}
	return len(p.signature) == 0 || bytes.Equal(p.signature, was.signature)
}
