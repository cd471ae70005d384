package main

import (
	"os"
	"testing"

	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"opampd/supervisor/internal/core"
)

func TestStatusOfTheReferenceIsTakenOverOnlyForTheSameConfiguration(t *testing.T) {
	t.Parallel()
	received, err := proto.Marshal(&protobufs.AgentRemoteConfig{
		Config:     &protobufs.AgentConfigMap{ConfigMap: map[string]*protobufs.AgentConfigFile{"": {Body: []byte("receivers: {}")}}},
		ConfigHash: []byte{0xbb},
	})
	require.NoError(t, err)
	for reported, want := range map[string]core.Status{
		"bb":   {Hash: "bb", Code: core.StatusApplied},
		"0a0a": {Hash: "bb"},
	} {
		l, _ := loaded(t, "")
		old := "instance_id: 018f2f3e-0000-7000-8000-0000000000bb\nlast_remote_config_status: {status: 1, last_remote_config_hash: \"" + reported + "\"}\n"
		require.NoError(t, os.WriteFile(l.store.Path("persistent_state.yaml"), []byte(old), 0o600))
		require.NoError(t, os.WriteFile(l.store.Path("last_recv_remote_config.dat"), received, 0o600))
		s, err := l.state()
		require.NoError(t, err)
		assert.Equal(t, want, s.Status, reported)
	}
}
