package cli

import (
	"encoding/json"
	"fmt"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/whittle-oci/whittle/lint/docs"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules"
)

func (a *app) rulesCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "rules",
		Short: "List what lint checks",
		Args:  usageArgs(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			if asJSON {
				type line struct {
					Name     string   `json:"name"`
					Aliases  []string `json:"aliases"`
					Family   string   `json:"family"`
					Severity string   `json:"severity"`
					Fix      string   `json:"fix"`
					Summary  string   `json:"summary"`
					Presets  []string `json:"presets"`
				}
				var out []line
				for _, r := range docs.All(rules.All()) {
					out = append(out, line{r.Name, r.Aliases, string(r.Family), r.Severity.String(), r.Fixable.String(), r.Summary, append(slices.Clone(r.Presets), "strict")})
				}
				enc := json.NewEncoder(a.Out)
				enc.SetIndent("", "  ")
				return enc.Encode(out)
			}
			t := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
			for _, r := range docs.All(rules.All()) {
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", r.Name, r.Severity, r.Family, r.Summary)
			}
			return t.Flush()
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func (a *app) explainCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "explain RULE",
		Short: "Say what a rule is about and why",
		Args:  usageArgs(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			i := slices.IndexFunc(docs.All(rules.All()), func(r rule.Rule) bool { return r.Is(args[0]) })
			if i < 0 {
				return usage{fmt.Errorf("there is no rule %q; whittle rules lists them", args[0])}
			}
			_, page := docs.Page(docs.All(rules.All())[i].Meta)
			_, err := fmt.Fprint(a.Out, page)
			return err
		},
	}
}
