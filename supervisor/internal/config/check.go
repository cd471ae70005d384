package config

import (
	"errors"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// checker looks at the settings as a whole. Messages that the reference supervisor has too keep its words,
// since people search for them.
type checker struct {
	*report
	*Loaded
	strict bool // a missing file is a problem, not a warning
}

func (c *checker) check() {
	c.server()
	c.agent()
	c.timing()
	c.placeholders()
	c.storage()
	c.healthCheck()
	c.telemetry()
	c.packages()
	c.files()
}

// at returns where a key was written, or the section that it is missing from.
func (c *checker) at(key string) source {
	for {
		if at, ok := c.origins[key]; ok || key == "" {
			return at
		}
		key = parent(key)
	}
}

func (c *checker) bad(wrong bool, key, format string, args ...any) {
	if wrong {
		c.problem(c.at(key), key, format, args...)
	}
}

// failed reports whether a key, or what holds it, was refused already, so that its absence is not complained about too.
func (c *checker) failed(key string) bool {
	return slices.ContainsFunc(c.problems, func(p Problem) bool {
		return p.Key == "" || p.Key == key || strings.HasPrefix(key, p.Key+".")
	})
}

func (c *checker) server() {
	const key = "server.endpoint"
	endpoint := c.Config.Server.Endpoint
	c.bad(c.Config.Server.MaxMessageSize <= 0, "server.max_message_size", "server::max_message_size must be positive")
	if endpoint == "" {
		c.bad(!c.failed(key), key, "server::endpoint must be specified")
		return
	}
	u, err := url.Parse(endpoint)
	if err != nil {
		c.problem(c.at(key), key, "invalid URL for server::endpoint: %s%s", c.reason(err), schemeHint(endpoint))
		return
	}
	if !slices.Contains([]string{"http", "https", "ws", "wss"}, u.Scheme) {
		scheme := strconv.Quote(u.Scheme)
		if c.at(key).secret {
			scheme = "(not shown)"
		}
		c.problem(c.at(key), key, `invalid scheme %s for server::endpoint, must be one of "http", "https", "ws", or "wss"%s`,
			scheme, schemeHint(endpoint))
		return
	}
	c.bad(u.Hostname() == "", key, "server::endpoint names no host")
	c.connection(u)
}

// reason is why a URL cannot be read, without the URL, which may hold a password.
func (c *checker) reason(err error) string {
	var parsing *url.Error
	if c.at("server.endpoint").secret || !errors.As(err, &parsing) || strings.Contains(parsing.URL, "@") {
		return "it cannot be parsed"
	}
	return strings.ReplaceAll(parsing.Err.Error(), "net/url: ", "")
}

func schemeHint(endpoint string) string {
	if strings.Contains(endpoint, "://") {
		return ""
	}
	return "; write the scheme, as in wss://host:4320/v1/opamp"
}

// connection checks TLS, and warns of what is sent in clear.
func (c *checker) connection(u *url.URL) {
	secure := u.Scheme == "https" || u.Scheme == "wss"
	server := c.Config.Server
	for _, f := range server.TLS.faults() {
		c.problem(c.at("server.tls."+f.key), "server.tls."+f.key, "invalid server::tls settings: %s", f.message)
	}
	switch {
	case secure && server.TLS.Insecure:
		c.warn(c.at("server.tls.insecure"), "server.tls.insecure", "has no effect: %s is always encrypted", u.Scheme)
	case !secure && len(server.Headers) > 0 && !loopback(u.Hostname()):
		c.warn(c.at("server.headers"), "server.headers", "are sent in clear over %s; use https or wss", u.Scheme)
	}
	if secure && server.TLS.InsecureSkipVerify {
		c.warn(c.at("server.tls.insecure_skip_verify"), "server.tls.insecure_skip_verify",
			"anyone on the way can pose as the server and configure the Collector")
	}
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (c *checker) agent() {
	a := c.Config.Agent
	c.bad(a.Executable == "" && !c.failed("agent.executable"), "agent.executable", "agent::executable must be specified")
	if _, err := uuid.Parse(a.InstanceID); a.InstanceID != "" && err != nil {
		c.problem(c.at("agent.instance_id"), "agent.instance_id", "agent::instance_id must be a valid UUID string when set")
	}
	c.bad(a.OpAMPServerPort < 0 || a.OpAMPServerPort > 65535, "agent.opamp_server_port",
		"agent::opamp_server_port must be a valid port number")
	const snippet = "agent.collector_crash_log_snippet_kib"
	c.bad(a.CrashLogSnippetKiB < 0, snippet, "agent::collector_crash_log_snippet_kib must not be negative")
	c.bad(a.CrashLogSnippetKiB > 1024, snippet, "agent::collector_crash_log_snippet_kib must not be greater than 1024")
	c.bad(slices.Contains(a.StartupFallbackConfigs, ""), "agent.startup_fallback_configs",
		"agent::startup_fallback_configs must not contain an empty path")
	if at, written := c.origins["agent.use_hup_config_reload"]; written && a.UseHUPConfigReload && a.Reload != ReloadHUP {
		c.warn(at, "agent.use_hup_config_reload", "has no effect beside agent.reload: %s", a.Reload)
	}
}

func (c *checker) timing() {
	a := c.Config.Agent
	c.bad(a.OrphanDetectionInterval <= 0, "agent.orphan_detection_interval", "agent::orphan_detection_interval must be positive")
	c.bad(a.BootstrapTimeout <= 0, "agent.bootstrap_timeout", "agent::bootstrap_timeout must be positive")
	c.bad(a.ConfigApplyTimeout <= 0, "agent.config_apply_timeout", "agent::config_apply_timeout must be valid duration, and positive")
	c.bad(a.StopTimeout <= 0, "agent.stop_timeout", "agent::stop_timeout must be positive")
	c.bad(a.Probation < 0, "agent.probation", "agent::probation must not be negative")
	c.bad(a.Restart.InitialDelay <= 0, "agent.restart.initial_delay", "agent::restart::initial_delay must be positive")
	c.bad(a.Restart.MaxDelay < a.Restart.InitialDelay, "agent.restart.max_delay",
		"agent::restart::max_delay must not be less than initial_delay, %s", a.Restart.InitialDelay)
	c.bad(a.Restart.ResetAfter <= 0, "agent.restart.reset_after", "agent::restart::reset_after must be positive")
}

// Placeholders are the entries of agent.config_files that stand for configuration that is not in a local file.
func Placeholders() []string {
	return []string{"$OWN_TELEMETRY_CONFIG", "$OPAMP_EXTENSION_CONFIG", "$REMOTE_CONFIG"}
}

func (c *checker) placeholders() {
	const key = "agent.config_files"
	seen := map[string]bool{}
	for _, entry := range c.Config.Agent.ConfigFiles {
		if !strings.HasPrefix(entry, "$") {
			continue
		}
		shown := strconv.Quote(entry)
		if c.at(key).secret {
			shown = "(not shown)"
		}
		c.bad(!slices.Contains(Placeholders(), entry), key,
			"agent::config_files contains invalid special file: %s. Must be one of %v", shown, Placeholders())
		c.bad(seen[entry], key, "agent::config_files contains %s twice", shown)
		seen[entry] = true
	}
}

func (c *checker) storage() {
	c.bad(c.Config.Storage.Directory == "", "storage.directory", "storage::directory must not be empty")
	c.bad(c.Config.Storage.KeepConfigs < 1, "storage.keep_configs", "storage::keep_configs must be at least 1")
}

func (c *checker) healthCheck() {
	const key = "healthcheck.endpoint"
	endpoint := c.Config.HealthCheck.Endpoint
	if endpoint == "" {
		return
	}
	_, port, err := net.SplitHostPort(endpoint)
	if err != nil {
		c.problem(c.at(key), key, "healthcheck::endpoint must be host:port, as in localhost:13133")
		return
	}
	number, err := strconv.Atoi(port)
	c.bad(err != nil || number < 0 || number > 65535, key, "healthcheck::endpoint must contain a valid port number")
	for _, f := range c.Config.HealthCheck.TLS.faults() {
		c.problem(c.at("healthcheck.tls."+f.key), "healthcheck.tls."+f.key, "invalid healthcheck::tls settings: %s", f.message)
	}
}
