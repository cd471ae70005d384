//go:build linux

package e2e

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/testkit"
)

// back starts opampd again and waits until it has said how the Collector is.
func (h *host) back() {
	h.tb.Helper()
	h.server.Mark()
	h.start()
	h.server.WaitHealthy(h.tb, true)
}

func TestNoTelemetryIsLostWhileOpampdIsDeadAndTheSameCollectorRunsOn(t *testing.T) {
	t.Parallel()
	everyWay(t, func(t *testing.T, tr testkit.Transport, reload string) {
		h, _ := working(t, tr, settings{agent: reload})
		sweeping(h.daemon)
		h.serving()
		pid := h.collector()
		load := testkit.Load(t, h.url(), 100)
		load.WaitAcknowledged(t, 10, patience)
		h.crash()
		load.WaitAcknowledged(t, 20, patience)
		h.often(tr)
		h.back()
		load.WaitAcknowledged(t, 20, patience)
		report := load.Stop()
		assert.Empty(t, report.Failures(), "nobody noticed")
		assert.Empty(t, h.sink.Missing(report.Acknowledged(), patience))
		assert.Equal(t, pid, h.collector())
		h.alone()
		hash := h.server.Offer(pipeline(h.addr, h.sink.URL(), "second")) // and it is led as before
		h.server.WaitStatus(t, hash, applied)
		h.serving()
		h.alone()
		assert.Equal(t, 0, h.stop())
		assert.Empty(t, h.collectors())
	})
}

func TestTheEndOfAnAdoptedCollectorIsNoticed(t *testing.T) {
	t.Parallel()
	h, hash := working(t, testkit.WebSocket, settings{agent: brisk})
	sweeping(h.daemon)
	h.proven(hash)
	h.crash()
	h.back()
	h.dies(syscall.SIGKILL)
	h.said("started by an earlier run", 1)
}

func TestACollectorThatDiedBesideADeadOpampdIsReplaced(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(h *host){
		"Collector after opampd": func(h *host) {
			h.crash()
			kill(h.tb, h.collector(), syscall.SIGKILL)
		},
		"both at once": func(h *host) {
			pid := h.collector()
			h.signal(syscall.SIGSTOP) // it must not see that the Collector dies
			kill(h.tb, pid, syscall.SIGKILL)
			h.crash()
		},
		"reboot": func(h *host) {
			h.crash()
			kill(h.tb, h.collector(), syscall.SIGKILL)
			h.rewrite("run.json", func(run map[string]any) {
				process, _ := run["process"].(map[string]any)
				process["boot_id"] = "00000000-0000-4000-8000-000000000000"
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, _ := working(t, testkit.WebSocket, settings{})
			sweeping(h.daemon)
			pid := h.collector()
			end(h)
			exit(t, pid)
			h.back()
			h.serving()
			assert.NotEqual(t, pid, h.collector())
			h.alone()
			assert.Equal(t, applied, h.server.State().GetRemoteConfigStatus().GetStatus(), "nobody knows why it died: no fault of the configuration")
		})
	}
}

func TestARecordOfAnotherProcessHarmsNobody(t *testing.T) {
	t.Parallel()
	h, _ := working(t, testkit.WebSocket, settings{})
	sweeping(h.daemon)
	h.crash()
	kill(t, h.collector(), syscall.SIGKILL)
	stranger := exec.Command("/bin/sleep", "600")
	require.NoError(t, stranger.Start())
	t.Cleanup(func() { _ = stranger.Process.Kill(); _ = stranger.Wait() })
	h.rewrite("run.json", func(run map[string]any) {
		process, _ := run["process"].(map[string]any)
		process["pid"] = stranger.Process.Pid
	})
	h.back()
	h.serving()
	assert.True(t, alive(stranger.Process.Pid))
	assert.NotEqual(t, stranger.Process.Pid, h.collector())
	assert.Equal(t, 0, h.stop())
	assert.True(t, alive(stranger.Process.Pid))
}

// Each of these leaves a Collector running that the next opampd must not keep, and
// must not run beside.
func TestACollectorThatCannotBeKeptIsStoppedFirst(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(h *host){
		"opampd died before it knew the pid": func(h *host) {
			h.rewrite("run.json", func(run map[string]any) { run["process"] = map[string]any{} })
		},
		"the port of the local link is taken": func(h *host) {
			link, err := url.Parse(h.field("run.json", "link"))
			require.NoError(h.tb, err)
			l, err := net.Listen("tcp", link.Host)
			require.NoError(h.tb, err)
			h.tb.Cleanup(func() { _ = l.Close() })
		},
		"agent.args changed": func(h *host) {
			h.change(settings{agent: `args: ["--set=service.telemetry.logs.level=debug"]`})
		},
		"agent.env changed": func(h *host) {
			h.change(settings{agent: `env: {A: b}`})
		},
		"run.json is torn": func(h *host) { damage(h.tb, h.path("state", "run.json"), torn) },
		"run.json is gone": func(h *host) { damage(h.tb, h.path("state", "run.json"), missing) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, hash := working(t, testkit.WebSocket, settings{})
			sweeping(h.daemon)
			h.serving()
			pid := h.collector()
			h.crash()
			change(h)
			h.back()
			exit(t, pid)
			h.serving()
			assert.NotEqual(t, pid, h.collector())
			h.alone()
			assert.Equal(t, applied, h.server.State().GetRemoteConfigStatus().GetStatus())
			h.server.WaitStatus(t, hash, applied)
		})
	}
}

// at waits for an instant that no event marks: the one place where time is the stimulus.
func at(after time.Duration) { <-time.After(after) }

func TestOpampdKilledAtAnyInstantOfAChangeFinishesItLater(t *testing.T) {
	t.Parallel()
	for chain := range 3 {
		t.Run(fmt.Sprint(chain), func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			random := rand.New(rand.NewPCG(seed, 0))
			h, _ := working(t, testkit.WebSocket, settings{agent: []string{"reload: auto", "reload: restart", "reload: hup"}[chain]},
				testkit.Except(testkit.ApplyingFirst)) // it may die before it could say so
			sweeping(h.daemon)
			busy := taken(t)
			for n := range 10 {
				addr, verdict := h.addr, applied
				if n%3 == 2 {
					addr, verdict = busy, failed
				}
				hash := h.server.Offer(pipeline(addr, h.sink.URL(), fmt.Sprintf("change %d", n)))
				at(time.Duration(random.IntN(120)) * time.Millisecond)
				h.crash()
				h.back()
				h.server.WaitStatus(t, hash, verdict)
				h.serving()
				h.alone()
			}
			assert.Equal(t, 0, h.stop())
			assert.Empty(t, h.collectors())
		})
	}
}

func TestOpampdKilledAtAnyInstantOfItsStartComesUpLater(t *testing.T) {
	t.Parallel()
	for name, down := range map[string]func(h *host){
		"with the Collector alive": func(h *host) { h.crash() },
		"with nothing running":     func(h *host) { h.stop() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			random := rand.New(rand.NewPCG(seed, 0))
			h, _ := working(t, testkit.WebSocket, settings{})
			sweeping(h.daemon)
			for range 5 {
				down(h)
				for range 3 {
					h.start()
					at(time.Duration(random.IntN(120)) * time.Millisecond)
					h.crash()
				}
				h.back()
				h.serving()
				h.alone()
			}
		})
	}
}

func TestOpampdKilledWhileTheCollectorRestartsFinishesThatLater(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	h, hash := working(t, testkit.WebSocket, settings{agent: brisk})
	sweeping(h.daemon)
	h.proven(hash)
	for range 8 {
		kill(t, h.collector(), syscall.SIGKILL)
		at(time.Duration(random.IntN(60)) * time.Millisecond)
		h.crash()
		h.back()
		h.serving()
		h.alone()
	}
}

func TestACollectorBehindAWrapperIsAdopted(t *testing.T) {
	t.Parallel()
	h, _ := working(t, testkit.WebSocket, settings{executable: wrapper(t, "")})
	sweeping(h.daemon)
	h.serving()
	pid := h.collector()
	h.crash()
	h.back()
	assert.Equal(t, pid, h.collector())
	h.alone()
}

// The offer before is on probation when the next one comes, and the crash comes before
// that one has touched anything.
func TestWhatRanBeforeACrashIsWhatABadOfferIsRolledBackTo(t *testing.T) {
	t.Parallel()
	exe := wrapper(t, `case "$1" in validate) grep -q deadly "$3" && sleep 2;; *) [ -n "$config" ] && grep -q deadly "$config" && exit 1;; esac`)
	h, _ := working(t, testkit.WebSocket, settings{executable: exe, agent: "reload: restart"})
	sweeping(h.daemon)
	deadly := h.server.Offer(pipeline(h.addr, h.sink.URL(), "deadly"))
	h.server.WaitStatus(t, deadly, applying)
	h.crash()
	h.start()
	h.server.WaitStatus(t, deadly, failed)
	h.serving()
	assert.Contains(t, h.effective(), "first")
}

// The offer comes before the extension of the adopted Collector has found opampd again.
func TestABadOfferRightAfterACrashLeavesTheAdoptedCollectorAlone(t *testing.T) {
	t.Parallel()
	h, _ := working(t, testkit.WebSocket, settings{})
	sweeping(h.daemon)
	h.serving()
	pid := h.collector()
	load := testkit.Load(t, h.url(), 100)
	load.WaitAcknowledged(t, 10, patience)
	h.crash()
	bad := h.server.Offer(map[string]string{"a.yaml": "receivers: {nonsense: {}}"})
	h.back()
	h.server.WaitStatus(t, bad, failed)
	load.WaitAcknowledged(t, 10, patience)
	assert.Empty(t, load.Stop().Failures())
	assert.Equal(t, pid, h.collector())
	h.alone()
}
