package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	logtest "go.uber.org/zap/zaptest/observer"

	"opampd/supervisor/internal/config"
	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/store"
	"opampd/supervisor/internal/upstream"
)

// loaded is a life as the file makes it, up to its store.
func loaded(t *testing.T, more string) (*life, *logtest.ObservedLogs) {
	t.Helper()
	f := newFiles(t, more)
	c, err := config.Load(config.Options{Path: f.config})
	require.NoError(t, err)
	logs, seen := logtest.New(zap.DebugLevel)
	l := &life{config: c.Config, log: zap.New(logs), legacy: &legacy{}}
	require.NoError(t, l.openStore())
	t.Cleanup(func() { _ = l.store.Close() })
	return l, seen
}

func TestEverySettingOfTheRolloutReachesTheCore(t *testing.T) {
	t.Parallel()
	l, _ := loaded(t, `
capabilities: {accepts_remote_config: true}`)
	a := &l.config.Agent
	a.StartupFallbackConfigs, a.AutomaticConfigRollback = []string{"/f"}, true
	a.ConfigApplyTimeout, a.Probation = time.Second, 2*time.Second
	l.granted, l.config.Packages.Watch, l.config.Packages.UnhealthyLimit = true, time.Minute, time.Second
	a.Restart = config.Restart{InitialDelay: 3 * time.Second, MaxDelay: 4 * time.Second, ResetAfter: 5 * time.Second}
	assert.Equal(t, core.Settings{
		AcceptsConfig: true, HasFallback: true, Rollback: true, Reload: core.ReloadAuto,
		ApplyTimeout: time.Second, Probation: 2 * time.Second,
		RestartDelay: 3 * time.Second, RestartMax: 4 * time.Second, RestartReset: 5 * time.Second,
		AcceptsPackages: true, Watch: time.Minute, UnhealthyLimit: time.Second,
	}, l.settings())
	assert.Equal(t, core.ReloadHUP, reloadMode(config.ReloadHUP))
	assert.Equal(t, core.ReloadRestart, reloadMode(config.ReloadRestart))
}

func TestEverySettingOfTheCollectorReachesItsLane(t *testing.T) {
	t.Parallel()
	l, _ := loaded(t, `
capabilities: {reports_available_components: true}`)
	a := &l.config.Agent
	a.Args, a.Env = []string{"--x"}, map[string]config.Secret{"B": "2", "A": "1", "PATH": "/mine"}
	a.ConfigFiles, a.StartupFallbackConfigs = []string{"relative.yaml", "$REMOTE_CONFIG"}, []string{"/f"}
	a.StopTimeout, a.CrashLogSnippetKiB = time.Second, 3
	a.Description = config.Description{
		IdentifyingAttributes: map[string]string{"service.name": "mine"}, IncludeResourceAttributes: true,
	}
	s := l.agent(func(core.Event) {}, "ws://link")
	assert.Equal(t, a.Executable, s.Agent.Executable)
	assert.Equal(t, []string{"--x"}, s.Agent.Args)
	assert.Equal(t, []string{"A=1", "B=2", "PATH=/mine"}, s.Agent.Variables)
	assert.Equal(t, s.Agent.Variables, s.Agent.Env[len(s.Agent.Env)-3:])
	assert.Len(t, matching(s.Agent.Env, "PATH="), 1)
	assert.Equal(t, time.Second, s.Agent.StopTimeout)
	assert.Equal(t, 3<<10, s.Agent.Snippet)
	assert.Equal(t, a.ConfigFiles, s.Merge.Files)
	assert.Equal(t, a.StartupFallbackConfigs, s.Merge.Fallback)
	assert.Equal(t, map[string]string{"service.name": "mine"}, s.Merge.Resource)
	assert.True(t, s.Merge.Validate && s.Merge.ReportsComponents && s.Merge.IncludeResource)
	assert.Equal(t, "ws://link", s.Link)
	assert.Equal(t, 1<<10, snippet(0), "enough for the cause")
}

func matching(all []string, start string) []string {
	var found []string
	for _, one := range all {
		if strings.HasPrefix(one, start) {
			found = append(found, one)
		}
	}
	return found
}

func TestEverySettingOfTheServerReachesItsLane(t *testing.T) {
	t.Parallel()
	l, _ := loaded(t, `
capabilities: {accepts_remote_config: true, accepts_restart_command: true, reports_own_traces: true, reports_heartbeat: false}`)
	l.config.Agent.Description.NonIdentifyingAttributes = map[string]string{"env": "prod"}
	s := l.upstream(func(core.Event) {}).Settings
	assert.Equal(t, "ws://127.0.0.1:1/v1/opamp", s.URL)
	assert.Equal(t, l.config.Server.MaxMessageSize, s.MaxMessage)
	assert.Nil(t, s.TLS)
	assert.NoError(t, s.Unusable)
	assert.Equal(t, map[string]string{"env": "prod"}, s.Attributes.NonIdentifying)
	assert.NotEmpty(t, s.Attributes.Host["os.type"])
	assert.Equal(t, upstream.Grants{
		RemoteConfig: true, Restart: true, Effective: true, Health: true, OwnMetrics: true, OwnTraces: true,
	}, s.Grants)
}

func TestCertificateThatIsMissingKeepsTheServerAwayNotTheCollectorDown(t *testing.T) {
	t.Parallel()
	l, _ := loaded(t, "")
	l.config.Server.Endpoint = "wss://example/v1/opamp"
	l.config.Server.TLS.CAFile = "/nonexistent/ca.pem"
	assert.ErrorContains(t, l.upstream(func(core.Event) {}).Unusable, "server.tls: ")
	l.config.Server.Endpoint = "ws://example/v1/opamp"
	assert.NoError(t, l.upstream(func(core.Event) {}).Unusable, "nobody looks at it")
}

func TestInstanceUIDIsMadeOnceAndKept(t *testing.T) {
	t.Parallel()
	l, _ := loaded(t, "")
	first, err := l.state()
	require.NoError(t, err)
	id, err := uuid.Parse(first.UID)
	require.NoError(t, err)
	assert.Equal(t, uuid.Version(7), id.Version()) // S-042
	l.config.Agent.InstanceID = "018f2f3e-0000-7000-8000-0000000000aa"
	second, err := l.state()
	require.NoError(t, err)
	assert.Equal(t, first.UID, second.UID, "the file counts only as long as there is none")
}

func TestInstanceUIDOfTheFileIsTheFirst(t *testing.T) {
	t.Parallel()
	l, _ := loaded(t, "")
	l.config.Agent.InstanceID = "018f2f3e-0000-7000-8000-0000000000aa"
	s, err := l.state()
	require.NoError(t, err)
	assert.Equal(t, l.config.Agent.InstanceID, s.UID)
}

func TestGoodGenerationsOfTheLedgerAreWhatIsReturnedTo(t *testing.T) {
	t.Parallel()
	l, _ := loaded(t, "")
	book := ledger{l.store}
	bodies := map[string]string{}
	for _, name := range []string{"01", "02", "03"} {
		sha, err := l.store.PutBlob([]byte(name))
		require.NoError(t, err)
		bodies[name] = sha
		require.NoError(t, book.Record(core.Verdict{Offer: core.Offer{Hash: name, Body: sha}, Good: true}))
	}
	require.NoError(t, book.Record(core.Verdict{Offer: core.Offer{Hash: "03", Body: bodies["03"]}, Kind: core.KindWorld, Reason: "crash"}))
	s, err := l.state()
	require.NoError(t, err)
	assert.Equal(t, core.Offer{Hash: "02", Body: bodies["02"]}, s.Rollout.Good)
	assert.Equal(t, core.Offer{Hash: "01", Body: bodies["01"]}, s.Rollout.Spare)
}

func TestVerdictOnTheContentIsKnownAgain(t *testing.T) {
	t.Parallel()
	l, _ := loaded(t, "")
	for kind, known := range map[core.Kind]bool{
		core.KindContent: true, core.KindWorld: false, core.KindBinary: false, core.KindSuperseded: false,
	} {
		offer := core.Offer{Hash: "0a", Body: kind.String()}
		require.NoError(t, ledger{l.store}.Record(core.Verdict{Offer: offer, Kind: kind, Reason: "r", Binary: "b", Policy: "p"}))
		_, ok := l.store.Known("0a", offer.Body, "b", "p", "")
		assert.Equal(t, known, ok, kind)
	}
}

func TestStateThatWasSavedIsWhereTheNextLifeBegins(t *testing.T) {
	t.Parallel()
	l, _ := loaded(t, "")
	first, err := l.state()
	require.NoError(t, err)
	d := first.Durable
	d.Offered, d.Tries = core.Offer{Hash: "0a"}, 2
	require.NoError(t, ledger{l.store}.Save(d))
	second, err := l.state()
	require.NoError(t, err)
	assert.Equal(t, d, second.Durable)
}

func TestStateOfTheReferenceIsTakenOver(t *testing.T) {
	t.Parallel()
	l, seen := loaded(t, "")
	old := "instance_id: 018f2f3e-0000-7000-8000-0000000000bb\n"
	require.NoError(t, os.WriteFile(l.store.Path("persistent_state.yaml"), []byte(old), 0o600))
	s, err := l.state()
	require.NoError(t, err)
	assert.Equal(t, "018f2f3e-0000-7000-8000-0000000000bb", s.UID)
	assert.NotEmpty(t, seen.FilterMessage("took over the state of the reference supervisor").All())
}

func TestStorageThatCannotBeWrittenIsNoReasonToStop(t *testing.T) {
	t.Parallel()
	blocked := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(blocked, nil, 0o600))
	logs, seen := logtest.New(zap.ErrorLevel)
	l := &life{log: zap.New(logs), legacy: &legacy{}}
	l.config.Storage = config.Storage{Directory: filepath.Join(blocked, "below"), KeepConfigs: 1}
	require.NoError(t, l.openStore())
	t.Cleanup(func() { _ = l.store.Close() })
	assert.False(t, l.store.Durable())
	assert.NotEmpty(t, seen.All())
}

func TestLockedStorageIsAReasonToStop(t *testing.T) {
	t.Parallel()
	l, _ := loaded(t, "")
	other := &life{config: l.config, log: zap.NewNop(), legacy: &legacy{}}
	var locked *store.LockedError
	assert.ErrorAs(t, other.openStore(), &locked)
}
