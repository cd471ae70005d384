package effective

import (
	"testing"

	"github.com/stretchr/testify/assert"
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

func TestMaskerOfNothingChangesNothing(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "as it was", Masker(nil, nil).Replace("as it was"))
}
