package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// packages checks what decides about programs from the server. What is wrong stops a start; what is merely missing is a
// warning, since telemetry goes on without upgrades.
func (c *checker) packages() {
	c.grant()
	c.roots()
	c.thresholds()
	c.sources()
	c.trial()
	c.cosign()
	c.trustFiles()
}

func (c *checker) grant() {
	const asked = "capabilities.accepts_packages"
	granted, reason := c.Config.PackagesGranted(false) // whether this is a container, the caller finds out
	if c.Config.Capabilities.AcceptsPackages && !granted {
		c.warn(c.at(asked), asked, "%s", reason)
	}
	if c.Config.Packages.Verify == VerifyHashOnly {
		c.warn(c.at("packages.verify"), "packages.verify",
			"packages need no signature: whoever controls the OpAMP server can run any program on this host; add trust roots and use signature")
	}
}

func (c *checker) roots() {
	files, ids := map[TrustRoot]int{}, map[string]int{}
	for i, root := range c.Config.Packages.Roots {
		key := fmt.Sprintf("packages.trust[%d]", i)
		c.bad(root.Kind == "" && !c.failed(key+".kind"), key+".kind", "must be given, one of %s", strings.Join(trustKinds(), ", "))
		c.bad(root.File == "" && !c.failed(key+".file"), key+".file", "must be given")
		c.absolute(key+".file", root.File)

		same := TrustRoot{Kind: root.Kind, File: filepath.Clean(root.File)}
		if first, again := files[same]; again && root.Kind != "" && root.File != "" { // it would count twice for a threshold
			c.problem(c.at(key), key, "is the same root as packages.trust[%d]", first)
		}
		files[same] = i
		if first, again := ids[root.ID]; again && root.ID != "" {
			c.problem(c.at(key+".id"), key+".id", "is the id of packages.trust[%d] already", first)
		}
		ids[root.ID] = i
	}
	c.absolute("packages.key_list", c.Config.Packages.KeyList)
	c.absolute("packages.revocations", c.Config.Packages.Revocations)
	c.absolute("packages.sigstore_verifier", c.Config.Packages.SigstoreVerifier)
}

// absolute refuses paths that mean another file in another working directory.
func (c *checker) absolute(key, path string) {
	c.bad(path != "" && !filepath.IsAbs(path), key, "must be an absolute path")
}

func (c *checker) count(kind TrustKind) (n int) {
	for _, root := range c.Config.Packages.Roots {
		if root.Kind == kind {
			n++
		}
	}
	return n
}

// thresholds refuses those that nothing could ever meet. Behind a root there may be any number of keys.
func (c *checker) thresholds() {
	p := c.Config.Packages
	keys, roots := c.count(TrustKey), c.count(TrustRootKey)
	c.bad(p.Threshold < 1, "packages.threshold", "must be at least 1")
	c.bad(p.RootThreshold < 1, "packages.root_threshold", "must be at least 1")
	c.bad(len(p.Roots) > 0 && roots == 0 && p.Threshold > max(keys, 1), "packages.threshold",
		"asks for %d keys, but packages.trust has %d of kind key, and none of kind root: no package could be accepted", p.Threshold, keys)
	c.bad(roots > 0 && p.RootThreshold > roots, "packages.root_threshold",
		"asks for %d roots, but packages.trust has %d of kind root: no key list could be accepted", p.RootThreshold, roots)
	if p.KeyList != "" && roots == 0 {
		c.warn(c.at("packages.key_list"), "packages.key_list", "has no effect: packages.trust has no root of kind root to check it against")
	}
}

func (c *checker) sources() {
	const hosts, mirrors = "packages.allowed_hosts", "packages.mirrors"
	for i, host := range c.Config.Packages.AllowedHosts {
		if !hostname(strings.TrimPrefix(host, "*.")) {
			c.problem(c.at(hosts), fmt.Sprintf("%s[%d]", hosts, i),
				"must be the name or address of a host, without scheme, port and path, such as packages.example.com or *.example.com")
		}
	}
	for i, mirror := range c.Config.Packages.Mirrors {
		if fault := c.mirror(mirror); fault != "" {
			c.problem(c.at(mirrors), fmt.Sprintf("%s[%d]", mirrors, i), "%s", fault)
		}
	}
}

// hostname takes addresses, and names as they are sent: others than ASCII in punycode.
func hostname(text string) bool {
	if _, err := netip.ParseAddr(text); err == nil {
		return true
	}
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
	return text != "" && strings.Trim(text, allowed) == "" && !strings.HasPrefix(text, ".") && !strings.Contains(text, "..")
}

func port(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return text == "" || err == nil && n > 0
}

// mirror returns what is wrong with a mirror, without the URL, which may hold a password.
func (c *checker) mirror(text string) string {
	u, err := url.Parse(text)
	switch {
	case err != nil || !hostname(u.Hostname()) || !port(u.Port()) || u.Scheme != "http" && u.Scheme != "https":
		return "must be a URL with scheme and host, such as https://packages.example.com/otelcol"
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "must have no user, password, query or fragment: it is shown in messages"
	case u.Scheme == "http" && !c.Config.Packages.AllowHTTP:
		return "is plain http; use https, or set packages.allow_http: true"
	}
	return ""
}

func (c *checker) trial() {
	p := c.Config.Packages
	c.bad(p.Watch < time.Second, "packages.watch", "must be at least 1s")
	c.bad(p.UnhealthyLimit < time.Second, "packages.unhealthy_limit", "must be at least 1s")
	c.bad(p.Keep < 1, "packages.keep", "must be at least 1: the release to go back to")
	c.bad(p.StallTimeout < time.Second, "packages.stall_timeout", "must be at least 1s")
	c.bad(p.MaxSize <= 0, "packages.max_size", "must be positive")
	c.bad(p.MaxUnpackedSize <= 0, "packages.max_unpacked_size", "must be positive")
}

func (c *checker) cosign() {
	const binary, verifier = "agent.package.agent_binary", "agent.package.verifier.type"
	const identities = "agent.package.verifier.cosign.identities"
	p := c.Config.Agent.Package
	c.bad(strings.ContainsAny(p.AgentBinary, `/\`) || p.AgentBinary == "." || p.AgentBinary == "..", binary,
		"must be a file name without a directory")
	repository := p.Verifier.Cosign.GitHubWorkflowRepository
	c.bad(repository != "" && !regexp.MustCompile(`^[\w.-]+/[\w.-]+$`).MatchString(repository),
		"agent.package.verifier.cosign.github_workflow_repository", `must be owner/name, or "" to skip the check`)
	c.bad(len(p.Verifier.Cosign.Identities) == 0, identities, "cosign::identities must not be empty")
	for i, id := range p.Verifier.Cosign.Identities {
		key := fmt.Sprintf("%s[%d]", identities, i)
		c.either(key, "issuer", id.Issuer, id.IssuerRegex)
		c.either(key, "subject", id.Subject, id.SubjectRegex)
	}
	if p.Verifier.Type != "" && c.count(TrustSigstore) == 0 {
		c.warn(c.at(verifier), verifier, "no Sigstore bundle is accepted yet: it needs a local trusted root file; add "+
			"{kind: sigstore, file: /etc/opampd/trusted_root.json} to packages.trust")
	}
}

// either checks one half of an identity in the words of the reference supervisor.
func (c *checker) either(key, name, exact, expression string) {
	at := key + "." + name + "_regex"
	c.bad(exact != "" && expression != "", key+"."+name, "cannot specify both %[1]s and %[1]s_regex", name)
	c.bad(exact == "" && expression == "" && !c.failed(at), key+"."+name, "must specify one of %[1]s or %[1]s_regex", name)
}

// trustFiles looks whether files are there.
func (c *checker) trustFiles() {
	p := c.Config.Packages
	for i, root := range p.Roots {
		c.unread(fmt.Sprintf("packages.trust[%d].file", i), root.File)
	}
	c.unread("packages.key_list", p.KeyList)
	c.unread("packages.revocations", p.Revocations)
	c.unread("packages.sigstore_verifier", p.SigstoreVerifier)
}

// unread only warns: who owns a file and whether it is sound is looked at when it is used, and one that is not there yet
// must not keep telemetry down.
func (c *checker) unread(key, path string) {
	if !filepath.IsAbs(path) {
		return
	}
	if err := c.hidden(key, readable(path)); err != nil {
		c.warn(c.at(key), key, "%v; packages are refused until it can be", err)
	}
}
