package config

import "time"

func agentKeys() []Key {
	return []Key{
		{Path: "agent.executable", Type: String, Meaning: "path of the Collector. Required. `opampd validate` refuses one that cannot be executed; `opampd run` warns, stays connected and reports it"},
		{Path: "agent.args", Type: Strings, Meaning: "further arguments of the Collector, for runs and for `validate`"},
		{Path: "agent.env", Type: StringMap, Secret: true, Meaning: "environment of the Collector, added to the inherited one; values are never shown"},
		{Path: "agent.config_files", Type: Strings, Meaning: "local configuration of the Collector, and placeholders; see below"},
		{Path: "agent.startup_fallback_configs", Type: Strings, Meaning: "configuration files, merged in order, that run while the server was never reached and nothing else is known. One that cannot be read is a warning"},
		{Path: "agent.initial_fallback_configs", Type: Strings, Status: Deprecated, Alias: "agent.startup_fallback_configs", Meaning: "old name of `agent.startup_fallback_configs`; `file:` in front of a path is dropped"},
		{Path: "agent.instance_id", Type: String, Meaning: "UUID to use while storage holds no identity yet"},
		{Path: "agent.description.identifying_attributes", Type: StringMap, Meaning: "override what the Collector reports about itself"},
		{Path: "agent.description.non_identifying_attributes", Type: StringMap, Meaning: "likewise"},
		{Path: "agent.description.include_resource_attributes", Type: Bool, Default: false, Meaning: "let the Collector's `opamp` extension add its resource attributes, where it can"},

		{Path: "agent.validate_config", Type: Bool, Default: true, Meaning: "ask the Collector to validate a configuration before the running one is touched"},
		{Path: "agent.automatic_config_rollback", Type: Bool, Default: true, Meaning: "run the last configuration that worked when a new one fails"},
		{Path: "agent.reload", Type: String, Default: "auto", Ours: true, Allowed: []string{"auto", "hup", "restart"}, Meaning: "how a new configuration reaches the running Collector: `auto` is the gentlest way that works, `hup` is SIGHUP where it is safe, `restart` is always a new process"},
		{Path: "agent.use_hup_config_reload", Type: Bool, Default: false, Meaning: "when written and `agent.reload` is not: `true` means `hup`, `false` means `restart`"},
		{Path: "agent.config_apply_timeout", Type: Duration, Default: 5 * time.Second, Meaning: "how long a configuration has to become healthy before it is FAILED. Only failure waits for it, so raise it freely for slow hosts"},
		{Path: "agent.probation", Type: Duration, Default: 30 * time.Second, Ours: true, Meaning: "how long after APPLIED a crash still rolls back and turns the status to FAILED; `0s` for not at all"},

		{Path: "agent.max_config_size", Type: Size, Default: int64(4 << 20), Ours: true, Meaning: "largest remote configuration that is looked at; merging takes many times its size in memory"},
		{Path: "agent.bootstrap_timeout", Type: Duration, Default: 3 * time.Second, Status: Inert, Meaning: "there is no bootstrap Collector to wait for; `config_apply_timeout` is how long a configuration has to prove itself"},
		{Path: "agent.stop_timeout", Type: Duration, Default: 10 * time.Second, Ours: true, Meaning: "from SIGTERM until SIGKILL goes to the whole process group"},
		{Path: "agent.restart.initial_delay", Type: Duration, Default: time.Second, Ours: true, Meaning: "delay before the second restart in a row; the first is immediate, each further one waits about twice as long"},
		{Path: "agent.restart.max_delay", Type: Duration, Default: 60 * time.Second, Ours: true, Meaning: "longest such delay"},
		{Path: "agent.restart.reset_after", Type: Duration, Default: 60 * time.Second, Ours: true, Meaning: "how long a Collector must run for its crashes to be forgotten"},
		{Path: "agent.opamp_server_port", Type: Int, Default: 0, Meaning: "loopback port for the Collector's `opamp` extension; 0 picks a free one"},
		{Path: "agent.orphan_detection_interval", Type: Duration, Default: 5 * time.Second, Status: Inert, Meaning: "checked to be positive; an orphaned Collector is adopted or stopped by the next opampd instead"},
		{Path: "agent.passthrough_logs", Type: Bool, Default: false, Meaning: "write the Collector's output to opampd's own log as well, each line with its own level and fields"},
		{Path: "agent.collector_crash_log_snippet_kib", Type: Int, Default: 0, Meaning: "KiB of the Collector's last output to put into failure reports, 0 to 1024"},

		{Path: "agent.health_check_port", Type: Int, Status: Deprecated, Meaning: "ignored: health comes from the Collector's `opamp` extension"},
		{Path: "agent.opamp_server_unix_socket", Type: String, Status: Accepted, Meaning: "the link to the Collector stays a loopback port, guarded by a token"},
		{Path: "agent.run_as", Type: Any, Status: Accepted, Meaning: "the Collector runs as the user that opampd runs as"},
		{Path: "agent.access_dirs", Type: Any, Status: Accepted, Meaning: "directories are not restricted; what opampd's user may read or write, the Collector may"},
	}
}
