package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"text/tabwriter"
	"time"

	mobyclient "github.com/moby/moby/client"
	"github.com/spf13/cobra"

	"github.com/whittle-oci/whittle/builder/engine"
	"github.com/whittle-oci/whittle/builder/engine/embedded"
	"github.com/whittle-oci/whittle/lint/shellcheck"
)

// finding is one thing that doctor looked at.
type finding struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	Says string `json:"says"`
}

func (a *app) doctorCommand() *cobra.Command {
	var asJSON bool
	var builder string
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Show what this machine has and which builder would be used",
		Args:  usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			found := []finding{chosen(engine.Options{Builder: builder, EnvBuilder: os.Getenv("BUILDX_BUILDER"), Host: os.Getenv("BUILDKIT_HOST"), BuildxDir: engine.BuildxDir()}, embedded.Available)}
			if embedded.Available {
				found = append(found, state(), userOf(), program("runc", "RUN instructions run", "RUN instructions cannot run; install runc"))
			}
			found = append(found, docker(c.Context()), scripts())
			if asJSON {
				enc := json.NewEncoder(a.Out)
				enc.SetIndent("", "  ")
				return enc.Encode(found)
			}
			t := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
			for _, f := range found {
				mark := "ok"
				if !f.OK {
					mark = "--"
				}
				fmt.Fprintf(t, "%s\t%s\t%s\n", mark, f.Name, f.Says)
			}
			return t.Flush()
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().StringVar(&builder, "builder", "", "buildx `INSTANCE` to ask about")
	return c
}

// chosen says which builder a build would take, without dialling it. available
// says whether the embedded engine runs on this system.
func chosen(o engine.Options, available bool) finding {
	name, reason := engine.Intended(o)
	if name == engine.Embedded && !available {
		return finding{"builder", false, fmt.Sprintf("none, as %s, and %v; %s", reason, embedded.ErrNotLinux, nameBuilder)}
	}
	return finding{"builder", true, name + ", as " + reason}
}

func state() finding {
	dir, err := embedded.Dir()
	if err != nil {
		return finding{"state", false, err.Error()}
	}
	return finding{"state", true, dir}
}

func userOf() finding {
	if os.Geteuid() == 0 {
		return finding{"user", true, "root: the embedded engine has all it needs"}
	}
	return finding{"user", false, "not root: the embedded engine runs in a user namespace, where RUN instructions cannot run; use a BuildKit that is running"}
}

func program(name, yes, no string) finding {
	path, err := exec.LookPath(name)
	if err != nil {
		return finding{name, false, no}
	}
	return finding{name, true, path + ": " + yes}
}

// scripts says what lint checks the scripts of RUN with.
func scripts() finding {
	p, err := shellcheck.Find("", "")
	if err != nil {
		return finding{"shellcheck", false, "lint leaves RUN scripts to its own rules; install shellcheck"}
	}
	version, err := p.Version()
	if err != nil {
		return finding{"shellcheck", false, err.Error()}
	}
	return finding{"shellcheck", true, p.Path() + " " + version + ": lint checks RUN scripts with it"}
}

func docker(ctx context.Context) finding {
	c, err := engine.DockerClient("")
	if err != nil {
		return finding{"docker", false, err.Error()}
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, dockerTimeout)
	defer cancel()
	v, err := c.ServerVersion(ctx, mobyclient.ServerVersionOptions{})
	if err != nil {
		return finding{"docker", false, "nobody answers at " + c.DaemonHost() + ": --load has nobody to hand images to"}
	}
	keeps := "single images"
	if engine.KeepsIndexes(ctx, c) {
		keeps = "image indexes too"
	}
	return finding{"docker", true, v.Version + " at " + c.DaemonHost() + ": --load hands images over, " + keeps}
}

// dockerTimeout is how long doctor waits for docker.
const dockerTimeout = 2 * time.Second
