package devserver

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	applying = protobufs.RemoteConfigStatuses_RemoteConfigStatuses_APPLYING
	applied  = protobufs.RemoteConfigStatuses_RemoteConfigStatuses_APPLIED
	failed   = protobufs.RemoteConfigStatuses_RemoteConfigStatuses_FAILED
)

var oneFile = map[string]string{"collector.yaml": "receivers: {}\n"} // never written to

func bodies(c *protobufs.AgentRemoteConfig) map[string]string {
	all := map[string]string{}
	for name, file := range c.GetConfig().GetConfigMap() {
		all[name] = file.GetContentType() + " " + string(file.GetBody())
	}
	return all
}

func TestTheConfigurationIsOfferedOnConnect(t *testing.T) {
	t.Parallel()
	config := map[string]string{"b.yaml": "b: 1", "a.yaml": "a: 1", "notes.txt": "no", ".#a.yaml": "no"}
	eachTransport(t, config, func(t *testing.T, r *running, a *testAgent) {
		t.Helper()
		offer := a.ask(t, hello()).GetRemoteConfig()
		assert.Equal(t, map[string]string{"a.yaml": "text/yaml a: 1", "b.yaml": "text/yaml b: 1"}, bodies(offer))
		assert.Len(t, offer.GetConfigHash(), 32)
		r.out.shows(t, "offering config "+short(offer.GetConfigHash())+": 2 files in "+filepath.Join(r.dir, "config")+" (a.yaml, b.yaml)")
	})
}

func TestAnOfferIsNotRepeated(t *testing.T) {
	t.Parallel()
	eachTransport(t, oneFile, func(t *testing.T, _ *running, a *testAgent) {
		t.Helper()
		require.NotNil(t, a.ask(t, hello()).GetRemoteConfig())
		assert.Nil(t, a.ask(t, &protobufs.AgentToServer{}).GetRemoteConfig())
	})
}

func TestAReportedHashIsNotOfferedWhateverItsVerdict(t *testing.T) {
	t.Parallel()
	for _, verdict := range []protobufs.RemoteConfigStatuses{applied, failed} {
		t.Run(verdict.String(), func(t *testing.T) {
			t.Parallel()
			eachTransport(t, oneFile, func(t *testing.T, r *running, a *testAgent) {
				t.Helper()
				offer, err := readOffer(filepath.Join(r.dir, configDir))
				require.NoError(t, err)
				first := hello()
				first.RemoteConfigStatus = &protobufs.RemoteConfigStatus{LastRemoteConfigHash: offer.GetConfigHash(), Status: verdict}
				assert.Nil(t, a.ask(t, first).GetRemoteConfig())
			})
		})
	}
}

func TestNothingIsOfferedToAnAgentThatTakesNone(t *testing.T) {
	t.Parallel()
	eachTransport(t, oneFile, func(t *testing.T, r *running, a *testAgent) {
		t.Helper()
		first := hello()
		first.Capabilities = 1
		assert.Nil(t, a.ask(t, first).GetRemoteConfig())
		r.out.shows(t, "takes no remote configuration")
	})
}

func TestNoFilesIsNoOffer(t *testing.T) {
	t.Parallel()
	eachTransport(t, nil, func(t *testing.T, r *running, a *testAgent) {
		t.Helper()
		assert.Nil(t, a.ask(t, hello()).GetRemoteConfig())
		r.out.shows(t, "nothing to offer: there is no .yaml file in")
	})
}

func TestAChangeIsPushed(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(t *testing.T, r *running){
		"written in place": func(t *testing.T, r *running) { t.Helper(); r.write(t, "config/collector.yaml", "new: 1") },
		"renamed over": func(t *testing.T, r *running) {
			t.Helper()
			r.write(t, "config/draft~", "new: 1")
			require.NoError(t, os.Rename(filepath.Join(r.dir, "config/draft~"), filepath.Join(r.dir, "config/collector.yaml")))
		},
		"directory replaced": func(t *testing.T, r *running) {
			t.Helper()
			require.NoError(t, os.Mkdir(filepath.Join(r.dir, "other"), 0o700))
			r.write(t, "other/collector.yaml", "new: 1")
			require.NoError(t, os.Rename(filepath.Join(r.dir, "config"), filepath.Join(r.dir, "old")))
			require.NoError(t, os.Rename(filepath.Join(r.dir, "other"), filepath.Join(r.dir, "config")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, oneFile)
			a := dial(t, r.addr)
			require.NotNil(t, a.ask(t, hello()).GetRemoteConfig())
			change(t, r)
			assert.Equal(t, map[string]string{"collector.yaml": "text/yaml new: 1"}, bodies(a.receive(t).GetRemoteConfig()))
		})
	}
}

func TestADirectoryThatAppearsLaterIsWatched(t *testing.T) {
	t.Parallel()
	r := start(t, oneFile)
	a := dial(t, r.addr)
	a.ask(t, hello())
	require.NoError(t, os.RemoveAll(filepath.Join(r.dir, configDir)))
	r.out.shows(t, "nothing to offer")
	require.NoError(t, os.Mkdir(filepath.Join(r.dir, configDir), 0o700))
	r.write(t, "config/late.yaml", "late: 1")
	assert.Equal(t, map[string]string{"late.yaml": "text/yaml late: 1"}, bodies(a.receive(t).GetRemoteConfig()))
}

func TestAChangeReachesAPollingAgentWithItsNextPoll(t *testing.T) {
	t.Parallel()
	r := start(t, oneFile)
	a := newTestAgent(t, r.addr)
	a.ask(t, hello())
	r.write(t, "config/collector.yaml", "new: 1")
	offer := &protobufs.AgentRemoteConfig{Config: &protobufs.AgentConfigMap{ConfigMap: map[string]*protobufs.AgentConfigFile{"collector.yaml": {Body: []byte("new: 1")}}}}
	r.out.shows(t, "offering config "+short(hashFiles(offer.GetConfig().GetConfigMap())))
	assert.Equal(t, "text/yaml new: 1", bodies(a.ask(t, &protobufs.AgentToServer{}).GetRemoteConfig())["collector.yaml"])
}

func TestTheVerdictIsPrintedWithItsTime(t *testing.T) {
	t.Parallel()
	eachTransport(t, oneFile, func(t *testing.T, r *running, a *testAgent) {
		t.Helper()
		hash := a.ask(t, hello()).GetRemoteConfig().GetConfigHash()
		a.ask(t, status(hash, applying, ""))
		a.ask(t, status(hash, applied, ""))
		a.ask(t, status(hash, applied, ""))
		a.ask(t, status(hash, failed, "no such\nreceiver\x1b[2J\nat all"))
		r.out.shows(t, "FAILED")
		text, _ := r.out.snapshot()
		assert.Contains(t, text, "config "+short(hash)+" APPLYING\n")
		assert.Regexp(t, `config [0-9a-f]{8}… APPLIED \(\d+ ms after it was offered\)\n`, text)
		assert.Equal(t, 1, strings.Count(text, "APPLIED"), "what did not change is not printed")
		assert.Contains(t, text, "offered): no such (2 more lines in "+filepath.Join(r.dir, "agents", a.uid.String(), "remote-config-status.json")+")\n")
		assert.Contains(t, r.read(t, a.uid, "remote-config-status.json"), "FAILED")
	})
}

func TestWhatAnAgentReportsIsOnDisk(t *testing.T) {
	t.Parallel()
	eachTransport(t, nil, func(t *testing.T, r *running, a *testAgent) {
		t.Helper()
		first := hello()
		first.Health = &protobufs.ComponentHealth{Healthy: false, LastError: "port taken\nby another"}
		first.EffectiveConfig = effective(map[string]string{"": "a: 1\nb: 2\n"})
		first.AvailableComponents = &protobufs.AvailableComponents{Hash: []byte("h"), Components: map[string]*protobufs.ComponentDetails{"receivers": {}}}
		a.ask(t, first)
		assert.Contains(t, r.read(t, a.uid, "description.json"), "otelcol-lean")
		assert.Contains(t, r.read(t, a.uid, "health.json"), `port taken\nby another`)
		assert.Equal(t, "a: 1\nb: 2\n", r.read(t, a.uid, "effective.yaml"))
		assert.Contains(t, r.read(t, a.uid, "components.json"), "receivers")
		info, err := os.Stat(filepath.Join(r.dir, agentsDir, a.uid.String(), "effective.yaml"))
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "configurations hold secrets")
		r.out.shows(t, "unhealthy: port taken (1 more line in "+filepath.Join(r.dir, "agents", a.uid.String(), "health.json")+")")
		r.out.shows(t, "effective configuration received (2 lines)")
	})
}

func TestSeveralEffectiveFilesAreOneWithHeaders(t *testing.T) {
	t.Parallel()
	got := flatten(effective(map[string]string{"b.yaml": "b: 1\n", "a.yaml": "a: 1"}))
	assert.Equal(t, "# --- \"a.yaml\" ---\na: 1\n# --- \"b.yaml\" ---\nb: 1\n", string(got))
}

func TestChangesOfTheEffectiveConfigurationAreCounted(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	a := dial(t, r.addr)
	first := hello()
	first.EffectiveConfig = effective(map[string]string{"": "a: 1\nb: 2\n"})
	a.ask(t, first)
	a.ask(t, &protobufs.AgentToServer{EffectiveConfig: effective(map[string]string{"": "a: 1\nc: 3\nd: 4\n"})})
	r.out.shows(t, "effective configuration changed (+2 −1 lines)")
}

func TestHealthIsPrintedWhenItChanges(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	a := dial(t, r.addr)
	a.ask(t, hello())
	for _, h := range []*protobufs.ComponentHealth{
		{Healthy: true, StartTimeUnixNano: 1},
		{Healthy: true, StartTimeUnixNano: 1, StatusTimeUnixNano: 9},
		{Healthy: true, StartTimeUnixNano: 2},
		{Healthy: false, Status: "StatusStopping"},
		{Healthy: false, LastError: "gone"},
	} {
		a.ask(t, &protobufs.AgentToServer{Health: h})
	}
	r.out.shows(t, " unhealthy: gone\n")
	text, _ := r.out.snapshot()
	assert.Equal(t, 1, strings.Count(text, " healthy\n"))
	assert.Equal(t, 1, strings.Count(text, " unhealthy (StatusStopping)\n"))
	assert.Equal(t, 1, strings.Count(text, " healthy (started again)\n"))
}

func TestComingAndGoingIsPrinted(t *testing.T) {
	t.Parallel()
	eachTransport(t, nil, func(t *testing.T, r *running, a *testAgent) {
		t.Helper()
		a.ask(t, hello())
		r.out.shows(t, "agent "+a.uid.String()[:13]+"… (otelcol-lean 0.149.0 on box) connected (")
		goodbye := &protobufs.AgentToServer{AgentDisconnect: &protobufs.AgentDisconnect{}}
		if a.ws == nil {
			a.ask(t, goodbye)
		} else {
			a.send(t, goodbye)
		}
		r.out.shows(t, "… disconnected\n")
	})
}

func TestABrokenConnectionIsADisconnect(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	a := dial(t, r.addr)
	a.ask(t, hello())
	require.NoError(t, a.ws.NetConn().Close())
	r.out.shows(t, "… disconnected\n")
}

func TestAnAgentThatStopsPollingIsGone(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	f := newFleet(t.TempDir(), printer{w: &out}, nil)
	a := newAgent([16]byte{1}, "")
	a.transport, a.seen = plainHTTP, time.Now()
	f.agents[a.id] = a
	f.dropQuiet(a.seen.Add(quietTime))
	assert.Empty(t, out.String())
	f.dropQuiet(a.seen.Add(quietTime + 1))
	assert.Contains(t, out.String(), "has not polled for 1m30s")
}

func TestTheFullStateIsAskedFor(t *testing.T) {
	t.Parallel()
	const full = uint64(protobufs.ServerToAgentFlags_ServerToAgentFlags_ReportFullState)
	eachTransport(t, nil, func(t *testing.T, _ *running, a *testAgent) {
		t.Helper()
		assert.Equal(t, full, a.ask(t, &protobufs.AgentToServer{}).GetFlags(), "of an agent that is not known")
		assert.Zero(t, a.ask(t, &protobufs.AgentToServer{}).GetFlags(), "but not twice in a row")
		assert.Zero(t, a.ask(t, hello()).GetFlags())
		assert.Zero(t, a.ask(t, &protobufs.AgentToServer{}).GetFlags())
		a.seq += 3
		assert.Equal(t, full, a.ask(t, &protobufs.AgentToServer{}).GetFlags(), "when messages are missing")
		a.seq = 0
		assert.Zero(t, a.ask(t, hello()).GetFlags(), "but not of an agent that starts anew")
	})
}

func TestTheComponentsAreAskedForOncePerHash(t *testing.T) {
	t.Parallel()
	const want = uint64(protobufs.ServerToAgentFlags_ServerToAgentFlags_ReportAvailableComponents)
	eachTransport(t, nil, func(t *testing.T, _ *running, a *testAgent) {
		t.Helper()
		report := func(hash string) uint64 {
			m := hello()
			m.AvailableComponents = &protobufs.AvailableComponents{Hash: []byte(hash)}
			return a.ask(t, m).GetFlags()
		}
		assert.Equal(t, want, report("one"))
		assert.Zero(t, report("one"))
		assert.Equal(t, want, report("two"))
	})
}

func TestARestartFileSendsTheCommandAlone(t *testing.T) {
	t.Parallel()
	eachTransport(t, oneFile, func(t *testing.T, r *running, a *testAgent) {
		t.Helper()
		a.ask(t, hello())
		file := filepath.Join("agents", a.uid.String(), "restart")
		r.write(t, file, "")
		r.out.shows(t, " restart ")
		var command *protobufs.ServerToAgent
		if a.ws == nil {
			command = a.ask(t, &protobufs.AgentToServer{})
		} else {
			command = a.receive(t)
		}
		require.NotNil(t, command.GetCommand())
		assert.Nil(t, command.GetRemoteConfig())
		assert.NoFileExists(t, filepath.Join(r.dir, file))
	})
}

func TestARestartFileWaitsForTheAgent(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	a := newTestAgent(t, r.addr)
	require.NoError(t, os.MkdirAll(filepath.Join(r.dir, "agents", a.uid.String()), 0o700))
	r.write(t, filepath.Join("agents", a.uid.String(), "restart"), "")
	assert.NotNil(t, a.ask(t, hello()).GetCommand())
}

func TestAnOfferThatGotNoAnswerIsMadeAgain(t *testing.T) {
	t.Parallel()
	now := time.Now()
	offer := &protobufs.AgentRemoteConfig{ConfigHash: []byte("h")}
	a := newAgent([16]byte{1}, "")
	a.state.Capabilities = allCapabilities
	a.offered = offered{hash: []byte("h"), at: now}
	assert.False(t, a.wants(offer, now.Add(offerAgain)))
	assert.True(t, a.wants(offer, now.Add(offerAgain+1)))
	a.state.Capabilities &^= uint64(protobufs.AgentCapabilities_AgentCapabilities_ReportsRemoteConfig)
	assert.False(t, a.wants(offer, now.Add(time.Hour)), "it never reports")
}

func TestTheHashTellsNamesFromBodies(t *testing.T) {
	t.Parallel()
	files := func(name, body string) map[string]*protobufs.AgentConfigFile {
		return map[string]*protobufs.AgentConfigFile{name: {Body: []byte(body)}}
	}
	assert.NotEqual(t, hashFiles(files("ab", "c")), hashFiles(files("a", "bc")))
}

func TestLinesAreColouredOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	printer{w: &out, color: true}.say(good, "fine")
	assert.Contains(t, out.String(), "\x1b[32mfine\x1b[0m\n")
	out.Reset()
	printer{w: &out}.say(bad, "evil\x1b[2J\r\n%s", strings.Repeat("x", 500))
	assert.NotContains(t, out.String(), "\x1b")
	assert.Less(t, len([]rune(out.String())), 420)
}

func effective(files map[string]string) *protobufs.EffectiveConfig {
	all := map[string]*protobufs.AgentConfigFile{}
	for name, body := range files {
		all[name] = &protobufs.AgentConfigFile{Body: []byte(body)}
	}
	return &protobufs.EffectiveConfig{ConfigMap: &protobufs.AgentConfigMap{ConfigMap: all}}
}
