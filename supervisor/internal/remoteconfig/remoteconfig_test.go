package remoteconfig_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/remoteconfig"
)

func TestSameFilesAreTheSameBytesInWhateverOrder(t *testing.T) {
	t.Parallel()
	a, b := remoteconfig.File{Name: "a", Body: []byte("1")}, remoteconfig.File{Type: "text/yaml", Body: []byte{0xff, 0}}
	given := []remoteconfig.File{a, b}
	one, err := remoteconfig.Encode(given)
	require.NoError(t, err)
	other, err := remoteconfig.Encode([]remoteconfig.File{b, a})
	require.NoError(t, err)
	assert.Equal(t, one, other)
	assert.Equal(t, []remoteconfig.File{a, b}, given, "what was given is left alone")

	files, err := remoteconfig.Decode(one)
	require.NoError(t, err)
	assert.Equal(t, []remoteconfig.File{b, a}, files)
}

func TestNoFilesAreNoFiles(t *testing.T) {
	t.Parallel()
	body, err := remoteconfig.Encode(nil)
	require.NoError(t, err)
	files, err := remoteconfig.Decode(body)
	require.NoError(t, err)
	assert.Empty(t, files)
}

func TestDamagedBodyIsAnError(t *testing.T) {
	t.Parallel()
	_, err := remoteconfig.Decode([]byte("[{"))
	assert.ErrorContains(t, err, "decode the stored remote configuration")
}
