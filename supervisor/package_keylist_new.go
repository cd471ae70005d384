package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"opampd/supervisor/internal/trust"
)

// listing are the flags of `opampd package keylist new`.
type listing struct {
	from   string
	number int64
	add    []string
	ranges []string
	drop   []string
	keys   []string // revoked
	hashes []string // revoked
	floor  int64
}

func keyListNewCommand() *cobra.Command {
	l := &listing{}
	cmd := &cobra.Command{
		Use:   "new LIST.json",
		Short: "Write a key list, to be looked at and then signed",
		Long: "Writes a key list as JSON, from nothing or, with --from, from the last one with the next number. A key is good for\n" +
			"releases by their index: one that was replaced should stay in the list up to its last release, so that going back to that is possible.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return l.write(cmd, args[0]) },
	}
	l.register(cmd.Flags())
	return cmd
}

func (l *listing) register(f *pflag.FlagSet) {
	f.StringVar(&l.from, "from", "", "the last list, signed or not")
	f.Int64Var(&l.number, "number", 0, "number of the list (default: that of the last one and 1)")
	f.StringArrayVar(&l.add, "add-key", nil, "key that may sign, as in release-2026=release.pub (may be repeated)")
	f.StringArrayVar(&l.ranges, "range", nil, "indexes that a key may sign, as in release-2026=15- or release-2025=1-14 (may be repeated)")
	f.StringArrayVar(&l.drop, "drop-key", nil, "key to leave out, with all releases that it signed (may be repeated)")
	f.StringArrayVar(&l.keys, "revoke-key", nil, "id or fingerprint of a key that somebody else has, too (may be repeated)")
	f.StringArrayVar(&l.hashes, "revoke-hash", nil, "SHA-256 of an archive that must not be installed (may be repeated)")
	f.Int64Var(&l.floor, "floor", 0, "lowest index that may be installed")
}

func (l *listing) write(cmd *cobra.Command, path string) error {
	list, err := l.start()
	if err != nil {
		return err
	}
	for _, step := range []func(*trust.KeyList) error{l.addKeys, l.setRanges, l.dropKeys} {
		if err := step(&list); err != nil {
			return err
		}
	}
	list.RevokedKeys = append(list.RevokedKeys, l.keys...)
	list.RevokedHashes = append(list.RevokedHashes, l.hashes...)
	list.Floor = max(list.Floor, l.floor)
	data, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return fmt.Errorf("write the key list: %w", err)
	}
	if _, err := trust.ReadKeyList(data); err != nil {
		return fmt.Errorf("hosts would not take the list: %w", err)
	}
	if err := writeNew(path, append(data, '\n'), 0o644); err != nil {
		return err
	}
	say(cmd, "%s", path)
	tellKeyList(cmd, list)
	say(cmd, "next: opampd package keylist sign --key ROOT.key %s", path)
	return nil
}

// start is the list before the flags change it.
func (l *listing) start() (trust.KeyList, error) {
	list := trust.KeyList{Type: trust.KeyListStatement}
	if l.from != "" {
		var err error
		if _, list, err = readKeyList(l.from); err != nil {
			return list, about("the last list, "+l.from, err)
		}
	}
	if l.number > 0 && l.number <= list.Number {
		return list, misused("--number %d: the last list has %d, and hosts take no lower one", l.number, list.Number)
	}
	list.Number = max(list.Number+1, l.number)
	list.Issued = time.Now().UTC().Truncate(time.Second)
	return list, nil
}

func (l *listing) addKeys(list *trust.KeyList) error {
	for _, add := range l.add {
		id, file, ok := strings.Cut(add, "=")
		if !ok {
			return misused("--add-key %s: write ID=FILE, such as release-2026=release.pub", add)
		}
		public, err := readFile(file)
		if err != nil {
			return about("key "+file, err)
		}
		list.Keys = append(list.Keys, trust.ListedKey{ID: id, Public: string(public)})
	}
	return nil
}

func (l *listing) setRanges(list *trust.KeyList) error {
	for _, one := range l.ranges {
		id, text, ok := strings.Cut(one, "=")
		i := slices.IndexFunc(list.Keys, func(k trust.ListedKey) bool { return k.ID == id })
		switch {
		case !ok || !strings.Contains(text, "-"):
			return misused("--range %s: write ID=FROM-UNTIL, such as release-2026=15-", one)
		case i < 0:
			return misused("--range %s: the list has no key %s", one, id)
		}
		from, until, err := span(text, true)
		if err != nil {
			return misused("--range: %w", err)
		}
		list.Keys[i].From, list.Keys[i].Until = from, until
	}
	return nil
}

func (l *listing) dropKeys(list *trust.KeyList) error {
	for _, id := range l.drop {
		before := len(list.Keys)
		list.Keys = slices.DeleteFunc(list.Keys, func(k trust.ListedKey) bool { return k.ID == id })
		if len(list.Keys) == before {
			return misused("--drop-key %s: the list has no such key", id)
		}
	}
	return nil
}
