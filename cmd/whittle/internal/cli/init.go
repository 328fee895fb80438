package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/whittle-oci/whittle/builder/oci/staging"
	"github.com/whittle-oci/whittle/lint/pin"
	"github.com/whittle-oci/whittle/lint/source"
	"github.com/whittle-oci/whittle/templates"
)

// initFlags are the flags of init.
type initFlags struct {
	template, start             string
	online, force, dryRun, json bool
	timeout                     time.Duration
}

func (a *app) initCommand() *cobra.Command {
	f := &initFlags{}
	c := &cobra.Command{
		Use:   "init [flags] [DIR]",
		Short: "Write a Dockerfile for a project that has none",
		Long: `Init reads what the files of a project say, its language and version, its lock
file, what starts, and writes a Dockerfile and a .dockerignore that whittle lint
has nothing to say about. What it chose, and by which file, is printed. What the
files do not say is not guessed: a project of two languages, or of two programs,
is refused with the choices, and so is a lock file that disagrees.

A Dockerfile that is there is not overwritten without --force, and a
.dockerignore never. With --online the images are looked up and pinned to
digests; whittle pin does the same later. whittle build builds a project without
a Dockerfile by the same template.

The templates are ` + strings.Join(templates.Names(), ", ") + `.`,
		Example: `  whittle init
  whittle init --dry-run services/api
  whittle init --template node --start "node worker.js" --online`,
		Args: usageArgs(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			return a.init(c.Context(), f, dir)
		},
	}
	fl := c.Flags()
	fl.StringVar(&f.template, "template", "", "template to take where the project is of several languages: "+strings.Join(templates.Names(), ", "))
	fl.StringVar(&f.start, "start", "", "what starts: a package of Go, a binary of Rust, a command line elsewhere")
	fl.BoolVar(&f.online, "online", false, "pin the images to digests")
	fl.DurationVar(&f.timeout, "timeout", 30*time.Second, "how long to wait for the answers about one image")
	fl.BoolVar(&f.force, "force", false, "overwrite a Dockerfile that is there")
	fl.BoolVar(&f.dryRun, "dry-run", false, "print the Dockerfile and write nothing")
	fl.BoolVar(&f.json, "json", false, "print the result as JSON")
	_ = c.RegisterFlagCompletionFunc("template", func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return templates.Names(), cobra.ShellCompDirectiveNoFileComp
	})
	return c
}

// A written file is one that init writes, or leaves.
type written struct {
	Path   string `json:"path"`
	Action string `json:"action"` // written, kept, or with --dry-run would be written
	Text   string `json:"text,omitempty"`
	text   []byte
}

// initResult is what init prints with --json.
type initResult struct {
	Template string               `json:"template"`
	Evidence []templates.Evidence `json:"evidence"`
	Warnings []string             `json:"warnings"`
	Files    []written            `json:"files"`
}

func (a *app) init(ctx context.Context, f *initFlags, dir string) error {
	p, err := readProject(dir, templates.Options{Template: f.template, Start: f.start})
	if err != nil {
		return err
	}
	file := filepath.Join(dir, "Dockerfile")
	if have := dockerfileIn(dir); have != "" && !f.force && !f.dryRun {
		return refused{hinted{fmt.Errorf("%s is there already", have), "--force overwrites it; --dry-run prints what would be written"}}
	} else if have != "" {
		file = have
	}
	if f.online {
		if p.Dockerfile, err = pinTemplate(ctx, file, p.Dockerfile, f.timeout); err != nil {
			return err
		}
	}
	files := []written{{Path: file, text: p.Dockerfile}, {Path: filepath.Join(dir, ".dockerignore"), text: p.Ignore}}
	for i := range files {
		files[i].Action = "written"
		if f.dryRun {
			files[i].Action = "would be written"
		}
	}
	if _, err := os.Lstat(files[1].Path); err == nil {
		files[1].Action = "kept"
	}
	if !f.dryRun {
		if err := writeProject(ctx, files); err != nil {
			return err
		}
	}
	return a.printInit(f, p, files)
}

// readProject writes the text of a project's Dockerfile. Nothing outside of the
// directory is read, wherever its links lead.
func readProject(dir string, o templates.Options) (*templates.Project, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, usage{fmt.Errorf("opening the project: %w", err)}
	}
	defer root.Close()
	p, err := templates.For(root.FS(), o)
	if e, ok := errors.AsType[*templates.Error](err); ok {
		return nil, refused{hinted{fmt.Errorf("%s: %w", dir, err), e.Hint}}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return p, nil
}

// dockerfileIn gives the Dockerfile of a directory under the names that build
// looks for, or "". A link that leads nowhere counts.
func dockerfileIn(dir string) string {
	for _, name := range []string{"Dockerfile", "dockerfile", "Containerfile"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return filepath.Join(dir, name)
		}
	}
	return ""
}

// pinTemplate writes digests behind the images of a text.
func pinTemplate(ctx context.Context, name string, text []byte, timeout time.Duration) ([]byte, error) {
	cache := pinCache()
	r := &pin.Resolver{Cache: cache, Timeout: timeout}
	out, results, err := r.File(ctx, source.NewFile(name, text), pin.Add)
	if err != nil {
		return nil, err
	}
	for _, x := range results {
		if x.Status == pin.Failed {
			return nil, hinted{fmt.Errorf("pinning %s: %w", x.Text, x.Err), "without --online the image is written by its tag"}
		}
	}
	_ = cache.Save() // what is not kept is asked for again
	return out, nil
}

// writeProject writes the files, all or none.
func writeProject(ctx context.Context, files []written) error {
	var done []string
	for _, x := range files {
		if x.Action == "kept" {
			continue
		}
		_, before := os.Lstat(x.Path)
		if err := writeWhole(ctx, x.Path, x.text); err != nil {
			for _, name := range done {
				_ = os.Remove(name)
			}
			return fmt.Errorf("writing %s: %w", x.Path, err)
		}
		if errors.Is(before, fs.ErrNotExist) {
			done = append(done, x.Path)
		}
	}
	return nil
}

func writeWhole(ctx context.Context, name string, text []byte) error {
	if info, err := os.Lstat(name); err == nil && !info.Mode().IsRegular() {
		return errors.New("it is no regular file")
	}
	return staging.WriteFile(ctx, name, text)
}

func (a *app) printInit(f *initFlags, p *templates.Project, files []written) error {
	if f.json {
		out := initResult{p.Template, p.Evidence, p.Warnings, files}
		if out.Warnings == nil {
			out.Warnings = []string{}
		}
		for i := range out.Files {
			out.Files[i].Text = string(out.Files[i].text)
		}
		enc := json.NewEncoder(a.Out)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(out)
	}
	to := a.Out
	if f.dryRun {
		to = a.Err // the text has standard output for itself
	}
	if !a.quiet {
		printProject(to, p)
	}
	for _, w := range p.Warnings {
		a.log.Warn(w)
	}
	for _, x := range files {
		if f.dryRun || a.quiet {
			break
		}
		fmt.Fprintf(a.Out, "%s %s\n", x.Path, x.Action)
	}
	if f.dryRun {
		_, err := a.Out.Write(p.Dockerfile)
		return err
	}
	return nil
}

// printProject says what was chosen and by what.
func printProject(w io.Writer, p *templates.Project) {
	for _, e := range p.Evidence {
		fmt.Fprintf(w, "%-13s %s (%s)\n", e.What, e.Value, e.Why)
	}
}
