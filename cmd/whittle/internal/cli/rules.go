package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/whittle-oci/whittle/lint/docs"
	"github.com/whittle-oci/whittle/lint/format"
	"github.com/whittle-oci/whittle/lint/rule"
)

// rulesFlags choose among the rules.
type rulesFlags struct {
	family, preset, tool string
	fixable, json        bool
	severity             bool
}

func (a *app) rulesCommand() *cobra.Command {
	f := &rulesFlags{}
	c := &cobra.Command{
		Use:   "rules",
		Short: "List what lint checks",
		Long: `Rules lists what lint checks: whittle's rules and BuildKit's. ShellCheck's are
told apart by SC and a number, and explain knows them.`,
		Example: `  whittle rules --preset recommended --fixable
  whittle rules --family secrets
  whittle rules --tool hadolint
  whittle rules --severity`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error { return a.rules(f) },
	}
	fl := c.Flags()
	fl.StringVar(&f.family, "family", "", "rules of a `FAMILY`: "+strings.Join(families(), ", "))
	fl.StringVar(&f.preset, "preset", "", "rules of a `PRESET`: recommended, strict or hadolint")
	fl.StringVar(&f.tool, "tool", "", "rules that another `TOOL` has too, under its names: "+strings.Join(rule.Tools(), ", "))
	fl.BoolVar(&f.fixable, "fixable", false, "rules that fix what they find")
	fl.BoolVar(&f.severity, "severity", false, "severities beside hadolint's, and why they differ; the worst first")
	fl.BoolVar(&f.json, "json", false, "print JSON")
	_ = c.RegisterFlagCompletionFunc("family", among(families()...)) // they are there, and once
	_ = c.RegisterFlagCompletionFunc("tool", among(rule.Tools()...))
	return completions(c)
}

func families() []string {
	var out []string
	for _, f := range rule.Families() {
		out = append(out, string(f))
	}
	return out
}

// ruleLine is a rule as JSON.
type ruleLine struct {
	Name     string   `json:"name"`
	Aliases  []string `json:"aliases"`
	Family   string   `json:"family"`
	Severity string   `json:"severity"`
	Fix      string   `json:"fix"`
	Summary  string   `json:"summary"`
	Presets  []string `json:"presets"`
	URL      string   `json:"url"`
}

func (a *app) rules(f *rulesFlags) error {
	list, err := f.choose(catalogue())
	if err != nil {
		return usage{err}
	}
	if f.json {
		out := []ruleLine{}
		for _, m := range list {
			out = append(out, ruleLine{
				m.Name, append([]string{}, m.Aliases...), string(m.Family), m.Severity.String(), m.Fixable.String(), m.Summary, append(slices.Clone(m.Presets), "strict"), format.URL(&m),
			})
		}
		enc := json.NewEncoder(a.Out)
		enc.SetIndent("", "  ")
		return enc.Encode(out)
	}
	if f.severity {
		return a.severities(list)
	}
	t := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
	for _, m := range list {
		name := m.Name
		if f.tool != "" {
			name += "\t" + strings.Join(namesOf(m, f.tool), ", ")
		}
		fix := ""
		if m.Fixable != rule.Never {
			fix = "fix"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", name, m.Severity, m.Family, fix, m.Summary)
	}
	return t.Flush()
}

// severities prints severities beside hadolint's, the worst first.
func (a *app) severities(list []rule.Meta) error {
	slices.SortStableFunc(list, func(a, b rule.Meta) int { return cmp.Compare(b.Severity, a.Severity) })
	t := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
	for _, m := range list {
		theirs, why := docs.Beside(m)
		var names []string
		for _, s := range theirs {
			names = append(names, s.Code+" "+s.Severity)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", m.Severity, m.Name, cmp.Or(strings.Join(names, ", "), "-"), why)
	}
	return t.Flush()
}

// choose keeps the rules that every flag wants.
func (f *rulesFlags) choose(all []rule.Meta) ([]rule.Meta, error) {
	tool := f.tool
	if i := slices.IndexFunc(rule.Tools(), func(t string) bool { return strings.EqualFold(t, tool) }); i >= 0 {
		tool = rule.Tools()[i]
	}
	for _, x := range []struct {
		flag, value string
		among       []string
	}{
		{"family", f.family, families()},
		{"preset", f.preset, []string{"recommended", "strict", "hadolint"}},
		{"tool", tool, rule.Tools()},
	} {
		if x.value != "" && !slices.Contains(x.among, x.value) {
			return nil, fmt.Errorf("--%s %s: want one of %s", x.flag, x.value, strings.Join(x.among, ", "))
		}
	}
	f.tool = tool
	return slices.DeleteFunc(all, func(m rule.Meta) bool {
		return f.family != "" && string(m.Family) != f.family || f.preset != "" && !m.In(f.preset) ||
			f.fixable && m.Fixable == rule.Never || tool != "" && len(namesOf(m, tool)) == 0
	}), nil
}

// namesOf are the names that one tool has for a rule.
func namesOf(m rule.Meta, tool string) []string {
	var out []string
	for _, n := range append([]string{m.Name}, m.Aliases...) {
		if rule.Tool(n) == tool && (n != m.Name || m.URL != "") {
			out = append(out, n)
		}
	}
	return out
}
