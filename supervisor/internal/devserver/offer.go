package devserver

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/open-telemetry/opamp-go/protobufs"
)

// readOffer makes the offer out of the *.yaml files of dir: the file name is the key, the hash covers names and bodies. It
// returns nil when there are none, or no directory. Hidden files are left out: editors keep their drafts there.
// The YAML is not looked at: offering a broken configuration is one of the things a person wants to try.
func readOffer(dir string) (*protobufs.AgentRemoteConfig, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	files := map[string]*protobufs.AgentConfigFile{}
	for _, entry := range entries {
		name := entry.Name()
		path := filepath.Join(dir, name)
		if filepath.Ext(name) != ".yaml" || strings.HasPrefix(name, ".") || isDir(path) {
			continue
		}
		body, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // an editor at work; its next event comes
		}
		if err != nil {
			return nil, fmt.Errorf("read configuration: %w", err)
		}
		files[name] = &protobufs.AgentConfigFile{Body: body, ContentType: "text/yaml"}
	}
	if len(files) == 0 {
		return nil, nil //nolint:nilnil // no files is no offer, and no mistake
	}
	return &protobufs.AgentRemoteConfig{
		Config:     &protobufs.AgentConfigMap{ConfigMap: files},
		ConfigHash: hashFiles(files),
	}, nil
}

// hashFiles covers the names, sorted, and bodies.
func hashFiles(files map[string]*protobufs.AgentConfigFile) []byte {
	var parts [][]byte
	for _, name := range sortedNames(files) {
		parts = append(parts, []byte(name), files[name].GetBody())
	}
	return digest(parts...)
}

// digest is SHA-256 over the parts, each preceded by its length so that no two lists of them look alike.
func digest(parts ...[]byte) []byte {
	h := sha256.New()
	for _, part := range parts {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write(part)
	}
	return h.Sum(nil)
}

func sortedNames[V any](all map[string]V) []string {
	return slices.Sorted(maps.Keys(all))
}

// short is how a hash is shown.
func short(hash []byte) string {
	if len(hash) <= 4 {
		return hex.EncodeToString(hash)
	}
	return hex.EncodeToString(hash[:4]) + "…"
}

// isDir follows links.
func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
