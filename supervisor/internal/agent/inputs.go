package agent

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"

	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/effective"
	"opampd/supervisor/internal/remoteconfig"
)

// gather reads all that the configuration is merged from. policy is a hash of the
// local part: when that changes, an offer that failed may be tried again.
func (c *Config) gather(wish core.Wish, b Binary) (in effective.Input, policy string, no *refusal) {
	local := c.localFiles(wish.Target)
	policy = c.policy(local)
	in = effective.Input{
		Local: local, Resource: c.resource(wish.UID), AllowNoPipelines: b.NoPipelines,
		Extension: effective.Extension{
			Endpoint: c.Link, InstanceUID: wish.UID, ReportsAvailableComponents: c.Merge.ReportsComponents,
			IncludeResourceAttributes: c.Merge.IncludeResource,
			Headers:                   map[string]string{"Authorization": "Bearer ${env:" + TokenVariable + "}"},
		},
	}
	var err error
	if in.Telemetry, err = effective.DecodeTelemetry(wish.Signals.Metrics, wish.Signals.Traces, wish.Signals.Logs); err != nil {
		return in, policy, refuse(core.KindContent, err)
	}
	if wish.Target.Kind != core.TargetOffer {
		return in, policy, nil
	}
	body, err := c.Store.Blob(wish.Target.Offer.Body)
	if err != nil {
		// Not for its content: offered again it is stored again, and must not find a bad verdict.
		return in, policy, refuse(core.KindWorld, fmt.Errorf("the stored configuration cannot be read back: %w", err))
	}
	files, err := remoteconfig.Decode(body)
	if err != nil {
		return in, policy, refuse(core.KindContent, err)
	}
	if err := c.fits(files); err != nil {
		return in, policy, refuse(core.KindContent, err)
	}
	for _, f := range files {
		in.Remote = append(in.Remote, effective.Layer{Name: f.Name, Body: f.Body})
	}
	return in, policy, nil
}

// fits refuses a configuration by its size, before anything looks into it.
func (c *Config) fits(files []remoteconfig.File) error {
	size := int64(0)
	for _, f := range files {
		size += int64(len(f.Body))
	}
	if limit := c.Merge.MaxSize; limit > 0 && size > limit {
		return fmt.Errorf("the configuration has %d bytes, more than the %d that are accepted; make it smaller, or raise agent.max_config_size", size, limit)
	}
	return nil
}

// localFiles reads the files that the target asks for. One that cannot be read is
// left out with a warning, as users of the reference supervisor are used to.
func (c *Config) localFiles(t core.Target) []effective.LocalFile {
	names := c.Merge.Files
	switch t.Kind {
	case core.TargetFallback:
		names = c.Merge.Fallback
	case core.TargetNoop:
		names = nil
	case core.TargetUnset, core.TargetNone, core.TargetOffer, core.TargetLocal:
	}
	var files []effective.LocalFile
	for _, name := range names {
		if effective.IsPlaceholder(name) {
			files = append(files, effective.LocalFile{Placeholder: name})
			continue
		}
		body, err := readLocal(name)
		if err != nil {
			c.Warn(fmt.Sprintf("local configuration file left out: %v", err))
			continue
		}
		files = append(files, effective.LocalFile{Layer: effective.Layer{Name: name, Body: body}})
	}
	return files
}

func readLocal(name string) ([]byte, error) {
	if _, err := statFile(name); err != nil {
		return nil, err
	}
	return os.ReadFile(name) //nolint:wrapcheck // names the path
}

// resource is the same as what the server is told (S-074).
func (c *Config) resource(uid string) map[string]string {
	attributes := map[string]string{}
	maps.Copy(attributes, c.Merge.Resource)
	attributes["service.instance.id"] = uid
	return attributes
}

func (c *Config) policy(local []effective.LocalFile) string {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%s\n%v %d\n", c.Agent.fingerprint(), c.Merge.Validate, c.Merge.MaxSize)
	for _, f := range local {
		_, _ = fmt.Fprintf(h, "%q %q %x\n", f.Placeholder, f.Layer.Name, sha256.Sum256(f.Layer.Body))
	}
	return hex.EncodeToString(h.Sum(nil))
}
