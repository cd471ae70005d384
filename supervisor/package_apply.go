package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"opampd/supervisor/internal/config"
)

// byHandTimeout is how long a command waits for the daemon: an upgrade and its watch.
const byHandTimeout = 15 * time.Minute

func packageApplyCommand() *cobra.Command {
	o := &options{}
	var signature string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "apply --config supervisor.yaml FILE",
		Short: "Install a package on this host, as if the server had offered it",
		Long: "Hands a package to the opampd that runs, which verifies, rehearses, switches to and watches it as if the\n" +
			"server had offered it; no server is needed. A release that failed here before is tried again, and an older\n" +
			"one needs no permit, unless packages.allow_downgrade is none. Without an opampd that runs, it is done when\n" +
			"one starts.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			loaded, err := o.load(false)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			return applyByHand(ctx, cmd.OutOrStdout(), loaded.Config, args[0], signature)
		},
	}
	o.register(cmd.Flags())
	cmd.Flags().StringVar(&signature, "signature", "", "file with the signature (FILE.sig)")
	cmd.Flags().DurationVar(&timeout, "timeout", byHandTimeout, "how long to wait for the outcome")
	return cmd
}

func applyByHand(ctx context.Context, w io.Writer, c config.Config, file, signature string) error {
	r := request{Action: actionInstall}
	var err error
	if r.Signature, err = readSignature(file, signature); err != nil {
		return err
	}
	if r.Content, r.Path, err = handOver(c, file); err != nil {
		return fmt.Errorf("hand %s to the daemon: %w", file, err)
	}
	before, _ := readStanding(c)
	if before.Content == r.Content && before.Code == "installed" { // the daemon would have nothing to do, and nothing to tell
		_, err := fmt.Fprintln(w, before.String())
		return errors.Join(err, os.Remove(r.Path))
	}
	running, err := ask(w, c, r)
	if err != nil || !running {
		return err
	}
	defer os.Remove(r.Path) //nolint:errcheck // it was taken, or is of no use
	return await(ctx, w, c, before, func(s standing) (bool, error) {
		switch {
		case s.Content != r.Content:
			return false, nil
		case s.Code == "failed":
			return true, errors.New(s.Message)
		}
		return s.Code == "installed", nil
	})
}

// readSignature reads FILE.sig unless another was named. Without one the daemon decides.
func readSignature(file, signature string) ([]byte, error) {
	if signature != "" {
		return os.ReadFile(signature) //nolint:wrapcheck // names the path
	}
	body, err := os.ReadFile(file + ".sig")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return body, err //nolint:wrapcheck // names the path
}

// handOver copies a file to where the daemon can read it, under its SHA-256.
func handOver(c config.Config, file string) (sha, path string, err error) {
	src, err := os.Open(file)
	if err != nil {
		return "", "", err //nolint:wrapcheck // names the path
	}
	defer src.Close() //nolint:errcheck // read only
	root, err := os.OpenRoot(c.Storage.Directory)
	if err != nil {
		return "", "", err //nolint:wrapcheck // names the path
	}
	defer root.Close() //nolint:errcheck // nothing is lost
	inbox, err := layDir(root, filepath.Join("packages", "inbox"))
	if err != nil {
		return "", "", err
	}
	defer inbox.Close() //nolint:errcheck // nothing is lost
	h := sha256.New()
	if _, err := io.Copy(h, src); err != nil {
		return "", "", err //nolint:wrapcheck // names the path
	}
	sha = hex.EncodeToString(h.Sum(nil))
	err = lay(inbox, sha, func(w io.Writer) error {
		_, err := io.Copy(w, io.NewSectionReader(src, 0, math.MaxInt64))
		return err //nolint:wrapcheck // names the path
	})
	return sha, filepath.Join(packagesDir(c), "inbox", sha), err
}
