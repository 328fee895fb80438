package hadolint

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// FromArguments reads a command line without the program's name.
func FromArguments(args []string) (Config, error) {
	var c Config
	fl := flags(&c)
	if err := fl.Parse(args); err != nil && !errors.Is(err, pflag.ErrHelp) {
		return c, err
	}
	c.Files = fl.Args()
	return c, nil
}

// Usage is the help page.
func Usage() string {
	return "Usage: whittle hadolint [OPTION...] [DOCKERFILE...]\n\n" +
		"Lints Dockerfiles with whittle's rules under hadolint's codes, options, formats\nand exit codes. - is standard input.\n\n" + flags(&Config{}).FlagUsages()
}

func flags(c *Config) *pflag.FlagSet {
	fl := pflag.NewFlagSet("hadolint", pflag.ContinueOnError)
	fl.SortFlags = false
	fl.Usage = func() {}
	fl.BoolVarP(&c.Help, "help", "h", false, "show this help")
	fl.BoolVarP(&c.Version, "version", "v", false, "show the version")
	fl.StringVarP(&c.File, "config", "c", "", "configuration `FILE`")
	fl.StringVar(&c.PathInReport, "file-path-in-report", "", "`PATH` to show for the file in reports")
	boolean(fl, &c.NoFail, "no-fail", "", "exit with 0 whatever is found")
	boolean(fl, &c.NoColor, "no-color", "", "no colours")
	boolean(fl, &c.Verbose, "verbose", "V", "say what is done on standard error")
	fl.VarP(&words{&c.Formats, formats}, "format", "f", "`FORMAT` of the report, repeatable: "+strings.Join(formats, ", "))
	fl.StringArrayVarP(&c.Outputs, "output", "o", nil, "`FILE` that the format at the same place goes to, - for standard output")
	for _, s := range severities {
		fl.Var(&override{c, s}, s, "`RULE` that counts as "+s+", repeatable")
	}
	fl.StringArrayVar(&c.Ignored, "ignore", nil, "`RULE` to leave out, repeatable")
	fl.StringArrayVar(&c.Registries, "trusted-registry", nil, "`REGISTRY` that images may come from, repeatable")
	fl.Var(&labels{c}, "require-label", "label that an image must have, as `NAME:TYPE`, repeatable")
	boolean(fl, &c.StrictLabels, "strict-labels", "", "allow no labels but the required ones")
	boolean(fl, &c.DisablePragma, "disable-ignore-pragma", "", "ignore comments that suppress rules")
	fl.VarP(&word{&c.Threshold, thresholds}, "failure-threshold", "t", "exit with 1 from this `SEVERITY` on: "+strings.Join(thresholds, ", "))
	return fl
}

// boolean is a flag that is nil when it is not given.
func boolean(fl *pflag.FlagSet, to **bool, name, short, help string) {
	fl.BoolFuncP(name, short, help, func(s string) error {
		yes, err := strconv.ParseBool(s)
		*to = &yes
		return err
	})
}

// word is a flag that takes one of some words.
type word struct {
	to    *string
	among []string
}

// String implements pflag.Value.
func (w *word) String() string { return "" }

// Type implements pflag.Value.
func (w *word) Type() string { return "word" }

// Set implements pflag.Value.
func (w *word) Set(s string) error {
	if !slices.Contains(w.among, s) {
		return fmt.Errorf("want one of %s", strings.Join(w.among, ", "))
	}
	*w.to = s
	return nil
}

// words is a flag of that kind which may be given again.
type words struct {
	to    *[]string
	among []string
}

// String implements pflag.Value.
func (w *words) String() string { return "" }

// Type implements pflag.Value.
func (w *words) Type() string { return "word" }

// Set implements pflag.Value.
func (w *words) Set(s string) error {
	var one string
	if err := (&word{&one, w.among}).Set(s); err != nil {
		return err
	}
	*w.to = append(*w.to, one)
	return nil
}

// override is the flag of a severity.
type override struct {
	c        *Config
	severity string
}

// String implements pflag.Value.
func (o *override) String() string { return "" }

// Type implements pflag.Value.
func (o *override) Type() string { return "rule" }

// Set implements pflag.Value.
func (o *override) Set(s string) error {
	o.c.override(o.severity, s)
	return nil
}

// labels is the flag of the label schema.
type labels struct{ c *Config }

// String implements pflag.Value.
func (l *labels) String() string { return "" }

// Type implements pflag.Value.
func (l *labels) Type() string { return "label" }

// Set implements pflag.Value.
func (l *labels) Set(s string) error {
	name, kind, ok := label(s)
	if !ok {
		return fmt.Errorf("want NAME:TYPE with a type of %s", strings.Join(labelTypes, ", "))
	}
	l.c.label(name, kind)
	return nil
}
