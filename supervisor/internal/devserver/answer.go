package devserver

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"github.com/open-telemetry/opamp-go/protobufs"
)

// offerAgain is how long an offer may go unanswered before it is made once more: an answer to a poll can be lost.
const offerAgain = 30 * time.Second

// offered is the offer made last to an agent on its present connection.
type offered struct {
	hash []byte
	at   time.Time
}

// answer is what every message gets (S-105): the offer if it is due, and the questions that are open. A command travels alone,
// for an agent ignores all that comes with it (S-238); what else is due goes with the next answer.
func (f *fleet) answer(a *agent, gap bool, at time.Time) *protobufs.ServerToAgent {
	answer := &protobufs.ServerToAgent{InstanceUid: a.id[:], Capabilities: capabilities}
	if a.restart {
		a.restart = false
		answer.Command = restartCommand()
		return answer
	}
	if a.wants(f.offer, at) {
		a.offered = offered{hash: f.offer.GetConfigHash(), at: time.Now()}
		answer.RemoteConfig = f.offer
	}
	if f.wantsPackages(a, at) {
		answer.PackagesAvailable = f.offerPackages(a)
	}
	// Never twice in a row: an agent that cannot do better would answer at once, for ever.
	a.asked = !a.asked && (gap || a.state.GetAgentDescription() == nil)
	if a.asked {
		answer.Flags |= uint64(protobufs.ServerToAgentFlags_ServerToAgentFlags_ReportFullState)
	}
	if hash := a.state.GetAvailableComponents().GetHash(); len(hash) > 0 && !bytes.Equal(hash, a.components) {
		a.components = hash
		answer.Flags |= uint64(protobufs.ServerToAgentFlags_ServerToAgentFlags_ReportAvailableComponents)
	}
	return answer
}

// wants says whether an offer is news to the agent: it can take one, has not reported that hash, with whatever verdict (it would
// be told the same thing for ever), and has not just been sent it.
func (a *agent) wants(offer *protobufs.AgentRemoteConfig, now time.Time) bool {
	if offer == nil || a.lacks(protobufs.AgentCapabilities_AgentCapabilities_AcceptsRemoteConfig) {
		return false
	}
	reports := !a.lacks(protobufs.AgentCapabilities_AgentCapabilities_ReportsRemoteConfig)
	return a.offered.isNews(offer.GetConfigHash(), a.state.GetRemoteConfigStatus().GetLastRemoteConfigHash(), reports, now)
}

// isNews says whether an offer is to be made after the last one, given the hash that the agent reported and whether it reports.
func (o offered) isNews(hash, reported []byte, reports bool, now time.Time) bool {
	switch {
	case bytes.Equal(hash, reported):
		return false
	case !bytes.Equal(hash, o.hash):
		return true
	}
	return reports && now.Sub(o.at) > offerAgain
}

// push sends at once; only WebSockets can. A connection that does not take it is closed, and the agent asked to come back that way.
func (f *fleet) push(a *agent, m *protobufs.ServerToAgent) {
	m.InstanceUid, m.Capabilities = a.id[:], capabilities
	if err := a.link.Send(m); err != nil {
		f.tell(a, bad, "cannot be sent to, its connection is closed: %v", err)
	}
}

// restartAsked sends the restart command if the agent with that directory name is here and a restart file is too, and removes
// the file. While the agent is away the file waits.
func (f *fleet) restartAsked(name string) {
	id, err := uuid.Parse(name)
	if err != nil {
		return
	}
	a := f.agents[id]
	if a == nil || a.transport == "" {
		return
	}
	switch err := os.Remove(filepath.Join(a.dir, restartFile)); {
	case errors.Is(err, fs.ErrNotExist):
		return
	case err != nil:
		f.out.say(bad, "the restart is not sent, for it would be again: %v", err)
		return
	}
	switch {
	case a.lacks(protobufs.AgentCapabilities_AgentCapabilities_AcceptsRestartCommand):
		f.tell(a, bad, "takes no restart command")
	case a.link != nil:
		f.tell(a, busy, "restart sent")
		f.push(a, &protobufs.ServerToAgent{Command: restartCommand()})
	default:
		f.tell(a, busy, "restart goes with the answer to its next poll")
		a.restart = true
	}
}

func restartCommand() *protobufs.ServerToAgentCommand {
	return &protobufs.ServerToAgentCommand{Type: protobufs.CommandType_CommandType_Restart}
}

func refusal(kind protobufs.ServerErrorResponseType, why string) *protobufs.ServerToAgent {
	return &protobufs.ServerToAgent{
		Capabilities:  capabilities,
		ErrorResponse: &protobufs.ServerErrorResponse{Type: kind, ErrorMessage: why},
	}
}
