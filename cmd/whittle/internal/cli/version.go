package cli

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/whittle-oci/whittle/cmd/internal/version"
)

// linked are the libraries whose versions matter to users.
var linked = []string{"github.com/moby/buildkit", "github.com/google/go-containerregistry", "github.com/sigstore/cosign/v2"}

func (a *app) versionCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "version",
		Short: "Print the versions of whittle and of what it is built with",
		Args:  usageArgs(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			v := struct {
				Version   string            `json:"version"`
				Go        string            `json:"go"`
				Platform  string            `json:"platform"`
				Libraries map[string]string `json:"libraries"`
			}{version.String(), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH, map[string]string{}}
			if info, ok := debug.ReadBuildInfo(); ok {
				for _, d := range info.Deps {
					for _, l := range linked {
						if d.Path == l {
							v.Libraries[l] = d.Version
						}
					}
				}
			}
			if asJSON {
				enc := json.NewEncoder(a.Out)
				enc.SetIndent("", "  ")
				return enc.Encode(v)
			}
			fmt.Fprintf(a.Out, "whittle %s %s %s\n", v.Version, v.Go, v.Platform)
			for _, l := range linked {
				if v.Libraries[l] != "" {
					fmt.Fprintf(a.Out, "%s %s\n", l, v.Libraries[l])
				}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}
