package devserver

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/google/uuid"
	"github.com/open-telemetry/opamp-go/protobufs"

	"opampd/supervisor/internal/opampserver"
)

const (
	// maxAgents bounds what peers that invent uids can make the server keep, on disk too.
	maxAgents = 1000

	capabilities = uint64(protobufs.ServerCapabilities_ServerCapabilities_AcceptsStatus |
		protobufs.ServerCapabilities_ServerCapabilities_OffersRemoteConfig |
		protobufs.ServerCapabilities_ServerCapabilities_AcceptsEffectiveConfig |
		protobufs.ServerCapabilities_ServerCapabilities_OffersPackages |
		protobufs.ServerCapabilities_ServerCapabilities_AcceptsPackagesStatus)
)

// fleet is all that the server knows. Only the loop calls its methods.
type fleet struct {
	dir     string
	out     printer
	watcher *fsnotify.Watcher
	agents  map[uuid.UUID]*agent
	offer   *protobufs.AgentRemoteConfig // nil while there is nothing to offer
	shelf   shelf
}

func newFleet(dir string, out printer, watcher *fsnotify.Watcher) *fleet {
	return &fleet{dir: dir, out: out, watcher: watcher, agents: map[uuid.UUID]*agent{}}
}

// receive takes in one message, which came by l, and returns the answer, nil for none. at is the time of its arrival.
func (f *fleet) receive(l line, m *protobufs.AgentToServer, at time.Time) *protobufs.ServerToAgent {
	id, err := uuid.FromBytes(m.GetInstanceUid()) // 16 bytes or nothing: the path of the agent is made of it
	if err != nil || id == uuid.Nil {
		f.out.say(bad, "an agent at %s has no usable instance_uid (%x); it must be 16 bytes, not all zero", l.peer, m.GetInstanceUid())
		return refusal(protobufs.ServerErrorResponseType_ServerErrorResponseType_BadRequest, "instance_uid must be 16 bytes, not all zero")
	}
	a := f.agents[id]
	if a == nil {
		if len(f.agents) >= maxAgents {
			return refusal(protobufs.ServerErrorResponseType_ServerErrorResponseType_Unavailable, "this server has as many agents as it takes")
		}
		a = newAgent(id, filepath.Join(f.dir, agentsDir, id.String()))
		f.agents[id] = a
	}
	gap := a.hear(m, at)
	arrived := a.attach(l)
	if arrived {
		f.welcome(a, m)
	}
	f.absorb(a, m, at)
	if m.GetAgentDisconnect() != nil {
		f.left(a, "disconnected")
		return nil
	}
	return f.answer(a, gap, at)
}

// welcome prints the arrival and looks at the agent's directory: a restart may have been asked for while it was away.
func (f *fleet) welcome(a *agent, m *protobufs.AgentToServer) {
	description := m.GetAgentDescription()
	if description == nil {
		description = a.state.GetAgentDescription()
	}
	limits := ""
	if a.lacks(protobufs.AgentCapabilities_AgentCapabilities_AcceptsRemoteConfig) {
		limits = ", takes no remote configuration"
	}
	if f.shelf.file != nil && a.lacks(protobufs.AgentCapabilities_AgentCapabilities_AcceptsPackages) {
		limits += ", takes no packages"
	}
	f.tell(a, good, "%sconnected (%s%s)", inParentheses(title(description)), a.transport, limits)
	if err := makeDir(a.dir); err != nil {
		f.out.say(bad, "%v", err)
		return
	}
	if err := f.watcher.Add(a.dir); err != nil {
		f.out.say(bad, "cannot watch %s, so restart files in it go unnoticed: %v", a.dir, err)
	}
	f.restartAsked(a.id.String())
}

// closed is the end of a WebSocket, whichever side ended it.
func (f *fleet) closed(conn *opampserver.Conn) {
	for _, a := range f.agents {
		if a.link == conn {
			f.left(a, "disconnected")
		}
	}
}

func (f *fleet) left(a *agent, how string) {
	a.line, a.offered, a.packages = line{}, offered{}, offered{}
	f.tell(a, bad, "%s", how)
}

// dropQuiet notices agents on plain HTTP, which have no connection whose end could be seen, that stopped polling.
func (f *fleet) dropQuiet(now time.Time) {
	for _, a := range f.agents {
		if a.transport == plainHTTP && now.Sub(a.seen) > quietTime {
			f.left(a, "has not polled for "+quietTime.String())
		}
	}
}

// unreadable prints what a peer did wrong; a connection that merely broke says so by closing.
func (f *fleet) unreadable(peer string, err error) {
	switch {
	case errors.Is(err, opampserver.ErrTooLarge):
		f.out.say(bad, "a message from %s is larger than %d MiB; connection closed", peer, opampserver.MaxMessage>>20)
	case errors.Is(err, opampserver.ErrNotOpAMP):
		f.out.say(bad, "a message from %s is not OpAMP; connection closed: %v", peer, err)
	}
}

// reload reads the configuration again and offers it to whom it is new. What cannot be read changes nothing.
func (f *fleet) reload(first bool) {
	dir := filepath.Join(f.dir, configDir)
	offer, err := readOffer(dir)
	if err != nil {
		f.out.say(bad, "the offer stays as it was: %v", err)
		return
	}
	if !first && bytes.Equal(offer.GetConfigHash(), f.offer.GetConfigHash()) {
		return
	}
	f.offer = offer
	if offer == nil {
		f.out.say(plain, "nothing to offer: there is no .yaml file in %s", dir)
		return
	}
	names := sortedNames(offer.GetConfig().GetConfigMap())
	f.out.say(plain, "offering config %s: %s in %s (%s)", short(offer.GetConfigHash()), count(len(names), "file"), dir, strings.Join(names, ", "))
	for _, a := range f.agents {
		if now := time.Now(); a.link != nil && a.wants(offer, now) {
			a.offered = offered{hash: offer.GetConfigHash(), at: now}
			f.push(a, &protobufs.ServerToAgent{RemoteConfig: offer})
		}
	}
}

// tell prints a line about one agent.
func (f *fleet) tell(a *agent, t tone, format string, args ...any) {
	f.out.say(t, "agent "+a.name()+" "+format, args...)
}
