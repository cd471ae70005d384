package store

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protowire" //nolint:depguard // the import reads two fields of files that are protobuf; no message types come in

	"opampd/supervisor/internal/disk"
)

// The files of the reference supervisor, as its version 0.149 writes them; none of them atomically (W13).
const (
	oldStateName     = "persistent_state.yaml"
	oldRemoteName    = "last_recv_remote_config.dat"
	oldWorkingName   = "last_working_remote_config.dat"
	oldTelemetryName = "last_recv_own_telemetry_config.dat"
)

func importNames() []string {
	return []string{oldStateName, oldRemoteName, oldWorkingName, oldTelemetryName}
}

// Imported is what the reference supervisor left in the directory. What was missing or damaged is zero.
type Imported struct {
	InstanceUID   string // a UUID in its usual form
	Status        int    // opamp RemoteConfigStatuses of StatusHash
	StatusHash    []byte // the server's hash of the configuration last reported on
	StatusMessage string
	RemoteConfig  []byte // opamp AgentRemoteConfig last received, protobuf
	RemoteHash    []byte // its config_hash
	WorkingConfig []byte // opamp AgentRemoteConfig that last worked, protobuf
	WorkingHash   []byte // its config_hash
	OwnTelemetry  []byte // opamp ConnectionSettingsOffers last received, protobuf
}

// oldState is persistent_state.yaml.
type oldState struct {
	InstanceID string `yaml:"instance_id"`
	Status     struct {
		Status  int    `yaml:"status"`
		Hash    string `yaml:"last_remote_config_hash"`
		Message string `yaml:"error_message"`
	} `yaml:"last_remote_config_status"`
}

// Import reads the state of the reference supervisor, so that swapping the binary keeps the instance uid and the
// configuration. It returns false unless this is the first start, which is when there is a persistent_state.yaml and no
// state.json. The old files are only read. Damaged ones become incidents; an error is a file that could not be read.
func (s *Store) Import() (Imported, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.keeper.Files.Read(stateName); !errors.Is(err, fs.ErrNotExist) {
		return Imported{}, false, s.keeper.Failed("read", stateName, err)
	}
	var out Imported
	found, err := s.importFile(oldStateName, out.parseState)
	if err != nil || !found {
		return Imported{}, false, err
	}
	_, err1 := s.importFile(oldRemoteName, func(body []byte) (err error) {
		out.RemoteConfig, out.RemoteHash, err = remoteConfig(body)
		return err
	})
	_, err2 := s.importFile(oldWorkingName, func(body []byte) (err error) {
		out.WorkingConfig, out.WorkingHash, err = remoteConfig(body)
		return err
	})
	_, err3 := s.importFile(oldTelemetryName, func(body []byte) error {
		if _, err := fields(body); err != nil {
			return err
		}
		out.OwnTelemetry = body
		return nil
	})
	return out, true, errors.Join(err1, err2, err3)
}

// importFile hands a file that is there to parse; what parse rejects becomes an incident.
func (s *Store) importFile(name string, parse func([]byte) error) (found bool, err error) {
	body, err := s.keeper.Files.Read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil && !errors.Is(err, disk.ErrForeign) {
		return false, s.keeper.Failed("import", name, err)
	}
	if err == nil && len(body) == 0 {
		err = errors.New("empty")
	}
	if err == nil {
		err = parse(body)
	}
	if err != nil {
		s.keeper.Note(Incident{File: name, Reason: "not imported: " + err.Error()})
	}
	return true, nil
}

// parseState takes over what it can, also when it returns an error about the rest.
func (i *Imported) parseState(body []byte) error {
	var old oldState
	if err := yaml.Unmarshal(body, &old); err != nil {
		return fmt.Errorf("torn or foreign: %w", err)
	}
	var errs []error
	if isUUID(old.InstanceID) {
		i.InstanceUID = old.InstanceID
	} else {
		errs = append(errs, fmt.Errorf("instance_id %q is not a UUID", old.InstanceID))
	}
	hash, err := hex.DecodeString(old.Status.Hash)
	if err != nil {
		return errors.Join(append(errs, fmt.Errorf("last_remote_config_hash: %w", err))...)
	}
	i.Status, i.StatusHash, i.StatusMessage = old.Status.Status, hash, old.Status.Message
	return errors.Join(errs...)
}

// isUUID says that s looks like 8-4-4-4-12 hex digits (RFC 9562 section 4): a torn file of YAML is often YAML.
func isUUID(s string) bool {
	groups := strings.Split(s, "-")
	if len(groups) != 5 {
		return false
	}
	for i, length := range []int{8, 4, 4, 4, 12} {
		if len(groups[i]) != length || strings.Trim(strings.ToLower(groups[i]), "0123456789abcdef") != "" {
			return false
		}
	}
	return true
}

// remoteConfig returns an AgentRemoteConfig and the config_hash in it. The fields by number (opamp.proto):
// AgentRemoteConfig {1: AgentConfigMap config, 2: bytes config_hash}, AgentConfigMap {1: map entries}. A file cut off
// between fields is still a message, so that one without a hash, the last field, is taken for torn.
func remoteConfig(body []byte) (whole, hash []byte, err error) {
	top, err := fields(body)
	if err != nil {
		return nil, nil, err
	}
	entries, err := fields(top[1])
	if err != nil {
		return nil, nil, err
	}
	if _, err := fields(entries[1]); err != nil {
		return nil, nil, err
	}
	if len(top[2]) == 0 {
		return nil, nil, errors.New("torn: it has no config hash")
	}
	return body, top[2], nil
}

// fields returns the last value of each length-delimited field of a protobuf message, and an error when it is none.
func fields(body []byte) (map[protowire.Number][]byte, error) {
	out := map[protowire.Number][]byte{}
	for len(body) > 0 {
		number, kind, n := protowire.ConsumeTag(body)
		if n < 0 {
			return nil, fmt.Errorf("torn or foreign: %w", protowire.ParseError(n))
		}
		body = body[n:]
		size := protowire.ConsumeFieldValue(number, kind, body)
		if size < 0 {
			return nil, fmt.Errorf("torn or foreign: %w", protowire.ParseError(size))
		}
		if kind == protowire.BytesType {
			out[number], _ = protowire.ConsumeBytes(body)
		}
		body = body[size:]
	}
	return out, nil
}
