package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"opampd/supervisor/internal/trust"
)

func keyListCommand() *cobra.Command {
	group := &cobra.Command{
		Use:   "keylist",
		Short: "Say which keys may sign releases, by a list that root keys sign",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	group.AddCommand(keyListNewCommand(), keyListSignCommand(), keyListShowCommand())
	return group
}

func keyListSignCommand() *cobra.Command {
	var keys []string
	var add bool
	cmd := &cobra.Command{
		Use:   "sign --key ROOT.key LIST.json",
		Short: "Sign a key list; it goes to LIST.json.sig",
		Long: "Signs a key list with root keys, and writes LIST.json.sig: for `opampd package sign --keylist`, or as a local file.\n" +
			"With --add, another root key signs LIST.json.sig.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return signKeyList(cmd, args[0], keys, add) },
	}
	cmd.Flags().StringArrayVar(&keys, "key", nil, "private root key to sign with (may be repeated)")
	cmd.Flags().BoolVar(&add, "add", false, "sign what LIST.json.sig says already, too")
	return cmd
}

func signKeyList(cmd *cobra.Command, path string, paths []string, add bool) error {
	keys, err := signingKeys(paths)
	if err != nil {
		return err
	}
	_, list, err := readKeyList(path)
	if err != nil {
		return about(path, err)
	}
	var data []byte
	write := func(data []byte) error { return writeNew(beside(path), data, 0o644) }
	if add {
		write = func(data []byte) error { return about(beside(path), renameio.WriteFile(beside(path), data, 0o644)) }
		data, err = signedListOf(path, list)
	} else {
		list.Issued = time.Now().UTC().Truncate(time.Second)
		data, err = trust.SignKeyList(list, keys[0])
		keys = keys[1:]
	}
	for _, key := range keys {
		if err == nil {
			data, err = trust.AddSignature(data, nil, key)
		}
	}
	if err == nil {
		err = write(data)
	}
	if err != nil {
		return about(path, err)
	}
	return showKeyList(cmd, beside(path))
}

// readKeyList reads a key list, signed or not: the file as it is, and what it says.
func readKeyList(path string) ([]byte, trust.KeyList, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, trust.KeyList{}, err
	}
	list, err := trust.ReadKeyList(data)
	return data, list, err
}

// signedListOf reads LIST.json.sig, and checks that it is LIST.json that was signed.
func signedListOf(path string, list trust.KeyList) ([]byte, error) {
	data, signed, err := readKeyList(beside(path))
	if err != nil {
		return nil, err
	}
	signed.Issued = list.Issued // which is that of signing
	one, errOne := json.Marshal(signed)
	other, errOther := json.Marshal(list)
	if err := errors.Join(errOne, errOther); err != nil {
		return nil, fmt.Errorf("compare the lists: %w", err)
	}
	if string(one) != string(other) {
		return nil, fmt.Errorf("%s says something else: remove it, and have all root keys sign anew", beside(path))
	}
	return data, nil
}

func keyListShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show LIST",
		Short: "Print a key list, signed or not, without believing it",
		Args:  cobra.ExactArgs(1),
		RunE:  func(cmd *cobra.Command, args []string) error { return showKeyList(cmd, args[0]) },
	}
}

func showKeyList(cmd *cobra.Command, path string) error {
	data, list, err := readKeyList(path)
	if err != nil {
		return about(path, err)
	}
	say(cmd, "%s", path)
	tellKeyList(cmd, list)
	if claims, err := trust.Inspect(data); err == nil {
		tellSigners(cmd, claims.KeyList.KeyIDs)
		return nil
	}
	tell(cmd, "signed by", "nobody yet")
	return nil
}
