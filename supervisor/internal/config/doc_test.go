package config

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the tables of docs/configuration.md")

const documentPath = "../../../docs/configuration.md"

// TestConfigurationDocumentHasTheTableOfKeys keeps the documentation and the code from drifting apart.
// Run it with -update after a change of the keys.
func TestConfigurationDocumentHasTheTableOfKeys(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(documentPath)
	require.NoError(t, err)
	tables := regexp.MustCompile(`(?s)<!-- keys (\S+) -->\n.*?<!-- end -->`)
	got := tables.ReplaceAllStringFunc(string(text), func(found string) string {
		name := tables.FindStringSubmatch(found)[1]
		return fmt.Sprintf("<!-- keys %s -->\n%s<!-- end -->", name, table(name))
	})
	if *update {
		require.NoError(t, os.WriteFile(documentPath, []byte(got), 0o644))
		return
	}
	assert.Equal(t, got, string(text), "run go test -run Document -update ./supervisor/internal/config")
	for _, key := range Keys() {
		if !strings.Contains(key.Path, ".exporter.otlp.") {
			assert.Contains(t, string(text), "| `"+key.Path+"`", "is in no table")
		}
	}
}

func TestTheExampleOfTheDocumentLoads(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(documentPath)
	require.NoError(t, err)
	example := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(text)
	require.NotNil(t, example)
	o := Options{Path: putFile(t, "supervisor.yaml", string(example[1])), Environ: []string{"OPAMP_TOKEN=x"}}
	c := accepted(t, o).Config
	assert.True(t, c.Capabilities.AcceptsRemoteConfig)
	assert.Equal(t, "Bearer x", c.Server.Headers.HTTP().Get("Authorization"))
}

// table renders the keys below one section; "otlp" is the exporter that several sections share.
func table(name string) string {
	keys := Keys()
	if name == "otlp" {
		keys = otlpKeys("")
	}
	var b strings.Builder
	b.WriteString("| key | type | default | meaning |\n|---|---|---|---|\n")
	for _, key := range keys {
		shared := strings.Contains(key.Path, ".exporter.otlp.")
		below := key.Path == name || strings.HasPrefix(key.Path, name+".")
		if name == "otlp" || below && !shared {
			fmt.Fprintf(&b, "| `%s`%s | %s | %s | %s |\n", strings.TrimPrefix(key.Path, ".exporter.otlp."),
				map[bool]string{true: " +"}[key.Ours], kindOf(key), defaultOf(key), meaningOf(key))
		}
	}
	return b.String()
}

func kindOf(key Key) string {
	if len(key.Allowed) > 0 {
		return "`" + strings.Join(key.Allowed, "`, `") + "`"
	}
	return string(key.Type)
}

func defaultOf(key Key) string {
	switch v := key.Default.(type) {
	case nil:
		return ""
	case int64:
		return sizeText(v)
	case time.Duration:
		return strings.TrimSuffix(v.String(), "m0s") + map[bool]string{true: "m"}[strings.HasSuffix(v.String(), "m0s")]
	case []string:
		return "`[" + strings.Join(v, ", ") + "]`"
	case []map[string]any:
		return "the releases of the OpenTelemetry project"
	default:
		return fmt.Sprintf("`%v`", v)
	}
}

func meaningOf(key Key) string {
	switch key.Status {
	case Accepted, Deprecated, Inert:
		return fmt.Sprintf("*%s*: %s", key.Status, key.Meaning)
	case Built:
	}
	return key.Meaning
}
