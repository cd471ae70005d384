//go:build linux

package agent

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/store"
)

func TestConfigurationThatPassesIsPreparedWithTheIdentityOfTheBinary(t *testing.T) {
	t.Parallel()
	b := newBench(t, "good")
	ev := b.prepare(t, NewConfig(b.Settings), b.offer(t, "processors: {batch: {}}"))
	prepared, ok := ev.(core.Prepared)
	require.True(t, ok, "%#v", ev)
	assert.Equal(t, uint64(5), prepared.Attempt)
	assert.Equal(t, "otelcol-fake", prepared.Name)
	assert.Equal(t, "1.2.3", prepared.Version)
	assert.Len(t, prepared.Binary, 64)
	assert.NotEmpty(t, prepared.Policy)
	text, err := os.ReadFile(filepath.Join(b.dir, "candidates", prepared.Config+".yaml"))
	require.NoError(t, err)
	assert.Contains(t, string(text), "batch")
	assert.Contains(t, string(text), prepared.Config, "the marker")
	assert.Contains(t, string(text), "${env:"+TokenVariable+"}", "the token itself stays out of the file")
}

func TestValidateGetsTheArgumentsOfTheRun(t *testing.T) {
	t.Parallel()
	b := newBench(t, "good")
	b.Agent.Args = []string{"--set", "a=b"}
	config := b.prepared(t, NewConfig(b.Settings), local())
	l := b.live(t, b.Settings, nil)
	l.do(core.Start{Run: 1, Config: config})
	b.says(t, "ready")
	calls, err := os.ReadFile(b.calls)
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(calls)), "\n")
	candidate, effective := filepath.Join(b.dir, "candidates", config+".yaml"), filepath.Join(b.dir, "effective.yaml")
	arguments := " --feature-gates service.AllowNoPipelines --set a=b"
	assert.Equal(t, "validate --config "+candidate+arguments, lines[len(lines)-2])
	assert.Equal(t, "--config "+effective+arguments, lines[len(lines)-1])
}

func TestRefusalOfValidateIsTheFaultOfTheContent(t *testing.T) {
	t.Parallel()
	b := newBench(t, "strict")
	ev := b.refused(t, NewConfig(b.Settings), b.offer(t, "receivers: {nonsense: {}}"))
	assert.Equal(t, core.KindContent, ev.Kind)
	assert.Equal(t, `the Collector refuses this configuration: 'receivers' unknown type: "nonsense"`, ev.Reason)
	assert.Len(t, ev.Binary, 64)
	assert.NotEmpty(t, ev.Policy)
}

func TestKilledValidateIsTheFaultOfTheWorld(t *testing.T) {
	t.Parallel()
	b := newBench(t, "killed")
	ev := b.refused(t, NewConfig(b.Settings), local())
	assert.Equal(t, core.KindWorld, ev.Kind)
	assert.Contains(t, ev.Reason, "could not be validated")
	assert.Contains(t, ev.Reason, "SIGKILL")
}

func TestHangingValidateIsTheFaultOfTheWorld(t *testing.T) {
	t.Parallel()
	b := newBench(t, "hanging")
	lane := NewConfig(b.Settings)
	_, err := lane.look(t.Context(), "")
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	lane.Run(ctx, core.Prepare{Wish: local()})
	ev := b.next(t).(core.Refused)
	assert.Equal(t, core.KindWorld, ev.Kind)
	assert.Contains(t, ev.Reason, "did not finish validating")
}

func TestWhatIsNotYAMLIsRefusedWithoutAskingTheCollector(t *testing.T) {
	t.Parallel()
	b := newBench(t, "good")
	ev := b.refused(t, NewConfig(b.Settings), b.offer(t, "receivers: [\x00"))
	assert.Equal(t, core.KindContent, ev.Kind)
	assert.Contains(t, ev.Reason, "pipelines.yaml")
	assert.Zero(t, b.count(t, "validate"))
}

func TestConfigurationThatPassedIsNotValidatedAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t, "good")
	lane := NewConfig(b.Settings)
	first, second := b.prepared(t, lane, local()), b.prepared(t, lane, local())
	assert.Equal(t, first, second)
	assert.Equal(t, 1, b.count(t, "validate"))
}

func TestMemoryOfWhatPassedIsBounded(t *testing.T) {
	t.Parallel()
	b := newBench(t, "good")
	lane := NewConfig(b.Settings)
	for i := range keptValid {
		lane.valid[string(rune(i))] = true
	}
	b.prepared(t, lane, local())
	assert.Len(t, lane.valid, 1)
}

func TestValidationIsLeftOutWhenTheOperatorSaysSo(t *testing.T) {
	t.Parallel()
	b := newBench(t, "strict")
	b.Merge.Validate = false
	b.prepared(t, NewConfig(b.Settings), local())
	assert.Zero(t, b.count(t, "validate"))
}

func TestKnownBadOfferIsAnsweredFromTheLedger(t *testing.T) {
	t.Parallel()
	b := newBench(t, "strict")
	lane, wish := NewConfig(b.Settings), b.offer(t, "a: {}")
	first := b.refused(t, lane, wish)
	require.NoError(t, b.Store.Record(store.Verdict{
		Offer: "0a", Body: wish.Target.Offer.Body, Kind: store.KindContent, Reason: first.Reason,
		Binary: first.Binary, Policy: first.Policy,
	}))
	asked := b.count(t, "validate")
	second := b.refused(t, lane, wish)
	assert.Equal(t, first, second)
	assert.Equal(t, asked, b.count(t, "validate"))

	b.Merge.Files = []string{filepath.Join(b.dir, "local.yaml")} // another policy: the offer deserves another try
	require.NoError(t, os.WriteFile(b.Merge.Files[0], []byte("processors: {}"), 0o600))
	b.refused(t, NewConfig(b.Settings), wish)
	assert.Equal(t, asked+1, b.count(t, "validate"))
}

func TestDamagedBodyIsNotTheFaultOfTheContent(t *testing.T) {
	t.Parallel()
	b := newBench(t, "good")
	lane, wish := NewConfig(b.Settings), b.offer(t, "processors: {batch: {}}")
	blob := filepath.Join(b.dir, "blobs", wish.Target.Offer.Body)
	require.NoError(t, os.WriteFile(blob, []byte("[]"), 0o600))
	ev := b.refused(t, lane, wish)
	assert.Equal(t, core.KindWorld, ev.Kind, "else the same offer, stored anew, would find a bad verdict")
	assert.Contains(t, ev.Reason, "cannot be read back")
	b.prepared(t, lane, b.offer(t, "processors: {batch: {}}"))
}

func TestLocalFileThatCannotBeReadIsLeftOutWithAWarning(t *testing.T) {
	t.Parallel()
	b := newBench(t, "good")
	good, fifo := filepath.Join(b.dir, "good.yaml"), filepath.Join(b.dir, "fifo")
	require.NoError(t, os.WriteFile(good, []byte("processors: {batch/mine: {}}"), 0o600))
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	b.Merge.Files = []string{"/nonexistent.yaml", b.dir, fifo, good, "$REMOTE_CONFIG"}
	config := b.prepared(t, NewConfig(b.Settings), b.offer(t, "processors: {batch: {}}"))
	text, err := os.ReadFile(filepath.Join(b.dir, "candidates", config+".yaml"))
	require.NoError(t, err)
	assert.Contains(t, string(text), "batch/mine")
	for _, name := range []string{"/nonexistent.yaml", b.dir, fifo} {
		assert.Contains(t, b.warned(), name)
	}
}

func TestTargetDecidesWhichFilesAreMerged(t *testing.T) {
	t.Parallel()
	b := newBench(t, "good")
	for _, name := range []string{"local", "fallback"} {
		path := filepath.Join(b.dir, name+".yaml")
		require.NoError(t, os.WriteFile(path, []byte("processors: {batch/"+name+": {}}"), 0o600))
	}
	b.Merge.Files = []string{filepath.Join(b.dir, "local.yaml")}
	b.Merge.Fallback = []string{filepath.Join(b.dir, "fallback.yaml")}
	lane := NewConfig(b.Settings)
	for kind, wanted := range map[core.TargetKind][2]bool{
		core.TargetLocal: {true, false}, core.TargetFallback: {false, true}, core.TargetNoop: {false, false},
	} {
		config := b.prepared(t, lane, core.Wish{Target: core.Target{Kind: kind}, UID: local().UID})
		text, err := os.ReadFile(filepath.Join(b.dir, "candidates", config+".yaml"))
		require.NoError(t, err)
		assert.Equal(t, wanted, [2]bool{
			strings.Contains(string(text), "batch/local"), strings.Contains(string(text), "batch/fallback"),
		}, "target %v", kind)
	}
}

func TestFullDiskIsTheFaultOfTheWorld(t *testing.T) {
	t.Parallel()
	b := newBench(t, "good")
	lane := NewConfig(b.Settings)
	b.prepared(t, lane, local())
	require.NoError(t, os.RemoveAll(filepath.Join(b.dir, "candidates")))
	require.NoError(t, os.WriteFile(filepath.Join(b.dir, "candidates"), nil, 0o600)) // a file in the way of the directory
	ev := b.refused(t, lane, b.offer(t, "processors: {batch: {}}"))
	assert.Equal(t, core.KindWorld, ev.Kind)
	assert.Contains(t, ev.Reason, "candidates")
}

func TestServersNonsenseAboutOwnTelemetryIsRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t, "good")
	wish := local()
	wish.Signals.Metrics = "{"
	assert.Equal(t, core.KindContent, b.refused(t, NewConfig(b.Settings), wish).Kind)
}
