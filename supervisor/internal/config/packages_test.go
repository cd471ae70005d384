package config

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// warningsAt returns what is said about one key, or about those below it in a list.
func warningsAt(l *Loaded, key string) []string {
	var all []string
	for _, w := range l.Warnings {
		if w.Key == key || strings.HasPrefix(w.Key, key+"[") {
			all = append(all, w.Message)
		}
	}
	return all
}

func TestPackagesAreOffAndStrictByDefault(t *testing.T) {
	t.Parallel()
	l := accepted(t, Options{Path: "testdata/minimal.good.yaml"})
	assert.False(t, l.Config.Capabilities.AcceptsPackages)
	assert.Equal(t, Packages{
		Trust:    Trust{Threshold: 1, RootThreshold: 1, Verify: VerifySignature, AllowDowngrade: DowngradeSigned},
		Download: Download{MaxSize: 1 << 30, MaxUnpackedSize: 2 << 30, StallTimeout: time.Minute},
		Trial:    Trial{Watch: 5 * time.Minute, UnhealthyLimit: 30 * time.Second, Keep: 2},
	}, l.Config.Packages)
	assert.Empty(t, l.Warnings)
}

func TestEveryKeyForPackagesReachesTheSettings(t *testing.T) {
	t.Parallel()
	c := accepted(t, Options{Path: "testdata/packages.good.yaml", CheckFiles: true}).Config
	assert.Equal(t, Packages{
		Name: "collector",
		Trust: Trust{
			Roots: []TrustRoot{
				{TrustRootKey, "/etc/opampd/root-1.pub", "safe"},
				{TrustRootKey, "/etc/opampd/root-2.pub", ""},
				{TrustKey, "/etc/opampd/release.pub", ""},
				{TrustMinisign, "/etc/opampd/minisign.pub", ""},
				{TrustSigstoreKey, "/etc/opampd/cosign.pub", ""},
				{TrustSigstore, "/etc/opampd/trusted_root.json", ""},
			},
			Threshold: 3, RootThreshold: 2, KeyList: "/etc/opampd/keys.json", Revocations: "/etc/opampd/revoked.json",
			Verify: VerifySignature, AllowDowngrade: DowngradeNone, Fleet: "berlin", SigstoreVerifier: "/opt/opampd/opampd-sigstore",
		},
		Download: Download{
			AllowHTTP: true, AllowedHosts: []string{"packages.example.com", "*.cdn.example.com", "192.0.2.1", "2001:db8::1"},
			Mirrors: []string{"http://cache.lan/otelcol", "https://[2001:db8::1]:8443/"},
			MaxSize: 512 << 20, MaxUnpackedSize: 1 << 30, RateLimit: 1 << 20, StallTimeout: 30 * time.Second,
		},
		Trial:            Trial{Watch: 10 * time.Minute, UnhealthyLimit: time.Minute, Keep: 3},
		AllowInContainer: true,
	}, c.Packages)
	assert.Equal(t, AgentPackage{
		AgentBinary: "otelcol-lean",
		Verifier: Verifier{Type: "cosign", Cosign: Cosign{Identities: []Identity{
			{Issuer: "https://issuer.example.com", Subject: "https://example.com/build@refs/tags/v1"},
			{IssuerRegex: `^https://[a-z]+\.example\.com$`, SubjectRegex: `^https://example\.com/`},
		}}},
	}, c.Agent.Package)
}

func TestPackagesCanBeSetByTheEnvironmentAndPrinted(t *testing.T) {
	t.Parallel()
	o := write(t, "")
	o.Environ = []string{
		"OPAMPD_CAPABILITIES__ACCEPTS_PACKAGES=true",
		"OPAMPD_PACKAGES__TRUST=[{kind: key, file: /a.pub}, {kind: minisign, file: /b.pub, id: b}]",
		"OPAMPD_PACKAGES__ALLOWED_HOSTS=a.example.com, b.example.com",
		"OPAMPD_PACKAGES__WATCH=10s",
		"OPAMPD_AGENT__PACKAGE__VERIFIER__COSIGN__IDENTITIES=[{issuer: a, subject_regex: ^b}]",
	}
	c := accepted(t, o).Config
	assert.Equal(t, []TrustRoot{{TrustKey, "/a.pub", ""}, {TrustMinisign, "/b.pub", "b"}}, c.Packages.Roots)
	assert.Equal(t, []string{"a.example.com", "b.example.com"}, c.Packages.AllowedHosts)
	assert.Equal(t, []Identity{{Issuer: "a", SubjectRegex: "^b"}}, c.Agent.Package.Verifier.Cosign.Identities)

	again := write(t, printed(t, o))
	assert.Equal(t, c, accepted(t, again).Config)
}

func TestFaultsOfTrustInTheEnvironmentNameTheVariable(t *testing.T) {
	t.Parallel()
	o := write(t, "")
	o.Environ = []string{"OPAMPD_PACKAGES__TRUST=[{kind: key, file: a.pub}]", "OPAMPD_PACKAGES__KEEP=0"}
	got := refused(t, o)
	assert.Contains(t, got[0], "OPAMPD_PACKAGES__KEEP: packages.keep: must be at least 1")
	assert.Contains(t, got[1], "OPAMPD_PACKAGES__TRUST:1: packages.trust[0].file: must be an absolute path")
}

func TestPackagesAreGrantedOnlyWithTrustAndInAContainerOnlyIfAskedTwice(t *testing.T) {
	t.Parallel()
	const accepts, trust = "capabilities: {accepts_packages: true}\n", "trust: [{kind: key, file: /a}]"
	for text, want := range map[string]struct {
		machine, container bool
		reason             string // in a container
	}{
		"packages: {" + trust + "}":                                                  {false, false, "capabilities.accepts_packages is not true"},
		"packages: {verify: hash-only-insecure}":                                     {false, false, "capabilities.accepts_packages is not true"},
		accepts:                                                                      {false, false, "add a trust root"},
		accepts + "packages: {allow_in_container: true}":                             {false, false, "add a trust root"},
		accepts + "packages: {" + trust + "}":                                        {true, false, "packages.allow_in_container"},
		accepts + "packages: {" + trust + ", allow_in_container: true}":              {true, true, ""},
		accepts + "packages: {verify: hash-only-insecure}":                           {true, false, "packages.allow_in_container"},
		accepts + "packages: {verify: hash-only-insecure, allow_in_container: true}": {true, true, ""},
	} {
		c := accepted(t, write(t, text)).Config
		machine, _ := c.PackagesGranted(false)
		container, reason := c.PackagesGranted(true)
		assert.Equal(t, want.machine, machine, text)
		assert.Equal(t, want.container, container, text)
		assert.Contains(t, reason, want.reason, text)
		assert.Equal(t, container, reason == "", text)
	}
}

func TestAcceptingPackagesWithoutATrustRootIsAWarningThatSaysWhatToAdd(t *testing.T) {
	t.Parallel()
	o := write(t, "\ncapabilities: {accepts_packages: true}")
	l := accepted(t, o)
	require.Len(t, l.Warnings, 1)
	assert.Equal(t, 2, l.Warnings[0].Line)
	assert.Contains(t, l.Warnings[0].Message, "the capability is not announced")
	assert.Contains(t, l.Warnings[0].Message, "{kind: key, file:")
}

func TestHashOnlyIsAWarningWhateverElseIsSet(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"packages: {verify: hash-only-insecure}",
		"packages: {verify: hash-only-insecure, trust: [{kind: key, file: /a}]}\ncapabilities: {accepts_packages: true}",
	} {
		got := warningsAt(accepted(t, write(t, text)), "packages.verify")
		require.Len(t, got, 1, text)
		assert.Contains(t, got[0], "packages need no signature")
	}
}

func TestCosignWithoutATrustedRootIsAWarning(t *testing.T) {
	t.Parallel()
	const cosign = "agent: {package: {verifier: {type: cosign}}}\n"
	got := warningsAt(accepted(t, write(t, cosign)), "agent.package.verifier.type")
	require.Len(t, got, 1)
	assert.Contains(t, got[0], "a local trusted root file")
	assert.Empty(t, warningsAt(accepted(t, write(t, cosign+"packages: {trust: [{kind: sigstore, file: /a}]}")), "agent.package.verifier.type"))
}

func TestTheDefaultIdentityIsTheReleaseOfTheCollectorAtAnyTag(t *testing.T) {
	t.Parallel()
	cosign := accepted(t, write(t, "")).Config.Agent.Package.Verifier.Cosign
	require.Len(t, cosign.Identities, 1)
	const workflow = "https://github.com/open-telemetry/opentelemetry-collector-releases/.github/workflows/base-release.yaml@refs/"
	subject := regexp.MustCompile(cosign.Identities[0].SubjectRegex)
	assert.True(t, subject.MatchString(workflow+"tags/v0.158.0"))
	assert.False(t, subject.MatchString(workflow+"heads/main"))
	assert.False(t, subject.MatchString("x"+workflow+"tags/v0.158.0"))
	assert.False(t, subject.MatchString(strings.Replace(workflow, "github.com", "githubxcom", 1)+"tags/v0.158.0"))
	assert.Equal(t, "open-telemetry/opentelemetry-collector-releases", cosign.GitHubWorkflowRepository)
}

func TestAnIdentityMustHaveASigner(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []string{"FILE:1: agent.package.verifier.cosign.identities: cosign::identities must not be empty"},
		refused(t, write(t, "agent: {package: {verifier: {cosign: {identities: []}}}}")))
	assert.Equal(t, []string{
		"FILE:1: agent.package.verifier.cosign.identities[0].issuer: must specify one of issuer or issuer_regex",
		"FILE:1: agent.package.verifier.cosign.identities[0].subject: must specify one of subject or subject_regex",
	}, refused(t, write(t, "agent: {package: {verifier: {cosign: {identities: [{}]}}}}")))
}

func TestTheProgramInAPackageIsNamedLikeTheExecutableUnlessSaid(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "collector", accepted(t, write(t, "")).Config.Agent.PackageBinary())
	assert.Equal(t, "otelcol", accepted(t, write(t, "agent: {package: {agent_binary: otelcol}}")).Config.Agent.PackageBinary())
}

func TestTheArchiveFormatOfEarlyDraftsIsAcceptedForEver(t *testing.T) {
	t.Parallel() // W28
	got := warningsAt(accepted(t, write(t, "agent: {package: {archive: tar.gz}}")), "agent.package.archive")
	require.Len(t, got, 1)
	assert.Contains(t, got[0], "first bytes")
}

func TestAThresholdThatNothingCouldMeetIsRefused(t *testing.T) {
	t.Parallel()
	const key, root, minisign = "{kind: key, file: /k}", "{kind: root, file: /r}", "{kind: minisign, file: /m}"
	for text, wrong := range map[string]bool{
		"threshold: 2":                                              false, // nothing is taken at all
		"threshold: 2, trust: [" + key + "]":                        true,
		"threshold: 2, trust: [" + minisign + "]":                   true,
		"threshold: 1, trust: [" + minisign + "]":                   false,
		"threshold: 2, trust: [" + key + ", {kind: key, file: /l}]": false,
		"threshold: 9, trust: [" + root + "]":                       false, // its key list may hold any number
		"root_threshold: 2, trust: [" + key + "]":                   false,
		"root_threshold: 2, trust: [" + root + "]":                  true,
	} {
		_, err := Load(write(t, "packages: {"+text+"}"))
		if !wrong {
			assert.NoError(t, err, text)
			continue
		}
		assert.ErrorContains(t, err, "could be accepted", text)
	}
}

func TestAKeyListThatNothingChecksIsAWarning(t *testing.T) {
	t.Parallel()
	path := putFile(t, "keys.json", "{}")
	const text = "packages: {key_list: "
	assert.Len(t, warningsAt(accepted(t, write(t, text+path+"}")), "packages.key_list"), 1)
	assert.Empty(t, warningsAt(accepted(t, write(t, text+path+", trust: [{kind: root, file: /r}]}")), "packages.key_list"))
}

func TestAMissingTrustFileIsAWarningEvenForAValidation(t *testing.T) {
	t.Parallel()
	there := putFile(t, "release.pub", "key")
	o := write(t, "packages:\n  trust:\n    - {kind: key, file: "+there+"}\n    - kind: key\n      file: /nowhere/release.pub\n")
	o.CheckFiles = true
	warnings := accepted(t, o).Warnings
	require.Len(t, warnings, 1)
	assert.Equal(t, "packages.trust[1].file", warnings[0].Key)
	assert.Equal(t, 5, warnings[0].Line)
}

func TestAReleaseMayNotBeUnhealthyForTheWholeOfAShortWatch(t *testing.T) {
	t.Parallel()
	assert.Equal(t, 10*time.Second, accepted(t, write(t, "packages: {watch: 10s}")).Config.Packages.UnhealthyLimit)
	assert.Equal(t, 30*time.Second, accepted(t, write(t, "packages: {watch: 1h}")).Config.Packages.UnhealthyLimit)
}

func TestPathsAndURLsThatWereBroughtInAreNotShown(t *testing.T) {
	t.Parallel()
	o := write(t, "packages: {trust: [{kind: key, file: '/nowhere/${TOKEN}', id: '${TOKEN}'}], key_list: '/nowhere/${TOKEN}', name: '${TOKEN}'}")
	o.Environ = []string{"TOKEN=" + secret}
	for _, w := range accepted(t, o).Warnings {
		assert.NotContains(t, w.String(), secret)
	}
	assert.NotContains(t, printed(t, o), secret)

	o = write(t, "packages: {mirrors: ['http://u:${TOKEN}@h', '${TOKEN}'], allowed_hosts: ['${TOKEN}/'], "+
		"trust: [{kind: '${TOKEN}', file: '${TOKEN}'}]}\nagent: {package: {agent_binary: '/${TOKEN}'}}")
	o.Environ = []string{"TOKEN=" + secret}
	assert.NotContains(t, strings.Join(refused(t, o), "\n"), secret)
}

func TestTheExampleOfPackagesInTheDocumentLoads(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(documentPath)
	require.NoError(t, err)
	_, section, _ := strings.Cut(string(text), "### packages\n")
	example := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindStringSubmatch(section)
	require.NotNil(t, example)
	granted, _ := accepted(t, write(t, example[1])).Config.PackagesGranted(false)
	assert.True(t, granted)
	granted, _ = accepted(t, write(t, "capabilities: {accepts_packages: true}\npackages: {"+
		regexp.MustCompile("`(trust: .*?)`").FindStringSubmatch(section)[1]+"}")).Config.PackagesGranted(false)
	assert.True(t, granted, "the line for the releases of the OpenTelemetry project")
}
