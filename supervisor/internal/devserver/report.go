package devserver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"github.com/open-telemetry/opamp-go/protobufs"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// absorb keeps, writes and words each part of the message that differs from the last of its kind.
func (f *fleet) absorb(a *agent, m *protobufs.AgentToServer, at time.Time) {
	was := a.state
	if now := m.GetAgentDescription(); now != nil && !proto.Equal(now, was.GetAgentDescription()) {
		f.save(a, "description.json", now)
		if old := title(was.GetAgentDescription()); was.GetAgentDescription() != nil && old != title(now) {
			f.tell(a, plain, "is now %s", title(now))
		}
		was.AgentDescription = now
	}
	if now := m.GetAvailableComponents(); now != nil && !proto.Equal(now, was.GetAvailableComponents()) {
		if len(now.GetComponents()) > 0 {
			f.save(a, "components.json", now)
			f.tell(a, plain, "has the components listed in %s", filepath.Join(a.dir, "components.json"))
		}
		was.AvailableComponents = now
	}
	if now := m.GetRemoteConfigStatus(); now != nil && !proto.Equal(now, was.GetRemoteConfigStatus()) {
		f.save(a, "remote-config-status.json", now)
		f.tellConfigStatus(a, now, at)
		was.RemoteConfigStatus = now
	}
	if now := m.GetEffectiveConfig(); now != nil && !proto.Equal(now, was.GetEffectiveConfig()) {
		f.saveBytes(a, "effective.yaml", flatten(now))
		f.tellEffective(a, was.GetEffectiveConfig(), now)
		was.EffectiveConfig = now
	}
	if now := m.GetHealth(); now != nil && !proto.Equal(now, was.GetHealth()) {
		f.save(a, "health.json", now)
		f.tellHealth(a, was.GetHealth(), now)
		was.Health = now
	}
	if now := m.GetPackageStatuses(); now != nil && !proto.Equal(now, was.GetPackageStatuses()) {
		f.savePackages(a, now)
		f.tellPackages(a, was.GetPackageStatuses(), now)
		was.PackageStatuses = now
	}
}

// tellHealth prints the verdict, its reason, and a restart; not the times and trees that change with every report.
func (f *fleet) tellHealth(a *agent, was, now *protobufs.ComponentHealth) {
	started := was != nil && was.GetStartTimeUnixNano() != now.GetStartTimeUnixNano()
	same := was != nil && was.GetHealthy() == now.GetHealthy() && was.GetLastError() == now.GetLastError()
	switch {
	case now.GetHealthy() && same && started:
		f.tell(a, good, "healthy (started again)")
	case same:
	case now.GetHealthy():
		f.tell(a, good, "healthy")
	case now.GetLastError() == "":
		f.tell(a, bad, "unhealthy%s", strings.TrimRight(" "+inParentheses(now.GetStatus()), " "))
	default:
		f.tell(a, bad, "unhealthy: %s", firstLine(now.GetLastError(), filepath.Join(a.dir, "health.json")))
	}
}

// tellConfigStatus prints the verdict on an offer, with the time it took if the offer is ours and of this connection.
func (f *fleet) tellConfigStatus(a *agent, now *protobufs.RemoteConfigStatus, at time.Time) {
	took := ""
	if len(a.offered.hash) > 0 && bytes.Equal(a.offered.hash, now.GetLastRemoteConfigHash()) {
		took = fmt.Sprintf(" (%d ms after it was offered)", at.Sub(a.offered.at).Milliseconds())
	}
	config := "config " + short(now.GetLastRemoteConfigHash())
	switch now.GetStatus() {
	case protobufs.RemoteConfigStatuses_RemoteConfigStatuses_UNSET:
	case protobufs.RemoteConfigStatuses_RemoteConfigStatuses_APPLYING:
		f.tell(a, busy, "%s APPLYING", config)
	case protobufs.RemoteConfigStatuses_RemoteConfigStatuses_APPLIED:
		f.tell(a, good, "%s APPLIED%s", config, took)
	case protobufs.RemoteConfigStatuses_RemoteConfigStatuses_FAILED:
		why := firstLine(now.GetErrorMessage(), filepath.Join(a.dir, "remote-config-status.json"))
		f.tell(a, bad, "%s FAILED%s: %s", config, took, why)
	default:
		f.tell(a, bad, "%s has a status this server does not know: %d", config, now.GetStatus())
	}
}

func (f *fleet) tellEffective(a *agent, was, now *protobufs.EffectiveConfig) {
	if was == nil {
		lines := bytes.Count(bytes.TrimSpace(flatten(now)), []byte("\n")) + 1
		f.tell(a, plain, "effective configuration received (%s)", count(lines, "line"))
		return
	}
	added, removed := changedLines(string(flatten(was)), string(flatten(now)))
	f.tell(a, plain, "effective configuration changed (+%d −%d lines)", added, removed)
}

// changedLines counts the lines that only one of the texts has; lines that moved are not counted.
func changedLines(was, now string) (added, removed int) {
	balance := map[string]int{}
	for line := range strings.Lines(now) {
		balance[line]++
	}
	for line := range strings.Lines(was) {
		balance[line]--
	}
	for _, n := range balance {
		added += max(n, 0)
		removed += max(-n, 0)
	}
	return added, removed
}

// flatten is the effective configuration as one file: of several, each follows a comment with its name.
func flatten(c *protobufs.EffectiveConfig) []byte {
	files := c.GetConfigMap().GetConfigMap()
	var all bytes.Buffer
	for _, name := range sortedNames(files) {
		if len(files) > 1 {
			fmt.Fprintf(&all, "# --- %q ---\n", name)
		}
		body := files[name].GetBody()
		all.Write(body)
		if len(files) > 1 && !bytes.HasSuffix(body, []byte("\n")) {
			all.WriteByte('\n')
		}
	}
	return all.Bytes()
}

// save writes a message as indented JSON. protojson's own white space differs from build to build, so it is not used.
func (f *fleet) save(a *agent, name string, m proto.Message) {
	var text bytes.Buffer
	data, err := protojson.Marshal(m)
	if err == nil {
		err = json.Indent(&text, data, "", "  ")
	}
	if err != nil {
		f.out.say(bad, "cannot write %s: %v", filepath.Join(a.dir, name), err)
		return
	}
	text.WriteByte('\n')
	f.saveBytes(a, name, text.Bytes())
}

// saveBytes replaces a file atomically. It is for the owner's eyes: configurations hold secrets.
func (f *fleet) saveBytes(a *agent, name string, data []byte) {
	path := filepath.Join(a.dir, name)
	if err := renameio.WriteFile(path, data, 0o600); err != nil {
		f.out.say(bad, "cannot write %s: %v", path, err)
	}
}

func makeDir(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil { //nolint:gosec // of what peers say only a UUID gets into it
		return fmt.Errorf("cannot keep what an agent reports: %w", err)
	}
	return nil
}
