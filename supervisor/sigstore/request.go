package main

import (
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"regexp"
)

const usageText = `usage:
  opampd-sigstore verify --bundle FILE --sha256 HEX --key PEMFILE
  opampd-sigstore verify --bundle FILE --sha256 HEX --trusted-root FILE --identity JSON ... [--repository OWNER/REPO]
  opampd-sigstore version
An identity is {"issuer" or "issuer_regex": "...", "subject" or "subject_regex": "..."}; one of those given has to match,
and a regex has to match the whole of a name.
`

// request is what a command line asks for.
type request struct {
	bundle      string // a file
	artefact    artefact
	key         string // a file; or else
	trustedRoot string // a file, with
	identities  []identity
	repository  string // OWNER/REPO, empty: any
}

// artefact names a file by the digest of its content.
type artefact struct {
	algorithm string // as in-toto spells it
	digest    []byte
}

func (a artefact) String() string { return a.algorithm + ":" + hex.EncodeToString(a.digest) }

// parse reads the arguments of `verify`. Its errors are a usageError.
func parse(args []string) (request, error) {
	var r request
	flags := flag.NewFlagSet("verify", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&r.bundle, "bundle", "", "")
	flags.StringVar(&r.key, "key", "", "")
	flags.StringVar(&r.trustedRoot, "trusted-root", "", "")
	flags.Func("sha256", "", r.setDigest)
	flags.Func("identity", "", r.addIdentity)
	flags.Func("repository", "", r.setRepository)
	if err := flags.Parse(args); err != nil {
		return r, usageError{err}
	}
	if flags.NArg() > 0 {
		return r, usageError{fmt.Errorf("%q belongs to no flag", flags.Arg(0))}
	}
	return r, r.complete()
}

// complete returns an error unless the flags make sense together: what is meant for a keyless check must not be given
// to a check by key, where it would be thought to restrict something.
func (r *request) complete() error {
	switch keyless := r.trustedRoot != ""; {
	case r.bundle == "":
		return usageError{errors.New("--bundle is missing: the file with the signature")}
	case r.artefact.digest == nil:
		return usageError{errors.New("--sha256 is missing: the digest of what was signed")}
	case keyless == (r.key != ""):
		return usageError{errors.New("give one of --key and --trusted-root")}
	case keyless && len(r.identities) == 0:
		return usageError{errors.New("--identity is missing: with --trusted-root alone anybody in the world could sign")}
	case !keyless && (len(r.identities) > 0 || r.repository != ""):
		return usageError{errors.New("--identity and --repository are about certificates; a key has none")}
	}
	return nil
}

func (r *request) setDigest(text string) error {
	digest, err := hex.DecodeString(text)
	if err != nil || len(digest) != 32 {
		return errors.New("not a SHA-256: 64 hexadecimal digits are needed")
	}
	r.artefact = artefact{algorithm: "sha256", digest: digest}
	return nil
}

// setRepository refuses the empty name too: it would switch the check off without anybody having said so.
func (r *request) setRepository(name string) error {
	if !regexp.MustCompile(`\A[\w.-]+/[\w.-]+\z`).MatchString(name) {
		return errors.New("not OWNER/REPO")
	}
	r.repository = name
	return nil
}

func (r *request) addIdentity(text string) error {
	parsed, err := parseIdentity(text)
	if err != nil {
		return err
	}
	r.identities = append(r.identities, parsed)
	return nil
}
