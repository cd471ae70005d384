package agent

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/effective"
	"opampd/supervisor/internal/process"
)

// validateTimeout bounds `validate`, which starts no component.
const validateTimeout = 30 * time.Second

// keptValid is how many configurations that passed are remembered: a server that makes
// up new ones for ever must not fill the memory.
const keptValid = 256

// Config is the lane that prepares configurations.
type Config struct {
	inspector
	valid map[string]bool // configurations that passed validate, by binary and hash
}

// NewConfig returns the lane.
func NewConfig(s Settings) *Config {
	return &Config{inspector: inspector{Settings: s}, valid: map[string]bool{}}
}

// Run carries out core.Prepare, which it answers with core.Prepared or core.Refused,
// and core.Rehearse: core.Rehearsed or core.Unfit.
func (c *Config) Run(ctx context.Context, cmd core.Command) {
	switch cmd := cmd.(type) { //nolint:gochecksumtype // the rest is for other lanes
	case core.Prepare:
		c.Post(c.prepare(ctx, cmd))
	case core.Rehearse:
		c.Post(c.rehearse(ctx, cmd))
	}
	debug.FreeOSMemory() // merging takes many times the size of a configuration, and the daemon idles now
}

// refusal is why a configuration will not be run.
type refusal struct {
	kind   core.Kind
	reason string
}

func (r *refusal) Error() string { return r.reason }

func refuse(kind core.Kind, err error) *refusal {
	return &refusal{kind, strings.ToValidUTF8(err.Error(), "\uFFFD")}
}

func (c *Config) prepare(ctx context.Context, cmd core.Prepare) core.Event {
	b, err := c.look(ctx, cmd.Wish.Release)
	if err != nil {
		return core.Refused{Attempt: cmd.Attempt, Kind: core.KindBinary, Reason: err.Error()}
	}
	in, policy, no := c.gather(cmd.Wish, b)
	var rendered effective.Rendered
	if no == nil {
		rendered, no = c.check(ctx, cmd, in, policy, b)
	}
	if no != nil {
		return core.Refused{Attempt: cmd.Attempt, Kind: no.kind, Reason: no.reason, Binary: b.Hash, Policy: policy}
	}
	return core.Prepared{
		Attempt: cmd.Attempt, Config: rendered.Hash, Binary: b.Hash, Name: b.Name, Version: b.Version, Policy: policy,
	}
}

// check brings the configuration as near to running as it gets without touching
// what runs.
func (c *Config) check(ctx context.Context, cmd core.Prepare, in effective.Input, policy string, b Binary) (effective.Rendered, *refusal) {
	offer := cmd.Wish.Target.Offer
	if cmd.Wish.Target.Kind == core.TargetOffer {
		if v, known := c.Store.Known(offer.Hash, offer.Body, b.Hash, policy, ""); known {
			return effective.Rendered{}, &refusal{core.KindContent, v.Reason}
		}
	}
	rendered, err := effective.Render(in)
	if err != nil {
		return rendered, refuse(core.KindContent, err)
	}
	for _, note := range rendered.Notes {
		c.Warn(note)
	}
	if current, err := c.Store.Effective(); err == nil && cmd.Wish.Target.Kind == core.TargetOffer {
		if err := occupied(ctx, rendered.YAML, current); err != nil {
			return rendered, refuse(core.KindWorld, err)
		}
	}
	path, err := c.Store.WriteCandidate(rendered.Hash, header(offer.Body, rendered))
	if err != nil {
		return rendered, refuse(core.KindWorld, err)
	}
	key := b.Hash + " " + rendered.Hash
	if !c.Merge.Validate || c.valid[key] {
		return rendered, nil
	}
	if no := c.validate(ctx, cmd.Wish.Release, path, b); no != nil {
		no.reason = effective.Masker(rendered.YAML, c.Agent.Env).Replace(no.reason)
		return rendered, no
	}
	c.passed(key)
	return rendered, nil
}

// passed remembers what need not be validated again.
func (c *Config) passed(key string) {
	if len(c.valid) >= keptValid {
		clear(c.valid)
	}
	c.valid[key] = true
}

// remotePrefix stands before the name of the remote configuration's body in the
// first line of a rendered file.
const remotePrefix = "# opampd: remote "

// header marks a rendered file for people, and with where its remote part came from.
func header(body string, r effective.Rendered) []byte {
	head := remotePrefix + body + "\n# Written by opampd, replaced at each change. Configuration " + r.Hash + "\n"
	return append([]byte(head), r.YAML...)
}

// validate asks the very binary that would run the configuration, with the very
// arguments.
func (c *Config) validate(ctx context.Context, release, path string, b Binary) *refusal {
	ctx, cancel := context.WithTimeout(ctx, validateTimeout)
	defer cancel()
	program, err := c.programOf(release)
	if err != nil {
		return refuse(core.KindBinary, err)
	}
	exe, err := program.open()
	if err != nil {
		return refuse(core.KindBinary, err)
	}
	defer exe.done()
	env := append([]string{TokenVariable + "=validate"}, c.Agent.Env...)
	err = patiently(func() error {
		_, err := process.Run(ctx, exe.spec(append([]string{"validate"}, c.Agent.args(path, b)...), env), 0)
		return err
	})
	var failed *process.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &failed) && failed.Exit.Signal == "":
		return refuse(core.KindContent, fmt.Errorf("the Collector refuses this configuration: %s", objection(said(failed))))
	case errors.Is(err, context.DeadlineExceeded):
		return refuse(core.KindWorld, fmt.Errorf("the Collector did not finish validating this configuration within %s", validateTimeout))
	default:
		return refuse(core.KindWorld, fmt.Errorf("the configuration could not be validated: %s", process.Explain(err, exe.path)))
	}
}

// said returns the Collector's own words.
func said(failed *process.ExitError) string {
	if failed.Exit.Tail == "" {
		return failed.Exit.String()
	}
	return failed.Exit.Tail
}
