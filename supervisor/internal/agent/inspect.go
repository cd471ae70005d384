package agent

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
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
	File        string `json:"file"`      // where it was found
	Stamp       string `json:"stamp"`     // what the file looked like then
}

// inspections is what is kept of the binaries that were looked at last, newest first:
// those that run, and those that could be returned to.
type inspections struct {
	Known []Binary `json:"known"`
}

// keptInspections is how many: the factory's, the one before and the new one.
const keptInspections = 4

// inspector looks at executables and remembers what it saw.
type inspector struct {
	Settings
}

// look returns what the executable of a release is. The error is in words for people.
func (i *inspector) look(ctx context.Context, release string) (Binary, error) {
	b, err := i.examine(ctx, release)
	if err != nil {
		return Binary{}, err
	}
	return b, i.Agent.manageable(b)
}

func (i *inspector) examine(ctx context.Context, release string) (Binary, error) {
	program, err := i.programOf(release)
	if err != nil {
		return Binary{}, err
	}
	info, err := statFile(program.Path)
	if err != nil {
		return Binary{}, unusable(err, program.Path)
	}
	var kept inspections
	_, _ = i.Store.LoadInspection(&kept) // without it, the binary is asked again
	at := slices.IndexFunc(kept.Known, func(b Binary) bool { return b.File == program.Path })
	if at >= 0 && kept.Known[at].Stamp == stamp(info) {
		return kept.Known[at], nil
	}
	if program.Hash == "" {
		if program.Hash, err = hashFile(program.Path); err != nil {
			return Binary{}, unusable(err, program.Path)
		}
	}
	b, err := i.recall(ctx, kept, program)
	if err != nil {
		return Binary{}, err
	}
	if at >= 0 && kept.Known[at].Hash != b.Hash {
		i.Warn(fmt.Sprintf("%s was exchanged: it was version %s and is version %s now", program.Path, kept.Known[at].Version, b.Version))
	}
	b.File, b.Stamp = program.Path, stamp(info)
	return b, i.keep(kept, b)
}

// recall returns what was kept of a binary, or asks it.
func (i *inspector) recall(ctx context.Context, kept inspections, program Program) (Binary, error) {
	at := slices.IndexFunc(kept.Known, func(b Binary) bool { return b.Hash == program.Hash })
	if at >= 0 {
		return kept.Known[at], nil
	}
	b, err := i.Agent.ask(ctx, program)
	b.Hash = program.Hash
	return b, err
}

// keep puts a binary first among those that are known.
func (i *inspector) keep(kept inspections, b Binary) error {
	known := append([]Binary{b}, slices.DeleteFunc(kept.Known, func(old Binary) bool { return old.File == b.File })...)
	if err := i.Store.SaveInspection(inspections{known[:min(len(known), keptInspections)]}); err != nil {
		return fmt.Errorf("what the Collector says of itself cannot be kept: %w", err)
	}
	return nil
}

// Inspect asks the executable what it is, without keeping the answer. The error, in
// words for people, says why it cannot be supervised.
func (l Launch) Inspect(ctx context.Context) (Binary, error) {
	if _, err := statFile(l.Executable); err != nil {
		return Binary{}, unusable(err, l.Executable)
	}
	b, err := l.ask(ctx, Program{Path: l.Executable})
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
		"build it in (opampextension), or name another one in agent.executable", cmp.Or(b.File, l.Executable))
}

func unusable(err error, path string) error {
	return fmt.Errorf("the Collector cannot be used: %s; check agent.executable", process.Explain(err, path))
}

// ask runs the two questions that need no configuration.
func (l Launch) ask(ctx context.Context, p Program) (Binary, error) {
	components, err := l.answer(ctx, p, "components")
	if err != nil {
		return Binary{}, unanswered(p.Path, "components", err)
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
			p.Path, "components")
	}
	b := Binary{Name: said.BuildInfo.Command, Version: said.BuildInfo.Version}
	for _, e := range said.Extensions {
		b.Extension = b.Extension || e.Name == "opamp"
	}
	gates, err := l.answer(ctx, p, "featuregate")
	var failed *process.ExitError
	if err != nil && (!errors.As(err, &failed) || failed.Exit.Signal != "") { // an old Collector has no such command, and says so
		return Binary{}, unanswered(p.Path, "featuregate", err)
	}
	b.NoPipelines = strings.Contains(string(gates), noPipelines)
	return b, nil
}

func (l Launch) answer(ctx context.Context, p Program, word string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, inspectTimeout)
	defer cancel()
	exe, err := p.open()
	if err != nil {
		return nil, err
	}
	defer exe.done()
	var out process.Output
	err = patiently(func() (err error) {
		out, err = process.Run(ctx, exe.spec([]string{word}, l.Env), 4<<20)
		return err
	})
	return out.Stdout, err
}

func unanswered(path, word string, err error) error {
	var failed *process.ExitError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s did not answer %q within %s; is the machine overloaded, or the file no Collector?", path, word, inspectTimeout)
	case errors.As(err, &failed):
		return fmt.Errorf("%s does not look like an OpenTelemetry Collector: %q %s: %s; check agent.executable",
			path, word, ended(failed.Exit), failed.Exit.Tail)
	default:
		return unusable(err, path)
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
