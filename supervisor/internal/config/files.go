package config

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// files checks that what the settings name is there. It may not be there yet, or not any more, when a daemon starts:
// then it is a warning, unless checking is what was asked for.
func (c *checker) files() {
	if exe := c.Config.Agent.Executable; exe != "" {
		c.missing("agent.executable", c.hidden("agent.executable", executable(exe)))
	}
	const local = "agent.config_files"
	for _, path := range c.Config.Agent.ConfigFiles {
		if !strings.HasPrefix(path, "$") {
			c.missing(local, c.hidden(local, readable(path)))
		}
	}
	const fallback = "agent.startup_fallback_configs"
	for _, path := range c.Config.Agent.StartupFallbackConfigs {
		if err := c.hidden(fallback, readable(path)); err != nil && path != "" {
			c.warn(c.at(fallback), fallback, "%v; it will be left out", err) // never more than a warning (W39)
		}
	}
	c.certificates()
}

func (c *checker) missing(key string, err error) {
	switch {
	case err == nil:
	case c.strict:
		c.problem(c.at(key), key, "%v", err)
	default:
		c.warn(c.at(key), key, "%v", err)
	}
}

// hidden keeps a path that ${...} brought in out of the message.
func (c *checker) hidden(key string, err error) error {
	if err == nil || !c.secret(key) {
		return err
	}
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("file cannot be used: %w", path.Err)
	}
	return errors.New("file cannot be used")
}

// secret reports whether the key, or a key below it, holds what is not to be shown.
func (c *checker) secret(key string) bool {
	for path, at := range c.origins {
		if at.secret && (path == key || strings.HasPrefix(path, key+".")) {
			return true
		}
	}
	return false
}

func executable(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return fmt.Errorf("could not stat agent::executable path: %w", err)
	case info.IsDir():
		return fmt.Errorf("agent::executable %s is a directory", path)
	case info.Mode().Perm()&0o111 == 0:
		return fmt.Errorf("agent::executable %s does not have the executable bit set; try chmod +x", path)
	default:
		return nil
	}
}

func readable(path string) error {
	f, err := os.OpenFile(filepath.Clean(path), os.O_RDONLY|nonBlocking, 0)
	if err != nil {
		return fmt.Errorf("cannot read the file: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		return fmt.Errorf("%s is a directory, not a file", path)
	}
	return nil
}

// certificates loads what a secure connection would, and looks at who can read the keys.
func (c *checker) certificates() {
	server, health := c.Config.Server, c.Config.HealthCheck
	u, err := url.Parse(server.Endpoint)
	if err == nil && (u.Scheme == "https" || u.Scheme == "wss") && len(server.TLS.faults()) == 0 {
		_, err := server.TLS.Load()
		c.missing("server.tls", prefixed("invalid server::tls settings", c.hidden("server.tls", err)))
	}
	if health.Enabled() && health.TLS.Enabled() && len(health.TLS.faults()) == 0 {
		_, err := health.TLS.Load()
		c.missing("healthcheck.tls", prefixed("invalid healthcheck::tls settings", c.hidden("healthcheck.tls", err)))
	}
	c.exposed("server.tls.key_file", server.TLS.KeyFile)
	c.exposed("healthcheck.tls.key_file", health.TLS.KeyFile)
}

func prefixed(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

func (c *checker) exposed(key, path string) {
	if path == "" {
		return
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o004 != 0 {
		c.warn(c.at(key), key, "every user of this machine can read the private key; try chmod 0600")
	}
}
