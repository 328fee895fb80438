package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/oci"
	"github.com/whittle-oci/whittle/builder/oci/layers"
	"github.com/whittle-oci/whittle/builder/trace"
)

// compareFlags are the flags of compare.
type compareFlags struct {
	json, readOnly          bool
	user, request, platform string
	env, tmpfs              []string
	timeout                 time.Duration
}

func (a *app) compareCommand() *cobra.Command {
	f := &compareFlags{}
	c := &cobra.Command{
		Use:   "compare [flags] IMAGE_A IMAGE_B [-- CMD…]",
		Short: "Run a command in two images and print what one opened and the other lacks",
		Long: `Compare runs a command in each of two images, such as one as it was built and
its minimal form, and prints the files that it opened or executed in one and
that the other does not have. Without CMD each image runs its own ENTRYPOINT
and CMD. It says what this run needed, not what another one may.

The containers have runc's isolation, docker's capabilities, a root whose changes
are thrown away, and no network but a loopback. It needs Linux, root and runc,
which docker brings: the kernel tells what is opened (fanotify).

A service is asked by --request, a shell command of this machine that runs in
the container's network, again until it ends with 0; then the service is
stopped.

Exit codes: 0 neither lacks anything, and both end alike; 1 there are
differences; 3 an image could not be run.

` + imageHelp,
		Example: `  whittle compare registry.example/shop:1 docker:shop:small -- shop --version
  whittle compare --read-only --request 'curl -sf http://127.0.0.1:8080/' oci:before oci:after`,
		Args: usageArgs(func(c *cobra.Command, args []string) error {
			n := c.ArgsLenAtDash()
			if n < 0 {
				n = len(args)
			}
			if n != 2 {
				return fmt.Errorf("want two images, and the command after --")
			}
			return nil
		}),
		RunE: func(c *cobra.Command, args []string) error { return a.compare(c.Context(), f, args[:2], args[2:]) },
	}
	fl := c.Flags()
	fl.SortFlags = false
	fl.StringVar(&f.request, "request", "", "shell command that asks a service; without it the command must end by itself")
	fl.DurationVar(&f.timeout, "timeout", 30*time.Second, "the most that a run takes")
	fl.StringVarP(&f.user, "user", "u", "", "user to run as, NAME or UID[:GID] (default the image's)")
	fl.StringArrayVarP(&f.env, "env", "e", nil, "variable, NAME=VALUE; may be repeated")
	fl.BoolVar(&f.readOnly, "read-only", false, "a root that cannot be written to")
	fl.StringArrayVar(&f.tmpfs, "tmpfs", nil, "directory to write to, PATH[:OPTIONS]; may be repeated")
	fl.StringVar(&f.platform, "platform", "", "platform to take from image indexes (default Linux on this machine's architecture)")
	fl.BoolVar(&f.json, "json", false, "print JSON")
	return c
}

// comparedImage is one side of what compare prints.
type comparedImage struct {
	Image    string `json:"image"`
	ExitCode int    `json:"exitCode"`
	TimedOut bool   `json:"timedOut"`
	Opened   int    `json:"opened"` // how many files
	// Lacks are the files that the command opened in the other image.
	Lacks []trace.Missing `json:"lacks"`

	opened []string
	output *tailBuffer
}

// compare runs both images, one after the other.
func (a *app) compare(ctx context.Context, f *compareFlags, images, command []string) error {
	var sides [2]comparedImage
	var trees [2]*layers.Tree
	for i, name := range images {
		src, err := openImage(ctx, name, f.platform)
		if err != nil {
			return err
		}
		defer src.Close()
		a.log.Infof("reading the image for %s in %s", oci.FormatPlatform(src.Platform), src.Place())
		t, err := layers.Open(ctx, src, layers.Limits{})
		if err != nil {
			return err
		}
		defer t.Close()
		trees[i], sides[i].Image = t, name
		if err := f.run(ctx, src, t, command, &sides[i]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	different := sides[0].ExitCode != sides[1].ExitCode
	for i := range sides {
		var err error
		if sides[i].Lacks, err = trace.Lacks(ctx, trees[i], sides[1-i].opened); err != nil {
			return err
		}
		if slices.ContainsFunc(sides[i].Lacks, func(m trace.Missing) bool { return m.Expected == "" }) {
			different = true
		}
	}
	if err := a.printComparison(f.json, sides[:]); err != nil {
		return err
	}
	if different {
		return exit(Findings)
	}
	return nil
}

// run unpacks an image and runs it.
func (f *compareFlags) run(ctx context.Context, src *oci.Source, t *layers.Tree, command []string, side *comparedImage) (err error) {
	dir, err := os.MkdirTemp("", "whittle-compare-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	root := filepath.Join(dir, "root")
	if err := os.Mkdir(root, 0o755); err != nil {
		return err
	}
	if err := trace.Unpack(ctx, t, root); err != nil {
		return err
	}
	config := src.Config.Config
	side.output = &tailBuffer{}
	p := trace.Program{
		Root: root, Args: command, Env: append(slices.Clone(config.Env), f.env...), WorkingDir: config.WorkingDir, User: config.User,
		Writable: !f.readOnly, Tmpfs: f.tmpfs, Capabilities: trace.DefaultCapabilities(), Stdout: side.output, Stderr: side.output,
	}
	if len(command) == 0 {
		p.Args = slices.Concat(config.Entrypoint, config.Cmd)
	}
	if f.user != "" {
		p.User = f.user
	}
	for dir := range config.Volumes {
		p.Volumes = append(p.Volumes, dir)
	}
	slices.Sort(p.Volumes)
	container, err := trace.Start(ctx, p)
	if err != nil {
		return err
	}
	if !f.wait(ctx, container) {
		side.TimedOut = true
	}
	container.Stop()
	res, err := container.Wait()
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	side.ExitCode, side.opened, side.Opened = res.ExitCode, res.Opened, len(res.Opened)
	if side.TimedOut && f.request != "" {
		return hinted{fmt.Errorf("no answer in %s: %s", f.timeout, side.output), "--timeout gives it longer"}
	}
	return nil
}

// requestPause is how long a service that did not answer is left alone.
const requestPause = 200 * time.Millisecond

// wait waits for the end of a command, or until a service has answered.
func (f *compareFlags) wait(ctx context.Context, c *trace.Container) bool {
	timeout := time.After(f.timeout)
	for {
		pause := make(<-chan time.Time)
		if f.request != "" {
			cmd := exec.CommandContext(ctx, "nsenter", fmt.Sprintf("--net=/proc/%d/ns/net", c.Pid()), "sh", "-c", f.request)
			if cmd.Run() == nil {
				return true
			}
			pause = time.After(requestPause)
		}
		select {
		case <-c.Done():
			return f.request == ""
		case <-timeout:
			return false
		case <-ctx.Done():
			return false
		case <-pause:
		}
	}
}

// printComparison prints what each image lacks.
func (a *app) printComparison(asJSON bool, sides []comparedImage) error {
	if asJSON {
		for i := range sides {
			sides[i].Lacks = append([]trace.Missing{}, sides[i].Lacks...)
		}
		enc := json.NewEncoder(a.Out)
		enc.SetIndent("", "  ")
		return enc.Encode(map[string]any{"images": sides})
	}
	for i, s := range sides {
		other := sides[1-i]
		unexpected := 0
		for _, m := range s.Lacks {
			if m.Expected == "" {
				unexpected++
			}
		}
		fmt.Fprintf(a.Out, "%s lacks %d of %d files that %s opened\n", s.Image, unexpected, other.Opened, other.Image)
		for _, m := range s.Lacks {
			if m.Expected == "" {
				fmt.Fprintf(a.Out, "  %s\n", image.Printable(m.Path))
			} else if a.verbose > 0 {
				fmt.Fprintf(a.Out, "  %s: as expected, %s\n", image.Printable(m.Path), m.Expected)
			}
		}
	}
	if sides[0].ExitCode != sides[1].ExitCode {
		for _, s := range sides {
			fmt.Fprintf(a.Out, "in %s the command ends with %d\n", s.Image, s.ExitCode)
			if text := s.output.String(); text != "" {
				fmt.Fprintf(a.Out, "  %s\n", strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  "))
			}
		}
	}
	return nil
}

// tailSize is how much of a program's output is kept, in bytes.
const tailSize = 4 << 10

// tailBuffer keeps the end of what is written to it.
type tailBuffer struct {
	mu   sync.Mutex
	text []byte
}

// Write implements io.Writer.
func (b *tailBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text = append(b.text, p...)
	if n := len(b.text) - tailSize; n > 0 {
		b.text = append(b.text[:0], b.text[n:]...)
	}
	return len(p), nil
}

// String gives the last lines, fit for a terminal.
func (b *tailBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(string(b.text)), "\n")
	for i, l := range lines {
		lines[i] = image.Printable(l)
	}
	return strings.Join(lines, "\n")
}
