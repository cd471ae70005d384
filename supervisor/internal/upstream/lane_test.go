package upstream

import (
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/core"
)

func TestServerNeverMeetsAnAgentWithoutAName(t *testing.T) {
	t.Parallel()
	s := newServer(t, &protobufs.ServerToAgent{})
	b := newBench(t, s.url, allGranted())
	b.Run(t.Context(), core.Connect{UID: uid, Status: core.Status{Hash: "0a", Code: core.StatusApplied}})
	b.Run(t.Context(), core.Publish{Report: core.Report{UID: uid}})
	assert.False(t, b.started)
	b.Run(t.Context(), core.Publish{Report: core.Report{UID: uid, Name: "otelcol", Version: "1"}})
	first := s.next(t)
	assert.NotEmpty(t, first.GetAgentDescription().GetIdentifyingAttributes())
	assert.Equal(t, []byte{0x0a}, first.GetRemoteConfigStatus().GetLastRemoteConfigHash(), "the status of an earlier life")
	assert.Equal(t, core.ServerGreeted{}, b.next(t))
}

func TestServerIsToldThatNoConfigurationIsKnown(t *testing.T) {
	t.Parallel()
	s := newServer(t, &protobufs.ServerToAgent{})
	newBench(t, s.url, allGranted()).join(t)
	status := s.next(t).GetRemoteConfigStatus()
	require.NotNil(t, status, "else a server that remembers an earlier one offers nothing")
	assert.Equal(t, protobufs.RemoteConfigStatuses_RemoteConfigStatuses_UNSET, status.GetStatus())
	assert.Empty(t, status.GetLastRemoteConfigHash())
}

func TestServerIsNotToldOfAnOfferThatNobodyActedOnYet(t *testing.T) {
	t.Parallel()
	s := newServer(t, &protobufs.ServerToAgent{})
	b := newBench(t, s.url, allGranted())
	b.Run(t.Context(), core.Connect{UID: uid, Status: core.Status{Hash: "0a"}})
	b.Run(t.Context(), core.Publish{Report: core.Report{UID: uid, Name: "otelcol", Version: "1"}})
	assert.Nil(t, s.next(t).GetRemoteConfigStatus(), "APPLYING comes first")
}

func TestAgentThatCannotRunIsStillReported(t *testing.T) {
	t.Parallel()
	s := newServer(t, &protobufs.ServerToAgent{})
	b := newBench(t, s.url, allGranted())
	b.Run(t.Context(), core.Connect{UID: uid})
	b.Run(t.Context(), core.Publish{Report: core.Report{UID: uid, Problem: "there is no Collector"}})
	assert.Contains(t, s.next(t).GetHealth().String(), "there is no Collector")
}

func TestOfferIsPostedBeforeTheGreetingItCameWith(t *testing.T) {
	t.Parallel()
	s := newServer(t, &protobufs.ServerToAgent{RemoteConfig: remote("h", map[string]string{"a": "b"})})
	b := newBench(t, s.url, allGranted()).join(t)
	assert.IsType(t, core.ConfigOffered{}, b.next(t))
	assert.Equal(t, core.ServerGreeted{}, b.next(t))
}

func TestServerGreetsAnewAfterEachLoss(t *testing.T) {
	t.Parallel()
	s := newServer(t, &protobufs.ServerToAgent{})
	b := newBench(t, s.url, allGranted()).join(t)
	for range 2 {
		assert.Equal(t, core.ServerGreeted{}, b.next(t))
		require.NoError(t, s.client(t).Close())
		lost, ok := b.next(t).(core.ServerLost)
		require.True(t, ok)
		assert.Contains(t, lost.Reason, "OpAMP server")
	}
}

func TestRenamedAgentReportsUnderItsNewName(t *testing.T) {
	t.Parallel()
	s := newServer(t, &protobufs.ServerToAgent{})
	b := newBench(t, s.url, allGranted()).join(t)
	s.next(t)
	renamed := "018f2f3e-0000-7000-8000-0000000000ff"
	b.Run(t.Context(), core.Publish{Report: core.Report{UID: renamed, Name: "otelcol"}})
	m := s.next(t)
	assert.Equal(t, byte(0xff), m.GetInstanceUid()[15])
	assert.Contains(t, m.GetAgentDescription().String(), renamed)
}

func TestStatusesAndCustomMessagesAreSent(t *testing.T) {
	t.Parallel()
	s := newServer(t, &protobufs.ServerToAgent{})
	b := newBench(t, s.url, allGranted()).join(t)
	s.next(t)
	b.Run(t.Context(), core.ReportStatus{Status: core.Status{Hash: "0a", Code: core.StatusApplying}})
	b.Run(t.Context(), core.ReportStatus{Status: core.Status{Code: core.StatusFailed, Message: "why"}})
	b.Run(t.Context(), core.Send{Message: core.Message{Capability: "c", Type: "t", Data: "\xfe"}})
	var statuses []*protobufs.RemoteConfigStatus
	for custom := false; len(statuses) < 2 || !custom; {
		m := s.next(t)
		if m.GetRemoteConfigStatus() != nil {
			statuses = append(statuses, m.GetRemoteConfigStatus())
		}
		if m.GetCustomMessage() != nil {
			custom = true
			assert.Equal(t, []byte{0xfe}, m.GetCustomMessage().GetData())
		}
	}
	assert.Equal(t, protobufs.RemoteConfigStatuses_RemoteConfigStatuses_APPLYING, statuses[0].GetStatus())
	assert.Equal(t, protobufs.RemoteConfigStatuses_RemoteConfigStatuses_FAILED, statuses[1].GetStatus())
	assert.Empty(t, statuses[1].GetLastRemoteConfigHash())
}

func TestCustomMessagesBeyondTheQueueAreDroppedAloud(t *testing.T) {
	t.Parallel()
	b := newBench(t, "ws://127.0.0.1:1/v1/opamp", Grants{})
	b.Run(t.Context(), core.Connect{UID: uid})
	for range 100 {
		b.Run(t.Context(), core.Send{Message: core.Message{Capability: "org.c"}})
	}
	assert.Contains(t, b.warnings(), "org.c")
}

func TestOfferedHeartbeatCountsOnlyWhenGranted(t *testing.T) {
	t.Parallel()
	offer := &protobufs.ServerToAgent{ConnectionSettings: &protobufs.ConnectionSettingsOffers{
		Opamp: &protobufs.OpAMPConnectionSettings{HeartbeatIntervalSeconds: 1},
	}}
	s := newServer(t, offer)
	newBench(t, s.url, Grants{Heartbeat: true}).join(t)
	s.next(t)
	assert.NotNil(t, s.next(t), "long before 30 s")

	newBench(t, "ws://127.0.0.1:1", Grants{}).hear(offer) // no client is there to be told: it is not asked for
}

func TestAgentSaysGoodbye(t *testing.T) {
	t.Parallel()
	s := newServer(t, &protobufs.ServerToAgent{})
	b := newBench(t, s.url, allGranted()).join(t)
	b.next(t)
	b.Run(t.Context(), core.Disconnect{})
	assert.Equal(t, core.LinkClosed{}, b.next(t))
	for m := s.next(t); m.GetAgentDisconnect() == nil; {
		m = s.next(t)
	}
	assert.Empty(t, b.warnings())
}

// requireClosed says goodbye and expects an answer soon, whatever the server does.
func requireClosed(t *testing.T, b *bench) {
	t.Helper()
	began := time.Now()
	b.Run(t.Context(), core.Disconnect{})
	for ev := b.next(t); ev != (core.LinkClosed{}); {
		ev = b.next(t)
	}
	assert.Less(t, time.Since(began), patience/3, "0.7 s, and time for a slow machine")
}

func TestGoodbyeToAServerThatWasNeverThere(t *testing.T) {
	t.Parallel()
	requireClosed(t, newBench(t, "ws://127.0.0.1:1/v1/opamp", allGranted()).join(t))
}

func TestGoodbyeBeforeTheFirstReport(t *testing.T) {
	t.Parallel()
	b := newBench(t, "ws://127.0.0.1:1/v1/opamp", allGranted())
	requireClosed(t, b)
	b = newBench(t, "ws://127.0.0.1:1/v1/opamp", allGranted())
	b.Run(t.Context(), core.Connect{UID: uid})
	requireClosed(t, b)
}

func TestGoodbyeToAServerThatDoesNotAnswerTheHandshake(t *testing.T) {
	t.Parallel()
	mute, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = mute.Close() })
	requireClosed(t, newBench(t, "ws://"+mute.Addr().String(), allGranted()).join(t))
}

func TestGoodbyeToAServerThatHangs(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil) // it reads the first message, and never answers
	b := newBench(t, s.url, allGranted()).join(t)
	s.next(t)
	requireClosed(t, b)
}

func TestFloodOfTheServerDoesNotHoldUpTheGoodbye(t *testing.T) {
	t.Parallel()
	s := newServer(t, &protobufs.ServerToAgent{})
	b := newBench(t, s.url, allGranted())
	post, release := b.Post, make(chan struct{})
	t.Cleanup(b.Close)
	t.Cleanup(func() { close(release) })
	stuck := make(chan struct{}, 1000)
	b.Post = func(ev core.Event) {
		if _, ok := ev.(core.ConfigOffered); ok { // as while the loop waits for a slow disk
			stuck <- struct{}{}
			<-release
		}
		post(ev)
	}
	b.join(t)
	ws := s.client(t)
	for i := range 5 * inboxSize {
		require.NoError(t, s.say(ws, &protobufs.ServerToAgent{RemoteConfig: remote(fmt.Sprint(i), nil)}))
	}
	<-stuck
	requireClosed(t, b)
}

func TestFloodOfTheServerDoesNotHoldUpTheEnd(t *testing.T) {
	t.Parallel()
	s := newServer(t, &protobufs.ServerToAgent{RemoteConfig: remote("h", nil)})
	b := newBench(t, s.url, allGranted()).join(t)
	b.next(t)
	ws := s.client(t)
	flooded := make(chan struct{})
	go func() {
		defer close(flooded)
		for s.say(ws, &protobufs.ServerToAgent{RemoteConfig: remote("h", nil)}) == nil {
			select {
			case <-b.events:
			default:
			}
		}
	}()
	b.next(t)
	b.Close() // without a goodbye, as after a second signal
	<-flooded
}

func TestUnusableSettingsAreToldAndNothingHangs(t *testing.T) {
	t.Parallel()
	b := newBench(t, "ws://user:s3cret@127.0.0.1:1", allGranted()).join(t)
	assert.Contains(t, b.warnings(), "cannot be spoken to")
	assert.NotContains(t, b.warnings(), "s3cret")
	requireClosed(t, b)

	b = newBench(t, "wss://127.0.0.1:1", allGranted())
	b.Unusable = errors.New("server.tls: no such file")
	b.join(t)
	assert.Contains(t, b.warnings(), "server.tls: no such file")
	requireClosed(t, b)

	b = newBench(t, "ws://127.0.0.1:1", allGranted())
	b.Run(t.Context(), core.Connect{UID: "not a uuid"})
	assert.Contains(t, b.warnings(), "not a UUID")
	requireClosed(t, b)
}
