//go:build linux

package e2e

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/uuid"
	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"opampd/supervisor/internal/testkit"
)

// corrupt lists what was put aside in the storage directory.
func (d *daemon) corrupt() []string {
	files, _ := filepath.Glob(d.path("state", "*.corrupt-*"))
	blobs, _ := filepath.Glob(d.path("state", "blobs", "*.corrupt-*"))
	return append(files, blobs...)
}

func TestAFileThatGotLostIsSurvived(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]func([]byte) []byte{"torn": torn, "empty": empty, "foreign": foreign, "missing": missing} {
		for _, file := range []string{"state.json", "ledger.jsonl", "blobs/*", "collector.json", "effective.yaml"} {
			t.Run(file+"/"+name, func(t *testing.T) {
				t.Parallel()
				h, hash := working(t, testkit.WebSocket, settings{agent: "probation: 0s"})
				sweeping(h.daemon)
				h.proven(hash)
				require.Equal(t, 0, h.stop())
				h.spoil(file, how)
				h.back()
				if file == "blobs/*" { // that was all there was of it: the server is led to offer it again
					h.server.WaitStatus(t, hash, applied)
				}
				h.serving()
				h.alone()
				kept := h.corrupt()
				if name == "missing" || file == "effective.yaml" || file == "ledger.jsonl" && name != "foreign" {
					assert.Empty(t, kept) // written anew each time, or as a crash leaves it
				} else {
					assert.Len(t, kept, 1)
				}
			})
		}
	}
}

// spoil damages the files of a pattern.
func (d *daemon) spoil(pattern string, how func([]byte) []byte) {
	d.tb.Helper()
	paths, err := filepath.Glob(d.path("state", pattern))
	require.NoError(d.tb, err)
	require.NotEmpty(d.tb, paths)
	for _, path := range paths {
		damage(d.tb, path, how)
	}
}

func TestAnAdoptedCollectorSurvivesTheLossOfEverythingElse(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"state.json", "ledger.jsonl", "collector.json"} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			h, hash := working(t, testkit.WebSocket, settings{agent: "probation: 0s"})
			sweeping(h.daemon)
			h.proven(hash)
			h.crash()
			h.spoil(file, foreign)
			h.back()
			h.server.WaitStatus(t, hash, applied)
			h.serving()
			h.alone()
		})
	}
}

// installed is a host on which opampd was never started, with a configuration waiting
// for it at the server.
func installed(tb testing.TB, s settings, opts ...testkit.Option) (*host, []byte) {
	tb.Helper()
	programs(tb)
	server := testkit.NewServer(tb, opts...)
	if s.endpoint == "" {
		s.endpoint = server.WebSocketURL()
	}
	h := &host{server: server, sink: testkit.NewOTLPSink(tb), addr: testkit.FreePort(tb)}
	hash := server.Offer(pipeline(h.addr, h.sink.URL(), "first"))
	h.daemon = prepare(tb, s)
	require.NoError(tb, os.Mkdir(h.path("state"), 0o700))
	return h, hash
}

func TestTheStateOfTheReferenceSupervisorIsTakenOver(t *testing.T) {
	t.Parallel()
	h, _ := installed(t, settings{})
	sweeping(h.daemon)
	h.server.Stop()
	uid := uuid.Must(uuid.NewV7())
	hash := []byte("the server's own name for it")
	files := map[string]*protobufs.AgentConfigFile{}
	for name, body := range pipeline(h.addr, h.sink.URL(), "imported") {
		files[name] = &protobufs.AgentConfigFile{Body: []byte(body), ContentType: "text/yaml"}
	}
	body, err := proto.Marshal(&protobufs.AgentRemoteConfig{Config: &protobufs.AgentConfigMap{ConfigMap: files}, ConfigHash: hash})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(h.path("state", "last_recv_remote_config.dat"), body, 0o600))
	require.NoError(t, os.WriteFile(h.path("state", "persistent_state.yaml"), fmt.Appendf(nil,
		"instance_id: %s\nlast_remote_config_status:\n  status: 1\n  last_remote_config_hash: %s\n", uid, hex.EncodeToString(hash)), 0o600))
	h.start()
	h.serving()
	h.server.Start(t)
	h.server.Withdraw()
	h.server.WaitStatus(t, hash, applied)
	h.server.WaitHealthy(t, true)
	assert.Equal(t, uid[:], h.server.State().GetInstanceUid())
	h.serving()
	h.alone()
}

// mount puts a file system on the storage directory, for root only.
func (d *daemon) mount(options string) {
	d.tb.Helper()
	dir := d.path("state")
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options+",mode=0700"); err != nil {
		d.tb.Skipf("mounting is not permitted here: %v", err)
	}
	d.tb.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
}

// seal makes the storage directory read-only, also when somebody has a file in it open.
func (d *daemon) seal() {
	d.tb.Helper()
	dir := d.path("state")
	require.NoError(d.tb, syscall.Mount(dir, dir, "", syscall.MS_BIND, ""))
	d.tb.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	require.NoError(d.tb, syscall.Mount("", dir, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
}

// fill writes a file until there is no space left.
func (d *daemon) fill() {
	d.tb.Helper()
	f, err := os.OpenFile(d.path("state", "filler"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	require.NoError(d.tb, err)
	for size := 64 << 10; size > 0; {
		if _, err = f.Write(make([]byte, size)); err != nil {
			require.ErrorIs(d.tb, err, syscall.ENOSPC)
			size /= 2
		}
	}
	require.NoError(d.tb, f.Close())
}

// storage returns what health says of the storage directory.
func storage(m *protobufs.AgentToServer) string {
	return m.GetHealth().GetComponentHealthMap()["opampd"].GetComponentHealthMap()["storage"].GetLastError()
}

func TestADirectoryThatCannotBeWrittenIsNoReasonToBeWithoutTelemetry(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(d *daemon)
		words string
	}{
		"read-only": {(*daemon).seal, "read-only file system"},
		"full":      {(*daemon).fill, "no space left on device"},
	} {
		t.Run(name+" from the beginning", func(t *testing.T) {
			t.Parallel()
			h, hash := installed(t, settings{})
			h.mount("size=64k")
			c.spoil(h.daemon)
			sweeping(h.daemon)
			h.start()
			h.tells(c.words)
			h.server.WaitStatus(t, hash, applied)
			h.serving()
			require.Equal(t, 0, h.stop())
		})
		t.Run(name+" after a crash", func(t *testing.T) {
			t.Parallel()
			h, hash := installed(t, settings{agent: "probation: 0s"})
			h.mount("size=512k")
			sweeping(h.daemon)
			h.start()
			h.server.WaitStatus(t, hash, applied)
			h.proven(hash)
			h.serving()
			pid, uid := h.collector(), h.server.State().GetInstanceUid()
			h.crash()
			c.spoil(h.daemon)
			h.server.Withdraw()
			h.server.Mark()
			h.start()
			h.tells(c.words)
			h.server.WaitHealthy(t, true)
			h.serving()
			assert.Equal(t, uid, h.server.State().GetInstanceUid())
			assert.Equal(t, []int{pid}, h.collectors())
			require.Equal(t, 0, h.stop())
			assert.Empty(t, h.collectors())
		})
	}
}

// tells waits until health speaks of the storage directory.
func (h *host) tells(words string) {
	h.tb.Helper()
	h.server.WaitFor(h.tb, "storage: "+words, patience, func(m *protobufs.AgentToServer) bool {
		return strings.Contains(storage(m), words)
	})
}

func TestADiskThatFillsUpWhileOpampdRunsFailsOffersAndNothingElse(t *testing.T) {
	t.Parallel()
	h, hash := installed(t, settings{}, testkit.Except(testkit.ApplyingFirst)) // what cannot be kept is not begun with
	h.mount("size=512k")
	sweeping(h.daemon)
	h.start()
	h.server.WaitStatus(t, hash, applied)
	h.serving()
	load := testkit.Load(t, h.url(), 100)
	load.WaitAcknowledged(t, 10, patience)
	h.fill()
	refused := h.server.Offer(pipeline(h.addr, h.sink.URL(), "no room"))
	status := h.server.WaitStatus(t, refused, failed)
	assert.Contains(t, status.GetErrorMessage(), "no space left on device")
	load.WaitAcknowledged(t, 10, patience)
	assert.Empty(t, load.Stop().Failures(), "telemetry goes on")
	require.NoError(t, os.Remove(h.path("state", "filler")))
	again := h.server.Offer(pipeline(h.addr, h.sink.URL(), "room again"))
	h.server.WaitStatus(t, again, applied)
	h.serving()
	h.alone()
	h.server.WaitFor(t, "no complaint of the storage", patience, func(m *protobufs.AgentToServer) bool {
		return m.GetHealth().GetHealthy() && storage(m) == ""
	})
	assert.Equal(t, 0, h.stop())
}
