package config

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
)

// memory stands in for confmap's file and env providers, whose own forms read the process's environment.
type memory struct {
	scheme  string
	content func(name string) (string, error)
}

func (m memory) Retrieve(_ context.Context, uri string, _ confmap.WatcherFunc) (*confmap.Retrieved, error) {
	content, err := m.content(strings.TrimPrefix(uri, m.scheme+":"))
	if err != nil {
		return nil, err
	}
	return confmap.NewRetrievedFromYAML([]byte(content))
}
func (m memory) Scheme() string               { return m.scheme }
func (memory) Shutdown(context.Context) error { return nil }
func (m memory) factory() confmap.ProviderFactory {
	return confmap.NewProviderFactory(func(confmap.ProviderSettings) confmap.Provider { return m })
}

// reference expands a text with confmap itself: what a string setting gets, and what any other gets.
func reference(t *testing.T, environ map[string]string, text string) (asText string, asValue any, err error) {
	t.Helper()
	document := memory{"doc", func(string) (string, error) { return "v: " + strconv.Quote(text), nil }}
	env := memory{"env", func(name string) (string, error) {
		name, fallback, _ := strings.Cut(name, ":-")
		if !regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`).MatchString(name) {
			return "", errors.New("invalid name")
		}
		if content, ok := environ[name]; ok {
			return content, nil
		}
		return fallback, nil
	}}
	r, err := confmap.NewResolver(confmap.ResolverSettings{
		URIs: []string{"doc:x"}, DefaultScheme: "env",
		ProviderFactories: []confmap.ProviderFactory{document.factory(), env.factory()},
	})
	require.NoError(t, err)
	conf, err := r.Resolve(t.Context())
	if err != nil {
		return "", nil, err
	}
	var typed struct {
		V string `mapstructure:"v"`
	}
	if err := conf.Unmarshal(&typed); err != nil {
		typed.V = "(not a string)"
	}
	return typed.V, conf.ToStringMap()["v"], nil
}

func expansions() (map[string]string, []string) {
	environ := map[string]string{
		"HOST": "example.com", "PORT": "4320", "ZERO": "0123", "YES": "true", "EMPTY": "", "NULL": "null",
		"NESTED": "http://${HOST}:${env:PORT}", "QUOTED": `"x"`, "DOLLARS": "a$$b", "ESCAPED": "$${HOST}",
		"MAP": "{a: 1, b: [x, '${HOST}']}", "COLON": "a: b", "BROKEN": "[a", "WAIT": "5s", "NAME": "HOST", "SPACE": " x ",
		"DUP": "{a: 1, a: 2}", "DATE": "2020-01-01",
	}
	inputs := []string{
		"", "plain", "$", "$$", "$$$", "${", "}", "${}", "a}b", "$HOST", "$$HOST", "$REMOTE_CONFIG", "$$REMOTE_CONFIG",
		"${HOST}", "${env:HOST}", "$${HOST}", "$$${HOST}", "$$$${HOST}", "x$${HOST}y${PORT}", "${PORT}$${HOST}",
		"https://${HOST}:${env:PORT}/v1", "${NESTED}", "x${NESTED}x", "${env:MISSING}", "${MISSING}x", "${env:MISSING:-5s}",
		"${env:HOST:-other}", "${env:EMPTY:-other}", "${env:MISSING:-}", "${env:MISSING:-a:-b}", "${HOST:-x}", "${env:${NAME}}",
		"${ZERO}", "x${ZERO}", "${YES}", "${EMPTY}", "${NULL}", "${QUOTED}", "${DOLLARS}", "${ESCAPED}", "${MAP}", "x${MAP}",
		"${COLON}", "${BROKEN}", "${WAIT}", "${SPACE}", "${DUP}", "${DATE}", "${env:A$B}", "${a}}", "{${PORT}}", "${x:y}",
		"}${PORT}", "${${PORT}", "${HOST}${HOST}",
	}
	return environ, inputs
}

func TestExpansionIsConfmapsOwn(t *testing.T) {
	t.Parallel()
	environ, inputs := expansions()
	for _, input := range inputs {
		t.Run(input, func(t *testing.T) {
			t.Parallel()
			sameAsConfmap(t, environ, input)
		})
	}
}

func sameAsConfmap(t *testing.T, environ map[string]string, input string) {
	t.Helper()
	wantText, wantValue, wantErr := reference(t, environ, input)
	r := reader{report: &report{}, environ: environ}
	got := r.expand(input, place{})
	if wantErr != nil {
		assert.NotEmpty(t, r.problems, wantErr)
		return
	}
	assert.Empty(t, r.problems)
	if got.kind == section || got.kind == list {
		assert.Equal(t, fmt.Sprint(wantValue), fmt.Sprint(plain(got)))
	} else if wantText != "(not a string)" {
		assert.Equal(t, wantText, got.text)
	}
	assert.Equal(t, wantValue == nil, got.kind == null)
}

func plain(v value) any {
	switch v.kind {
	case section:
		all := map[string]any{}
		for _, f := range v.fields {
			all[f.name] = plain(f.value)
		}
		return all
	case list:
		all := make([]any, len(v.items))
		for i, item := range v.items {
			all[i] = plain(item)
		}
		return all
	case null, scalar:
	}
	return v.text
}

func TestExpandedValuesTakeTheTypeOfTheirKey(t *testing.T) {
	t.Parallel()
	o := write(t, `
agent:
  opamp_server_port: ${env:PORT}
  probation: ${WAIT}
  validate_config: ${NO}
  instance_id: ${env:MISSING:-}
  args: ["--set=${PORT}", "${ZERO}"]
  env: ${ENVIRONMENT}
  restart: ${RESTART}
`)
	o.Environ = []string{"PORT=4321", "WAIT=7s", "NO=false", "ZERO=0123", "ENVIRONMENT={A: 0123, B: '${PORT}'}", "RESTART=max_delay: 90s"}
	a := accepted(t, o).Config.Agent
	assert.Equal(t, 4321, a.OpAMPServerPort)
	assert.Equal(t, "7s 1m30s", fmt.Sprint(a.Probation, a.Restart.MaxDelay))
	assert.False(t, a.ValidateConfig)
	assert.Equal(t, []string{"--set=4321", "0123"}, a.Args)
	assert.Equal(t, map[string]Secret{"A": "0123", "B": "4321"}, a.Env)
}

func TestFilesExpandAsTextOrAsSections(t *testing.T) {
	t.Parallel()
	token := putFile(t, "token", "s3cret\n")
	more := putFile(t, "more.yaml", "probation: 9s\nargs: [a]\nprobatoin: 1s\n")
	o := write(t, "server: {headers: {Authorization: 'Bearer ${file:"+token+"}', X: '${file:"+token+"}'}}\n")
	c := accepted(t, o).Config
	assert.Equal(t, Headers{"Authorization": {"Bearer s3cret"}, "X": {"s3cret"}}, c.Server.Headers)

	o = write(t, "agent: ${file:"+more+"}\n")
	assert.Equal(t, []string{more + ":3: agent.probatoin: unknown key; did you mean agent.probation?"}, refused(t, o),
		"a fault in another file is reported there")
}

func TestAnUnsetVariableIsAWarning(t *testing.T) {
	t.Parallel()
	o := write(t, "storage:\n  directory: ${DIR}\n")
	l := accepted(t, o)
	require.Len(t, l.Warnings, 1)
	assert.Equal(t, Problem{o.Path, 2, "storage.directory", "environment variable DIR is not set and counts as empty"}, l.Warnings[0])
	assert.Equal(t, "/var/lib/otelcol/supervisor", l.Config.Storage.Directory, "nothing written leaves the default")
}

func TestFilesThatIncludeThemselvesEnd(t *testing.T) {
	t.Parallel()
	o := write(t, "")
	again := fmt.Sprintf("a: ${file:%s}\nb: ${file:%s}\n", o.Path, o.Path)
	require.NoError(t, writeFile(o.Path, "extensions: {a: 1}\nagent:\n"+indent(again)))
	assert.NotEmpty(t, refused(t, o))
}

func FuzzExpandIsConfmapsOwn(f *testing.F) {
	environ, inputs := expansions()
	for _, input := range inputs {
		f.Add(input)
	}
	f.Fuzz(func(t *testing.T, input string) {
		if strings.Contains(input, "file:") || strings.ContainsFunc(input, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Skip() // quoted differently by YAML and Go, or a real file
		}
		sameAsConfmap(t, environ, input)
	})
}
