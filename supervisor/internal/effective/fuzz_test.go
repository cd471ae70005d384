package effective

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

func FuzzRender(f *testing.F) {
	for _, s := range samples() {
		f.Add(s, "service: {extensions: [a]}")
	}
	goldens, _ := filepath.Glob("testdata/*/want.yaml")
	for _, path := range goldens {
		if body, err := os.ReadFile(path); err == nil {
			f.Add("a: b", string(body))
		}
	}
	f.Fuzz(func(t *testing.T, low, high string) {
		assertReadsAsTheCollector(t, low)
		assertRoundTrip(t, low)
		in := remote(low, high)
		out, err := Render(in)
		if err != nil {
			var fault *ContentError
			require.ErrorAs(t, err, &fault)
			require.NotEmpty(t, fault.Layer)
			return
		}
		merged := map[string]any{}
		require.NoError(t, yaml.Unmarshal(out.YAML, &merged))
		require.Equal(t, out.Hash, marker(merged))
		again, err := Render(in)
		require.NoError(t, err)
		require.Equal(t, out, again)
		reread, err := Render(remote(string(out.YAML)))
		require.NoError(t, err)
		require.Equal(t, out.Hash, reread.Hash, "%s", out.YAML)
	})
}

// assertReadsAsTheCollector compares our reading with the library's for documents that both accept and in which no key is a path.
func assertReadsAsTheCollector(t *testing.T, body string) {
	t.Helper()
	var p parser
	got, _, err := p.parse([]byte(body))
	var want map[string]any
	if err != nil || strings.Contains(body, "::") || strings.Contains(body, "~") || strings.Contains(body, "<<") || yaml.Unmarshal([]byte(body), &want) != nil {
		return
	}
	var asAny any
	if yaml.Unmarshal([]byte(body), &asAny) != nil {
		return
	}
	if _, textKeys := asAny.(map[string]any); textKeys {
		require.True(t, same(orEmpty(want), normal(got)), "%q: library %v, ours %v", body, want, got)
	}
}

func FuzzRedact(f *testing.F) {
	const secret = "zQ7-environment-secret"
	for _, s := range samples() {
		f.Add(s, "a")
	}
	f.Add("a: {b: '${env:X}', headers: {c: d}, list: ['${env:Y}', {e: '${f}'}]}", "my_")
	f.Fuzz(func(t *testing.T, rendered, prefix string) {
		var p parser
		ours, _, err := p.parse([]byte(rendered))
		if err != nil || strings.Contains(rendered, secret) || strings.Contains(prefix, secret) {
			_, _ = Redact([]byte(rendered), []byte(prefix))
			return
		}
		theirs, _ := fillIn(ours, secret).(map[string]any)
		for i, key := range []string{"password", "token", "api_key", "clientSecret", "authorization", "cookie", "private-key"} {
			theirs[fmt.Sprintf("planted%d", i)] = map[string]any{prefix + "_" + key: secret, "headers": map[string]any{prefix: secret}, "url": "amqp://u:" + secret + "@h"}
		}
		reported := encode(theirs)
		require.NoError(t, err)
		out, err := Redact(reported, []byte(rendered))
		if err != nil {
			return
		}
		require.NotContains(t, string(out), secret)
		var q parser
		_, _, err = q.parse(out)
		require.NoError(t, err, "%s", out)
	})
}

// fillIn does what the Collector does to references: the secret takes their place.
func fillIn(value any, secret string) any {
	switch v := value.(type) {
	case map[string]any:
		m := map[string]any{}
		for key, item := range v {
			m[key] = fillIn(item, secret)
		}
		return m
	case []any:
		l := make([]any, 0, len(v))
		for _, item := range v {
			l = append(l, fillIn(item, secret))
		}
		return l
	case string:
		if strings.Contains(v, "${") {
			return "before " + secret + " after"
		}
	}
	return value
}

// tenMegabytes is a configuration of some 10 MB as a generator would write it.
func tenMegabytes() string {
	var b strings.Builder
	b.WriteString("receivers:\n")
	for i := range 55_000 {
		fmt.Fprintf(&b, "  filelog/%d:\n    include: [\"/var/log/app-%d/*.log\"]\n    start_at: end\n    attributes: {team: team-%d, source: \"${env:SOURCE}\"}\n    operators:\n      - type: regex_parser\n        regex: '^(?P<time>\\S+) (?P<msg>.*)$'\n", i, i, i%17)
	}
	return b.String()
}

func BenchmarkRenderTenMegabytes(b *testing.B) {
	body := tenMegabytes()
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Render(remote(body)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRedactTenMegabytes(b *testing.B) {
	out, err := Render(remote(tenMegabytes()))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(out.YAML)))
	for b.Loop() {
		if _, err := Redact(out.YAML, out.YAML); err != nil {
			b.Fatal(err)
		}
	}
}
