package devserver

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// packageName is a name that a URL has to escape.
func packageName(version string) string { return "otelcol " + version + ".tar.gz" }

// stock makes a signed package the one in the directory, with no state in between that could be offered, and waits until it is.
func (r *running) stock(t *testing.T, body, version string) {
	t.Helper()
	name, dir := packageName(version), filepath.Join(r.dir, packagesDir)
	before, err := findPackage(dir)
	require.NoError(t, err)
	r.write(t, "packages/"+name+".version", version+"\n")
	r.write(t, "packages/"+name+".sig", "signature of "+body)
	r.write(t, "packages/draft~", body)
	require.NoError(t, os.Rename(filepath.Join(dir, "draft~"), filepath.Join(dir, name)))
	if before != "" {
		require.NoError(t, os.Remove(before)) // two are not offered
	}
	r.out.shows(t, "offering package "+version+": "+name+" in "+dir)
}

func sum(body string) []byte {
	content := sha256.Sum256([]byte(body))
	return content[:]
}

// echo is a report that answers an offer as a whole.
func echo(all []byte) *protobufs.AgentToServer {
	return &protobufs.AgentToServer{PackageStatuses: &protobufs.PackageStatuses{ServerProvidedAllPackagesHash: all}}
}

// fetched is the response to a GET.
type fetched struct {
	status int
	header http.Header
	body   string
}

func fetch(t *testing.T, address string, header http.Header) fetched {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	require.NoError(t, err)
	request.Header = header
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return fetched{response.StatusCode, response.Header, string(body)}
}

func TestThePackageIsOfferedOnConnect(t *testing.T) {
	t.Parallel()
	eachTransport(t, nil, func(t *testing.T, r *running, a *testAgent) {
		t.Helper()
		r.stock(t, "the binary", "0.150.0")
		answer := a.ask(t, hello())
		bits := protobufs.ServerCapabilities_ServerCapabilities_OffersPackages | protobufs.ServerCapabilities_ServerCapabilities_AcceptsPackagesStatus
		assert.Equal(t, uint64(bits), answer.GetCapabilities()&uint64(bits))
		offer := answer.GetPackagesAvailable()
		assert.Len(t, offer.GetAllPackagesHash(), 32)
		require.Len(t, offer.GetPackages(), 1)
		p := offer.GetPackages()[""]
		assert.Equal(t, protobufs.PackageType_PackageType_TopLevel, p.GetType())
		assert.Equal(t, "0.150.0", p.GetVersion())
		assert.Len(t, p.GetHash(), 32)
		assert.Equal(t, sum("the binary"), p.GetFile().GetContentHash())
		assert.Equal(t, "signature of the binary", string(p.GetFile().GetSignature()))
		assert.Equal(t, "the binary", fetch(t, p.GetFile().GetDownloadUrl(), nil).body)
	})
}

func TestANewPackageReachesAnOpenWebSocketAtOnce(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	a := dial(t, r.addr)
	a.ask(t, hello())
	r.stock(t, "one", "0.150.0")
	one := a.receive(t).GetPackagesAvailable()
	r.stock(t, "two", "0.151.0")
	two := a.receive(t).GetPackagesAvailable()
	assert.Equal(t, "0.151.0", two.GetPackages()[""].GetVersion())
	assert.NotEqual(t, one.GetPackages()[""].GetHash(), two.GetPackages()[""].GetHash())
	assert.NotEqual(t, one.GetAllPackagesHash(), two.GetAllPackagesHash())
}

func TestNoPackageIsNoOffer(t *testing.T) {
	t.Parallel()
	eachTransport(t, nil, func(t *testing.T, _ *running, a *testAgent) {
		t.Helper()
		first := hello()
		first.PackageStatuses = echo([]byte("of another server")).GetPackageStatuses()
		assert.Nil(t, a.ask(t, first).GetPackagesAvailable())
	})
}

func TestNoPackageIsOfferedToAnAgentThatTakesNone(t *testing.T) {
	t.Parallel()
	eachTransport(t, nil, func(t *testing.T, r *running, a *testAgent) {
		t.Helper()
		r.stock(t, "one", "0.150.0")
		first := hello()
		first.Capabilities = allCapabilities &^ uint64(protobufs.AgentCapabilities_AgentCapabilities_AcceptsPackages)
		assert.Nil(t, a.ask(t, first).GetPackagesAvailable())
		r.out.shows(t, ", takes no packages)")
	})
}

func TestAnAnsweredPackageIsNotOfferedAgain(t *testing.T) {
	t.Parallel()
	eachTransport(t, nil, func(t *testing.T, r *running, a *testAgent) {
		t.Helper()
		r.stock(t, "one", "0.150.0")
		all := a.ask(t, hello()).GetPackagesAvailable().GetAllPackagesHash()
		assert.Nil(t, a.ask(t, &protobufs.AgentToServer{}).GetPackagesAvailable(), "it was just made")
		assert.Nil(t, a.ask(t, echo(all)).GetPackagesAvailable())
	})
}

func TestAPackageIsOfferedAgainOnANewConnectionUnlessItWasAnswered(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	r.stock(t, "one", "0.150.0")
	a := dial(t, r.addr)
	all := a.ask(t, hello()).GetPackagesAvailable().GetAllPackagesHash()
	require.NotEmpty(t, all)
	a.redial(t)
	assert.Equal(t, all, a.ask(t, hello()).GetPackagesAvailable().GetAllPackagesHash())
	a.ask(t, echo(all))
	a.redial(t)
	assert.Nil(t, a.ask(t, hello()).GetPackagesAvailable())
	a.redial(t)
	first := hello()
	first.PackageStatuses = echo([]byte("an older offer")).GetPackageStatuses()
	assert.Equal(t, all, a.ask(t, first).GetPackagesAvailable().GetAllPackagesHash())
}

func TestARemovedPackageIsAnEmptyOffer(t *testing.T) {
	t.Parallel()
	eachTransport(t, nil, func(t *testing.T, r *running, a *testAgent) {
		t.Helper()
		r.stock(t, "one", "0.150.0")
		all := a.ask(t, hello()).GetPackagesAvailable().GetAllPackagesHash()
		a.ask(t, echo(all))
		require.NoError(t, os.Remove(filepath.Join(r.dir, "packages", packageName("0.150.0"))))
		r.out.shows(t, "offering no package any more: there is none in "+filepath.Join(r.dir, "packages"))
		var offer *protobufs.PackagesAvailable
		if a.ws != nil {
			offer = a.receive(t).GetPackagesAvailable()
		} else {
			offer = a.ask(t, &protobufs.AgentToServer{}).GetPackagesAvailable()
		}
		require.NotNil(t, offer)
		assert.Empty(t, offer.GetPackages())
		assert.Len(t, offer.GetAllPackagesHash(), 32)
		assert.NotEqual(t, all, offer.GetAllPackagesHash())
	})
}

func TestAPackageWaitsForItsSignature(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var out strings.Builder
	f := newFleet(dir, printer{w: &out}, nil)
	path := filepath.Join(dir, packagesDir, "otelcol")
	require.NoError(t, os.Mkdir(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte("one"), 0o600))
	require.Equal(t, copyTime, f.restock(true))
	assert.Equal(t, signatureTime, f.restock(true), "it is whole")
	assert.Nil(t, f.shelf.file)
	assert.Contains(t, out.String(), path+" waits 2s for its signature, otelcol.sig\n")
	require.NoError(t, os.WriteFile(path+".sig", []byte("signed"), 0o600))
	assert.Zero(t, f.restock(true))
	assert.Equal(t, "signed", string(f.shelf.file.signature))
}

func TestAPackageThatGrowsIsNotOfferedYet(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := newFleet(dir, printer{w: io.Discard}, nil)
	path := filepath.Join(dir, packagesDir, "otelcol")
	require.NoError(t, os.Mkdir(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path+".sig", []byte("signed"), 0o600))
	for _, soFar := range []string{"o", "on", "one"} {
		require.NoError(t, os.WriteFile(path, []byte(soFar), 0o600))
		assert.Equal(t, copyTime, f.restock(true))
		assert.Nil(t, f.shelf.file)
	}
	assert.Zero(t, f.restock(true))
	assert.Equal(t, sum("one"), f.shelf.file.content)
}

func TestAPackageWithoutASignatureIsOfferedInTheEnd(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	a := dial(t, r.addr)
	a.ask(t, hello())
	r.write(t, "packages/otelcol", "one")
	p := a.receive(t).GetPackagesAvailable().GetPackages()[""]
	assert.Equal(t, sum("one"), p.GetFile().GetContentHash())
	assert.Empty(t, p.GetFile().GetSignature())
	r.out.shows(t, "offering package "+short(p.GetHash())+": otelcol in ")
	r.out.shows(t, "SHA-256 "+hex.EncodeToString(sum("one"))+", not signed)")
}

func TestASignatureIsAwaitedWhenItCannotBeThatOfTheFile(t *testing.T) {
	t.Parallel()
	of := func(content, signature string) *packageFile {
		return &packageFile{content: []byte(content), signature: []byte(signature)}
	}
	for name, c := range map[string]struct {
		was, now *packageFile
		awaits   bool
	}{
		"new, signed":     {nil, of("one", "s1"), false},
		"new, not signed": {nil, of("one", ""), true},
		"another, signed": {of("one", "s1"), of("two", "s2"), false},
		"another, with the signature of the one before": {of("one", "s1"), of("two", "s1"), true},
		"another, not signed":                           {of("one", "s1"), of("two", ""), true},
		"another, as before not signed":                 {of("one", ""), of("two", ""), true},
		"the same, signed again":                        {of("one", "s1"), of("one", "s2"), false},
		"the same, its signature gone":                  {of("one", "s1"), of("one", ""), true},
		"the same, as before not signed":                {of("one", ""), of("one", ""), false},
	} {
		assert.Equal(t, c.awaits, c.now.awaitsSignature(c.was), name)
	}
}

func TestTheVersionIsThatOfTheSignedStatementUnlessAFileNamesIt(t *testing.T) {
	t.Parallel()
	statement := base64.StdEncoding.EncodeToString([]byte(`{"version":"0.150.0"}`))
	envelope := `{"payloadType":"x","payload":"` + statement + `","signatures":[]}`
	for name, c := range map[string]struct{ signature, file, version string }{
		"our envelope":                   {envelope, "", "0.150.0"},
		"our envelope and a file":        {envelope, "0.151.0\n", "0.151.0"},
		"another signature":              {"untrusted comment: minisign\nRWQ=", "", ""},
		"an envelope with another thing": {`{"payload":"W10="}`, "", ""},
		"not UTF-8":                      {"", "1\xff", "1\uFFFD"},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "otelcol")
		require.NoError(t, os.WriteFile(path, []byte("one"), 0o600))
		require.NoError(t, os.WriteFile(path+signatureExt, []byte(c.signature), 0o600))
		if c.file != "" {
			require.NoError(t, os.WriteFile(path+versionExt, []byte(c.file), 0o600))
		}
		p, err := readPackage(dir)
		require.NoError(t, err, name)
		assert.Equal(t, c.version, p.version, name)
	}
}

func TestOnlyVisibleRegularFilesArePackages(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{".draft", "draft~", "left.sig", "left.version"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("no"), 0o600))
	}
	require.NoError(t, os.Mkdir(filepath.Join(dir, "old"), 0o700))
	require.NoError(t, os.Symlink(os.DevNull, filepath.Join(dir, "endless")))
	p, err := readPackage(dir)
	require.NoError(t, err)
	assert.Nil(t, p)
	p, err = readPackage(filepath.Join(dir, "nowhere"))
	require.NoError(t, err)
	assert.Nil(t, p)
}

func TestWhatCannotBeOfferedLeavesTheOfferAsItWas(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, body, says string }{
		"two packages":     {"packages/another.zip", "two", "there are 2 packages in"},
		"a huge signature": {"packages/" + packageName("0.150.0") + ".sig", strings.Repeat("s", besideLimit+1), "is no file of at most 1048576 bytes"},
		"a long version":   {"packages/" + packageName("0.150.0") + ".version", strings.Repeat("1", maxLine+1), "has 401 bytes, at most 400 are offered"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, nil)
			r.stock(t, "one", "0.150.0")
			r.write(t, c.file, c.body)
			r.out.shows(t, "the package offered stays as it was: ")
			r.out.shows(t, c.says)
			p := dial(t, r.addr).ask(t, hello()).GetPackagesAvailable().GetPackages()[""]
			assert.Equal(t, sum("one"), p.GetFile().GetContentHash())
		})
	}
}

func TestADownloadCanBeGoneOnWith(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	r.stock(t, "the binary", "0.150.0")
	address := newTestAgent(t, r.addr).ask(t, hello()).GetPackagesAvailable().GetPackages()[""].GetFile().GetDownloadUrl()
	tag := `"` + hex.EncodeToString(sum("the binary")) + `"`
	got := fetch(t, address, http.Header{"Range": {"bytes=4-"}, "If-Range": {tag}})
	assert.Equal(t, http.StatusPartialContent, got.status)
	assert.Equal(t, "binary", got.body)
	assert.Equal(t, tag, got.header.Get("ETag"))
	assert.Equal(t, "application/octet-stream", got.header.Get("Content-Type"))
	got = fetch(t, address, http.Header{"Range": {"bytes=4-"}, "If-Range": {`"another"`}})
	assert.Equal(t, http.StatusOK, got.status)
	assert.Equal(t, "the binary", got.body)
}

func TestOnlyWhatIsOfferedIsServed(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	content := hex.EncodeToString(sum("one"))
	base := "http://" + r.addr + "/packages/"
	status := func(path string) int {
		return fetch(t, base+path, nil).status
	}
	offered := content + "/" + url.PathEscape(packageName("0.150.0"))
	assert.Equal(t, http.StatusNotFound, status(offered), "nothing is offered yet")
	r.stock(t, "one", "0.150.0")
	assert.Equal(t, http.StatusOK, status(offered))
	for _, path := range []string{
		"", packageName("0.150.0"), strings.Repeat("0", 64) + "/" + url.PathEscape(packageName("0.150.0")), offered + ".sig",
		content + "/..%2Fconfig%2Fa.yaml", content + "/%2E%2E",
	} {
		assert.Equal(t, http.StatusNotFound, status(path), path)
	}
	require.NoError(t, os.Remove(filepath.Join(r.dir, "packages", packageName("0.150.0"))))
	assert.Equal(t, http.StatusNotFound, status(offered), "it is gone, noticed or not")
	r.write(t, "packages/"+packageName("0.150.0"), "two")
	assert.Equal(t, http.StatusNotFound, status(offered), "it is another file")
}

func TestAPackageWrittenAnewWithTheSameContentIsStillServed(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	path := filepath.Join(r.dir, "packages", packageName("0.150.0"))
	r.stock(t, "one", "0.150.0")
	r.write(t, "packages/draft~", "one")
	require.NoError(t, os.Rename(filepath.Join(r.dir, "packages", "draft~"), path))
	r.write(t, "packages/"+packageName("0.150.0")+".version", "0.150.1") // read after the file
	r.out.shows(t, "offering package 0.150.1")
	address := "http://" + r.addr + "/packages/" + hex.EncodeToString(sum("one")) + "/" + url.PathEscape(packageName("0.150.0"))
	assert.Equal(t, "one", fetch(t, address, nil).body)
}

func TestTheDownloadIsOfferedWhereTheAgentReachedTheServer(t *testing.T) {
	t.Parallel()
	p := &packageFile{path: "/srv/a b?.zip", content: []byte{0xab}}
	assert.Equal(t, "http://[::1]:4320/packages/ab/a%20b%3F.zip", p.offer("[::1]:4320").GetPackages()[""].GetFile().GetDownloadUrl())
}

func TestAPackageThatGotNoAnswerIsOfferedAgain(t *testing.T) {
	t.Parallel()
	now := time.Now()
	f := newFleet("", printer{w: io.Discard}, nil)
	f.shelf = shelf{file: &packageFile{}, used: true}
	a := newAgent([16]byte{1}, "")
	a.state.Capabilities = allCapabilities
	a.packages = offered{hash: f.shelf.file.allHash(), at: now}
	assert.False(t, f.wantsPackages(a, now.Add(offerAgain)))
	assert.True(t, f.wantsPackages(a, now.Add(offerAgain+1)))
	a.state.Capabilities &^= uint64(protobufs.AgentCapabilities_AgentCapabilities_ReportsPackageStatuses)
	assert.False(t, f.wantsPackages(a, now.Add(time.Hour)), "it never reports")
}
