package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/process"
	"opampd/supervisor/internal/remoteconfig"
)

// stuckGrace is how long a Collector of an earlier life may take to end when it
// cannot be kept.
const stuckGrace = 30 * time.Second

// run is what a later life of the daemon needs to adopt the Collector.
type run struct {
	Process process.Record `json:"process"`
	Started time.Time      `json:"started"`
	Config  string         `json:"config"`
	Binary  string         `json:"binary"`
	Launch  string         `json:"launch"` // fingerprint of the way it was started
	Link    string         `json:"link"`
	Token   string         `json:"token"`
}

// Process is the lane of the Collector process.
type Process struct {
	Settings
	child *process.Process
	run   run
	heir  *Heir
}

// Heir is a Collector that one life of the daemon leaves to the next within the same
// process.
type Heir struct {
	child *process.Process
	run   run
}

// NewProcess returns the lane. heir may be nil.
func NewProcess(s Settings, heir *Heir) *Process { return &Process{Settings: s, heir: heir} }

// Bequeath returns the Collector for the next life; nil when there is none. The lane
// must have ended.
func (p *Process) Bequeath() *Heir {
	if p.child == nil {
		return nil
	}
	return &Heir{p.child, p.run}
}

// LinkOf returns the local link that a Collector of an earlier life holds on to, so
// that it can be offered again; empty when there is none.
func LinkOf(load func(v any) (bool, error)) string {
	var r run
	if found, err := load(&r); err != nil || !found {
		return ""
	}
	return r.Link
}

// Run carries out the commands of the process.
func (p *Process) Run(ctx context.Context, cmd core.Command) {
	switch cmd := cmd.(type) {
	case core.Find:
		p.Post(p.find(ctx, cmd))
	case core.Start:
		p.start(ctx, cmd)
	case core.Reload:
		p.reload(cmd)
	case core.Stop:
		p.stop(ctx)
	case core.Kill:
		if p.child != nil {
			p.child.Kill()
		}
	}
}

// find adopts the Collector of an earlier life when everything about it is as this
// life would have made it, and ends it otherwise: never two Collectors.
func (p *Process) find(ctx context.Context, cmd core.Find) core.Event {
	nothing := core.NothingFound(cmd)
	child, r := p.recover()
	if child == nil {
		return nothing
	}
	if reason := p.unfit(r); reason != "" {
		p.Warn(fmt.Sprintf("a Collector of an earlier run of opampd (pid %d) is stopped: %s", child.PID(), reason))
		ctx, cancel := context.WithTimeout(ctx, p.Agent.StopTimeout+stuckGrace)
		defer cancel()
		if err := child.Stop(ctx, p.Agent.StopTimeout); err != nil {
			p.Warn(fmt.Sprintf("stop the Collector of an earlier run (pid %d): %v", child.PID(), err))
		}
		_ = p.Store.RemoveRun()
		return nothing
	}
	p.child, p.run = child, r
	p.watch(ctx, cmd.Run)
	return core.Adopted{
		Run: cmd.Run, PID: child.PID(), At: core.Time(r.Started.UnixNano()), Config: r.Config, Binary: r.Binary, Token: r.Token,
	}
}

// recover finds the process of a run record, or takes the one that was left to us. The record may be from before the
// process was known, when the daemon died in between: then the token in its
// environment tells which one it is.
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
	if err != nil {
		_ = p.Store.RemoveRun()
		return nil, r
	}
	return child, r
}

// unfit says why a living Collector cannot be kept.
func (p *Process) unfit(r run) string {
	written, err := p.Store.Effective()
	switch {
	case r.Process.PID == 0:
		return "opampd ended while it was being started"
	case r.Link != p.Link:
		return "its address for opampd, " + r.Link + ", is taken by another program"
	case r.Launch != p.Agent.fingerprint():
		return "agent.executable, agent.args or agent.env changed since it was started"
	case err != nil || !bytes.Contains(written, []byte(r.Config)):
		return "its configuration file is not the one it was started with"
	}
	return ""
}

func (p *Process) start(ctx context.Context, cmd core.Start) {
	if err := p.launch(cmd); err != nil {
		p.Post(core.StartFailed{Run: cmd.Run, At: now(), Reason: "could not be started: " + err.Error()})
		return
	}
	p.Post(core.Started{Run: cmd.Run, PID: p.child.PID(), At: core.Time(p.run.Started.UnixNano())})
	p.watch(ctx, cmd.Run)
}

// launch writes down what is about to be started before it exists, and who it is
// afterwards.
func (p *Process) launch(cmd core.Start) error {
	var b Binary
	if found, err := p.Store.LoadInspection(&b); err != nil || !found {
		return fmt.Errorf("what is known of the Collector cannot be read back (%w)", err)
	}
	path, err := p.promote(cmd.Config)
	if err != nil {
		return err
	}
	p.run = run{
		Started: time.Now(), Config: cmd.Config, Binary: b.Hash, Launch: p.Agent.fingerprint(), Link: p.Link, Token: cmd.Token,
	}
	if err := p.Store.SaveRun(p.run); err != nil {
		p.Warn(fmt.Sprintf("the Collector cannot be adopted after a crash of opampd: %v", err))
	}
	exe := p.Agent.Executable
	p.child, err = process.Start(process.Spec{
		Path: exe, Argv: append([]string{exe}, p.Agent.args(path, b)...),
		Env: append([]string{TokenVariable + "=" + cmd.Token}, p.Agent.Env...), Log: p.Log,
	})
	if err != nil {
		_ = p.Store.RemoveRun()
		return errors.New(process.Explain(err, exe))
	}
	p.run.Process = p.child.Record()
	if err := p.Store.SaveRun(p.run); err != nil {
		p.Warn(fmt.Sprintf("the Collector cannot be adopted after a crash of opampd: %v", err))
	}
	return nil
}

// promote makes a prepared configuration the one in force and lays its remote files
// out under their own names.
func (p *Process) promote(config string) (string, error) {
	path, err := p.Store.Promote(config)
	if err != nil {
		return "", err //nolint:wrapcheck // the store says what it did on which file
	}
	if err := p.layOut(); err != nil {
		p.Warn(fmt.Sprintf("the named files of the remote configuration could not be written: %v", err))
	}
	return path, nil
}

func (p *Process) layOut() error {
	written, err := p.Store.Effective()
	if err != nil {
		return err //nolint:wrapcheck // as above
	}
	first, _, _ := strings.Cut(string(written), "\n")
	sha, ok := strings.CutPrefix(first, remotePrefix)
	named := map[string][]byte{}
	if ok && sha != "" {
		body, err := p.Store.Blob(sha)
		if err != nil {
			return err //nolint:wrapcheck // as above
		}
		files, err := remoteconfig.Decode(body)
		if err != nil {
			return err //nolint:wrapcheck // as above
		}
		for _, f := range files {
			named[f.Name] = f.Body
		}
	}
	return p.Store.WriteRemoteFiles(named) //nolint:wrapcheck // as above
}

// reload swaps the configuration file, notes that, and sends SIGHUP.
func (p *Process) reload(cmd core.Reload) {
	err := errors.New("it is not running")
	if p.child != nil {
		if _, err = p.promote(cmd.Config); err == nil {
			p.run.Config = cmd.Config
			if saveErr := p.Store.SaveRun(p.run); saveErr != nil {
				p.Warn(fmt.Sprintf("the Collector cannot be adopted after a crash of opampd: %v", saveErr))
			}
			err = p.child.Signal(syscall.SIGHUP)
		}
	}
	if err != nil && !errors.Is(err, os.ErrProcessDone) { // of the end there is an event already
		p.Post(core.ReloadFailed{Run: cmd.Run, Reason: err.Error()})
		return
	}
	p.Post(core.Reloaded{Run: cmd.Run})
}

// stop asks the Collector to end. It does not wait for it: the end is an event, and
// a second signal must be able to overtake it.
func (p *Process) stop(ctx context.Context) {
	child := p.child
	if child == nil {
		return
	}
	go func() {
		ctx, cancel := context.WithTimeout(ctx, p.Agent.StopTimeout+stuckGrace)
		defer cancel()
		if err := child.Stop(ctx, p.Agent.StopTimeout); err != nil && ctx.Err() == nil {
			p.Warn(fmt.Sprintf("stop the Collector (pid %d): %v", child.PID(), err))
		}
	}()
}

// watch posts the end of the child, and lets go of it when the daemon does.
func (p *Process) watch(ctx context.Context, id core.RunID) {
	child := p.child
	go func() {
		select {
		case <-child.Done():
			exit := child.Exit()
			_ = p.Store.RemoveRun() // before the event: the next start writes its own
			p.Post(core.Exited{Run: id, At: core.Time(exit.At.UnixNano()), Reason: ended(exit), Tail: lastWords(exit.Tail, p.Agent.Snippet)})
		case <-ctx.Done():
		}
	}()
}

func now() core.Time { return core.Time(time.Now().UnixNano()) }
