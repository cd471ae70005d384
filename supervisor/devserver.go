package main

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"opampd/supervisor/internal/devserver"
)

func devServerCommand() *cobra.Command {
	s := devserver.Settings{}
	cmd := &cobra.Command{
		Use:   "dev-server",
		Short: "Run a small OpAMP server for a laptop or a lab, driven by a directory",
		Long: "Offers DIR/config/*.yaml to every agent, and the package in DIR/packages/ with its signature (FILE.sig) to those\n" +
			"that take packages, again whenever a file changes, and writes what each agent reports to\n" +
			"DIR/agents/<instance uid>/. It asks nobody who they are: for trying things out only.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			s.Out, s.Color = cmd.OutOrStdout(), devserver.Colors(os.Stdout)
			return devserver.Run(ctx, s, nil)
		},
	}
	cmd.Flags().StringVar(&s.Listen, "listen", "127.0.0.1:4320", "address to listen on")
	cmd.Flags().StringVar(&s.Dir, "dir", "fleet", "directory with config/, packages/ and agents/")
	return cmd
}
