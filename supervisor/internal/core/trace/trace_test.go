package trace_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/core/trace"
)

func TestLineLeavesOutWhatIsZero(t *testing.T) {
	t.Parallel()
	require.Equal(t, "ServerGreeted", trace.Line(core.ServerGreeted{}))
	require.Equal(t, `ConfigOffered Offer.Hash="b1" Offer.Empty`, trace.Line(core.ConfigOffered{Offer: core.Offer{Hash: "b1", Empty: true}}))
	require.Equal(t, "TimerFired Timer=apply", trace.Line(core.TimerFired{}), "a timer without its name says nothing")
	require.Equal(t, "SetTimer Timer=backoff ID=3 After=2s Jitter",
		trace.Line(core.SetTimer{Timer: core.TimerBackoff, ID: 3, After: 2 * time.Second, Jitter: true}))
}

func TestLineKeepsSecretsAndMegabytesOut(t *testing.T) {
	t.Parallel()
	for _, v := range []any{
		core.Start{Token: "hunter2"},
		core.Adopted{Token: "hunter2"},
		core.Expecting{Token: "hunter2"},
		core.Expect{Token: "hunter2"},
		core.TelemetryOffered{Signals: core.Signals{Metrics: "hunter2", Traces: "hunter2", Logs: "hunter2"}},
		core.ServerMessage{Message: core.Message{Data: "hunter2"}},
		core.Send{Message: core.Message{Data: "hunter2"}},
	} {
		require.NotContains(t, trace.Line(v), "hunter2")
	}
	long := trace.Line(core.AgentEffective{Run: 1, Body: strings.Repeat("é", 1<<20)})
	require.Less(t, len(long), 300)
	require.Contains(t, long, "(2097152 bytes)")
}

func TestParseReadsWhatPeopleWrite(t *testing.T) {
	t.Parallel()
	ev, err := trace.Parse(`  Refused   Attempt=3 Kind=content Reason="no \"x\"\nhere" `)
	require.NoError(t, err)
	require.Equal(t, core.Refused{Attempt: 3, Kind: core.KindContent, Reason: "no \"x\"\nhere"}, ev)
	ev, err = trace.Parse("Refused Kind=1")
	require.NoError(t, err, "the number of a name does as well")
	require.Equal(t, core.Refused{Kind: core.KindContent}, ev)
	ev, err = trace.Parse("AgentHealth Run=2 Healthy")
	require.NoError(t, err)
	require.Equal(t, core.AgentHealth{Run: 2, Healthy: true}, ev)
	ev, err = trace.Parse("AgentHealth Healthy=false Run=2")
	require.NoError(t, err)
	require.Equal(t, core.AgentHealth{Run: 2}, ev)
}

func TestParseNamesTheWrongWord(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"":                                 `unknown event ""`,
		"Boom Run=1":                       `unknown event "Boom"`,
		"Start Run=1":                      `unknown event "Start"`,
		"Exited Rum=1":                     `event Exited: no field "Rum"`,
		"Exited =1":                        `event Exited: no field ""`,
		"Exited Run.X=1":                   `event Exited: no field "Run.X"`,
		"Exited Run=two":                   `event Exited: field Run: number "two"`,
		"Exited At=two":                    `event Exited: field At: number "two"`,
		`Exited Reason="no end`:            `event Exited: field Reason: text`,
		"AgentHealth Healthy=perhaps":      `event AgentHealth: field Healthy: truth "perhaps"`,
		"ConfigOffered Offer=1":            `event ConfigOffered: field Offer: core.Offer cannot be written as a word`,
		"TimerFired Timer=tea":             `event TimerFired: field Timer: number "tea"`,
		"TimerFired Timer=unknown":         `event TimerFired: field Timer: number "unknown"`,
		"Started PID=99999999999999999999": `event Started: field PID: number`,
	} {
		_, err := trace.Parse(line)
		require.ErrorContains(t, err, want, line)
	}
}

func TestAssignSetsStateOfEveryDepth(t *testing.T) {
	t.Parallel()
	var s core.State
	require.NoError(t, trace.Assign(&s, `Status.Code=FAILED Offered.Hash="a" Settings.Rollback Rollout.Level=good Agent.Phase=running Settings.ApplyTimeout=5`))
	require.Equal(t, core.StatusFailed, s.Status.Code)
	require.Equal(t, "a", s.Offered.Hash)
	require.True(t, s.Settings.Rollback)
	require.Equal(t, core.LevelGood, s.Rollout.Level)
	require.Equal(t, core.PhaseRunning, s.Agent.Phase)
	require.Equal(t, 5*time.Nanosecond, s.Settings.ApplyTimeout)
	require.Error(t, trace.Assign(&s, "Rollout.Nothing=1"))
}

// FuzzTrace reads anything without panic, and what it could read it reads back
// the same from its own line: a story printed in the field replays as it was.
func FuzzTrace(f *testing.F) {
	f.Add("Booted At=1")
	f.Add(`ConfigOffered Offer.Hash="b1" Offer.Body="b" Offer.Empty Problem="no \x00 \u00e9"`)
	f.Add("TimerFired Timer=probation ID=3")
	f.Add(`AgentMessage Run=1 Message.Capability="c" Message.Type="t"`)
	f.Add("Refused Attempt=18446744073709551615 Kind=-7")
	f.Fuzz(func(t *testing.T, text string) {
		ev, err := trace.Parse(text)
		if err != nil {
			require.Nil(t, ev)
			return
		}
		line := trace.Line(ev)
		require.NotContains(t, line, "\n")
		again, err := trace.Parse(line)
		require.NoError(t, err, line)
		if !strings.Contains(line, "[redacted]") && !strings.Contains(line, " bytes)") {
			require.Equal(t, ev, again, line)
		}
	})
}
