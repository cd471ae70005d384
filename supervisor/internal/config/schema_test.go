package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// examples are values for keys that do not take just anything, or not without their neighbours.
func examples() map[string]string {
	const identities = "agent.package.verifier.cosign.identities"
	return map[string]string{
		"server.endpoint":            "ws://localhost:4320",
		"healthcheck.endpoint":       "localhost:1",
		"agent.instance_id":          "018f8a3a-7c3c-7bb0-9b0d-0d9a3f1f2a11",
		"packages.key_list":          "/etc/opampd/keys.json",
		"packages.revocations":       "/etc/opampd/revoked.json",
		"packages.sigstore_verifier": "/usr/bin/opampd-sigstore",
		"packages.mirrors":           "[https://mirror.example.com]",
		"packages.trust[].kind":      "key, file: /a",
		"packages.trust[].file":      "/a, kind: key",
		"packages.trust[].id":        "a, kind: key, file: /a",
		"agent.package.verifier.cosign.github_workflow_repository": "acme/otelcol",

		identities:                      "[{issuer: a, subject: b}]",
		identities + "[].issuer":        "a, subject: b",
		identities + "[].issuer_regex":  "^a, subject: b",
		identities + "[].subject":       "a, issuer: b",
		identities + "[].subject_regex": "^a, issuer: b",
	}
}

// example returns a value that the key takes and that asks for something.
func example(key Key) string {
	if text, ok := examples()[key.Path]; ok {
		return text
	}
	switch {
	case len(key.Allowed) > 0:
		return key.Allowed[len(key.Allowed)-1]
	case strings.HasSuffix(key.Path, "cipher_suites"):
		return "[TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]"
	case strings.HasSuffix(key.Path, "curve_preferences"):
		return "[P256]"
	case strings.Contains(key.Path, ".tls.") && key.Type == String:
		return `""` // files come in pairs
	}
	return map[Type]string{
		String: "text", Bool: "true", Int: "7", Duration: "30s", Milliseconds: "1500", Size: "1MiB", Strings: "[text]",
		Expression: "^a$", StringMap: "{a: b}", HeaderMap: "{a: b}", Attributes: "{a: b}", Sections: "[]", Any: "{a: b}",
	}[key.Type]
}

// document writes one key as YAML.
func document(path, text string) string {
	text = strings.ReplaceAll(path, ".", ": {") + ": " + text + strings.Repeat("}", strings.Count(path, "."))
	for strings.Contains(text, "[]: {") { // the elements of a list: a[].b becomes a: [{b
		before, after, _ := strings.Cut(text, "[]: {")
		text = before + ": [{" + after[:len(after)-1-strings.Count(before, "{")] + "}]" + after[len(after)-strings.Count(before, "{"):]
	}
	return text
}

func TestEveryKeyIsAcceptedAlone(t *testing.T) {
	t.Parallel()
	for _, key := range Keys() {
		t.Run(key.Path, func(t *testing.T) {
			t.Parallel()
			o := write(t, document(key.Path, example(key)))
			delete(o.Flags, key.Path)
			_, err := Load(o)
			if err != nil && strings.Contains(key.Path, ".tls.") {
				require.ErrorContains(t, err, "cannot be greater")
				return
			}
			require.NoError(t, err)
		})
	}
}

func TestEveryKeyThatIsNotBuiltWarnsAndOthersDoNot(t *testing.T) {
	t.Parallel()
	for _, key := range Keys() {
		if strings.Contains(key.Path, "[]") || strings.Contains(key.Path, ".tls.") {
			continue
		}
		o := write(t, document(key.Path, example(key)))
		l, err := Load(o)
		require.NoError(t, err, key.Path)
		var warned bool
		for _, w := range l.Warnings {
			warned = warned || w.Key == key.Path && strings.Contains(w.Message, "not built in this version")
		}
		assert.Equal(t, key.Status == Accepted, warned, key.Path)
	}
}

func TestDefaultsHaveTheTypesOfTheirKeys(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, key := range Keys() {
		assert.False(t, seen[key.Path], "%s is there twice", key.Path)
		seen[key.Path] = true
		assert.NotEmpty(t, key.Meaning, key.Path)
		switch key.Default.(type) {
		case bool:
			assert.Equal(t, Bool, key.Type, key.Path)
		case int:
			assert.Equal(t, Int, key.Type, key.Path)
		case int64:
			assert.Equal(t, Size, key.Type, key.Path)
		case time.Duration:
			assert.Equal(t, Duration, key.Type, key.Path)
		case string:
			assert.Equal(t, String, key.Type, key.Path)
		}
	}
}

func TestUnknownKeysInListsAreWarnings(t *testing.T) {
	t.Parallel()
	o := write(t, "telemetry: {traces: {processors: [{batch: {exporter: {console: {}}, quick: true}}]}}")
	var got []string
	for _, w := range accepted(t, o).Warnings {
		got = append(got, w.Key)
	}
	assert.ElementsMatch(t, []string{
		"telemetry.traces.processors[0].batch.exporter.console", "telemetry.traces.processors[0].batch.quick",
		"telemetry.traces.processors[0].batch",
	}, got)
}

func TestAFileOfUnknownKeysIsRefusedWithoutLongSearches(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&b, "unknown_key_number_%d: 1\n", i)
	}
	b.WriteString(strings.Repeat("x", 1000) + ": 1\n")
	assert.Len(t, refused(t, write(t, b.String())), 10_001)
}

func TestEditDistance(t *testing.T) {
	t.Parallel()
	for pair, want := range map[[2]string]int{
		{"", ""}: 0, {"", "abc"}: 3, {"abc", ""}: 3, {"kitten", "sitting"}: 3, {"executabel", "executable"}: 2, {"a", "a"}: 0,
	} {
		assert.Equal(t, want, editDistance(pair[0], pair[1]), pair)
	}
}

func FuzzLoadNeverPanics(f *testing.F) {
	paths, err := filepath.Glob("testdata/*.yaml")
	require.NoError(f, err)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(f, err)
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		o := write(t, text)
		o.Environ = environ()
		l, err := Load(o)
		if err != nil {
			var all *Error
			require.ErrorAs(t, err, &all)
			require.NotEmpty(t, all.Problems)
			return
		}
		require.NoError(t, l.Print(&strings.Builder{}))
	})
}
