package effective

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func redactText(t *testing.T, reported, rendered string) string {
	t.Helper()
	out, err := Redact([]byte(reported), []byte(rendered))
	require.NoError(t, err)
	return string(out)
}

func TestSecretsAreMaskedByTheirKeys(t *testing.T) {
	t.Parallel()
	for _, config := range []string{
		"password: s3cr3t", "PassWord: s3cr3t", "db-password: s3cr3t", "db_passwd: s3cr3t", "clientSecret: s3cr3t", "client_secret: s3cr3t",
		"token: s3cr3t", "auth-token: s3cr3t", "api_key: s3cr3t", "apikey: s3cr3t", "apiKey: s3cr3t", "API-KEY: s3cr3t", "access_key: s3cr3t",
		"secret_access_key: s3cr3t", "private_key: s3cr3t", "key_pem: s3cr3t", "authorization: s3cr3t", "Proxy-Authorization: s3cr3t",
		"credential: s3cr3t", "credentials: {id: s3cr3t}", "bearer: s3cr3t", "bearer_token: s3cr3t", "connection_string: s3cr3t",
		"connectionString: s3cr3t", "dsn: s3cr3t", "cookie: s3cr3t", "Set-Cookie: s3cr3t", "tokens: [s3cr3t, s3cr3t]",
		"api: {key: s3cr3t}", "secret: {a: {b: [s3cr3t]}}", "htpasswd: {inline: s3cr3t}", "community: s3cr3t", "datasource: s3cr3t",
		"headers: {X-Anything: s3cr3t, name: s3cr3t, x-file: s3cr3t}", "headers: [{name: a, value: s3cr3t}]", "headers: {a: [s3cr3t]}",
		"headers: [s3cr3t]", "metadata: {a: s3cr3t}", "headers_list: a=s3cr3t", "additional_headers: {a: s3cr3t}",
		"headers: [{action: insert, key: a, value: s3cr3t, default_value: s3cr3t}]", "actions: [{key: db.password, action: insert, value: s3cr3t}]",
		"env: [{name: API_KEY, value: s3cr3t}]", "authorization: {type: Bearer, credentials: s3cr3t}",
		"endpoint: https://u:s3cr3t@h/p", "endpoint: amqp://s3cr3t@h", "endpoint: 'postgres://u:a/s3cr3t@x@h:1/db'", "url: 'http://h/?api_key=s3cr3t&a=b'",
		"db: 'host=h password=s3cr3t dbname=d'", "db: 'u:s3cr3t@tcp(h:1)/d'", "text: 'Authorization: Bearer s3cr3ts3cr3t'", "a: 'Endpoint=x;SharedAccessKey=s3cr3t'",
		"pem: \"-----BEGIN RSA PRIVATE KEY-----\\ns3cr3t\\n-----END RSA PRIVATE KEY-----\"", "password: {file: /f, 'x': s3cr3t}",
		"bearertokenauth: {token: s3cr3t}", "basicauth/a: {client_auth: {username: u, password: s3cr3t}}", "secret: !!binary czNjcjN0",
	} {
		for _, reported := range []string{config, ""} {
			out := redactText(t, reported, config)
			assert.NotContains(t, out, "s3cr3t", config)
			assert.Contains(t, out, redacted, config)
		}
	}
}

func TestNumbersThatAreSecretsAreMasked(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "password: '[REDACTED]'\n", strings.ReplaceAll(redactText(t, "password: 123456", ""), `"`, `'`))
}

func TestHarmlessValuesStay(t *testing.T) {
	t.Parallel()
	for _, config := range []string{
		"token_file: /run/token", "key_file: /run/key", "password_file: /run/pw", "filename: /run/token", "token_url: https://h/token",
		"max_key_size: 12", "max_tokens: 12", "metadata_keys: [a, b]", "metadata: [k8s.pod.name]", "include_metadata: true",
		"tokenizer: x", "key: a", "actions: [{key: a, value: b}]", "username: u", "endpoint: 127.0.0.1:4317", "endpoint: https://h:1/p?a=b",
		"allow_credentials: true", "allowed_headers: [a, b]", "secret_name: n", "monkey: x", "password: null", "otlp/token: {endpoint: 'h:1'}",
		"bearertokenauth: {scheme: Bearer, filename: /f}", "statement: 'set(attributes[\"token\"], 1)'", "compass: north", "mail: a@b.c",
		"credentials: {file: /f}", "authorization: {type: Bearer}", "headers: [{name: Authorization}]", "passthrough: x", "bypass: x",
	} {
		var p parser
		want, _, err := p.parse([]byte(config))
		require.NoError(t, err)
		text := encode(want)
		require.NoError(t, err)
		assert.Equal(t, string(text), redactText(t, config, ""), config)
	}
}

func TestReferencesAreShownInsteadOfWhatTheyStandFor(t *testing.T) { // W9
	t.Parallel()
	got := redactText(t, `
exporters:
  otlp: {endpoint: "resolved.example:4317", headers: {a: resolved, b: other}, password: resolved, sending_queue: {resolved: yes}}
  list: [resolved, plain, {a: resolved}]
  part: "https://resolved/x"
  literal: "pa$x"
  gone: only reported
  whole: {anything: resolved}
`, `
exporters:
  otlp: {endpoint: "${env:ENDPOINT}", headers: {a: "${env:A}", b: "Bearer ${env:B}"}, password: "${file:/run/pw}", sending_queue: "${file:q.yaml}"}
  list: ["${X}", plain, {a: "${env:A}"}]
  part: "https://${env:HOST:-fallback}/x"
  literal: "pa$$x"
  whole: "${yaml:{anything: resolved}}"
`)
	assert.Equal(t, `exporters:
  gone: only reported
  list:
    - ${X}
    - plain
    - a: ${env:A}
  literal: pa$x
  otlp:
    endpoint: ${env:ENDPOINT}
    headers:
      a: ${env:A}
      b: '[REDACTED]'
    password: ${file:/run/pw}
    sending_queue: ${file:q.yaml}
  part: https://${env:HOST:-fallback}/x
  whole: '[REDACTED]'
`, strings.ReplaceAll(got, `"[REDACTED]"`, `'[REDACTED]'`))
}

func TestLiteralsWithinReferencesToSecretsAreMasked(t *testing.T) {
	t.Parallel()
	for _, config := range []string{
		"password: '${env:P:-s3cr3t}'", "headers: {a: 'x-s3cr3t-${env:A}'}", "db: 'postgres://u:s3cr3t@${env:HOST}/d'",
		"x: '${yaml:{password: s3cr3t}}'", "x: '${env:TOKEN:-s3cr3t}'",
	} {
		assert.NotContains(t, redactText(t, "", config), "s3cr3t", config)
	}
}

func TestMarkerStaysAtHome(t *testing.T) {
	t.Parallel()
	out := render(t, input(t, "own-telemetry"))
	for _, reported := range [][]byte{out.YAML, nil} {
		got, err := Redact(reported, out.YAML)
		require.NoError(t, err)
		assert.NotContains(t, string(got), out.Hash)
		assert.NotContains(t, string(got), "agent_description")
		assert.NotContains(t, string(got), "w0rd")
		assert.NotContains(t, string(got), "LINK_TOKEN")
	}
}

func TestConfigurationsThatDoNotBelongTogetherAreNotShown(t *testing.T) {
	t.Parallel()
	a, b := render(t, remote("exporters: {x: {endpoint: '${env:E}'}}")), render(t, remote("exporters: {y: }"))
	_, err := Redact(a.YAML, b.YAML)
	require.ErrorIs(t, err, ErrOtherConfiguration)
	_, err = Redact([]byte("exporters: {x: {endpoint: resolved}}"), a.YAML)
	require.ErrorIs(t, err, ErrOtherConfiguration)
}

func TestUnreadableConfigurationIsNotShown(t *testing.T) {
	t.Parallel()
	var fault *ContentError
	_, err := Redact([]byte("["), []byte("a: b"))
	require.ErrorAs(t, err, &fault)
	assert.ErrorContains(t, err, "configuration reported by the Collector, line 1: ")
	_, err = Redact(nil, []byte("["))
	assert.ErrorContains(t, err, "rendered configuration, line 1: ")
}
