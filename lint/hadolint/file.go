package hadolint

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/whittle-oci/whittle/lint/config"
)

// Names are what a configuration file may be called.
var Names = []string{".hadolint.yaml", ".hadolint.yml"}

// Find looks for a configuration file where hadolint does: in the directory,
// then in the user's. It is "" when there is none. lookup is os.LookupEnv or
// what stands for it.
func Find(dir string, lookup func(string) (string, bool)) string {
	var at []string
	for _, n := range Names {
		at = append(at, filepath.Join(dir, n))
	}
	if xdg, ok := lookup("XDG_CONFIG_HOME"); ok && xdg != "" {
		at = append(at, filepath.Join(xdg, "hadolint.yaml"), filepath.Join(xdg, "hadolint.yml"))
	}
	if home, ok := lookup("HOME"); ok && home != "" {
		for _, n := range []string{".config/hadolint", ".hadolint/hadolint", ".hadolint/config", "hadolint/config", ".hadolint"} {
			at = append(at, filepath.Join(home, n+".yaml"), filepath.Join(home, n+".yml"))
		}
	}
	i := slices.IndexFunc(at, func(name string) bool {
		info, err := os.Stat(name)
		return err == nil && info.Mode().IsRegular()
	})
	if i < 0 {
		return ""
	}
	return at[i]
}

// file is the YAML of a configuration file.
type file struct {
	NoFail        *bool               `yaml:"no-fail,omitempty"`
	NoColor       *bool               `yaml:"no-color,omitempty"`
	Verbose       *bool               `yaml:"verbose,omitempty"`
	Format        string              `yaml:"format,omitempty"`
	Formats       []string            `yaml:"formats,omitempty"`
	Output        string              `yaml:"output,omitempty"`
	Outputs       []string            `yaml:"outputs,omitempty"`
	Override      map[string][]string `yaml:"override,omitempty"`
	Ignored       []string            `yaml:"ignored,omitempty"`
	Registries    oneOrMore           `yaml:"trustedRegistries,omitempty"`
	Labels        map[string]string   `yaml:"label-schema,omitempty"`
	StrictLabels  *bool               `yaml:"strict-labels,omitempty"`
	DisablePragma *bool               `yaml:"disable-ignore-pragma,omitempty"`
	Threshold     string              `yaml:"failure-threshold,omitempty"`
}

// oneOrMore is a list, or one word that stands for a list of it.
type oneOrMore []string

// UnmarshalYAML implements yaml.Unmarshaler.
func (o *oneOrMore) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*o = oneOrMore{n.Value}
		return nil
	}
	return n.Decode((*[]string)(o))
}

// String gives what is configured as a configuration file would.
func (c Config) String() string {
	out, err := yaml.Marshal(file{
		NoFail: c.NoFail, NoColor: c.NoColor, Verbose: c.Verbose, Formats: c.Formats, Outputs: c.Outputs, Override: c.Severities, Ignored: c.Ignored,
		Registries: c.Registries, Labels: c.Labels, StrictLabels: c.StrictLabels, DisablePragma: c.DisablePragma, Threshold: c.Threshold,
	})
	if err != nil {
		return err.Error()
	}
	return string(out)
}

// ErrEmpty is a file without a word, which hadolint does not take.
var ErrEmpty = errors.New("the file is empty")

// Parse reads a configuration file. Keys that hadolint does not know are passed
// over, as it does. name is for messages.
func Parse(name string, data []byte) (Config, error) {
	var f file
	var c Config
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return c, config.Invalid(name, err)
	}
	if len(doc.Content) == 0 {
		return c, fmt.Errorf("%s: %w", name, ErrEmpty)
	}
	if err := doc.Decode(&f); err != nil {
		return c, config.Invalid(name, err)
	}
	if f.Format != "" {
		f.Formats = append([]string{f.Format}, f.Formats...)
	}
	if f.Output != "" {
		f.Outputs = append([]string{f.Output}, f.Outputs...)
	}
	c = Config{
		NoFail: f.NoFail, NoColor: f.NoColor, Verbose: f.Verbose, Formats: f.Formats, Outputs: f.Outputs, Ignored: f.Ignored,
		Registries: f.Registries, StrictLabels: f.StrictLabels, DisablePragma: f.DisablePragma, Threshold: f.Threshold,
	}
	for _, format := range f.Formats {
		if !slices.Contains(formats, format) {
			return c, fmt.Errorf("%s: format: %q is none of %s", name, format, strings.Join(formats, ", "))
		}
	}
	if c.Threshold != "" && !slices.Contains(thresholds, c.Threshold) {
		return c, fmt.Errorf("%s: failure-threshold: %q is none of %s", name, c.Threshold, strings.Join(thresholds, ", "))
	}
	for _, s := range severities {
		if rules := f.Override[s]; len(rules) > 0 {
			c.override(s, rules...)
		}
	}
	for l, kind := range f.Labels {
		if _, kind, ok := label(l + ":" + kind); ok {
			c.label(l, kind)
			continue
		}
		return c, fmt.Errorf("%s: label-schema: %s: %q is none of %s", name, l, kind, strings.Join(labelTypes, ", "))
	}
	return c, nil
}
