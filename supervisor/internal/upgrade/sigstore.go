package upgrade

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"opampd/supervisor/internal/process"
	"opampd/supervisor/internal/trust"
)

// sigstoreTimeout bounds a verification, which takes milliseconds and no network.
const sigstoreTimeout = 30 * time.Second

// Sigstore returns what asks the program at path about a Sigstore bundle. It is a program
// of its own, so that what parses bundles is neither in the daemon's memory nor has its
// secrets: its environment is empty. Bundles are put into directory for it.
func Sigstore(path, directory string) func(context.Context, trust.SigstoreRequest) (trust.SigstoreSigner, error) {
	return func(ctx context.Context, r trust.SigstoreRequest) (trust.SigstoreSigner, error) {
		ctx, cancel := context.WithTimeout(ctx, sigstoreTimeout)
		defer cancel()
		bundle, err := written(directory, r.Bundle)
		if err != nil {
			return trust.SigstoreSigner{}, fmt.Errorf("hand the bundle to %s: %w", path, err)
		}
		defer os.Remove(bundle) //nolint:errcheck // swept with the directory
		out, err := process.Run(ctx, process.Spec{Path: path, Argv: arguments(path, bundle, r)}, 64<<10)
		var failed *process.ExitError
		switch {
		case errors.As(err, &failed) && failed.Exit.Code == 1 && failed.Exit.Signal == "":
			return trust.SigstoreSigner{}, &trust.Refusal{Check: "key", Reason: strings.TrimSpace(failed.Exit.Tail)}
		case err != nil:
			return trust.SigstoreSigner{}, fmt.Errorf("the Sigstore bundle cannot be checked: %s; is packages.sigstore_verifier right?", process.Explain(err, path))
		}
		var said struct{ Issuer, Subject, Signer string }
		if err := json.Unmarshal(out.Stdout, &said); err != nil {
			return trust.SigstoreSigner{}, fmt.Errorf("%s answers with something else than a verdict: %w", path, err)
		}
		return trust.SigstoreSigner{Issuer: said.Issuer, Subject: said.Subject}, nil
	}
}

func written(directory string, body []byte) (string, error) {
	f, err := os.CreateTemp(directory, ".bundle-*")
	if err != nil {
		return "", err //nolint:wrapcheck // the caller says what for
	}
	_, err = f.Write(body)
	return f.Name(), errors.Join(err, f.Close())
}

func arguments(path, bundle string, r trust.SigstoreRequest) []string {
	argv := []string{path, "verify", "--bundle", bundle, "--sha256", hex.EncodeToString(r.Digest[:])}
	if r.KeyFile != "" {
		return append(argv, "--key", r.KeyFile)
	}
	argv = append(argv, "--trusted-root", r.TrustedRootFile)
	for _, id := range r.Identities {
		text, _ := json.Marshal(map[string]string{ //nolint:errchkjson // strings only
			"issuer": id.Issuer, "issuer_regex": id.IssuerRegex, "subject": id.Subject, "subject_regex": id.SubjectRegex,
		})
		argv = append(argv, "--identity", string(text))
	}
	if r.Repository != "" {
		argv = append(argv, "--repository", r.Repository)
	}
	return argv
}
