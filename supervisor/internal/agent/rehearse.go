package agent

import (
	"context"
	"fmt"
	"strings"

	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/effective"
)

// rehearse asks a release that was just installed whether it could take over, without
// touching what runs: who it is, what it is built of, and whether it takes the
// configuration in force and those that could be returned to. It has no privileges but
// those of the Collector (S-236).
func (c *Config) rehearse(ctx context.Context, cmd core.Rehearse) core.Event {
	unfit := func(kind core.Kind, reason string) core.Event {
		return core.Unfit{Attempt: cmd.Attempt, Kind: kind, Reason: "the release is not fit to take over: " + reason}
	}
	b, err := c.look(ctx, cmd.Wish.Release)
	if err != nil {
		return unfit(core.KindBinary, err.Error())
	}
	program, err := c.programOf(cmd.Wish.Release)
	if err == nil {
		_, err = c.Agent.answer(ctx, program, "--version")
	}
	if err != nil {
		return unfit(core.KindBinary, unanswered(program.Path, "--version", err).Error())
	}
	if no := c.tries(ctx, cmd.Wish, b); no != nil {
		return unfit(no.kind, no.reason)
	}
	for _, good := range []core.Offer{cmd.Good, cmd.Spare} {
		wish := cmd.Wish
		wish.Target = core.Target{Kind: core.TargetOffer, Offer: good}
		if !good.Known() || good.Empty || wish.Target == cmd.Wish.Target {
			continue
		}
		no := c.tries(ctx, wish, b)
		switch {
		case no == nil:
		case good == cmd.Good && no.kind == core.KindBinary:
			return unfit(no.kind, "the last known good configuration could not be returned to with it: "+no.reason)
		default:
			c.Warn(fmt.Sprintf("release %s cannot run an earlier known good configuration, which could not be returned to with it: %s", b.Version, no.reason))
		}
	}
	return core.Rehearsed{Attempt: cmd.Attempt, Version: b.Version}
}

// tries brings a configuration as near to running under the release as it gets. That
// its ports are taken means nothing: they are those of the Collector that runs.
func (c *Config) tries(ctx context.Context, wish core.Wish, b Binary) *refusal {
	if wish.Target.Kind == core.TargetNone {
		return nil
	}
	in, _, no := c.gather(wish, b)
	if no != nil {
		return no
	}
	rendered, err := effective.Render(in)
	if err != nil {
		return refuse(core.KindContent, err)
	}
	path, err := c.Store.WriteCandidate(rendered.Hash, header(wish.Target.Offer.Body, rendered))
	if err != nil {
		return refuse(core.KindWorld, err)
	}
	no = c.validate(ctx, wish.Release, path, b)
	if no == nil {
		c.passed(b.Hash + " " + rendered.Hash)
		return nil
	}
	no.reason = effective.Masker(rendered.YAML, c.Agent.Env).Replace(no.reason)
	if no.kind == core.KindContent {
		no.kind = core.KindBinary // the release's, not the configuration's
		no.reason = strings.Replace(no.reason, "the Collector refuses this configuration", "it refuses a configuration that works today", 1)
	}
	return no
}
