package agent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/effective"
	"opampd/supervisor/internal/process"
	"opampd/supervisor/internal/remoteconfig"
)

// validateTimeout bounds `validate`, which starts no component.
const validateTimeout = 30 * time.Second

// Config is the lane that prepares configurations.
type Config struct {
	inspector
	valid map[string]bool // configurations that passed validate, by binary and hash
}

// NewConfig returns the lane.
func NewConfig(s Settings) *Config {
	return &Config{inspector: inspector{Settings: s}, valid: map[string]bool{}}
}

// Run carries out core.Prepare; it answers with core.Prepared or core.Refused.
func (c *Config) Run(ctx context.Context, cmd core.Command) {
	if cmd, ok := cmd.(core.Prepare); ok {
		c.Post(c.prepare(ctx, cmd))
	}
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
	b, err := c.look(ctx)
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

// gather reads all that the configuration is merged from. policy is a hash of the
// local part: when that changes, an offer that failed may be tried again.
func (c *Config) gather(wish core.Wish, b Binary) (in effective.Input, policy string, no *refusal) {
	local, err := c.localFiles(wish.Target)
	policy = c.policy(local)
	if err != nil {
		return in, policy, refuse(core.KindContent, err)
	}
	in = effective.Input{
		Local: local, Resource: c.resource(wish.UID), AllowNoPipelines: b.NoPipelines,
		Extension: effective.Extension{
			Endpoint: c.Link, InstanceUID: wish.UID, ReportsAvailableComponents: c.Merge.ReportsComponents,
			IncludeResourceAttributes: c.Merge.IncludeResource,
			Headers:                   map[string]string{"Authorization": "Bearer ${env:" + TokenVariable + "}"},
		},
	}
	if in.Telemetry, err = effective.DecodeTelemetry(wish.Signals.Metrics, wish.Signals.Traces, wish.Signals.Logs); err != nil {
		return in, policy, refuse(core.KindContent, err)
	}
	if wish.Target.Kind != core.TargetOffer {
		return in, policy, nil
	}
	body, err := c.Store.Blob(wish.Target.Offer.Body)
	if err != nil {
		return in, policy, refuse(core.KindContent, fmt.Errorf("the stored configuration cannot be read back: %w", err))
	}
	files, err := remoteconfig.Decode(body)
	if err != nil {
		return in, policy, refuse(core.KindContent, err)
	}
	for _, f := range files {
		in.Remote = append(in.Remote, effective.Layer{Name: f.Name, Body: f.Body})
	}
	return in, policy, nil
}

// localFiles reads the files that the target asks for. One that cannot be read is
// left out with a warning, as users of the reference supervisor are used to.
func (c *Config) localFiles(t core.Target) ([]effective.LocalFile, error) {
	names := c.Merge.Files
	switch t.Kind {
	case core.TargetFallback:
		names = c.Merge.Fallback
	case core.TargetNoop:
		names = nil
	case core.TargetUnset, core.TargetNone, core.TargetOffer, core.TargetLocal:
	}
	var files []effective.LocalFile
	var problems []error
	for _, name := range names {
		if effective.IsPlaceholder(name) {
			files = append(files, effective.LocalFile{Placeholder: name})
			continue
		}
		body, err := os.ReadFile(name) //nolint:gosec // the operator named it
		if err != nil {
			c.Warn(fmt.Sprintf("local configuration file left out: %v", err))
			continue
		}
		files = append(files, effective.LocalFile{Layer: effective.Layer{Name: name, Body: body}})
	}
	return files, errors.Join(problems...)
}

func (c *Config) resource(uid string) map[string]string {
	attributes := map[string]string{"service.instance.id": uid}
	for k, v := range c.Merge.Resource {
		if _, ok := attributes[k]; !ok {
			attributes[k] = v
		}
	}
	return attributes
}

func (c *Config) policy(local []effective.LocalFile) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%v\n", c.Agent.fingerprint(), c.Merge.Validate)
	for _, f := range local {
		fmt.Fprintf(h, "%q %q %x\n", f.Placeholder, f.Layer.Name, sha256.Sum256(f.Layer.Body))
	}
	return hex.EncodeToString(h.Sum(nil))
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
	path, err := c.Store.WriteCandidate(rendered.Hash, header(offer.Body, rendered))
	if err != nil {
		return rendered, refuse(core.KindWorld, err)
	}
	key := b.Hash + " " + rendered.Hash
	if !c.Merge.Validate || c.valid[key] {
		return rendered, nil
	}
	if no := c.validate(ctx, path, b); no != nil {
		return rendered, no
	}
	c.valid[key] = true
	return rendered, nil
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
func (c *Config) validate(ctx context.Context, path string, b Binary) *refusal {
	ctx, cancel := context.WithTimeout(ctx, validateTimeout)
	defer cancel()
	exe := c.Agent.Executable
	env := append([]string{TokenVariable + "=validate"}, c.Agent.Env...)
	_, err := process.Run(ctx, process.Spec{
		Path: exe, Argv: append([]string{exe, "validate"}, c.Agent.args(path, b)...), Env: env,
	}, 0)
	var failed *process.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &failed) && failed.Exit.Signal == "":
		return refuse(core.KindContent, fmt.Errorf("the Collector refuses this configuration: %s", objection(said(failed))))
	case errors.Is(err, context.DeadlineExceeded):
		return refuse(core.KindWorld, fmt.Errorf("the Collector did not finish validating this configuration within %s", validateTimeout))
	default:
		return refuse(core.KindWorld, fmt.Errorf("the configuration could not be validated: %s", process.Explain(err, exe)))
	}
}

// said returns the Collector's own words.
func said(failed *process.ExitError) string {
	if failed.Exit.Tail == "" {
		return failed.Exit.String()
	}
	return failed.Exit.Tail
}
