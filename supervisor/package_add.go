package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"opampd/supervisor/internal/trust"
)

// addTo has further keys sign what is in FILE.sig, if it is about FILE.
func (s *signing) addTo(cmd *cobra.Command, path string) error {
	taken := slices.DeleteFunc([]string{"package", "version", "os", "arch", "index", "floor", "expires", "downgrade-from", "downgrade-expires", "fleet", "notes"},
		func(name string) bool { return !cmd.Flags().Changed(name) })
	if len(taken) > 0 {
		return misused("--%s cannot be given with --add: what is signed is in %s already", taken[0], beside(path))
	}
	keys, list, err := s.inputs()
	if err != nil {
		return err
	}
	data, err := signatureOf(path)
	for _, key := range keys {
		if err == nil {
			data, err = trust.AddSignature(data, list, key)
		}
	}
	if err != nil {
		return about(beside(path), err)
	}
	if err := renameio.WriteFile(beside(path), data, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", beside(path), err)
	}
	return s.told(cmd, path, data)
}

// signatureOf reads FILE.sig, and checks that nobody is made to sign something else.
func signatureOf(path string) ([]byte, error) {
	data, err := readFile(beside(path))
	if err != nil {
		return nil, err
	}
	digest, _, err := digestOf(path)
	if err != nil {
		return nil, err
	}
	claims, err := trust.Inspect(data)
	switch {
	case err != nil:
		return nil, err
	case claims.Format != trust.FormatEnvelope || claims.Statement == nil:
		return nil, errors.New("it is no envelope with a release, so no signature can be added")
	case claims.Statement.SHA256 != hex.EncodeToString(digest[:]):
		return nil, fmt.Errorf("it is about another file than %s", path)
	}
	return data, nil
}
