package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"opampd/supervisor/internal/config"
	"opampd/supervisor/internal/disk"
	"opampd/supervisor/internal/release"
)

func packageListCommand() *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use:   "list --config supervisor.yaml",
		Short: "List the releases on this host, and where an upgrade stands",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			loaded, err := o.load(false)
			if err != nil {
				return err
			}
			return listReleases(cmd.OutOrStdout(), loaded.Config)
		},
	}
	o.register(cmd.Flags())
	return cmd
}

func listReleases(w io.Writer, c config.Config) error {
	releases, err := readReleases(c)
	if err != nil {
		return err
	}
	current, _ := releases.Current()
	previous, _ := releases.Previous()
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "\tVERSION\tINDEX\tPACKAGE\tINSTALLED\tSIGNED BY")
	_, _ = fmt.Fprintf(t, "%s\t(factory)\t\t%s\t\t\n", mark("", current, previous), c.Agent.Executable)
	installed, err := releases.List()
	if err != nil {
		return err
	}
	for _, r := range installed {
		by := fmt.Sprint(r.Signers)
		if r.BytesOnly {
			by += ", bytes only"
		}
		_, _ = fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\t%s\n", mark(r.Archive, current, previous), r.Version, r.Index,
			short(r.Archive), r.InstalledAt.Format("2006-01-02 15:04"), by)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("print the list: %w", err)
	}
	if s, found := readStanding(c); found {
		_, _ = fmt.Fprintln(w, "\n"+s.String())
	}
	if pid, err := holder(lockPath(c)); err == nil && pid == 0 {
		_, _ = fmt.Fprintln(w, "no opampd runs on "+c.Storage.Directory+"; this is how it was left")
	}
	return nil
}

// readReleases looks at the releases of a daemon that may be running.
func readReleases(c config.Config) (*release.Releases, error) {
	dir := packagesDir(c)
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("look at the installed releases: %w", err)
	}
	return release.Read(disk.Dir{Root: root}, dir), nil
}

func mark(id, current, previous string) string {
	switch id {
	case current:
		return "current"
	case previous:
		return "previous"
	}
	return ""
}

// readStanding reads where an upgrade stands, as the daemon wrote it.
func readStanding(c config.Config) (standing, bool) {
	var document struct {
		State standing `json:"state"`
	}
	body, err := os.ReadFile(filepath.Join(c.Storage.Directory, "upgrade.json"))
	if err != nil || json.Unmarshal(body, &document) != nil {
		return standing{}, false
	}
	return document.State, true
}

// String says it in a line.
func (s standing) String() string {
	line := "package " + short(s.Content)
	if s.Content == "" {
		return "no package was offered"
	}
	line += ": " + s.Code
	if s.Percent > 0 {
		line += fmt.Sprintf(", %d %%", s.Percent)
	}
	if s.Phase != "" {
		line += ", " + s.Phase
	}
	if s.Message != "" {
		line += ": " + s.Message
	}
	return line
}
