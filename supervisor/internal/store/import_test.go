package store

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"opampd/supervisor/internal/disk"
)

const oldUID = "01989f2a-8c1e-7b5e-a3a0-5d2f8a6c9e01"

func remoteConfigFixture(t *testing.T, hash string) []byte {
	t.Helper()
	body, err := proto.Marshal(&protobufs.AgentRemoteConfig{
		Config: &protobufs.AgentConfigMap{ConfigMap: map[string]*protobufs.AgentConfigFile{
			"": {Body: []byte("receivers: {}\n"), ContentType: "text/yaml"}, "b": {Body: []byte("x")},
		}},
		ConfigHash: []byte(hash),
	})
	require.NoError(t, err)
	return body
}

// oldDirectory is the storage directory of a reference supervisor.
func oldDirectory(t *testing.T) map[string][]byte {
	t.Helper()
	telemetry, err := proto.Marshal(&protobufs.ConnectionSettingsOffers{
		Hash:       []byte("tele"),
		OwnMetrics: &protobufs.TelemetryConnectionSettings{DestinationEndpoint: "https://localhost:4318"},
	})
	require.NoError(t, err)
	return map[string][]byte{
		"persistent_state.yaml": []byte("instance_id: " + oldUID + "\nlast_remote_config_status:\n  status: 3\n  last_remote_config_hash: " +
			hex.EncodeToString([]byte("recv")) + "\n  error_message: \"it: failed\"\n"),
		"last_recv_remote_config.dat":        remoteConfigFixture(t, "recv"),
		"last_working_remote_config.dat":     remoteConfigFixture(t, "work"),
		"last_recv_own_telemetry_config.dat": telemetry,
		"effective.yaml":                     []byte("old: effective\n"),
	}
}

func TestTheDirectoryOfTheReferenceSupervisorIsImportedOnce(t *testing.T) {
	t.Parallel()
	dir, old := t.TempDir(), oldDirectory(t)
	for name, body := range old {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), body, 0o600))
	}
	s := openStore(t, dir)
	got, ok, err := s.Import()
	require.NoError(t, err)
	require.True(t, ok)
	assert.Equal(t, Imported{
		InstanceUID: oldUID, Status: int(protobufs.RemoteConfigStatuses_RemoteConfigStatuses_FAILED), StatusHash: []byte("recv"), StatusMessage: "it: failed",
		RemoteConfig: old[oldRemoteName], RemoteHash: []byte("recv"),
		WorkingConfig: old[oldWorkingName], WorkingHash: []byte("work"), OwnTelemetry: old[oldTelemetryName],
	}, got)
	assert.Empty(t, s.Incidents())
	for name, body := range old {
		now, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		assert.Equal(t, body, now, "the old files are only read")
	}

	require.NoError(t, s.SaveState("ours"))
	_, ok, err = s.Import()
	require.NoError(t, err)
	assert.False(t, ok, "once")
}

func TestWithoutAnOldStateNothingIsImported(t *testing.T) {
	t.Parallel()
	old := oldDirectory(t)
	delete(old, oldStateName)
	_, ok, err := newStore(disk.Memory(old), "", Options{}).Import()
	require.NoError(t, err)
	assert.False(t, ok)
}

func TestEveryOldFileIsOptionalOrDamagedWithoutHarmToTheOthers(t *testing.T) {
	t.Parallel()
	for _, name := range importNames() {
		for what, damage := range map[string]func([]byte) []byte{
			"empty (W13)": func([]byte) []byte { return []byte{} },
			"torn":        func(b []byte) []byte { return b[:20] }, // in the middle of the uid, or of a field
			"zeros":       func(b []byte) []byte { return make([]byte, len(b)) },
			"foreign":     func([]byte) []byte { return []byte("%PDF\xff\xff") },
			"missing":     func([]byte) []byte { return nil },
		} {
			if name == oldStateName && what == "missing" {
				continue // see TestWithoutAnOldStateNothingIsImported
			}
			t.Run(what+" "+name, func(t *testing.T) {
				t.Parallel()
				old := oldDirectory(t)
				if old[name] = damage(old[name]); what == "missing" {
					delete(old, name)
				}
				s := newStore(disk.Memory(old), "", Options{})
				got, ok, err := s.Import()
				require.NoError(t, err)
				assert.True(t, ok)
				assert.Equal(t, name != oldStateName, got.InstanceUID == oldUID)
				assert.Equal(t, name != oldRemoteName, string(got.RemoteHash) == "recv")
				assert.Equal(t, name != oldRemoteName, got.RemoteConfig != nil)
				assert.Equal(t, name != oldWorkingName, got.WorkingConfig != nil)
				assert.Equal(t, name != oldTelemetryName, got.OwnTelemetry != nil)
				if what != "missing" {
					incidents := s.Incidents()
					require.Len(t, incidents, 1)
					assert.Equal(t, name, incidents[0].File)
					assert.Empty(t, incidents[0].MovedTo, "left where it is")
				}
			})
		}
	}
}

func TestARemoteConfigurationCutAnywhereIsNotImported(t *testing.T) {
	t.Parallel()
	whole := remoteConfigFixture(t, "hash")
	for n := range whole {
		_, _, err := remoteConfig(whole[:n])
		assert.Error(t, err, "cut after %d of %d bytes", n, len(whole))
	}
}

func TestAStatusSurvivesWithoutAnInstanceUID(t *testing.T) {
	t.Parallel()
	s := newStore(disk.Memory{oldStateName: []byte("instance_id: 0198\nlast_remote_config_status: {status: 1, last_remote_config_hash: \"6162\"}\n")}, "", Options{})
	got, ok, err := s.Import()
	require.NoError(t, err)
	assert.True(t, ok)
	assert.Empty(t, got.InstanceUID)
	assert.Equal(t, "ab", string(got.StatusHash))
	require.Len(t, s.Incidents(), 1)
}

func FuzzImport(f *testing.F) {
	f.Add([]byte("instance_id: "+oldUID), []byte("\x0a\x00\x12\x01x"))
	f.Add([]byte("a: &a [*a]"), []byte{0x0b})
	f.Add([]byte(strings.Repeat("[", 100)), []byte{0xff})
	f.Fuzz(func(t *testing.T, state, config []byte) {
		s := newStore(disk.Memory{oldStateName: state, oldRemoteName: config, oldTelemetryName: config}, "", Options{})
		got, ok, err := s.Import()
		require.NoError(t, err)
		require.True(t, ok)
		assert.Equal(t, got.RemoteConfig != nil, len(got.RemoteHash) > 0)
	})
}
