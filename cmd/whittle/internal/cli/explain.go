package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/whittle-oci/whittle/lint/config"
	"github.com/whittle-oci/whittle/lint/custom"
	"github.com/whittle-oci/whittle/lint/docs"
	"github.com/whittle-oci/whittle/lint/rule"
)

func (a *app) explainCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "explain RULE",
		Short: "Explain a rule",
		Long: `Explain shows the page of a rule. RULE is its name here or in any other tool:
DL3008 (hadolint), SC2086 (ShellCheck), StageNameCasing (BuildKit), DS-0002
(Trivy), CKV_DOCKER_3 (Checkov), DKL-DI-0005 (dockle); or that of a rule of your
own, from the configuration of the current directory. It asks no network.`,
		Args:              usageArgs(cobra.ExactArgs(1)),
		ValidArgsFunction: ruleNames,
		RunE: func(c *cobra.Command, args []string) error {
			name := args[0]
			if found := findRules(name); len(found) > 0 {
				var pages []string
				for _, m := range found {
					pages = append(pages, docs.Page(m))
				}
				_, err := fmt.Fprint(a.Out, strings.Join(pages, "\n"))
				return err
			}
			if e, ok := docs.FindElsewhere(name); ok {
				_, err := fmt.Fprintln(a.Out, e)
				return err
			}
			own, err := ownRules(c.Context())
			if err != nil {
				return err
			}
			if i := slices.IndexFunc(own, func(r rule.Rule) bool { return r.Name == name }); i >= 0 {
				_, err := fmt.Fprint(a.Out, docs.Page(own[i].Meta))
				return err
			}
			err = usage{fmt.Errorf("there is no rule %q; whittle rules lists them", name)}
			if near := nearestRule(name); near != "" {
				return hinted{err, fmt.Sprintf("did you mean %s?", near)}
			}
			return err
		},
	}
}

// ownRules are those of the configuration that holds in the current directory,
// as far as it is on this machine.
func ownRules(ctx context.Context) ([]rule.Rule, error) {
	c := newConfigs("", config.Layer{})
	c.fetch = func(_ context.Context, address, digest string) ([]byte, error) {
		if data, ok := keptConfig(digest); ok {
			return data, nil
		}
		return nil, fmt.Errorf("%s is not on this machine yet; whittle lint fetches it", address)
	}
	here := absolute(".")
	files, err := c.read(ctx, here)
	if err != nil {
		return nil, err
	}
	return custom.Compile(config.For(filepath.Join(here, "Dockerfile"), files).Rules), nil
}
