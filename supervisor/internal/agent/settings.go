// Package agent holds the two lanes of the Collector: Config prepares
// configurations (merge, check, validate) without touching what runs, and Process
// starts, reloads and stops the one process. They share nothing but the storage
// directory: a prepared configuration is handed over as a file named by its hash.
package agent

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"opampd/supervisor/internal/core"
	"opampd/supervisor/internal/process"
	"opampd/supervisor/internal/store"
)

// TokenVariable is the environment variable in which the Collector gets the secret
// that the local link asks for. The configuration only names it, so that the file
// holds no secret and a reload needs no new one.
const TokenVariable = "OPAMPD_LINK_TOKEN" //nolint:gosec // the name, not the token

// noPipelines is the Collector's feature gate that lets it run with nothing to do.
const noPipelines = "service.AllowNoPipelines"

// Settings is what both lanes work with.
type Settings struct {
	Agent Launch
	Merge Merge
	// Program finds the Collector of an installed release. The error says in words for
	// people why there is none.
	Program func(release string) (Program, error)
	Link    string // the address of the local link, ws://127.0.0.1:port/v1/opamp
	Store   *store.Store
	Log     *process.Log
	Post    func(core.Event)
	Warn    func(message string) // something an operator should read once
}

// Launch says how the Collector is run.
type Launch struct {
	Executable  string
	Args        []string
	Env         []string // the whole environment but the token
	Variables   []string // the part of it that the operator asked for
	StopTimeout time.Duration
	Snippet     int // how many bytes of its last words are told
}

// Merge says what a configuration is made of besides the remote one.
type Merge struct {
	Files             []string // config_files in order, with placeholders
	Fallback          []string
	Validate          bool
	Resource          map[string]string // resource attributes of the Collector's own telemetry
	ReportsComponents bool
	IncludeResource   bool
	MaxSize           int64 // of the files of a remote configuration, in bytes; 0 is no limit
}

// fingerprint tells two ways to run the Collector apart, without telling what is in
// them: the environment may hold secrets. What is inherited does not count: systemd
// gives each start of the daemon another INVOCATION_ID.
func (l Launch) fingerprint() string {
	data, _ := json.Marshal([]any{l.Executable, l.Args, l.Variables}) //nolint:errchkjson // strings only
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// args returns the arguments of a run with the configuration at path; the ones of
// validate are the same, so that what was validated is what runs (W3).
func (l Launch) args(path string, b Binary) []string {
	args := []string{"--config", path}
	if b.NoPipelines {
		args = append(args, "--feature-gates", noPipelines)
	}
	return append(args, l.Args...)
}
