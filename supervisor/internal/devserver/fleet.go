package devserver

import (
	"bytes"
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/google/uuid"
	"github.com/gorilla/websocket"
	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/open-telemetry/opamp-go/server/types"
)

const (
	// maxAgents bounds what peers that invent uids can make the server keep, on disk too.
	maxAgents = 1000

	capabilities = uint64(protobufs.ServerCapabilities_ServerCapabilities_AcceptsStatus |
		protobufs.ServerCapabilities_ServerCapabilities_OffersRemoteConfig |
		protobufs.ServerCapabilities_ServerCapabilities_AcceptsEffectiveConfig)
)

// fleet is all that the server knows. Only the loop calls its methods.
type fleet struct {
	dir     string
	out     printer
	watcher *fsnotify.Watcher
	agents  map[uuid.UUID]*agent
	offer   *protobufs.AgentRemoteConfig // nil while there is nothing to offer
}

func newFleet(dir string, out printer, watcher *fsnotify.Watcher) *fleet {
	return &fleet{dir: dir, out: out, watcher: watcher, agents: map[uuid.UUID]*agent{}}
}

// receive takes one message in and returns the answer, nil for none. conn is the connection it came by, at the time of its arrival.
func (f *fleet) receive(ctx context.Context, conn types.Connection, m *protobufs.AgentToServer, at time.Time) *protobufs.ServerToAgent {
	id, err := uuid.FromBytes(m.GetInstanceUid()) // 16 bytes or nothing: the path of the agent is made of it
	if err != nil || id == uuid.Nil {
		f.out.say(bad, "an agent at %s has no usable instance_uid (%x); it must be 16 bytes, not all zero", remote(conn), m.GetInstanceUid())
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
	arrived := a.attach(conn)
	if arrived {
		f.welcome(ctx, a, m)
	}
	f.absorb(a, m, at)
	if m.GetAgentDisconnect() != nil {
		f.left(a, "disconnected")
		return nil
	}
	return f.answer(a, gap, at)
}

// welcome prints the arrival and looks at the agent's directory: a restart may have been asked for while it was away.
func (f *fleet) welcome(ctx context.Context, a *agent, m *protobufs.AgentToServer) {
	description := m.GetAgentDescription()
	if description == nil {
		description = a.state.GetAgentDescription()
	}
	limits := ""
	if a.lacks(protobufs.AgentCapabilities_AgentCapabilities_AcceptsRemoteConfig) {
		limits = ", takes no remote configuration"
	}
	f.tell(a, good, "%sconnected (%s%s)", inParentheses(title(description)), a.transport, limits)
	if err := makeDir(a.dir); err != nil {
		f.out.say(bad, "%v", err)
		return
	}
	if err := f.watcher.Add(a.dir); err != nil {
		f.out.say(bad, "cannot watch %s, so restart files in it go unnoticed: %v", a.dir, err)
	}
	f.restartAsked(ctx, a.id.String())
}

// closed is the end of a WebSocket, whichever side ended it.
func (f *fleet) closed(conn types.Connection) {
	for _, a := range f.agents {
		if a.link == conn {
			f.left(a, "disconnected")
		}
	}
}

func (f *fleet) left(a *agent, how string) {
	a.link, a.transport, a.offered = nil, "", offered{}
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
func (f *fleet) unreadable(conn types.Connection, err error) {
	var closed *websocket.CloseError
	var broken net.Error
	switch {
	case errors.Is(err, errTooLarge):
		f.out.say(bad, "a message from %s is larger than %d MiB; connection closed", remote(conn), messageLimit>>20)
	case errors.As(err, &closed), errors.As(err, &broken), errors.Is(err, net.ErrClosed):
	default:
		f.out.say(bad, "a message from %s is not OpAMP; connection closed: %v", remote(conn), err)
	}
}

// reload reads the configuration again and offers it to whom it is new. What cannot be read changes nothing.
func (f *fleet) reload(ctx context.Context, first bool) {
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
			f.push(ctx, a, &protobufs.ServerToAgent{RemoteConfig: offer})
		}
	}
}

// tell prints a line about one agent.
func (f *fleet) tell(a *agent, t tone, format string, args ...any) {
	f.out.say(t, "agent "+a.name()+" "+format, args...)
}

func remote(conn types.Connection) string {
	if c := conn.Connection(); c != nil {
		return c.RemoteAddr().String()
	}
	return "an unknown address"
}
