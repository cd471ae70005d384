package agent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"opampd/supervisor/internal/process"
)

// inspectTimeout bounds one question to the binary. Big builds on small hosts need
// seconds to start.
const inspectTimeout = 30 * time.Second

// Binary is what a Collector's executable says of itself without running a
// pipeline. It is kept on disk under its hash and asked again only when that changes
// (W16).
type Binary struct {
	Hash        string `json:"hash"`
	Name        string `json:"name"`
	Version     string `json:"version"`
	NoPipelines bool   `json:"no_pipelines"`
	Extension   bool   `json:"extension"` // the opamp extension is built in
}

// inspector looks at the executable and remembers what it saw.
type inspector struct {
	Settings
	seen  os.FileInfo
	known Binary
}

// look returns what the executable is. The error is in words for people.
func (i *inspector) look(ctx context.Context) (Binary, error) {
	path := i.Agent.Executable
	info, err := os.Stat(path)
	if err != nil || info.IsDir() {
		return Binary{}, i.unusable(errors.Join(err, directory(info)))
	}
	if i.seen != nil && os.SameFile(i.seen, info) && i.seen.ModTime().Equal(info.ModTime()) && i.seen.Size() == info.Size() {
		return i.known, nil
	}
	hash, err := hashFile(path)
	if err != nil {
		return Binary{}, i.unusable(err)
	}
	b := i.known
	if b.Hash != hash {
		if found, err := i.Store.LoadInspection(&b); err != nil || !found || b.Hash != hash {
			if b, err = i.ask(ctx, hash); err != nil {
				return Binary{}, err
			}
			_ = i.Store.SaveInspection(b) // a cache: without it the binary is asked again
		}
	}
	if !b.Extension {
		return Binary{}, fmt.Errorf("the Collector at %s has no opamp extension, so it cannot be managed: build it in (opampextension), or name another one in agent.executable", path)
	}
	i.seen, i.known = info, b
	return b, nil
}

func directory(info os.FileInfo) error {
	if info != nil && info.IsDir() {
		return errors.New("it is a directory")
	}
	return nil
}

func (i *inspector) unusable(err error) error {
	return fmt.Errorf("the Collector cannot be used: %s; check agent.executable", process.Explain(err, i.Agent.Executable))
}

// ask runs the two questions that need no configuration.
func (i *inspector) ask(ctx context.Context, hash string) (Binary, error) {
	b := Binary{Hash: hash}
	components, err := i.run(ctx, "components")
	if err != nil {
		return Binary{}, err
	}
	var said struct {
		BuildInfo struct {
			Command string `yaml:"command"`
			Version string `yaml:"version"`
		} `yaml:"buildinfo"`
		Extensions []struct {
			Name string `yaml:"name"`
		} `yaml:"extensions"`
	}
	if err := yaml.Unmarshal(components, &said); err != nil || said.BuildInfo.Command == "" {
		return Binary{}, fmt.Errorf("%s does not look like an OpenTelemetry Collector: it answers %q with something else than its components; check agent.executable",
			i.Agent.Executable, "components")
	}
	b.Name, b.Version = said.BuildInfo.Command, said.BuildInfo.Version
	for _, e := range said.Extensions {
		b.Extension = b.Extension || e.Name == "opamp"
	}
	gates, err := i.run(ctx, "featuregate")
	b.NoPipelines = err == nil && strings.Contains(string(gates), noPipelines) // old Collectors have no such command
	return b, nil
}

func (i *inspector) run(ctx context.Context, word string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, inspectTimeout)
	defer cancel()
	path := i.Agent.Executable
	out, err := process.Run(ctx, process.Spec{Path: path, Argv: []string{path, word}, Env: i.Agent.Env}, 4<<20)
	if err == nil {
		return out.Stdout, nil
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, fmt.Errorf("%s did not answer %q within %s; is the machine overloaded, or the file no Collector?", path, word, inspectTimeout)
	}
	var failed *process.ExitError
	if errors.As(err, &failed) {
		return nil, fmt.Errorf("%s does not look like an OpenTelemetry Collector: %q %s: %s", path, word, failed.Exit, failed.Exit.Tail)
	}
	return nil, i.unusable(err)
}

func hashFile(path string) (string, error) {
	f, err := os.Open(path) //nolint:gosec // the operator named it
	if err != nil {
		return "", err //nolint:wrapcheck // explained by the caller
	}
	defer f.Close() //nolint:errcheck // read only
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("read: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
