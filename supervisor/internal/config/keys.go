package config

import "slices"

// Type is what may be written for a key. Its text is what the documentation says.
type Type string

// The types of the settings.
const (
	String       Type = "string"
	Bool         Type = "bool"
	Int          Type = "int"
	Duration     Type = "duration" // with a unit, as in 1m30s
	Milliseconds Type = "ms"       // a plain number; a duration with a unit is taken too
	Size         Type = "size"     // bytes, or with a unit, as in 64MiB
	Expression   Type = "regular expression"
	Strings      Type = "list of strings"
	StringMap    Type = "map of strings"
	HeaderMap    Type = "map to a string or a list of strings"
	Attributes   Type = "map of strings, or `attributes: [{name, value}]`"
	Sections     Type = "list of sections"
	Any          Type = "anything" // not looked at
)

// Status is what becomes of a key that is written.
type Status string

// The fates of a key.
const (
	Built      Status = "built"
	Inert      Status = "no effect"  // accepted in silence: what it asks for is met in another way
	Accepted   Status = "not built"  // accepted with a warning that says what will not happen
	Deprecated Status = "deprecated" // accepted with a warning, for ever (W28)
)

// Key is one setting that may be written.
type Key struct {
	Path    string // dotted; "[]" stands for the elements of a list
	Type    Type
	Default any // nil means empty
	Status  Status
	Meaning string // one line; for a key that is not built, what happens instead
	Allowed []string
	Secret  bool   // its value is shown to nobody
	Alias   string // the key that this one is an old name of
	Ours    bool   // not known to the reference supervisor
}

// Keys lists every key that may be written, in the order of the documentation.
func Keys() []Key {
	return slices.Concat(serverKeys(), capabilityKeys(), agentKeys(), agentPackageKeys(), packageKeys(), storageKeys(),
		telemetryKeys(), healthCheckKeys(), extensionKeys())
}

func serverKeys() []Key {
	return append([]Key{
		{Path: "server.endpoint", Type: String, Meaning: "URL of the OpAMP server: `http`, `https`, `ws` or `wss`. Required. An empty path means `/v1/opamp`; without a port the scheme's own counts (80, 443), so write `:4320` if that is meant"},
		{Path: "server.headers", Type: HeaderMap, Secret: true, Meaning: "sent on every connect; values are never shown"},
		{Path: "server.max_message_size", Type: Size, Default: int64(64 << 20), Ours: true, Meaning: "largest message accepted from the server, after decompression"},
		{Path: "server.auth", Type: Any, Status: Accepted, Meaning: "the extension is not started and adds no credentials; use `server.headers` or a client certificate"},
		{Path: "server.tls.insecure", Type: Bool, Default: false, Status: Inert, Meaning: "the scheme decides about TLS: `ws` and `http` are plain, `wss` and `https` are encrypted whatever this says"},
		{Path: "server.tls.insecure_skip_verify", Type: Bool, Default: false, Meaning: "accept any certificate of the server"},
		{Path: "server.tls.server_name_override", Type: String, Meaning: "name to ask for and to verify instead of the endpoint's host"},
		{Path: "server.tls.ca_file", Type: String, Meaning: "CA certificates to trust, PEM; without it those of the system"},
		{Path: "server.tls.ca_pem", Type: String, Secret: true, Meaning: "the same, inline"},
		{Path: "server.tls.include_system_ca_certs_pool", Type: Bool, Default: false, Meaning: "trust the system's CA certificates as well"},
		{Path: "server.tls.reload_interval", Type: Duration, Status: Inert, Meaning: "certificate files are read anew for every connection, whatever this says"},
		{Path: "server.tls.tpm", Type: Any, Status: Accepted, Meaning: "no key is read from a TPM; a key must be a file or inline"},
	}, tlsKeys("server.tls", "client")...)
}

// tlsKeys are common to both ends of a connection.
func tlsKeys(at, who string) []Key {
	return []Key{
		{Path: at + ".cert_file", Type: String, Meaning: who + " certificate, PEM"},
		{Path: at + ".cert_pem", Type: String, Secret: true, Meaning: "the same, inline"},
		{Path: at + ".key_file", Type: String, Meaning: "its private key, PEM; a warning if others can read it"},
		{Path: at + ".key_pem", Type: String, Secret: true, Meaning: "the same, inline"},
		{Path: at + ".min_version", Type: String, Default: "1.2", Meaning: "lowest TLS version", Allowed: tlsVersions()},
		{Path: at + ".max_version", Type: String, Meaning: "highest TLS version; empty means the newest", Allowed: tlsVersions()},
		{Path: at + ".cipher_suites", Type: Strings, Meaning: "names of cipher suites for TLS 1.2; empty means Go's choice"},
		{Path: at + ".curve_preferences", Type: Strings, Meaning: "names of key exchanges: `X25519MLKEM768`, `X25519`, `P256`, `P384`, `P521`"},
	}
}

func capabilityKeys() []Key {
	return []Key{
		{Path: "capabilities.accepts_remote_config", Type: Bool, Default: false, Meaning: "let the server configure the Collector"},
		{Path: "capabilities.accepts_restart_command", Type: Bool, Default: false, Meaning: "let the server restart the Collector"},
		{Path: "capabilities.accepts_opamp_connection_settings", Type: Bool, Default: false, Status: Accepted, Meaning: "the capability is not announced and offers are not followed: the server cannot change endpoint or credentials"},
		{Path: "capabilities.accepts_packages", Type: Bool, Default: false, Meaning: "let the server upgrade and downgrade the Collector; needs a trust root in `packages.trust` too"},
		{Path: "capabilities.reports_effective_config", Type: Bool, Default: true, Meaning: "report the configuration the Collector runs with"},
		{Path: "capabilities.reports_own_metrics", Type: Bool, Default: true, Meaning: "let the server say where the Collector's own metrics go"},
		{Path: "capabilities.reports_own_logs", Type: Bool, Default: false, Meaning: "likewise its logs"},
		{Path: "capabilities.reports_own_traces", Type: Bool, Default: false, Meaning: "likewise its traces"},
		{Path: "capabilities.reports_health", Type: Bool, Default: true, Meaning: "report the Collector's health"},
		{Path: "capabilities.reports_available_components", Type: Bool, Default: false, Meaning: "report which components the Collector has"},
		{Path: "capabilities.reports_heartbeat", Type: Bool, Default: true, Meaning: "send heartbeats"},
		{Path: "capabilities.reports_remote_config", Type: Bool, Default: false, Status: Deprecated, Meaning: "ignored: the status is reported whenever `accepts_remote_config` is true"},
		{Path: "capabilities.reports_package_statuses", Type: Bool, Default: false, Status: Deprecated, Meaning: "ignored: the statuses come with `accepts_packages`"},
	}
}

func storageKeys() []Key {
	return []Key{
		{Path: "storage.directory", Type: String, Default: "/var/lib/otelcol/supervisor", Meaning: "where state is kept; created with mode 0700"},
		{Path: "storage.keep_configs", Type: Int, Default: 5, Ours: true, Meaning: "how many configurations that were APPLIED are kept to fall back on; at least 1"},
	}
}

func healthCheckKeys() []Key {
	const limits = "the endpoint answers with limits of its own; this is not used"
	keys := []Key{
		{Path: "healthcheck.endpoint", Type: String, Meaning: "`host:port` that serves `/health`; off unless the port is given and not 0"},
		{Path: "healthcheck.tls.client_ca_file", Type: String, Meaning: "CA certificates, PEM, that clients must have a certificate of"},
		{Path: "healthcheck.tls.client_ca_file_reload", Type: Bool, Default: false, Status: Inert, Meaning: "the file is read at start only"},
		{Path: "healthcheck.tls.reload_interval", Type: Duration, Status: Inert, Meaning: "certificate files are read anew for every connection, whatever this says"},
		{Path: "healthcheck.auth", Type: Any, Status: Accepted, Meaning: "`/health` answers everyone who reaches it; bind it to a loopback address"},
		{Path: "healthcheck.cors", Type: Any, Status: Accepted, Meaning: "no CORS headers are sent"},
	}
	for _, name := range []string{
		"transport", "max_request_body_size", "include_metadata", "response_headers",
		"compression_algorithms", "read_timeout", "read_header_timeout", "write_timeout", "idle_timeout",
		"keep_alives_enabled", "middlewares",
	} {
		keys = append(keys, Key{Path: "healthcheck." + name, Type: Any, Status: Accepted, Meaning: limits})
	}
	return append(keys, tlsKeys("healthcheck.tls", "server")...)
}

func extensionKeys() []Key {
	return []Key{
		{Path: "extensions", Type: Any, Status: Accepted, Meaning: "no extension is started in the supervisor"},
	}
}
