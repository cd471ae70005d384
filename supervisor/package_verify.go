package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"opampd/supervisor/internal/trust"
	"opampd/supervisor/internal/upgrade"
)

// verifying are the flags of `opampd package verify`.
type verifying struct {
	trust     []string
	identity  []string
	signature string
	sha256    string
	settings  trust.Settings
	offer     trust.Offer
	host      trust.Host
}

func verifyCommand() *cobra.Command {
	v := &verifying{}
	cmd := &cobra.Command{
		Use:   "verify --trust KIND:FILE FILE",
		Short: "Check a release as a host would, and say what was checked",
		Long: "Asks what a host asks before it installs FILE with the signature FILE.sig. Kinds of trust roots: key, root, minisign,\n" +
			"sigstore-key and sigstore; the last two need opampd-sigstore beside this program.\n" +
			"Who may change the files is not asked here. Ends with code 5 when the release is refused.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return v.verify(cmd, args[0]) },
	}
	v.register(cmd.Flags())
	return cmd
}

func (v *verifying) register(f *pflag.FlagSet) {
	p := &v.settings.Policy
	f.StringArrayVar(&v.trust, "trust", nil, "trust root, as in key:signer.pub (may be repeated)")
	f.StringArrayVar(&v.identity, "identity", nil, `who may sign for a sigstore root, as in {"issuer":"…","subject_regex":"…"} (may be repeated)`)
	f.StringVar(&v.settings.Repository, "repository", "", "GitHub repository that a Sigstore certificate must name")
	f.StringVar(&v.signature, "signature", "", "signature (default: FILE.sig)")
	f.StringVar(&v.sha256, "sha256", "", "content hash that was offered (default: that of FILE)")
	f.StringVar(&v.offer.Package, "package", "", "name of the package that was offered")
	f.StringVar(&v.offer.Version, "version", "", "version that was offered")
	f.StringVar(&v.host.OS, "os", runtime.GOOS, "operating system of the host")
	f.StringVar(&v.host.Arch, "arch", runtime.GOARCH, "architecture of the host")
	f.Int64Var(&v.host.Installed, "installed", 0, "index that is installed on the host")
	f.BoolVar(&v.host.Approved, "approved", false, "as if an operator had asked for it on the host")
	f.IntVar(&p.Threshold, "threshold", 1, "how many keys must have signed it")
	f.IntVar(&p.RootThreshold, "root-threshold", 1, "how many root keys must have signed a key list")
	f.BoolVar(&p.HashOnly, "hash-only-insecure", false, "admit what is not signed")
	f.StringVar(&p.AllowDowngrade, "allow-downgrade", trust.DowngradeSigned, "signed, any or none")
	f.StringVar(&p.Fleet, "fleet", "", "label of the host")
	f.StringVar(&v.settings.KeyListFile, "keylist", "", "signed key list")
	f.StringVar(&v.settings.RevocationsFile, "revocations", "", "file with revocations")
}

func (v *verifying) verify(cmd *cobra.Command, path string) error {
	trusted, err := v.load()
	if err != nil {
		return err
	}
	request, err := v.request(path)
	if err != nil {
		return about(path, err)
	}
	verified, _, err := trusted.Verify(cmd.Context(), request, trust.State{})
	for _, check := range verified.Checks {
		outcome, note := "ok", check.Outcome
		if rest, left := strings.CutPrefix(note, trust.NotChecked); left {
			outcome, note = "not checked", strings.TrimPrefix(rest, ": ")
		}
		say(cmd, "%-12s %-15s %s", outcome, check.Name, note)
	}
	if refusal, no := errors.AsType[*trust.Refusal](err); no {
		say(cmd, "%-12s %-15s %s", "REFUSED", refusal.Check, refusal.Reason)
	}
	if err != nil {
		return about(path, err)
	}
	tellStatement(cmd, verified.Statement)
	say(cmd, "%s may be installed%s", path, reservation(verified))
	return nil
}

func reservation(v trust.Verified) string {
	switch {
	case v.HashOnly:
		return ", although NOBODY SIGNED IT"
	case v.BytesOnly:
		return "; the signature says nothing of package, version, platform and age"
	}
	return ""
}

func (v *verifying) load() (*trust.Trust, error) {
	s := v.settings
	s.Owner, s.Sigstore = trust.AnyOwner, upgrade.Sigstore(sigstoreVerifier(""), os.TempDir())
	for _, text := range v.identity {
		var id struct {
			Issuer       string `json:"issuer"`
			IssuerRegex  string `json:"issuer_regex"`
			Subject      string `json:"subject"`
			SubjectRegex string `json:"subject_regex"`
		}
		if err := json.Unmarshal([]byte(text), &id); err != nil {
			return nil, misused("--identity %s: %v", text, err)
		}
		s.Identities = append(s.Identities, trust.Identity(id))
	}
	for _, root := range v.trust {
		kind, file, ok := strings.Cut(root, ":")
		if !ok {
			return nil, misused("--trust %s: write KIND:FILE, such as key:signer.pub", root)
		}
		s.Roots = append(s.Roots, trust.Root{Kind: kind, File: file})
	}
	if len(s.Roots) == 0 && !s.Policy.HashOnly {
		return nil, misused("--trust is missing: name whom to believe, such as key:signer.pub")
	}
	return trust.Load(s)
}

func (v *verifying) request(path string) (trust.Request, error) {
	digest, size, err := digestOf(path)
	if err != nil {
		return trust.Request{}, err
	}
	r := trust.Request{
		Archive: trust.Archive{Digest: digest, Size: size, Open: func() (io.ReadCloser, error) { return os.Open(path) }},
		Offer:   v.offer, Host: v.host,
	}
	r.Host.Now, r.Offer.ContentHash = time.Now(), digest[:]
	if v.sha256 != "" {
		if r.Offer.ContentHash, err = hex.DecodeString(v.sha256); err != nil {
			return r, misused("--sha256 %s: write 64 digits of hex", v.sha256)
		}
	}
	name := v.signature
	if name == "" {
		name = beside(path)
	}
	r.Offer.Signature, err = os.ReadFile(name)
	if err != nil && (v.signature != "" || !v.settings.Policy.HashOnly || !errors.Is(err, os.ErrNotExist)) {
		return r, fmt.Errorf("cannot read its signature: %w", err)
	}
	return r, nil
}
