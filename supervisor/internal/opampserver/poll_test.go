package opampserver

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
)

func read(t *testing.T, contentType string, body []byte) (*protobufs.AgentToServer, error) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/v1/opamp", bytes.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	return ReadPoll(r)
}

func TestAPollIsReadUnderItsMediaTypeOnly(t *testing.T) { // S-024
	t.Parallel()
	body, err := proto.Marshal(&protobufs.AgentToServer{SequenceNum: 7})
	require.NoError(t, err)
	m, err := read(t, "application/x-protobuf", body)
	require.NoError(t, err)
	assert.Equal(t, uint64(7), m.GetSequenceNum())
	_, err = read(t, "text/plain", body)
	assert.ErrorIs(t, err, ErrNotOpAMP)
}

func TestAMessageThatIsNestedForEverIsNotOpAMP(t *testing.T) {
	t.Parallel()
	health := &protobufs.ComponentHealth{}
	for range maxDepth {
		health = &protobufs.ComponentHealth{ComponentHealthMap: map[string]*protobufs.ComponentHealth{"": health}}
	}
	body, err := proto.Marshal(&protobufs.AgentToServer{Health: health})
	require.NoError(t, err)
	_, err = read(t, "application/x-protobuf", body)
	assert.ErrorIs(t, err, ErrNotOpAMP)
}

func TestARefusalSaysWhetherTheMessageWasTooLarge(t *testing.T) {
	t.Parallel()
	for err, status := range map[error]int{ErrTooLarge: http.StatusRequestEntityTooLarge, ErrNotOpAMP: http.StatusBadRequest} {
		w := httptest.NewRecorder()
		Refuse(w, err)
		assert.Equal(t, status, w.Code)
	}
}
