package main

import (
	"os"
	"runtime"
	"strings"
)

// hostAttributes are the facts about this machine that OpenTelemetry's semantic
// conventions name (os.*, host.*), as far as they are to be had without privileges.
func hostAttributes() map[string]string {
	found := map[string]string{"os.type": runtime.GOOS, "host.arch": runtime.GOARCH}
	if name, err := os.Hostname(); err == nil {
		found["host.name"] = name
	}
	if id, err := os.ReadFile("/etc/machine-id"); err == nil && len(strings.TrimSpace(string(id))) > 0 {
		found["host.id"] = strings.TrimSpace(string(id))
	}
	release := osRelease()
	for key, name := range map[string]string{"os.name": "NAME", "os.version": "VERSION_ID", "os.description": "PRETTY_NAME"} {
		if release[name] != "" {
			found[key] = release[name]
		}
	}
	return found
}

// osRelease reads /etc/os-release (man os-release); it is empty where there is none.
func osRelease() map[string]string {
	fields := map[string]string{}
	text, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return fields
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			fields[name] = strings.Trim(value, `"'`)
		}
	}
	return fields
}
