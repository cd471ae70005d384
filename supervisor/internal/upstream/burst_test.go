package upstream

import (
	"testing"

	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/core"
)

func offer(hash string) incoming {
	return incoming{msg: &protobufs.ServerToAgent{RemoteConfig: remote(hash, map[string]string{"a": hash})}}
}

// after gives what a lane posts of messages that all wait when it looks.
func (b *bench) after(t *testing.T, waiting ...incoming) []core.Event {
	t.Helper()
	for _, in := range waiting {
		b.put(in)
	}
	b.running.Go(func() { b.listen(t.Context()) })
	var events []core.Event
	for {
		ev := b.next(t)
		if _, ok := ev.(core.ServerGreeted); ok {
			continue
		}
		events = append(events, ev)
		if o, ok := ev.(core.ConfigOffered); ok && o.Problem == "" {
			return events
		}
	}
}

func TestOfOffersThatWaitOnlyTheLastIsStored(t *testing.T) {
	t.Parallel()
	b := newBench(t, "ws://127.0.0.1:1", allGranted())
	events := b.after(t, offer("a"), incoming{msg: &protobufs.ServerToAgent{}}, offer("b"), offer("c"))
	require.Len(t, events, 3)
	for i, hash := range []string{"61", "62"} {
		old := events[i].(core.ConfigOffered)
		assert.Equal(t, hash, old.Offer.Hash)
		assert.Contains(t, old.Problem, "superseded")
	}
	assert.Equal(t, core.ConfigOffered{Offer: core.Offer{Hash: "63", Body: "sha"}}, events[2])
	assert.Len(t, b.blobs, 1)
}

func TestTheSameOfferOverAndOverIsOne(t *testing.T) {
	t.Parallel()
	b := newBench(t, "ws://127.0.0.1:1", allGranted())
	events := b.after(t, offer("a"), offer("a"), offer("a"))
	assert.Equal(t, []core.Event{core.ConfigOffered{Offer: core.Offer{Hash: "61", Body: "sha"}}}, events)
}

func TestAnOfferThatComesWithACommandSupersedesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, "ws://127.0.0.1:1", allGranted())
	command := offer("b")
	command.msg.Command = &protobufs.ServerToAgentCommand{}
	events := b.after(t, offer("a"), command)
	assert.Equal(t, []core.Event{core.ConfigOffered{Offer: core.Offer{Hash: "61", Body: "sha"}}}, events)
}

func TestWhatElseIsInAMessageThatWasOvertakenCounts(t *testing.T) {
	t.Parallel()
	b := newBench(t, "ws://127.0.0.1:1", allGranted())
	events := b.after(t, incoming{msg: everything()}, offer("b"))
	require.Len(t, events, 3)
	assert.Contains(t, events[0].(core.ConfigOffered).Problem, "superseded")
	assert.IsType(t, core.TelemetryOffered{}, events[1])
}
