package effective

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.yaml.in/yaml/v3"
)

func TestBadContentIsRefusedInPlainWords(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"a: b\nc: [d\ne: f":                     `remote configuration file "a.yaml", line 2: not YAML: did not find expected ',' or ']'`,
		"a: b\nc: d\n e: f":                     `line 3: not YAML: mapping values are not allowed in this context`,
		"a:\n  - b\n  c: d":                     `line 2: not YAML: did not find expected '-' indicator`,
		"a: b\nc: 'd":                           `line 2: not YAML: found unexpected end of stream`,
		"a: \x00":                               `"a.yaml": not YAML: control characters are not allowed`,
		"a: b: c":                               `remote configuration file "a.yaml", line 1: not YAML: mapping values are not allowed in this context`,
		"a: *x":                                 `remote configuration file "a.yaml": not YAML: unknown anchor 'x' referenced`,
		"- a\n- b":                              `remote configuration file "a.yaml", line 1: the top level must be a mapping`,
		"just text":                             `remote configuration file "a.yaml", line 1: the top level must be a mapping`,
		"a: 1\nb: 2\na: 3":                      `remote configuration file "a.yaml", line 3: key "a" is already defined at line 1`,
		"x:\n  a: {}\n  a: {}":                  `line 3: key "a" is already defined at line 2`,
		"a::b: 1\na: {b: 2}":                    `line 1: key "a::b" is already defined in another way of writing it`,
		"a: 1\na::b: 1":                         `line 2: key "a::b" is already defined in another way of writing it`,
		"1: a\n\"1\": b":                        `line 2: key "1" is already defined at line 1`,
		"a: 1\n---\nb: 2":                       `line 2: a second YAML document starts here`,
		"a: \xff":                               `line 1: not UTF-8 text`,
		"a: b\nc: \xc3\x28":                     `line 2: not UTF-8 text`,
		"\xff\xfea\x00:\x00":                    `not UTF-8 text`,
		"? [a]\n: b":                            `line 1: a key must be a plain value`,
		"a: !!int x":                            `line 1: the value does not fit its tag !!int`,
		"a: {<<: 3}":                            `the value of "<<" must be a mapping or a list of mappings`,
		"a: &x [*x]":                            `remote configuration file "a.yaml"`,
		"extensions: [opamp]":                   `line 1: extensions must be a mapping written out here`,
		"a: b\nservice: ${file:service.yaml}":   `line 2: service must be a mapping written out here`,
		"service:\n  telemetry: x":              `line 2: service::telemetry must be a mapping`,
		"service: {telemetry: {resource: []}}":  `line 1: service::telemetry::resource must be a mapping`,
		"service:\n  extensions: '${env:LIST}'": `line 2: service::extensions must be a list written out here`,
		"a: " + strings.Repeat("[", 300) + strings.Repeat("]", 300): `nested too deeply`,
		strings.Repeat("a::", 300) + "b: 1":                         `nested too deeply`,
	} {
		_, err := Render(remote(body))
		var fault *ContentError
		if assert.ErrorAs(t, err, &fault, body) {
			assert.True(t, fault.Remote)
			assert.Contains(t, err.Error(), want, body)
		}
	}
}

func TestFaultNamesItsLayer(t *testing.T) {
	t.Parallel()
	in := Input{Extension: link(), Local: []LocalFile{{Layer: Layer{Name: "/etc/c.yaml", Body: []byte("[")}}}}
	_, err := Render(in)
	assert.ErrorContains(t, err, `configuration file "/etc/c.yaml", line 1: not YAML`)
	var fault *ContentError
	require.ErrorAs(t, err, &fault)
	assert.False(t, fault.Remote)

	in = Input{Extension: link(), Remote: []Layer{{Body: []byte("[")}}}
	_, err = Render(in)
	assert.ErrorContains(t, err, `remote configuration (the file without a name), line 1: not YAML`)
}

func TestFaultsDoNotQuoteValues(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"a: !!int s3cr3t", "a: 's3cr3t", "s3cr3t", "service: s3cr3t", "a: [s3cr3t", "a: \"s3cr3t\\q\""} {
		_, err := Render(remote(body))
		require.Error(t, err, body)
		assert.NotContains(t, err.Error(), "s3cr3t")
	}
}

// bombs are small to send and huge, deep or slow to take apart.
func bombs() map[string]string {
	laughs := "a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
	for i := 1; i < 30; i++ {
		laughs += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 9), ","))
	}
	merges := "m0: &m0 {x: 1}\n"
	for i := 1; i < 40; i++ {
		merges += fmt.Sprintf("m%d: &m%d {a: *m%d, b: *m%d}\n", i, i, i-1, i-1)
	}
	return map[string]string{
		"billion laughs":  laughs,
		"nested mappings": merges,
		"many items":      "a: [" + strings.Repeat("a,", 20<<20) + "]",
		"long key":        "? " + strings.Repeat("k", 1<<20) + "\n:\n" + manyKeys(10_000),
		"long text":       "a: &a " + strings.Repeat("k", 1<<20) + "\nb: [" + strings.Repeat("*a,", 100_000) + "]",
		"open brackets":   strings.Repeat("[", 1<<20),
		"open braces":     strings.Repeat("{a: ", 1<<20),
		"wide and deep":   "a: " + strings.Repeat("[", 9000) + strings.Repeat("a,", 1<<20),
		"dashes":          strings.Repeat("- ", 1<<20),
		"question marks":  strings.Repeat("? ", 1<<20),
		"too many bytes":  strings.Repeat("#", maxLayerBytes+1),
		"many documents":  strings.Repeat("---\n", 1<<19),
		"many part key":   "? " + strings.Repeat("a::", 1<<20) + "b\n: 1",
	}
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " k%d: 1\n", i)
	}
	return b.String()
}

func TestBombsAreRefusedBeforeTheyGoOff(t *testing.T) { // one after the other, for the memory to be counted
	for name, body := range bombs() {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		_, err := Render(remote(body))
		took := time.Since(start)
		runtime.ReadMemStats(&after)
		var fault *ContentError
		assert.ErrorAs(t, err, &fault, name)
		allocated := (after.TotalAlloc - before.TotalAlloc) >> 20
		t.Logf("%-16s %6d kB in, %8s, %4d MB allocated: %v", name, len(body)>>10, took.Round(time.Millisecond), allocated, err)
		assert.Less(t, allocated, uint64(2048), name)
		assert.Less(t, took, time.Minute, name)
	}
}

func TestManyKeysInOneMappingAreNotSlow(t *testing.T) {
	t.Parallel()
	var p parser
	got, _, err := p.parse([]byte("a:\n" + manyKeys(200_000))) // the library's own decoding needs minutes for this
	require.NoError(t, err)
	assert.Len(t, got["a"], 200_000)
}

// samples are documents with a bit of everything; they also seed the fuzz targets.
func samples() []string {
	return []string{
		"a: 0123\nb: 0o17\nc: 0x1F\nd: 1_000\ne: 1e3\nf: 1.0\ng: .inf\nh: -.INF\ni: .nan\nj: 18446744073709551615\nk: 99999999999999999999\nl: -9223372036854775808",
		"a: yes\nb: 'yes'\nc: on\nd: ~\ne:\nf: 'null'\ng: \"~\"\nh: true\ni: 'true'\nj: TRUE\ny: n\n",
		"a: 2024-01-02\nb: '2024-01-02'\nc: 2001-12-14t21:59:43.10-05:00\nd: 12:30:45\ne: '1:20'",
		"a: |\n  one\n   two\n\n  three\nb: >-\n  folded\n  text\nc: |+\n  keep\n\nd: \"\\n lead\"\ne: \"trail \\n\"\nf: \"tab\\t\\nx\"\ng: \"\\r\\n\"\nh: \"\\x00\\u0085\\u2028\\U0001F600\"",
		"a: !!binary aGVsbG8=\nb: !!binary /w==\nc: !!str 12\nd: !!float 1\ne: !custom x\nf: !!binary aGVs\n",
		"a: {}\nb: []\nc: [[], {}, ~]\nd: [{a: b}, [c, {1: d}]]\n1: int key\ntrue: bool key\n1.5: float key\ne: {~: null key}\n",
		"base: &b {x: 1, y: 2}\nc: {<<: *b, y: 3}\nd: {<<: [*b, {z: 4, x: 9}]}\ne: [*b, *b]\n",
		"base: &b {x::y: 1}\nc: {<<: [*b, {x::z: 2, x::y: 3}]}\nd: {<<: *b}\n" + "e: {<<: [" + strings.Repeat("*b, ", 300) + "*b]}\n",
		"a::b::c: 1\n\"x::y\": [{p::q: 1}]\nz: {p::q: 1}\n",
		"a: ${env:X}\nb: $$\nc: \"${file:/x}${y}\"\nd: '#not a comment'\ne: 'a: b'\nf: '- x'\ng: '{'\nh: ' lead'\ni: 'trail '\nj: '%x'\nk: '@x'\nl: '`x'\nm: '!x'\nn: '&x'\no: '*x'\np: '=' \nq: '<<'\nr: '?'\ns: ''\nt: '\ufeff'\n",
		"? " + strings.Repeat("k", 2000) + "\n: v\n\"line\\nkey\": v\n'': v\n",
		"receivers:\n  otlp:\n    protocols:\n      grpc:\nservice:\n  extensions: [a]\n",
	}
}

// collectorReads gives what the Collector makes of a document, the "::" of keys included; ok is false when it would not take it.
func collectorReads(body []byte) (map[string]any, bool) {
	var root map[string]any
	if err := yaml.Unmarshal(body, &root); err != nil {
		return nil, false
	}
	return confmap.NewFromStringMap(root).ToStringMap(), true
}

func TestParsingGivesWhatTheCollectorReads(t *testing.T) {
	t.Parallel()
	for _, body := range samples() {
		want, ok := collectorReads([]byte(body))
		require.True(t, ok, body)
		var p parser
		got, _, err := p.parse([]byte(body))
		require.NoError(t, err, body)
		if !same(orEmpty(want), normal(got)) {
			assert.Equal(t, orEmpty(want), normal(got), body)
		}
	}
}

func TestPartsOfAMappingWrittenInTwoWaysMeet(t *testing.T) { // where the Collector keeps one or both by chance
	t.Parallel()
	for _, body := range []string{"a::b::c: 1\na: {d: 2}", "a: {d: 2}\na::b::c: 1", "a::b: {c: 1}\na::d: 2"} {
		var p parser
		got, _, err := p.parse([]byte(body))
		require.NoError(t, err)
		assert.Equal(t, map[string]any{"a": map[string]any{"b": map[string]any{"c": 1}, "d": 2}}, got)
	}
}

func TestWritingAndReadingAgainGivesTheSame(t *testing.T) {
	t.Parallel()
	for _, body := range samples() {
		assertRoundTrip(t, body)
	}
}

func assertRoundTrip(t *testing.T, body string) {
	t.Helper()
	var p parser
	want, _, err := p.parse([]byte(body))
	if err != nil {
		var fault *ContentError
		require.ErrorAs(t, err, &fault)
		return
	}
	text := encode(want)
	require.NoError(t, err)
	var q parser
	got, _, err := q.parse(text)
	require.NoError(t, err, "%s", text)
	require.True(t, same(want, got), "%q became %q", body, text)
	var plain map[string]any
	require.NoError(t, yaml.Unmarshal(text, &plain), "%s", text)
}

func TestMergeIsThatOfConfmap(t *testing.T) {
	t.Parallel()
	all := samples()
	for i, low := range all {
		for _, high := range append(all[i:], "a: 1", "a: {d: {e: 1}}", "a:", "a: []", "b: {x: 1}", "receivers: {otlp: {protocols: {grpc: {a: b}, http: }}}") {
			var p parser
			lowTree, _, err := p.parse([]byte(low))
			require.NoError(t, err)
			highTree, _, err := p.parse([]byte(high))
			require.NoError(t, err)
			want := confmap.NewFromStringMap(lowTree)
			require.NoError(t, want.Merge(confmap.NewFromStringMap(highTree)))
			got := mergeLayers([]layer{{tree: lowTree}, {tree: highTree}})
			require.True(t, same(want.ToStringMap(), got), "%s\n+\n%s", low, high)
		}
	}
}

func TestAnyTextSurvivesAsKeyAndAsValue(t *testing.T) {
	t.Parallel()
	pieces := []string{
		"a", "Z", "0", "1", "e", "_", ".", "-", "+", ":", " ", "  ", "\n", "\t", "\r", "#", "'", "\"", "\\", "{", "}", "[", "]", ",", "&", "*", "!", "|", ">", "%",
		"@", "`", "?", "=", "<<", "~", "$", "${env:X}", "$$", "---", "...", "null", "true", "yes", "0x", "0o7", ".inf", "2024-01-02", "é", "\u00a0", "\u0085", "\u2028",
		"\ufeff", "\U0001F600", "\x00", "\x7f", "\ufffd", "\U0010ffff",
	}
	random := rand.New(rand.NewPCG(1, 2))
	text := func() string {
		var b strings.Builder
		for range random.IntN(7) {
			b.WriteString(pieces[random.IntN(len(pieces))])
		}
		return b.String()
	}
	for range 20_000 {
		key := text()
		want := map[string]any{"root": []any{map[string]any{key: text(), text(): []any{text(), text()}}, text()}, "last": text()}
		var p parser
		got, _, err := p.parse(encode(want))
		require.NoError(t, err, "%q became\n%s", want, encode(want))
		require.Equal(t, want, got, "%q became\n%s", want, encode(want))
		var library map[string]any
		require.NoError(t, yaml.Unmarshal(encode(want), &library))
		require.Equal(t, want, library, "%q became\n%s", want, encode(want))
	}
}
