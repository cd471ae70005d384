package upstream

import (
	"bytes"
	"encoding/hex"

	"github.com/open-telemetry/opamp-go/protobufs"

	"opampd/supervisor/internal/core"
)

// burst is what has come so far, first to last. A server can offer faster than a disk
// takes offers, and of several that wait only the last one is wanted (S-066): the ones
// before it get their FAILED and are not stored.
func (l *Lane) burst(first incoming) []incoming {
	all := []incoming{first}
	for range len(l.inbox) { // nobody else takes from it
		all = append(all, <-l.inbox)
	}
	if !l.Grants.RemoteConfig {
		return all
	}
	last := len(all) - 1
	for last >= 0 && offerOf(all[last]) == nil {
		last--
	}
	for _, in := range all[:max(last, 0)] {
		if c := offerOf(in); c != nil {
			l.supersede(c, offerOf(all[last]))
			in.msg.RemoteConfig = nil
		}
	}
	return all
}

// supersede answers an offer that a newer one overtook. The same one again is no newer one.
func (l *Lane) supersede(c, newer *protobufs.AgentRemoteConfig) {
	if !bytes.Equal(c.GetConfigHash(), newer.GetConfigHash()) {
		l.Post(core.ConfigOffered{
			Offer: core.Offer{Hash: hashOf(c)}, Problem: "superseded: a newer configuration was offered before this one was looked at",
		})
	}
}

// offerOf returns the offer in a message, if it counts.
func offerOf(in incoming) *protobufs.AgentRemoteConfig {
	if in.msg.GetCommand() != nil { // nothing else of such a message counts (S-238)
		return nil
	}
	return in.msg.GetRemoteConfig()
}

// hashOf is the server's name for an offer, in hex.
func hashOf(c *protobufs.AgentRemoteConfig) string {
	hash := c.GetConfigHash()
	return hex.EncodeToString(hash[:min(len(hash), maxHash)])
}
