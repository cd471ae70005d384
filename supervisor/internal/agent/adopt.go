package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/process"
)

// run is what a later life of the daemon needs to adopt the Collector.
type run struct {
	Process process.Record `json:"process"`
	Started time.Time      `json:"started"`
	Config  string         `json:"config"`
	Binary  string         `json:"binary"`
	Release string         `json:"release,omitempty"` // empty for agent.executable
	Launch  string         `json:"launch"`            // fingerprint of the way it was started
	File    string         `json:"file"`              // the configuration that it was told to read
	Link    string         `json:"link"`
	Token   string         `json:"token"`
}

// Heir is a Collector that one life of the daemon leaves to the next within the same
// process.
type Heir struct {
	child *process.Process
	run   run
}

// Bequeath returns the Collector for the next life; nil when there is none. The lane
// must have ended, and Wait returned.
func (p *Process) Bequeath() *Heir {
	if p.child == nil {
		return nil
	}
	return &Heir{p.child, p.run}
}

// LinkOf returns the local link that a Collector of an earlier life holds on to, so
// that it can be offered again; empty when there is none. heir may be nil.
func LinkOf(load func(v any) (bool, error), heir *Heir) string {
	if heir != nil {
		return heir.run.Link
	}
	var r run
	if found, err := load(&r); err != nil || !found {
		return ""
	}
	return r.Link
}

// find adopts the Collector of an earlier life when everything about it is as this
// life would have made it, and ends it otherwise.
func (p *Process) find(ctx context.Context, cmd core.Find) {
	child, r := p.recover()
	if child != nil {
		reason := p.unfit(r)
		if reason == "" {
			p.adopt(ctx, cmd, child, r)
			return
		}
		p.Warn(fmt.Sprintf("a Collector of an earlier run of opampd (pid %d) is stopped: %s", child.PID(), reason))
		p.unwanted = append(p.unwanted, child)
	}
	p.unwanted = append(p.unwanted, p.strays(child)...)
	p.outlast(ctx, cmd, p.unwanted)
}

func (p *Process) adopt(ctx context.Context, cmd core.Find, child *process.Process, r run) {
	p.child, p.run = child, r
	if err := p.Store.Inherit(r.Config); err != nil {
		p.Warn(fmt.Sprintf("the Collector (pid %d) runs on, but could not be started again: %v", child.PID(), err))
	}
	p.Post(core.Adopted{
		Run: cmd.Run, PID: child.PID(), At: core.Time(r.Started.UnixNano()), Config: r.Config, Binary: r.Binary, Token: r.Token, Release: r.Release,
	})
	p.watch(ctx, cmd.Run) // not before: its end must not be told before it is known
}

// strays are those that still run on our configuration although no record tells of
// them, because the record was lost or damaged. known may be nil.
func (p *Process) strays(known *process.Process) []*process.Process {
	var found []*process.Process
	for _, record := range p.holders() {
		if known != nil && record.PID == known.PID() {
			continue
		}
		if child, err := process.Find(record, p.Log); err == nil {
			p.Warn(fmt.Sprintf("a Collector that opampd has lost sight of (pid %d) is stopped", child.PID()))
			found = append(found, child)
		}
	}
	return found
}

// outlast ends Collectors and tells of it when the last one is gone, however long that
// takes: never two Collectors. The lane does not wait, so that Kill can overtake it.
func (p *Process) outlast(ctx context.Context, cmd core.Find, unwanted []*process.Process) {
	p.running.Go(func() {
		for _, child := range unwanted {
			p.end(ctx, child)
			select {
			case <-child.Done():
				continue
			default:
				p.Warn(fmt.Sprintf("no Collector is started before the earlier one (pid %d) has ended", child.PID()))
			}
			select {
			case <-child.Done():
			case <-ctx.Done():
				return
			}
		}
		if len(unwanted) > 0 {
			_ = p.Store.RemoveRun()
		}
		p.Post(core.NothingFound(cmd))
	})
}

// recover finds the process of a run record, or takes the one that was left to us.
// The record may be from before the process was known, when the daemon died in
// between: then the token in its environment tells which one it is.
func (p *Process) recover() (*process.Process, run) {
	if p.heir != nil {
		return p.heir.child, p.heir.run
	}
	var r run
	if found, err := p.Store.LoadRun(&r); err != nil || !found {
		return nil, r
	}
	record := r.Process
	if record.PID == 0 {
		record, _ = process.WithEnvironment(TokenVariable + "=" + r.Token) // else nobody is found below
	}
	child, err := process.Find(record, p.Log)
	if errors.Is(err, process.ErrForeign) {
		child, err = process.Find(p.grown(record), p.Log)
	}
	if err != nil {
		_ = p.Store.RemoveRun()
		return nil, r
	}
	return child, r
}

// grown returns the record of a wrapper that has become the Collector by exec(2) since
// it was written down.
func (p *Process) grown(r process.Record) process.Record {
	for _, now := range p.holders() {
		if now.PID == r.PID && now.StartTime == r.StartTime && now.BootID == r.BootID {
			return now
		}
	}
	return r
}

// holders are the processes that run on our configuration, whatever is known of them.
func (p *Process) holders() []process.Record {
	found := process.Holding(p.Store.Path("effective.yaml"), TokenVariable)
	for _, place := range p.Store.FormerPlaces() {
		found = append(found, process.Holding(filepath.Join(place, "effective.yaml"), TokenVariable)...)
	}
	return found
}

// written reports whether the file in force holds this configuration.
func (p *Process) written(config string) bool {
	body, err := p.Store.Effective()
	return err == nil && bytes.Contains(body, []byte(config))
}

// unfit says why a living Collector cannot be kept.
func (p *Process) unfit(r run) string {
	switch {
	case r.Process.PID == 0:
		return "opampd ended while it was being started"
	case r.Link != p.Link:
		return "its address for opampd, " + r.Link + ", is taken by another program"
	case r.Launch != p.Agent.fingerprint():
		return "agent.executable, agent.args or agent.env changed since it was started"
	case p.Store.Durable() && r.File != "" && r.File != p.Store.Path("effective.yaml"): // a full disk is no reason to stop it
		return "its configuration file is in another directory, " + filepath.Dir(r.File)
	case !p.written(r.Config):
		return "its configuration file is not the one it was started with"
	}
	return ""
}
