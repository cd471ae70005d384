package config

import (
	"fmt"
	"net/url"
	"strings"
)

// settle replaces what was written by what is meant, where these differ.
func (l *Loaded) settle() error {
	for _, step := range []func() (key string, v any){l.defaultPath, l.reload, l.placeholders, l.fallbacks, l.unhealthy} {
		key, v := step()
		if key == "" {
			continue
		}
		if err := l.values.Set(key, v); err != nil {
			return fmt.Errorf("cannot set %s: %w", key, err)
		}
	}
	return nil
}

// defaultPath fills in the path that OpAMP names as the default (S-002).
func (l *Loaded) defaultPath() (string, any) {
	const key = "server.endpoint"
	u, err := url.Parse(l.values.String(key))
	if err != nil || u.Host == "" || u.Path != "" {
		return "", nil
	}
	u.Path = "/v1/opamp"
	return key, u.String()
}

// reload lets the reference's switch count where ours is not written.
func (l *Loaded) reload() (string, any) {
	at, written := l.origins["agent.use_hup_config_reload"]
	if _, ours := l.origins["agent.reload"]; ours || !written {
		return "", nil
	}
	l.origins["agent.reload"] = at
	if l.values.Bool("agent.use_hup_config_reload") {
		return "agent.reload", string(ReloadHUP)
	}
	return "agent.reload", string(ReloadRestart)
}

// placeholders drops the second dollar sign, which the file's own escape takes but the environment's does not.
func (l *Loaded) placeholders() (string, any) {
	return l.trim("agent.config_files", "$$", "$")
}

// fallbacks turns file URIs, which one fork of the reference takes, into paths.
func (l *Loaded) fallbacks() (string, any) {
	return l.trim("agent.startup_fallback_configs", "file:", "")
}

// unhealthy keeps a release from being INSTALLED that was unhealthy for the whole of a short watch.
func (l *Loaded) unhealthy() (string, any) {
	const key = "packages.unhealthy_limit"
	watch := l.values.Duration("packages.watch")
	if watch <= 0 || l.values.Duration(key) <= watch {
		return "", nil
	}
	return key, watch
}

func (l *Loaded) trim(key, before, after string) (string, any) {
	entries := l.values.Strings(key)
	for i, entry := range entries {
		if rest, ok := strings.CutPrefix(entry, before); ok {
			entries[i] = after + rest
		}
	}
	if len(entries) == 0 {
		return "", nil
	}
	return key, entries
}
