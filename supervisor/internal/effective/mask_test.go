package effective

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMaskerPutsReferencesBackForTheirValues(t *testing.T) {
	t.Parallel()
	rendered := []byte("a: ${env:TOKEN}\nb: ${KEY:-none}\nc: ${env:PORT}\nd: ${env:LONG}\ne: ${file:/x}\n")
	environ := []string{"TOKEN=hush-1234", "KEY=two\nlines \"quoted\"", "PORT=4318", "LONG=hush-1234-and-more", "OTHER=unrelated", "BARE"}
	mask := Masker(rendered, environ)
	for said, want := range map[string]string{
		"dial hush-1234: refused":           "dial ${env:TOKEN}: refused",
		"hush-1234-and-more, hush-1234":     "${env:LONG}, ${env:TOKEN}",
		`parse "two\nlines \"quoted\""`:     `parse "${env:KEY}"`,
		"two\nlines \"quoted\" hush-1234":   "${env:KEY} ${env:TOKEN}",
		"listen on 4318, unrelated, normal": "listen on 4318, unrelated, normal",
		"":                                  "",
	} {
		assert.Equal(t, want, mask.Replace(said))
	}
}

func TestMaskerPutsReferencesBackForWhatIsInFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"token": "hush-1234\n", "quoted": "'hush-5678'", "more": "key: hush-in-a-section\nlist: [4317, hush-in-a-list]\n",
		"chain": "${file:" + dir + "/token} ${env:INNER}", "key": "-----BEGIN-----\nabcdef\n-----END-----\n",
		"large": "hush-large" + strings.Repeat(" ", maxMaskedFile),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	at := func(name string) string { return "${file:" + filepath.Join(dir, name) + "}" }
	rendered := "a: x${file:${env:DIR}/token}y\nb: " + at("quoted") + "\nc: [" + at("more") + ", " + at("chain") + "]\n" +
		"d: " + at("key") + " ${file:/dev/zero} " + at("large") + " " + at("missing") + " ${file:/proc/kmsg} ${file:}\n"
	mask := Masker([]byte(rendered), []string{"DIR=" + dir, "INNER=hush-inner"})
	for said, want := range map[string]string{
		"dial xhush-1234y: refused":                "dial x${file:${env:DIR}/token}y: refused",
		"hush-5678, key: 4317":                     at("quoted") + ", key: 4317",
		"hush-in-a-section":                        at("more"),
		"hush-in-a-list":                           at("more"),
		"hush-inner":                               "${env:INNER}",
		`"-----BEGIN-----\nabcdef\n-----END-----"`: `"` + at("key") + `"`,
		"hush-large":                               "hush-large",
	} {
		assert.Equal(t, want, mask.Replace(said))
	}
}

func TestMaskerOfNothingChangesNothing(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "as it was", Masker(nil, nil).Replace("as it was"))
}
