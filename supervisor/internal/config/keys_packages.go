package config

import (
	"slices"
	"time"
)

// What the OpenTelemetry project signs its releases as: the reference supervisor's defaults, with the dots of the
// expression escaped.
const (
	releasesRepository = "open-telemetry/opentelemetry-collector-releases"
	releasesIssuer     = "https://token.actions.githubusercontent.com"
	releasesSubject    = `^https://github\.com/open-telemetry/opentelemetry-collector-releases/\.github/workflows/base-release\.yaml@refs/tags/[^/]*$`
)

func agentPackageKeys() []Key {
	identities := "agent.package.verifier.cosign.identities"
	return []Key{
		{Path: "agent.package.agent_binary", Type: String, Meaning: "name of the Collector's program in an archive, and the `package` of a signed statement; empty means the base name of `agent.executable`"},
		{Path: "agent.package.archive", Type: String, Status: Deprecated, Meaning: "ignored: the format of a package is told from its first bytes"},
		{Path: "agent.package.verifier.type", Type: String, Allowed: []string{"cosign"}, Meaning: "`cosign` asks for Sigstore bundles, which also need a root of kind `sigstore` in `packages.trust`; empty does not turn verification off, see `packages.verify`"},
		{Path: "agent.package.verifier.cosign.github_workflow_repository", Type: String, Default: releasesRepository, Meaning: "repository whose workflow must have signed, for roots of kind `sigstore`; `\"\"` skips the check"},
		{Path: identities, Type: Sections, Default: []map[string]any{{"issuer": releasesIssuer, "subject_regex": releasesSubject}}, Meaning: "who may have signed, for roots of kind `sigstore`; one of them is enough"},
		{Path: identities + "[].issuer", Type: String, Meaning: "who vouched for the signer"},
		{Path: identities + "[].issuer_regex", Type: Expression, Meaning: "the same as an expression that has to match the whole; exactly one of the two is needed"},
		{Path: identities + "[].subject", Type: String, Meaning: "name of the signer"},
		{Path: identities + "[].subject_regex", Type: Expression, Meaning: "likewise; exactly one of the two is needed"},
	}
}

func packageKeys() []Key {
	return slices.Concat(trustKeys(), downloadKeys(), []Key{
		{Path: "packages.watch", Type: Duration, Default: 5 * time.Minute, Ours: true, Meaning: "how long a new release is watched before it is INSTALLED; at least 1s. A crash within it brings the previous release back"},
		{Path: "packages.unhealthy_limit", Type: Duration, Default: 30 * time.Second, Ours: true, Meaning: "how long in that time it may be unhealthy or without its `opamp` extension before the previous release is brought back; at most `packages.watch`"},
		{Path: "packages.keep", Type: Int, Default: 2, Ours: true, Meaning: "releases kept besides those in use (the running one, and the one to go back to); at least 1"},
		{Path: "packages.allow_in_container", Type: Bool, Default: false, Ours: true, Meaning: "accept packages in a container, too"},
	})
}

// trustKeys say whose packages are taken.
func trustKeys() []Key {
	return []Key{
		{Path: "packages.name", Type: String, Ours: true, Meaning: "the server's name of the one top-level package that is taken; others are refused"},
		{Path: "packages.trust", Type: Sections, Ours: true, Meaning: "trust roots: whose signatures count"},
		{Path: "packages.trust[].kind", Type: String, Ours: true, Allowed: trustKinds(), Meaning: "what the file holds and which signatures it admits. Required"},
		{Path: "packages.trust[].file", Type: String, Ours: true, Meaning: "absolute path; the file must be owned by root and writable by nobody else. Required"},
		{Path: "packages.trust[].id", Type: String, Ours: true, Meaning: "name of the key in messages; empty means its fingerprint"},
		{Path: "packages.threshold", Type: Int, Default: 1, Ours: true, Meaning: "how many different keys must have signed a package"},
		{Path: "packages.root_threshold", Type: Int, Default: 1, Ours: true, Meaning: "how many different roots of kind `root` must have signed a key list"},
		{Path: "packages.key_list", Type: String, Ours: true, Meaning: "absolute path of a signed key list; one that comes with a package counts likewise, and the highest number seen wins"},
		{Path: "packages.revocations", Type: String, Ours: true, Meaning: "absolute path of a local list of revoked keys and packages"},
		{Path: "packages.verify", Type: String, Default: string(VerifySignature), Ours: true, Allowed: []string{string(VerifySignature), string(VerifyHashOnly)}, Meaning: "`signature`, or `hash-only-insecure`: whoever has the server can run any program on this host. That is a warning at every start"},
		{Path: "packages.allow_downgrade", Type: String, Default: string(DowngradeSigned), Ours: true, Allowed: []string{string(DowngradeSigned), string(DowngradeAny), string(DowngradeNone)}, Meaning: "whether the server may bring back an older release; see below"},
		{Path: "packages.fleet", Type: String, Ours: true, Meaning: "label of this host; a permit to go back that names a fleet is good for hosts of that one only"},
		{Path: "packages.sigstore_verifier", Type: String, Ours: true, Meaning: "absolute path of `opampd-sigstore`, which checks Sigstore bundles; empty means the one beside opampd"},
	}
}

// downloadKeys say where packages may come from, and how large they may be.
func downloadKeys() []Key {
	return []Key{
		{Path: "packages.allow_http", Type: Bool, Default: false, Ours: true, Meaning: "download without TLS, too"},
		{Path: "packages.allowed_hosts", Type: Strings, Ours: true, Meaning: "hosts that an offer may name and a redirect may lead to, `*.example.com` for all below; empty means any host in an offer, and no redirect away from it"},
		{Path: "packages.mirrors", Type: Strings, Ours: true, Meaning: "base URLs that are asked first, in this order; the path of the offer's URL is appended, its headers and query are not sent. `https`, or `http` with `allow_http`"},
		{Path: "packages.max_size", Type: Size, Default: int64(1 << 30), Ours: true, Meaning: "largest package that is downloaded"},
		{Path: "packages.max_unpacked_size", Type: Size, Default: int64(2 << 30), Ours: true, Meaning: "largest content of an archive, all files together"},
		{Path: "packages.rate_limit", Type: Size, Default: int64(0), Ours: true, Meaning: "bytes per second that a download may take; 0 for no limit"},
		{Path: "packages.stall_timeout", Type: Duration, Default: time.Minute, Ours: true, Meaning: "how long a download may stand still before it is tried again; at least 1s. There is no limit on the whole"},
	}
}
