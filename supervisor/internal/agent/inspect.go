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
	info, err := statFile(i.Agent.Executable)
	if err != nil {
		return Binary{}, i.Agent.unusable(err)
	}
	if i.seen != nil && os.SameFile(i.seen, info) && i.seen.ModTime().Equal(info.ModTime()) && i.seen.Size() == info.Size() {
		return i.known, nil
	}
	hash, err := hashFile(i.Agent.Executable)
	if err != nil {
		return Binary{}, i.Agent.unusable(err)
	}
	b := i.known
	if b.Hash != hash {
		if b, err = i.recall(ctx, hash); err != nil {
			return Binary{}, err
		}
	}
	if err := i.Agent.manageable(b); err != nil {
		return Binary{}, err
	}
	i.seen, i.known = info, b
	return b, nil
}

// recall returns what was kept of a binary, or asks it. What is kept is also how the
// process lane learns of it.
func (i *inspector) recall(ctx context.Context, hash string) (Binary, error) {
	var b Binary
	if found, err := i.Store.LoadInspection(&b); err == nil && found && b.Hash == hash {
		return b, nil
	}
	b, err := i.Agent.ask(ctx)
	if err != nil {
		return Binary{}, err
	}
	b.Hash = hash
	if err := i.Store.SaveInspection(b); err != nil {
		return Binary{}, fmt.Errorf("what the Collector says of itself cannot be kept: %w", err)
	}
	return b, nil
}

// Inspect asks the executable what it is, without keeping the answer. The error, in
// words for people, says why it cannot be supervised.
func (l Launch) Inspect(ctx context.Context) (Binary, error) {
	if _, err := statFile(l.Executable); err != nil {
		return Binary{}, l.unusable(err)
	}
	b, err := l.ask(ctx)
	if err != nil {
		return Binary{}, err
	}
	return b, l.manageable(b)
}

func (l Launch) manageable(b Binary) error {
	if b.Extension {
		return nil
	}
	return fmt.Errorf("the Collector at %s has no opamp extension, so it cannot be managed: "+
		"build it in (opampextension), or name another one in agent.executable", l.Executable)
}

func (l Launch) unusable(err error) error {
	return fmt.Errorf("the Collector cannot be used: %s; check agent.executable", process.Explain(err, l.Executable))
}

// ask runs the two questions that need no configuration.
func (l Launch) ask(ctx context.Context) (Binary, error) {
	components, err := l.answer(ctx, "components")
	if err != nil {
		return Binary{}, l.unanswered("components", err)
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
			l.Executable, "components")
	}
	b := Binary{Name: said.BuildInfo.Command, Version: said.BuildInfo.Version}
	for _, e := range said.Extensions {
		b.Extension = b.Extension || e.Name == "opamp"
	}
	gates, err := l.answer(ctx, "featuregate")
	var failed *process.ExitError
	if err != nil && (!errors.As(err, &failed) || failed.Exit.Signal != "") { // an old Collector has no such command, and says so
		return Binary{}, l.unanswered("featuregate", err)
	}
	b.NoPipelines = strings.Contains(string(gates), noPipelines)
	return b, nil
}

func (l Launch) answer(ctx context.Context, word string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, inspectTimeout)
	defer cancel()
	out, err := process.Run(ctx, process.Spec{Path: l.Executable, Argv: []string{l.Executable, word}, Env: l.Env}, 4<<20)
	return out.Stdout, err
}

func (l Launch) unanswered(word string, err error) error {
	var failed *process.ExitError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s did not answer %q within %s; is the machine overloaded, or the file no Collector?", l.Executable, word, inspectTimeout)
	case errors.As(err, &failed):
		return fmt.Errorf("%s does not look like an OpenTelemetry Collector: %q %s: %s; check agent.executable",
			l.Executable, word, ended(failed.Exit), failed.Exit.Tail)
	default:
		return l.unusable(err)
	}
}

// statFile looks at a file before it is opened: to open a named pipe would wait for a
// writer for ever.
func statFile(path string) (os.FileInfo, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err //nolint:wrapcheck // names the path
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", path)
	}
	return info, nil
}

func hashFile(path string) (string, error) {
	f, err := os.Open(path)
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
