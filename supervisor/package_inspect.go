package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"opampd/supervisor/internal/trust"
)

func inspectCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "inspect FILE.sig",
		Short: "Print what a signature says of itself, without believing it",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := readFile(args[0])
			if err != nil {
				return about(args[0], err)
			}
			claims, err := trust.Inspect(data)
			if err != nil {
				return about(args[0], err)
			}
			say(cmd, "nothing of this was verified")
			tell(cmd, "format", "%s", claims.Format)
			if claims.Comment != "" {
				tell(cmd, "comment", "%q", claims.Comment)
			}
			tellStatement(cmd, claims.Statement)
			tellSigners(cmd, claims.KeyIDs)
			if claims.KeyList != nil {
				tellKeyList(cmd, claims.KeyList.KeyList)
				tellSigners(cmd, claims.KeyList.KeyIDs)
			}
			return nil
		},
	}
}

// tell writes one fact.
func tell(cmd *cobra.Command, name, format string, args ...any) {
	say(cmd, "  %-12s %s", name, fmt.Sprintf(format, args...))
}

func tellStatement(cmd *cobra.Command, s *trust.Statement) {
	if s == nil {
		return
	}
	tell(cmd, "release", "%s %s for %s/%s", s.Package, s.Version, s.OS, s.Arch)
	tell(cmd, "index", "%d", s.Index)
	if s.Floor > 0 {
		tell(cmd, "floor", "%d: nothing lower once it is installed", s.Floor)
	}
	if s.SHA256 != "" {
		tell(cmd, "sha256", "%s (%d bytes)", s.SHA256, s.Size)
	}
	tell(cmd, "offered", "until %s", s.Expires.Format(time.RFC3339))
	if d := s.Downgrade; d != nil {
		fleet := "all hosts"
		if d.Fleet != "" {
			fleet = "hosts of " + d.Fleet
		}
		tell(cmd, "back from", "index %d to %d, %s, until %s", d.FromMin, d.FromMax, fleet, d.Expires.Format(time.RFC3339))
	}
	if s.Notes != "" {
		tell(cmd, "notes", "%s", s.Notes)
	}
}

func tellSigners(cmd *cobra.Command, ids []string) {
	if len(ids) > 0 {
		tell(cmd, "signed by", "%s", strings.Trim(fmt.Sprintf("%q", ids), "[]"))
	}
}

func tellKeyList(cmd *cobra.Command, l trust.KeyList) {
	tell(cmd, "key list", "number %d, of %s", l.Number, l.Issued.Format(time.RFC3339))
	for _, k := range l.Keys {
		until := "on"
		if k.Until > 0 {
			until = fmt.Sprintf("to %d", k.Until)
		}
		tell(cmd, "key", "%s, index %d %s", k.ID, max(k.From, 1), until)
	}
	for _, id := range l.RevokedKeys {
		tell(cmd, "revoked", "key %s", id)
	}
	for _, hash := range l.RevokedHashes {
		tell(cmd, "revoked", "archive %s", hash)
	}
	if l.Floor > 0 {
		tell(cmd, "floor", "%d", l.Floor)
	}
}
