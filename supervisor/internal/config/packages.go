package config

import (
	"cmp"
	"path/filepath"
	"time"
)

// AgentPackage says which program of a package is the Collector, and who may have signed it with Sigstore.
type AgentPackage struct {
	// AgentBinary is a file name without a directory, or empty; [Agent.PackageBinary] is what is meant.
	AgentBinary string   `koanf:"agent_binary"`
	Verifier    Verifier `koanf:"verifier"`
}

// PackageBinary is the name of the Collector's program in an archive, and the package that a signed statement must name.
func (a Agent) PackageBinary() string {
	return cmp.Or(a.Package.AgentBinary, filepath.Base(a.Executable))
}

// Verifier is the reference supervisor's way to ask for Sigstore.
type Verifier struct {
	// Type is "cosign" or empty. It is a wish: what is verified follows from Packages.
	Type   string `koanf:"type"`
	Cosign Cosign `koanf:"cosign"`
}

// Cosign says who may have signed; it counts for trust roots of kind [TrustSigstore].
type Cosign struct {
	// GitHubWorkflowRepository is owner/name as in the certificate, or empty for any.
	GitHubWorkflowRepository string `koanf:"github_workflow_repository"`
	// Identities has at least one; a signer needs to match one.
	Identities []Identity `koanf:"identities"`
}

// Identity is one signer: exactly one of each pair is set. The expressions compile and have to match the whole.
type Identity struct {
	Issuer       string `koanf:"issuer"`
	IssuerRegex  string `koanf:"issuer_regex"`
	Subject      string `koanf:"subject"`
	SubjectRegex string `koanf:"subject_regex"`
}

// Packages says which Collectors the server may bring, and how they are tried. It comes from local sources alone: what
// decides whether the server is believed cannot be up to the server.
type Packages struct {
	Name     string `koanf:"name"` // of the one top-level package that is taken
	Trust    `koanf:",squash"`
	Download `koanf:",squash"`
	Trial    `koanf:",squash"`
	// AllowInContainer accepts packages where the image is the package.
	AllowInContainer bool `koanf:"allow_in_container"`
}

// Trust says whose packages are taken.
type Trust struct {
	Roots []TrustRoot `koanf:"trust"`
	// Threshold is how many different keys must have signed a package, RootThreshold how many roots a key list.
	Threshold     int `koanf:"threshold"`
	RootThreshold int `koanf:"root_threshold"`

	KeyList        string    `koanf:"key_list"`    // absolute path, or empty
	Revocations    string    `koanf:"revocations"` // absolute path, or empty
	Verify         Verify    `koanf:"verify"`
	AllowDowngrade Downgrade `koanf:"allow_downgrade"`
	Fleet          string    `koanf:"fleet"` // label of this host for permits to go back; may be empty
	// SigstoreVerifier is an absolute path; empty means opampd-sigstore beside the running program.
	SigstoreVerifier string `koanf:"sigstore_verifier"`
}

// TrustRoot is one file that signatures are checked against. Whether it exists, and who may write it, is for its reader
// to check at the time.
type TrustRoot struct {
	Kind TrustKind `koanf:"kind"`
	File string    `koanf:"file"` // absolute path
	ID   string    `koanf:"id"`   // of the key, for messages; may be empty
}

// TrustKind is what a trust root holds, and so which signatures it admits.
type TrustKind string

// The kinds of trust roots, as written in packages.trust.
const (
	TrustKey         TrustKind = "key"          // a public key that signs packages
	TrustRootKey     TrustKind = "root"         // a public key that signs key lists, and they name those that sign packages
	TrustMinisign    TrustKind = "minisign"     // a minisign public key
	TrustSigstoreKey TrustKind = "sigstore-key" // the public key of a cosign key pair
	TrustSigstore    TrustKind = "sigstore"     // Sigstore's trusted root; signers are told by Cosign.Identities
)

func trustKinds() []string {
	return []string{string(TrustKey), string(TrustRootKey), string(TrustMinisign), string(TrustSigstoreKey), string(TrustSigstore)}
}

// Verify is what a package is checked against.
type Verify string

// The ways to verify, as written in packages.verify.
const (
	VerifySignature Verify = "signature"
	VerifyHashOnly  Verify = "hash-only-insecure" // the hash in the offer, which comes from the server itself
)

// Downgrade is what lets the server bring back an older release.
type Downgrade string

// The rules for downgrades, as written in packages.allow_downgrade.
const (
	DowngradeSigned Downgrade = "signed" // with a signed permit
	DowngradeAny    Downgrade = "any"    // every release that was ever signed, down to the security floor
	DowngradeNone   Downgrade = "none"   // not even by hand
)

// Download says where packages may come from, and how large they may be.
type Download struct {
	AllowHTTP    bool     `koanf:"allow_http"`
	AllowedHosts []string `koanf:"allowed_hosts"` // names and addresses without a port, *.name for all below; empty means the host of the offer
	Mirrors      []string `koanf:"mirrors"`       // absolute URLs without user, query and fragment, in the order to try

	MaxSize         int64         `koanf:"max_size"`          // bytes of the package as it is downloaded
	MaxUnpackedSize int64         `koanf:"max_unpacked_size"` // bytes of all its files
	RateLimit       int64         `koanf:"rate_limit"`        // bytes per second; 0 is no limit
	StallTimeout    time.Duration `koanf:"stall_timeout"`
}

// Trial is how a new release proves itself, and what is kept to go back to.
type Trial struct {
	Watch          time.Duration `koanf:"watch"`
	UnhealthyLimit time.Duration `koanf:"unhealthy_limit"` // never longer than Watch
	Keep           int           `koanf:"keep"`            // releases besides those in use; at least 1
}

// PackagesGranted reports whether the server may bring packages, and so whether the capability is announced (S-180).
// If not, reason says why and what to add, for an operator.
func (c Config) PackagesGranted(inContainer bool) (granted bool, reason string) {
	const without = ": the capability is not announced and no package is installed; "
	switch p := c.Packages; {
	case !c.Capabilities.AcceptsPackages:
		return false, "capabilities.accepts_packages is not true" + without + "set it, and add a trust root to packages.trust"
	case len(p.Roots) == 0 && p.Verify != VerifyHashOnly:
		return false, "packages.trust names nobody whose signature counts" + without +
			"add a trust root, such as {kind: key, file: /etc/opampd/release.pub}"
	case inContainer && !p.AllowInContainer:
		return false, "this is a container, and its image is the package" + without +
			"use another image, or set packages.allow_in_container: true as well"
	}
	return true, ""
}
