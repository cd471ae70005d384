package process

import (
	"maps"
	"slices"
	"strings"
)

// ChildEnv returns base without what is meant for this program alone, with extra on top, sorted at the end.
//
// Taken out are NOTIFY_SOCKET and WATCHDOG_* (a child must not speak to systemd for us, man sd_notify), LISTEN_*
// (descriptors that it does not have) and OPAMPD_* (our own settings, tokens among them).
func ChildEnv(base []string, extra map[string]string) []string {
	env := make([]string, 0, len(base)+len(extra))
	for _, entry := range base {
		name, _, _ := strings.Cut(entry, "=")
		if _, replaced := extra[name]; !replaced && !isOurs(name) {
			env = append(env, entry)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		env = append(env, name+"="+extra[name])
	}
	return env
}

func isOurs(name string) bool {
	return name == "NOTIFY_SOCKET" || strings.HasPrefix(name, "WATCHDOG_") ||
		strings.HasPrefix(name, "LISTEN_") || strings.HasPrefix(name, "OPAMPD_")
}
