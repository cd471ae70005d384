package opampclient

import (
	"fmt"

	"github.com/open-telemetry/opamp-go/protobufs"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// minShed is the smallest part worth leaving out when a report is too large, in bytes.
const minShed = 1 << 10

// purpose is why a message is made.
type purpose int

const (
	change  purpose = iota // only if there is something new
	beat                   // in any case
	parting                // everything that is left, then AgentDisconnect
	curt                   // AgentDisconnect alone, to a server that asked to be left alone
)

// reporter makes the messages: it compares what should be known with what this connection was told. It belongs to the
// goroutine of Run, and outlives connections, because the sequence number does (S-050).
type reporter struct {
	box        *outbox
	limit      int64
	problem    func(kind, detail string)
	sequence   uint64
	sent       *protobufs.AgentToServer // the state told on this connection, field by field
	id         identity                 // what it was told under
	last       *protobufs.AgentToServer // the message made last
	withheld   *protobufs.AgentToServer // values that are too large, until they change
	server     uint64                   // ServerCapabilities, 0 as long as unknown
	components bool                     // the server wants the full map of available components
}

func newReporter(box *outbox, limit int64, problem func(kind, detail string)) *reporter {
	r := &reporter{box: box, limit: limit, problem: problem, withheld: &protobufs.AgentToServer{}}
	r.restart()
	return r
}

// restart begins a connection: the server is taken to know nothing (S-060, G-10).
func (r *reporter) restart() {
	r.tellAll()
	r.server, r.components = 0, false
}

// tellAll makes the next message a full report (S-070).
func (r *reporter) tellAll() {
	r.sent, r.last = &protobufs.AgentToServer{}, &protobufs.AgentToServer{}
}

// next makes the next message, or none (false) when the purpose is change and nothing is new.
func (r *reporter) next(why purpose) (outgoing, bool) {
	if why == curt {
		id, _ := r.box.identity()
		return r.seal(&protobufs.AgentToServer{AgentDisconnect: &protobufs.AgentDisconnect{}}, id), true
	}
	d := r.box.take()
	if d.uid != r.id.uid {
		r.tellAll()
	}
	m := d.message()
	r.prune(m, d.capabilities)
	r.addComponents(m, d)
	m.CustomMessage = d.custom
	if why == change && d.identity == r.id && proto.Size(m) == 0 {
		return outgoing{more: d.more}, false
	}
	r.id = d.identity
	if why == parting && !d.more {
		m.AgentDisconnect = &protobufs.AgentDisconnect{}
	}
	out := r.seal(m, d.identity)
	out.more = d.more
	r.remember(m)
	return out, true
}

// message holds all the state of a draft; components are their hash alone (S-241).
func (d draft) message() *protobufs.AgentToServer {
	m := &protobufs.AgentToServer{
		AgentDescription: d.Description, Health: d.Health, EffectiveConfig: d.EffectiveConfig,
		RemoteConfigStatus: d.status, CustomCapabilities: d.CustomCapabilities,
		ConnectionSettingsStatus: d.ConnectionSettingsStatus, PackageStatuses: d.PackageStatuses,
	}
	if d.AvailableComponents != nil {
		m.AvailableComponents = &protobufs.AvailableComponents{Hash: d.AvailableComponents.GetHash()}
	}
	return m
}

// prune takes out what the agent's bits or the server's do not cover, what was told already, and what is withheld.
func (r *reporter) prune(m *protobufs.AgentToServer, capabilities uint64) {
	fields := m.ProtoReflect()
	fields.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		agent, server := bits(fd.Name())
		lacking := r.server != 0 && r.server&server != server
		if capabilities&agent != agent || lacking || holds(r.sent, fd, v) || holds(r.withheld, fd, v) {
			fields.Clear(fd)
		}
		return true
	})
}

// bits are the capabilities that a part of the report needs, of the agent and of the server.
func bits(field protoreflect.Name) (agent, server uint64) {
	switch field {
	case "health":
		return uint64(protobufs.AgentCapabilities_AgentCapabilities_ReportsHealth), 0
	case "effective_config":
		return uint64(protobufs.AgentCapabilities_AgentCapabilities_ReportsEffectiveConfig),
			uint64(protobufs.ServerCapabilities_ServerCapabilities_AcceptsEffectiveConfig)
	case "remote_config_status":
		return uint64(protobufs.AgentCapabilities_AgentCapabilities_ReportsRemoteConfig), 0
	case "available_components":
		return uint64(protobufs.AgentCapabilities_AgentCapabilities_ReportsAvailableComponents), 0
	case "package_statuses":
		return uint64(protobufs.AgentCapabilities_AgentCapabilities_ReportsPackageStatuses),
			uint64(protobufs.ServerCapabilities_ServerCapabilities_AcceptsPackagesStatus)
	case "connection_settings_status":
		return uint64(protobufs.AgentCapabilities_AgentCapabilities_ReportsConnectionSettingsStatus), 0
	}
	return 0, 0
}

// holds says whether record has exactly this value in this field.
func holds(record *protobufs.AgentToServer, fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
	fields := record.ProtoReflect()
	return fields.Has(fd) && proto.Equal(fields.Get(fd).Message().Interface(), v.Message().Interface())
}

// remember records what m tells, of the components the hash alone. That it also records fields that are no state does
// not matter: they are never looked up.
func (r *reporter) remember(m *protobufs.AgentToServer) {
	m.ProtoReflect().Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		r.sent.ProtoReflect().Set(fd, v)
		return true
	})
	if c := m.GetAvailableComponents(); c != nil {
		r.sent.AvailableComponents = &protobufs.AvailableComponents{Hash: c.GetHash()}
	}
}

// addComponents answers ReportAvailableComponents with the full map (S-242).
func (r *reporter) addComponents(m *protobufs.AgentToServer, d draft) {
	wanted := r.components && d.AvailableComponents != nil
	r.components = false
	if agent, _ := bits("available_components"); !wanted || d.capabilities&agent == 0 {
		return
	}
	if w := r.withheld.GetAvailableComponents(); w == nil || !proto.Equal(w, d.AvailableComponents) {
		m.AvailableComponents = d.AvailableComponents
	}
}

// seal makes m sendable: small enough, identified and numbered.
func (r *reporter) seal(m *protobufs.AgentToServer, id identity) outgoing {
	m.InstanceUid, m.Capabilities, m.SequenceNum = id.uid[:], id.capabilities, r.sequence
	for int64(proto.Size(m)) > r.limit && r.shed(m, "it is over the limit of one message") {
	}
	frame, err := encodeFrame(m)
	if err != nil { // all text is clean, so this is not expected; a bare message keeps the connection going
		r.problem("report not sent", err.Error())
		m = &protobufs.AgentToServer{InstanceUid: id.uid[:], Capabilities: id.capabilities, SequenceNum: r.sequence}
		frame, _ = encodeFrame(m)
	}
	r.sequence++
	r.last = m
	return outgoing{uid: id.uid, frame: frame, last: m.GetAgentDisconnect() != nil}
}

// refuse is told that the server found the last message too large: what made it so is not sent again (S-030).
func (r *reporter) refuse() { r.shed(r.last, "the server found it too large") }

// shed takes the effective configuration, or else the largest part, out of m, and withholds its value until it changes.
// It returns false when nothing is left that would make a difference.
func (r *reporter) shed(m *protobufs.AgentToServer, why string) bool {
	var victim protoreflect.FieldDescriptor
	size := minShed
	fields := m.ProtoReflect()
	fields.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if fd.Kind() != protoreflect.MessageKind {
			return true
		}
		n := proto.Size(v.Message().Interface())
		if fd.Name() == "effective_config" || n >= size && (victim == nil || victim.Name() != "effective_config") {
			victim, size = fd, n
		}
		return true
	})
	if victim == nil {
		return false
	}
	r.problem("part of the report left out", fmt.Sprintf("%s of %d bytes: %s", victim.Name(), size, why))
	r.withheld.ProtoReflect().Set(victim, fields.Get(victim))
	fields.Clear(victim)
	return true
}
