package main

import (
	"errors"
	"os"

	"github.com/spf13/cobra"

	"opampd/supervisor/internal/trust"
)

func keygenCommand() *cobra.Command {
	var algorithm string
	cmd := &cobra.Command{
		Use:   "keygen NAME",
		Short: "Make a key for signing: NAME.key and NAME.pub",
		Long: "Writes the private key to NAME.key (PKCS #8 in PEM, mode 0600, without a password) and the public one to\n" +
			"NAME.pub. The private key belongs to whoever signs, never on a host or the OpAMP server.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return keygen(cmd, args[0], algorithm) },
	}
	cmd.Flags().StringVar(&algorithm, "algorithm", trust.Ed25519, "ed25519, or ecdsa-p256 for hardware that has no other")
	return cmd
}

func keygen(cmd *cobra.Command, name, algorithm string) error {
	if algorithm != trust.Ed25519 && algorithm != trust.ECDSAP256 {
		return misused("--algorithm %s: choose %s or %s", algorithm, trust.Ed25519, trust.ECDSAP256)
	}
	key, err := trust.GenerateKey(algorithm)
	if err != nil {
		return err
	}
	private, public, err := key.PEM()
	if err != nil {
		return err
	}
	if err := writeNew(name+".key", private, 0o600); err != nil {
		return err
	}
	if err := writeNew(name+".pub", public, 0o644); err != nil {
		return errors.Join(err, os.Remove(name+".key"))
	}
	say(cmd, "%s.key  the private key: keep it with whoever signs, and a copy in a safe", name)
	say(cmd, "%s.pub  the public key %s: goes to each host, owned by root, into packages.trust", name, key.ID())
	return nil
}

// signingKeys reads private keys.
func signingKeys(paths []string) ([]trust.PrivateKey, error) {
	if len(paths) == 0 {
		return nil, misused("--key is missing: name the private key to sign with")
	}
	var keys []trust.PrivateKey
	for _, path := range paths {
		data, err := readFile(path)
		if err != nil {
			return nil, about("key "+path, err)
		}
		key, err := trust.ParsePrivateKey(data)
		if err != nil {
			return nil, about("key "+path, err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}
