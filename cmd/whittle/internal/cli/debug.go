package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"github.com/whittle-oci/whittle/builder/engine"
)

// debugFrom is the image that a shell beside a container runs in.
const debugFrom = "busybox:musl"

func (a *app) debugCommand() *cobra.Command {
	var run bool
	var from string
	c := &cobra.Command{
		Use:   "debug [flags] IMAGE|CONTAINER",
		Short: "Start a shell beside a running container that has none",
		Long: `Debug looks for the running container of an image, or of that name or ID, in
the docker engine and prints the docker command that starts a shell in the same
process and network namespaces. The container's files are below /proc/1/root
there, and its program is process 1. Nothing of the container changes.

With --run the command is run. An image with tools of its own is made by whittle
build --debug; for Kubernetes there is kubectl debug.`,
		Example: `  whittle debug registry.example/shop:1
  whittle debug --run shop-web-1`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error { return a.debug(c.Context(), args[0], from, run) },
	}
	c.Flags().BoolVar(&run, "run", false, "run the command instead of printing it")
	c.Flags().StringVar(&from, "image", debugFrom, "image with the shell and the tools")
	return c
}

// debugCommandLine is what starts a shell beside a container. Another user's
// process is looked into with CAP_SYS_PTRACE (proc(5), /proc/PID/root).
func debugCommandLine(container, from string) []string {
	return []string{"docker", "run", "--rm", "-it", "--pid", "container:" + container, "--network", "container:" + container, "--cap-add", "SYS_PTRACE", "--entrypoint", "sh", from}
}

func (a *app) debug(ctx context.Context, name, from string, run bool) error {
	found, err := engine.Containers(ctx, strings.TrimPrefix(name, "docker:"))
	if err != nil {
		return hinted{err, "start docker or set DOCKER_HOST; in Kubernetes kubectl debug starts a shell beside a container"}
	}
	switch {
	case len(found) == 0:
		return refused{hinted{fmt.Errorf("no container of %s is running", name), "start it, or name a container that docker ps lists"}}
	case run && len(found) > 1:
		var names []string
		for _, c := range found {
			names = append(names, c.Name)
		}
		return usage{fmt.Errorf("several containers of %s are running; name one: %s", name, strings.Join(names, ", "))}
	case !run:
		for _, c := range found {
			if _, err := fmt.Fprintln(a.Out, strings.Join(debugCommandLine(c.Name, from), " ")); err != nil {
				return err
			}
		}
		return nil
	}
	argv := debugCommandLine(found[0].Name, from)
	docker, err := exec.LookPath(argv[0])
	if err != nil {
		return hinted{errors.New("there is no docker command here"), "without --run the command is printed"}
	}
	shell := exec.CommandContext(ctx, docker, argv[1:]...)
	shell.Stdin, shell.Stdout, shell.Stderr = os.Stdin, a.Out, a.Err
	err = shell.Run()
	if ended, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit(ended.ExitCode())
	}
	return err
}
