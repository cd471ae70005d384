package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"opampd/supervisor/internal/trust"
)

// signing are the flags of `opampd package sign`.
type signing struct {
	keys      []string
	keyList   string
	add       bool
	statement trust.Statement
	expires   string
	from      string // indexes from which one may go back
	fromUntil string
	fleet     string
}

func signCommand() *cobra.Command {
	s := &signing{}
	cmd := &cobra.Command{
		Use:   "sign --key K --package NAME --version V --index N FILE",
		Short: "Sign a release; the signature goes to FILE.sig",
		Long: "Writes FILE.sig, which the OpAMP server offers as the signature of FILE. The index counts the releases of a\n" +
			"package: 1 or more, higher for each newer one. With --add, another key signs what FILE.sig says already.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if s.add {
				return s.addTo(cmd, args[0])
			}
			return s.sign(cmd, args[0])
		},
	}
	s.register(cmd.Flags())
	return cmd
}

func (s *signing) register(f *pflag.FlagSet) {
	f.StringArrayVar(&s.keys, "key", nil, "private key to sign with (may be repeated)")
	f.StringVar(&s.statement.Package, "package", "", "name of the package, such as otelcol-lean")
	f.StringVar(&s.statement.Version, "version", "", "version of the release")
	f.StringVar(&s.statement.OS, "os", "", "operating system it is for (default: that of the program in FILE, or this one)")
	f.StringVar(&s.statement.Arch, "arch", "", "architecture it is for (default: that of the program in FILE, or this one)")
	f.Int64Var(&s.statement.Index, "index", 0, "number of the release, higher than that of any older one")
	f.Int64Var(&s.statement.Floor, "floor", 0, "lowest index that may be installed once this one was")
	f.StringVar(&s.expires, "expires", "365d", "how long it may be offered: 365d, 12h, 2027-01-31 or 2027-01-31T00:00:00Z")
	f.StringVar(&s.from, "downgrade-from", "", "permit to go back to it from these indexes, as in 16-18")
	f.StringVar(&s.fromUntil, "downgrade-expires", "30d", "how long that permit holds")
	f.StringVar(&s.fleet, "fleet", "", "only hosts with this label may go back (packages.fleet)")
	f.StringVar(&s.statement.Notes, "notes", "", "a few words or a URL for who looks at it")
	f.StringVar(&s.keyList, "keylist", "", "signed key list to send along")
	f.BoolVar(&s.add, "add", false, "sign what FILE.sig says already, too")
}

func (s *signing) sign(cmd *cobra.Command, path string) error {
	if err := s.complete(path); err != nil {
		return err
	}
	keys, list, err := s.inputs()
	if err != nil {
		return err
	}
	digest, size, err := digestOf(path)
	if err != nil {
		return err
	}
	s.statement.SHA256, s.statement.Size = hex.EncodeToString(digest[:]), size
	data, err := trust.SignRelease(s.statement, list, keys[0])
	for _, key := range keys[1:] {
		if err == nil {
			data, err = trust.AddSignature(data, nil, key)
		}
	}
	if err != nil {
		return about(path, err)
	}
	if err := writeNew(beside(path), data, 0o644); err != nil {
		return err
	}
	return s.told(cmd, path, data)
}

// complete fills in what the flags leave open.
func (s *signing) complete(path string) error {
	st := &s.statement
	switch {
	case st.Package == "" || st.Version == "" || st.Index < 1:
		return misused("--package, --version and --index say what is signed, and are all needed")
	case s.from == "" && s.fleet != "":
		return misused("--fleet is about the permit to go back: give --downgrade-from, too")
	}
	now := time.Now().UTC().Truncate(time.Second)
	st.NotBefore = now
	var err error
	if st.Expires, err = moment(s.expires, now); err != nil {
		return misused("--expires: %w", err)
	}
	if s.from != "" {
		if st.Downgrade, err = s.permit(now); err != nil {
			return err
		}
	}
	return s.platform(path)
}

func (s *signing) permit(now time.Time) (*trust.Permit, error) {
	from, to, err := span(s.from, false)
	if err != nil {
		return nil, misused("--downgrade-from: %w", err)
	}
	if to <= s.statement.Index {
		return nil, misused("--downgrade-from %s: index %d is not lower, so it needs no permit", s.from, s.statement.Index)
	}
	until, err := moment(s.fromUntil, now)
	if err != nil {
		return nil, misused("--downgrade-expires: %w", err)
	}
	return &trust.Permit{FromMin: from, FromMax: to, Expires: until, Fleet: s.fleet}, nil
}

// platform says what the release is for. Who signs an archive of the wrong architecture
// would learn it from a fleet that refuses it.
func (s *signing) platform(path string) error {
	st := &s.statement
	inside, known := platformOf(path)
	if !known {
		inside = platform{runtime.GOOS, runtime.GOARCH}
	}
	if st.OS == "" {
		st.OS = inside.os
	}
	if st.Arch == "" {
		st.Arch = inside.arch
	}
	if known && (platform{st.OS, st.Arch}) != inside {
		return fmt.Errorf("%s has a program for %s/%s in it, not for %s/%s", path, inside.os, inside.arch, st.OS, st.Arch)
	}
	return nil
}

func (s *signing) inputs() (keys []trust.PrivateKey, list []byte, err error) {
	if keys, err = signingKeys(s.keys); err != nil || s.keyList == "" {
		return keys, nil, err
	}
	if list, err = readFile(s.keyList); err != nil {
		return nil, nil, about("key list "+s.keyList, err)
	}
	claims, err := trust.Inspect(list)
	if err == nil && (claims.KeyList == nil || claims.Statement != nil) {
		err = errors.New("it is no signed key list; opampd package keylist sign writes one")
	}
	return keys, list, about("key list "+s.keyList, err)
}

func (s *signing) told(cmd *cobra.Command, path string, data []byte) error {
	claims, err := trust.Inspect(data)
	if err != nil {
		return about(beside(path), err)
	}
	say(cmd, "%s", beside(path))
	tellStatement(cmd, claims.Statement)
	tellSigners(cmd, claims.KeyIDs)
	return nil
}
