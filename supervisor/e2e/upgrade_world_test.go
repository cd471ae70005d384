//go:build linux

package e2e

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/testkit"
	"opampd/supervisor/internal/trust"
)

const (
	pending     = protobufs.PackageStatusEnum_PackageStatusEnum_InstallPending
	downloading = protobufs.PackageStatusEnum_PackageStatusEnum_Downloading
	installing  = protobufs.PackageStatusEnum_PackageStatusEnum_Installing
	inForce     = protobufs.PackageStatusEnum_PackageStatusEnum_Installed
	notTaken    = protobufs.PackageStatusEnum_PackageStatusEnum_InstallFailed
)

// program is the name of the Collector's program, and of the package.
const program = "otelcol-lean"

// publisher makes releases, signs them and serves them.
type publisher struct {
	tb        testing.TB
	key       trust.PrivateKey
	root      string // the file with its public key
	downloads *testkit.Downloads
}

// parcel is a release to be made. What is zero is as it should be.
type parcel struct {
	Version string `json:"version"`
	Fault   string `json:"fault,omitempty"` // see testdata/releases
	When    string `json:"when,omitempty"`
	Trace   string `json:"trace,omitempty"`

	index int64
	path  string                                     // where it is served; named by its content if empty
	pack  func(tb testing.TB, program []byte) []byte // raw if nil
	state func(s *trust.Statement)                   // changes what is signed
	sign  func(s trust.Statement) []byte             // with the publisher's key if nil
}

// published is a package that can be offered.
type published struct {
	testkit.Package
	id   string // SHA-256 of its file, hex
	body []byte
	path string // where it is served
}

// publishing is for root alone, as trust roots belong to root.
func publishing(tb testing.TB) *publisher {
	tb.Helper()
	programs(tb)
	if os.Getenv("OPAMPD_TEST_NEXT") == "" {
		tb.Skip("OPAMPD_TEST_NEXT names no other release of the Collector; make e2e does")
	}
	if os.Geteuid() != 0 {
		tb.Skip("trust roots must belong to root: run as root")
	}
	p := &publisher{tb: tb, downloads: testkit.NewDownloads(tb), root: filepath.Join(tb.TempDir(), "release.pub")}
	p.key = newKey(tb)
	_, public, err := p.key.PEM()
	require.NoError(tb, err)
	require.NoError(tb, os.WriteFile(p.root, public, 0o600))
	return p
}

func newKey(tb testing.TB) trust.PrivateKey {
	tb.Helper()
	key, err := trust.GenerateKey(trust.Ed25519)
	require.NoError(tb, err)
	return key
}

// publish makes a release of the other Collector: what it does wrong is appended to it.
func (p *publisher) publish(c parcel) published {
	p.tb.Helper()
	body, err := os.ReadFile(os.Getenv("OPAMPD_TEST_NEXT"))
	require.NoError(p.tb, err)
	words, err := json.Marshal(c)
	require.NoError(p.tb, err)
	body = append(append(body, "\n#release "...), words...)
	if c.pack != nil {
		body = c.pack(p.tb, body)
	}
	return p.serve(c, body)
}

// serve signs a file and serves it.
func (p *publisher) serve(c parcel, body []byte) published {
	p.tb.Helper()
	sum := sha256.Sum256(body)
	s := trust.Statement{
		Release: trust.Release{Package: program, Version: c.Version, OS: runtime.GOOS, Arch: runtime.GOARCH},
		SHA256:  hex.EncodeToString(sum[:]), Size: int64(len(body)), Index: max(c.index, 1), Expires: time.Now().Add(time.Hour).UTC(),
	}
	if c.state != nil {
		c.state(&s)
	}
	if c.sign == nil {
		c.sign = func(s trust.Statement) []byte { return signed(p.tb, s, p.key) }
	}
	signature := c.sign(s)
	out := published{id: hex.EncodeToString(sum[:]), body: body, path: cmp.Or(c.path, "/packages/"+hex.EncodeToString(sum[:8]))}
	p.downloads.Put(out.path, testkit.DownloadFile{Body: body, ETag: `"` + out.id + `"`})
	hash := sha256.Sum256(fmt.Appendf(nil, "%s %x %x", c.Version, sum, signature))
	out.Package = testkit.Package{Version: c.Version, Hash: hash[:], URL: p.downloads.URL(out.path), ContentHash: sum[:], Signature: signature}
	return out
}

func signed(tb testing.TB, s trust.Statement, key trust.PrivateKey) []byte {
	tb.Helper()
	envelope, err := trust.SignRelease(s, nil, key)
	require.NoError(tb, err)
	return envelope
}

// site is a host whose operator trusts a publisher.
type site struct {
	*host
	*publisher
}

// trusting is what supervisor.yaml says of packages.
func (p *publisher) trusting(packages string) string {
	return fmt.Sprintf("packages:\n  trust: [{kind: key, file: %q}]\n  allow_http: true\n  allow_in_container: true\n%s", p.root, indent(packages))
}

// brief lets a release prove itself for less long than people would want it.
const brief = "watch: 1s\nunhealthy_limit: 1s\n"

// forever watches a release until the test has seen enough.
const forever = "watch: 1h\nunhealthy_limit: 1s\n"

// upgradable starts an agent that takes packages, and brings it to a first applied
// configuration.
func upgradable(tb testing.TB, tr testkit.Transport, packages string, s settings, opts ...testkit.Option) *site {
	tb.Helper()
	p := publishing(tb)
	s.capabilities += ", accepts_packages: true"
	s.extra += p.trusting(packages)
	h, _ := working(tb, tr, s, opts...)
	sweeping(h.daemon)
	h.serving()
	return &site{host: h, publisher: p}
}

// reread makes the agent live on with another section of packages.
func (s *site) reread(packages string) {
	s.host.tb.Helper()
	before := strings.Count(s.log(), "the running Collector was taken over")
	s.change(settings{capabilities: ", accepts_packages: true", extra: s.trusting(packages)})
	s.signal(syscall.SIGHUP)
	s.said("the running Collector was taken over", before+1)
}

// upgrade offers the one package that is taken.
func (s *site) upgrade(p published) { s.server.OfferPackages(p.Package) }
