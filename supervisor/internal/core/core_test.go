package core_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/core/trace"
)

var update = flag.Bool("update", false, "rewrite the expected output of the scenarios")

// State must stay comparable: this line stops compiling when it is not.
var _ = map[core.State]struct{}{}

// TestScenarios replays each testdata/*.txt. Lines that begin with ">" are events
// in the syntax of package trace and go in; the commands and the state that come
// out are compared with the lines below. "= Rollback=false" changes a setting or
// the durable state before the first event.
func TestScenarios(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			t.Parallel()
			script, err := os.ReadFile(path)
			require.NoError(t, err)
			got := replay(t, string(script))
			if *update {
				require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
				return
			}
			compare(t, string(script), got)
		})
	}
}

// compare shows the first line that differs and what led to it.
func compare(t *testing.T, want, got string) {
	t.Helper()
	is := strings.Split(got, "\n")
	for i, line := range strings.Split(want, "\n") {
		if i >= len(is) || is[i] != line {
			require.Failf(t, "not as written; run with -update and read the difference", "%s\n- %s\n+ %s",
				strings.Join(is[max(0, i-8):min(i, len(is))], "\n"), line, is[min(i, len(is)-1)])
		}
	}
	require.Len(t, got, len(want), "there is more to come out")
}

// fresh is the state of a first start with the defaults of the configuration.
func fresh() core.State {
	return core.State{
		Durable: core.Durable{UID: "u1"},
		Settings: core.Settings{
			AcceptsConfig: true, Rollback: true, ApplyTimeout: 5 * time.Second, Probation: 30 * time.Second,
			RestartDelay: time.Second, RestartMax: time.Minute, RestartReset: time.Minute,
		},
	}
}

func replay(t *testing.T, script string) string {
	t.Helper()
	s := fresh()
	var b strings.Builder
	for line := range strings.Lines(script) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "#"):
			fmt.Fprintln(&b, line)
		case strings.HasPrefix(line, "="):
			fmt.Fprintln(&b, line)
			require.NoError(t, trace.Assign(&s, strings.TrimSpace(line[1:])))
		case strings.HasPrefix(line, ">"):
			ev, err := trace.Parse(line[1:])
			require.NoError(t, err, line)
			var cmds []core.Command
			s, cmds = core.Step(s, ev)
			fmt.Fprintln(&b, line)
			write(&b, s, cmds)
		}
	}
	return b.String()
}

func write(b *strings.Builder, s core.State, cmds []core.Command) {
	for _, c := range cmds {
		if p, ok := c.(core.Publish); ok {
			publish(b, p.Report)
			continue
		}
		fmt.Fprintf(b, "    %s\n", trace.Line(c))
	}
	fmt.Fprintf(b, "  agent=%s run=%d config=%q | stage=%s active=%q good=%q status=%s:%s\n",
		s.Agent.Phase, s.Agent.Run, s.Agent.Config,
		s.Rollout.Stage, s.Rollout.Active, s.Rollout.Good.Hash, s.Status.Hash, s.Status.Code)
}

// publish writes what matters of a report.
func publish(b *strings.Builder, r core.Report) {
	h := r.Health
	fmt.Fprintf(b, "    Publish healthy=%v %s since=%d %.60q", h.Healthy, h.Status, h.StartedAt, h.LastError)
	for _, f := range []struct{ name, value string }{
		{"problem", r.Problem},
		{"storage", r.Storage},
		{"effective", r.Effective},
		{"components", r.Components},
		{"custom", r.Custom},
		{"version", r.Version},
		{"phase", r.Package.Phase},
		{"why", r.Package.Message},
	} {
		if f.value != "" {
			fmt.Fprintf(b, " %s=%.40q", f.name, f.value)
		}
	}
	if p := r.Package; p.Code != core.PackageNone {
		fmt.Fprintf(b, " package=%s:%s has=%s", p.Offer.Version, p.Code, p.Has.Version)
	}
	if r.UID != "u1" {
		fmt.Fprintf(b, " uid=%s", r.UID)
	}
	b.WriteString("\n")
}
