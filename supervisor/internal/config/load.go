package config

import (
	"fmt"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/v2"
)

// Options say where settings come from. Each source overrides those before it: defaults, file, environment, flags.
type Options struct {
	Path    string         // the YAML file
	Environ []string       // "NAME=value", as from os.Environ; for ${...} in the file, and for OPAMPD_ overrides
	Flags   map[string]any // by dotted key; only the flags that were given. string, bool, int, int64, time.Duration, []string
	// FlagNames are the flags' names without dashes, by dotted key, for messages; a missing one is the key itself.
	FlagNames map[string]string
	// CheckFiles makes it an error if the Collector cannot be executed or a file named in the settings cannot be
	// read. It is for "opampd validate"; a daemon rather stays connected and says what is missing (W15).
	CheckFiles bool
}

// Loaded is the outcome of Load.
type Loaded struct {
	Config   Config
	Warnings []Problem // to be logged once at start

	schema  schema
	values  *koanf.Koanf
	origins map[string]source
}

// Load reads, layers and checks the settings. The error is an *Error with everything that is wrong.
// It reads the file, the files named by ${file:...} and, to check them, certificates; it changes nothing.
func Load(o Options) (*Loaded, error) {
	found := &report{}
	l, err := load(o, found)
	if err != nil {
		return nil, err
	}
	l.Warnings = sorted(found.warnings)
	if len(found.problems) > 0 {
		return nil, &Error{sorted(found.problems)}
	}
	return l, nil
}

func load(o Options, found *report) (*Loaded, error) {
	l := &Loaded{schema: newSchema(), values: koanf.New("."), origins: map[string]source{}}
	if err := l.layer(o, found); err != nil {
		return nil, err
	}
	if err := l.settle(); err != nil {
		return nil, err
	}
	decode := mapstructure.DecoderConfig{ErrorUnused: true, TagName: "koanf"}
	if err := l.values.UnmarshalWithConf("", &l.Config, koanf.UnmarshalConf{DecoderConfig: &decode}); err != nil {
		return nil, fmt.Errorf("the table of keys and the settings differ, which is a fault of opampd: %w", err)
	}
	c := checker{report: found, Loaded: l, strict: o.CheckFiles}
	c.check()
	return l, nil
}

// layer loads defaults, file, environment and flags, in that order.
func (l *Loaded) layer(o Options, found *report) error {
	d := &decoder{report: found, schema: l.schema, origins: l.origins, noted: map[string]bool{}}
	layers := []func() koanf.Provider{
		func() koanf.Provider { return confmap.Provider(l.schema.defaults(), "") },
		func() koanf.Provider { return confmap.Provider(d.document(o), "") },
		func() koanf.Provider {
			environ := func() []string { return overrides(o.Environ) }
			return env.Provider(".", env.Opt{Prefix: prefix, EnvironFunc: environ, TransformFunc: d.variable})
		},
		func() koanf.Provider { return confmap.Provider(d.flags(o), "") },
	}
	for _, layer := range layers {
		if err := l.values.Load(layer(), nil); err != nil {
			return fmt.Errorf("cannot layer the settings: %w", err)
		}
	}
	return nil
}

// document reads and decodes the file.
func (d *decoder) document(o Options) map[string]any {
	if o.Path == "" {
		d.problem(source{file: "--config"}, "", "path to config file cannot be empty")
		return nil
	}
	text, err := readLimited(o.Path)
	if err != nil {
		d.problem(source{file: o.Path}, "", "%v", err)
		return nil
	}
	r := reader{report: d.report, environ: variables(o.Environ)}
	v, _ := r.read(text, o.Path)
	d.origins[""] = source{file: o.Path}
	return d.file(v)
}
