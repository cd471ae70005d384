package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"opampd/supervisor/internal/config"
	"opampd/supervisor/internal/trust"
)

// command builds the command line.
func command() *cobra.Command {
	o := &options{}
	root := &cobra.Command{
		Use:     "opampd",
		Version: version,
		Short:   "An OpAMP supervisor for the OpenTelemetry Collector",
		Long: "opampd runs beside one OpenTelemetry Collector and lets an OpAMP server manage it.\n" +
			"With --config and no command it does what `opampd run` does.",
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("config") {
				return cmd.Help()
			}
			return runDaemon(cmd.Context(), o)
		},
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; see `%s --help`", err, cmd.CommandPath())}
	})
	o.register(root.Flags())
	root.AddCommand(runCommand(), validateCommand(), configCommand(), versionCommand(), devServerCommand(), packageCommand(), rollbackCommand())
	markUsage(root)
	return root
}

// markUsage gives wrong arguments of all commands the exit code of a wrong command line.
func markUsage(c *cobra.Command) {
	c.Args = usage(c.Args)
	for _, sub := range c.Commands() {
		markUsage(sub)
	}
}

// usage marks errors about arguments, so that they get their own exit code.
func usage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if check == nil {
			return nil
		}
		if err := check(cmd, args); err != nil {
			return usageError{fmt.Errorf("%w; see `%s --help`", err, cmd.CommandPath())}
		}
		return nil
	}
}

// options are the flags that choose and override the local configuration.
type options struct {
	path  string
	gates string
	set   []string
	flags *pflag.FlagSet
}

// shortcuts are the flags that stand for a key of supervisor.yaml.
func shortcuts() map[string][2]string {
	return map[string][2]string{
		"endpoint":   {"server.endpoint", "URL of the OpAMP server: ws, wss, http or https"},
		"executable": {"agent.executable", "path of the Collector"},
		"storage":    {"storage.directory", "where opampd keeps its state"},
		"log-level":  {"telemetry.logs.level", "debug, info, warn or error"},
	}
}

func (o *options) register(f *pflag.FlagSet) {
	o.flags = f
	f.StringVar(&o.path, "config", "", "path of supervisor.yaml")
	for name, s := range shortcuts() {
		f.String(name, "", s[1]+" ("+s[0]+")")
	}
	f.StringArrayVar(&o.set, "set", nil, "set any key of the configuration, as in agent.probation=1m (may be repeated)")
	f.StringVar(&o.gates, "feature-gates", "", "")
	_ = f.MarkHidden("feature-gates") // the reference has it; unit files that pass it keep working
}

// load reads the configuration through all its layers.
func (o *options) load(checkFiles bool) (*config.Loaded, error) {
	if o.path == "" {
		problem := config.Problem{Key: "--config", Message: "it is missing: name the supervisor.yaml that opampd runs with"}
		return nil, unusable(&config.Error{Problems: []config.Problem{problem}})
	}
	flags, names := map[string]any{}, map[string]string{}
	for name, s := range shortcuts() {
		if f := o.flags.Lookup(name); f != nil && f.Changed {
			flags[s[0]], names[s[0]] = f.Value.String(), name
		}
	}
	for _, assignment := range o.set {
		key, value, ok := strings.Cut(assignment, "=")
		if !ok {
			return nil, usageError{fmt.Errorf("--set %s: want key=value, such as agent.probation=1m", assignment)}
		}
		flags[key], names[key] = value, "set"
	}
	loaded, err := config.Load(config.Options{Path: o.path, Environ: os.Environ(), Flags: flags, FlagNames: names, CheckFiles: checkFiles})
	if err != nil {
		return nil, unusable(err)
	}
	return loaded, nil
}

func unusable(err error) error { return fmt.Errorf("the configuration cannot be used:\n%w", err) }

func runCommand() *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use:   "run --config supervisor.yaml",
		Short: "Supervise a Collector until SIGTERM or SIGINT",
		Long: "Runs the daemon. SIGTERM and SIGINT stop the Collector in order and then opampd; a second one\n" +
			"kills. SIGHUP reads supervisor.yaml again; SIGUSR1 writes the last events to the storage directory.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runDaemon(cmd.Context(), o) },
	}
	o.register(cmd.Flags())
	return cmd
}

func validateCommand() *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use:   "validate --config supervisor.yaml",
		Short: "Check supervisor.yaml, the files that it names, and whether the Collector can be supervised",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			loaded, err := o.load(true)
			if err != nil {
				return err
			}
			for _, w := range loaded.Warnings {
				_, _ = fmt.Fprintln(cmd.OutOrStdout(), "warning: "+w.String())
			}
			if p := loaded.Config.Packages; loaded.Config.Capabilities.AcceptsPackages && len(p.Roots) > 0 {
				if _, err := trust.Load(trustSettings(loaded.Config, "")); err != nil {
					problem := config.Problem{File: o.path, Key: "packages.trust", Message: err.Error()}
					return unusable(&config.Error{Problems: []config.Problem{problem}})
				}
			}
			if _, err := launch(loaded.Config.Agent).Inspect(cmd.Context()); err != nil {
				problem := config.Problem{File: o.path, Key: "agent.executable", Message: err.Error()}
				return unusable(&config.Error{Problems: []config.Problem{problem}})
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), o.path+" is valid")
			return err //nolint:wrapcheck // nothing to add
		},
	}
	o.register(cmd.Flags())
	return cmd
}

func configCommand() *cobra.Command {
	o := &options{}
	group := &cobra.Command{Use: "config", Short: "Look at the configuration", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	show := &cobra.Command{
		Use:   "print --config supervisor.yaml",
		Short: "Print what is in force and where each value comes from; secrets are left out",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			loaded, err := o.load(false)
			if err != nil {
				return err
			}
			return loaded.Print(cmd.OutOrStdout())
		},
	}
	o.register(show.Flags())
	group.AddCommand(show)
	return group
}
