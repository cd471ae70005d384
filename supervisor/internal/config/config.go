// Package config loads the supervisor's own settings: a YAML file in the format of the reference supervisor,
// overridden by OPAMPD_ environment variables and by flags.
//
// One table, [Keys], lists every key that may be written. Defaults, the check for unknown keys and the tables of
// docs/configuration.md all come from it. A new key needs a row there and a field here.
package config

import (
	"net"
	"strconv"
	"time"
)

// Config is what the supervisor runs with. Load fills every field; its zero value is not a usable configuration.
type Config struct {
	Server       Server       `koanf:"server"`
	Capabilities Capabilities `koanf:"capabilities"`
	Agent        Agent        `koanf:"agent"`
	Packages     Packages     `koanf:"packages"`
	Storage      Storage      `koanf:"storage"`
	Telemetry    Telemetry    `koanf:"telemetry"`
	HealthCheck  HealthCheck  `koanf:"healthcheck"`
}

// Server says how the OpAMP server is reached.
type Server struct {
	// Endpoint is an absolute URL with scheme http, https, ws or wss. Its path is never empty: /v1/opamp is filled in (S-002).
	Endpoint string `koanf:"endpoint"`
	// Headers are sent on every connect. Their values are credentials more often than not.
	Headers Headers `koanf:"headers"`
	TLS     TLS     `koanf:"tls"`
	// MaxMessageSize is the largest ServerToAgent accepted, in bytes, after decompression (S-009).
	MaxMessageSize int64 `koanf:"max_message_size"`
}

// Capabilities are the OpAMP capabilities that the operator grants (accepts) or wants (reports).
type Capabilities struct {
	AcceptsRemoteConfig        bool `koanf:"accepts_remote_config"`
	AcceptsRestartCommand      bool `koanf:"accepts_restart_command"`
	AcceptsPackages            bool `koanf:"accepts_packages"` // what counts is Config.PackagesGranted
	ReportsEffectiveConfig     bool `koanf:"reports_effective_config"`
	ReportsOwnMetrics          bool `koanf:"reports_own_metrics"`
	ReportsOwnLogs             bool `koanf:"reports_own_logs"`
	ReportsOwnTraces           bool `koanf:"reports_own_traces"`
	ReportsHealth              bool `koanf:"reports_health"`
	ReportsAvailableComponents bool `koanf:"reports_available_components"`
	ReportsHeartbeat           bool `koanf:"reports_heartbeat"`
}

// Storage says where state is kept and how much of it.
type Storage struct {
	Directory string `koanf:"directory"`
	// KeepConfigs is how many configurations that were APPLIED are kept to fall back on; at least 1.
	KeepConfigs int `koanf:"keep_configs"`
}

// HealthCheck is the HTTP endpoint that tells whether the supervisor is well.
type HealthCheck struct {
	Endpoint string    `koanf:"endpoint"` // host:port, or empty
	TLS      ServerTLS `koanf:"tls"`
}

// Enabled reports whether the endpoint is to be served: as in the reference, only when it has a port other than 0.
func (h HealthCheck) Enabled() bool {
	_, port, err := net.SplitHostPort(h.Endpoint)
	if err != nil {
		return false
	}
	number, err := strconv.Atoi(port)
	return err == nil && number > 0
}

// Agent says which Collector is run, and how.
type Agent struct {
	Command `koanf:",squash"`
	Rollout `koanf:",squash"`
	Process `koanf:",squash"`

	// InstanceID is a UUID, or empty. It counts only while storage holds no identity yet.
	InstanceID  string       `koanf:"instance_id"`
	Description Description  `koanf:"description"`
	Package     AgentPackage `koanf:"package"`
	// OpAMPServerPort is the loopback port of the link to the Collector's opamp extension; 0 picks one.
	OpAMPServerPort int `koanf:"opamp_server_port"`
}

// Command is what is executed, and the local configuration it is given.
type Command struct {
	Executable string   `koanf:"executable"`
	Args       []string `koanf:"args"`
	// Env is added to the inherited environment.
	Env map[string]Secret `koanf:"env"`
	// ConfigFiles are paths and placeholders ($REMOTE_CONFIG with a single dollar sign) from low to high precedence.
	ConfigFiles []string `koanf:"config_files"`
	// StartupFallbackConfigs are merged in order while the server has never been reached.
	StartupFallbackConfigs []string `koanf:"startup_fallback_configs"`
}

// Rollout is how a new Collector configuration comes into force.
type Rollout struct {
	ValidateConfig          bool   `koanf:"validate_config"`
	AutomaticConfigRollback bool   `koanf:"automatic_config_rollback"`
	Reload                  Reload `koanf:"reload"`
	// UseHUPConfigReload is what the file says; Reload already takes it into account.
	UseHUPConfigReload bool `koanf:"use_hup_config_reload"`
	// ConfigApplyTimeout is the time a configuration has to prove itself before it is FAILED.
	ConfigApplyTimeout time.Duration `koanf:"config_apply_timeout"`
	// MaxConfigSize is the largest remote configuration that is looked at, in bytes over all its files.
	MaxConfigSize int64 `koanf:"max_config_size"`
	// Probation is how long after APPLIED a crash still rolls back; 0 turns it off.
	Probation time.Duration `koanf:"probation"`
}

// Reload names the way a running Collector is given a new configuration.
type Reload string

// The ways to reload, as written in agent.reload.
const (
	ReloadAuto    Reload = "auto"    // the gentlest way that works
	ReloadHUP     Reload = "hup"     // SIGHUP, the process stays
	ReloadRestart Reload = "restart" // stop and start
)

// Process is how the Collector process is kept.
type Process struct {
	BootstrapTimeout        time.Duration `koanf:"bootstrap_timeout"`
	StopTimeout             time.Duration `koanf:"stop_timeout"`
	OrphanDetectionInterval time.Duration `koanf:"orphan_detection_interval"`
	Restart                 Restart       `koanf:"restart"`
	PassthroughLogs         bool          `koanf:"passthrough_logs"`
	// CrashLogSnippetKiB is how much of the Collector's last output goes into failure reports, in KiB; 0 is nothing.
	CrashLogSnippetKiB int `koanf:"collector_crash_log_snippet_kib"`
}

// Restart is the backoff after a crash. The first restart is always immediate.
type Restart struct {
	InitialDelay time.Duration `koanf:"initial_delay"`
	MaxDelay     time.Duration `koanf:"max_delay"`
	ResetAfter   time.Duration `koanf:"reset_after"`
}

// Description overrides what the Collector says about itself.
type Description struct {
	IdentifyingAttributes     map[string]string `koanf:"identifying_attributes"`
	NonIdentifyingAttributes  map[string]string `koanf:"non_identifying_attributes"`
	IncludeResourceAttributes bool              `koanf:"include_resource_attributes"`
}
