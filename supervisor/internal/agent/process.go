package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/effective"
	"opampd/supervisor/internal/process"
	"opampd/supervisor/internal/remoteconfig"
)

// stuckGrace is how long a Collector of an earlier life may take to end when it
// cannot be kept.
const stuckGrace = 30 * time.Second

// Process is the lane of the Collector process.
type Process struct {
	inspector
	child    *process.Process
	run      run
	heir     *Heir
	unwanted []*process.Process // of earlier lives, on their way out
	next     struct {           // what was made ready to be started
		release string
		exe     runnable
	}
	running sync.WaitGroup // those who wait for the end of a Collector
}

// NewProcess returns the lane. heir may be nil.
func NewProcess(s Settings, heir *Heir) *Process {
	return &Process{inspector: inspector{Settings: s}, heir: heir}
}

// Wait returns when the goroutines of the lane have ended, which they do soon after
// the context of Run. After that the storage directory is left alone.
func (p *Process) Wait() { p.running.Wait() }

// Run carries out the commands of the process.
func (p *Process) Run(ctx context.Context, cmd core.Command) {
	switch cmd := cmd.(type) { //nolint:gochecksumtype // the rest is for other lanes
	case core.Find:
		p.find(ctx, cmd)
	case core.Start:
		p.start(ctx, cmd)
	case core.Reload:
		p.reload(cmd)
	case core.Stop:
		p.makeReady(cmd.Next)
		p.stop(ctx)
	case core.Kill:
		if p.child != nil {
			p.child.Kill()
		}
		for _, child := range p.unwanted {
			child.Kill()
		}
	}
}

func (p *Process) start(ctx context.Context, cmd core.Start) {
	if err := p.launch(ctx, cmd); err != nil {
		_, damaged := errors.AsType[*DamagedError](err)
		p.Post(core.StartFailed{Run: cmd.Run, At: now(), Reason: "could not be started: " + err.Error(), Damaged: damaged})
		return
	}
	p.Post(core.Started{Run: cmd.Run, PID: p.child.PID(), At: core.Time(p.run.Started.UnixNano())})
	p.watch(ctx, cmd.Run)
}

// launch writes down what is about to be started before it exists, and who it is
// afterwards.
func (p *Process) launch(ctx context.Context, cmd core.Start) error {
	b, err := p.look(ctx, cmd.Release)
	if err != nil {
		return err
	}
	exe, err := p.take(cmd.Release)
	if err != nil {
		return err
	}
	defer exe.done()
	path, err := p.promote(cmd.Config)
	if err != nil {
		return err
	}
	p.run = run{
		Release: cmd.Release,
		Started: time.Now(), Config: cmd.Config, Binary: b.Hash, Launch: p.Agent.fingerprint(), File: path, Link: p.Link, Token: cmd.Token,
	}
	p.remember()
	spec := exe.spec(p.Agent.args(path, b), append([]string{TokenVariable + "=" + cmd.Token}, p.Agent.Env...))
	spec.Log = p.Log
	err = patiently(func() (err error) {
		p.child, err = process.Start(spec)
		return err
	})
	if err != nil {
		_ = p.Store.RemoveRun()
		return errors.New(process.Explain(err, exe.path))
	}
	p.run.Process = p.child.Record()
	p.remember()
	return nil
}

// makeReady opens and checks the program of an installed release while the Collector
// still runs: to read it takes longer than to stop and start one.
func (p *Process) makeReady(release string) {
	p.dropNext()
	if release == "" {
		return
	}
	if program, err := p.programOf(release); err == nil {
		if exe, err := program.open(); err == nil { // else the start will say why not
			p.next.release, p.next.exe = release, exe
		}
	}
}

// take returns the program of a release: what was made ready, or else checked now.
func (p *Process) take(release string) (runnable, error) {
	if exe := p.next.exe; release != "" && p.next.release == release {
		p.next.release = ""
		return exe, nil
	}
	p.dropNext()
	program, err := p.programOf(release)
	if err != nil {
		return runnable{}, err
	}
	return program.open()
}

func (p *Process) dropNext() {
	if p.next.release != "" {
		p.next.exe.done()
		p.next.release = ""
	}
}

// remember writes down what a later life needs to know.
func (p *Process) remember() {
	if err := p.Store.SaveRun(p.run); err != nil {
		p.Warn(fmt.Sprintf("the Collector cannot be adopted after a crash of opampd: %v", err))
	}
}

// promote makes a prepared configuration the one in force and lays its remote files
// out under their own names.
func (p *Process) promote(config string) (string, error) {
	path, err := p.Store.Promote(config)
	if err != nil {
		return "", err
	}
	if err := p.layOut(); err != nil {
		p.Warn(fmt.Sprintf("the named files of the remote configuration could not be written: %v", err))
	}
	return path, nil
}

func (p *Process) layOut() error {
	written, err := p.Store.Effective()
	if err != nil {
		return err
	}
	first, _, _ := strings.Cut(string(written), "\n")
	sha, ok := strings.CutPrefix(first, remotePrefix)
	named := map[string][]byte{}
	if ok && sha != "" {
		body, err := p.Store.Blob(sha)
		if err != nil {
			return err
		}
		files, err := remoteconfig.Decode(body)
		if err != nil {
			return err
		}
		for _, f := range files {
			named[f.Name] = f.Body
		}
	}
	return p.Store.WriteRemoteFiles(named)
}

// reload swaps the configuration file, sends SIGHUP, and notes that. After a crash in
// between, the file is not the one of the note, and the next life starts a Collector
// anew rather than trust either.
func (p *Process) reload(cmd core.Reload) {
	if err := p.swap(cmd.Config); err != nil && !errors.Is(err, os.ErrProcessDone) { // of the end there is an event already
		p.Post(core.ReloadFailed{Run: cmd.Run, Reason: err.Error()})
		return
	}
	p.Post(core.Reloaded{Run: cmd.Run})
}

func (p *Process) swap(config string) error {
	if p.child == nil {
		return errors.New("it is not running")
	}
	if _, err := p.promote(config); err != nil {
		return err
	}
	if err := p.child.Signal(syscall.SIGHUP); err != nil {
		return err
	}
	p.run.Config = config
	p.remember()
	return nil
}

// stop asks the Collector to end. It does not wait for it: the end is an event, and
// a second signal must be able to overtake it.
func (p *Process) stop(ctx context.Context) {
	if child := p.child; child != nil {
		p.running.Go(func() { p.end(ctx, child) })
	}
}

// end brings a Collector to its end, within reason.
func (p *Process) end(ctx context.Context, child *process.Process) {
	limited, cancel := context.WithTimeout(ctx, p.Agent.StopTimeout+stuckGrace)
	defer cancel()
	if err := child.Stop(limited, p.Agent.StopTimeout); err != nil && ctx.Err() == nil {
		p.Warn(fmt.Sprintf("stop the Collector (pid %d): %v", child.PID(), err))
	}
}

// watch posts the end of the child, and lets go of it when the daemon does.
func (p *Process) watch(ctx context.Context, id core.RunID) {
	child := p.child
	p.running.Go(func() {
		select {
		case <-child.Done():
			exit := child.Exit()
			rendered, _ := p.Store.Effective()
			exit.Tail = effective.Masker(rendered, p.Agent.Env).Replace(exit.Tail)
			_ = p.Store.RemoveRun() // before the event: the next start writes its own
			p.Post(core.Exited{Run: id, At: core.Time(exit.At.UnixNano()), Code: code(exit), Reason: ended(exit), Tail: lastWords(exit.Tail, p.Agent.Snippet)})
		case <-ctx.Done():
		}
	})
}

func now() core.Time { return core.Time(time.Now().UnixNano()) }
