package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/outlook"
	"github.com/whittle-oci/whittle/lint/discover"
)

func (a *app) planCommand() *cobra.Command {
	var static, asJSON bool
	c := &cobra.Command{
		Use:   "plan --static DOCKERFILE…",
		Short: "Tell from their text what a build will make of Dockerfiles",
		Long: `Plan says for each Dockerfile whether what its image starts is known, whether a
shell stays, or whether the stage is built as written, and why. Nothing is
built or fetched: the build's own launchers follow the command lines, and the
files that these name are taken to be there. What base images set, and what
scripts hold, is not known.

A directory stands for the Dockerfiles in it, a .tar, .tar.gz or .tgz for those
in the archive, - for standard input. Of many a table is printed; -v prints
each as well. What a build really makes of a Dockerfile is said by
whittle build --dry-run.`,
		Example: `  whittle plan --static Dockerfile
  whittle plan --static --json ~/src`,
		Args: usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			if !static {
				return usage{errors.New("plan needs --static; the plan of a build is printed by whittle build --dry-run")}
			}
			files, err := a.planFiles(args)
			if err != nil {
				return err
			}
			return a.plan(c.Context(), files, asJSON)
		},
	}
	c.Flags().BoolVar(&static, "static", false, "read the text alone, and build nothing")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// archives are the endings of archives of Dockerfiles.
var archives = []string{".tar", ".tar.gz", ".tgz"}

// planFiles reads the Dockerfiles that the arguments mean.
func (a *app) planFiles(args []string) (files []outlook.File, err error) {
	for _, arg := range args {
		read := a.planFile
		info, err := os.Stat(arg)
		switch {
		case arg == "-":
		case errors.Is(err, os.ErrNotExist):
			return nil, usage{fmt.Errorf("%s: no such file or directory", arg)}
		case err != nil:
			return nil, err
		case info.IsDir():
			read = a.planDir
		case slices.ContainsFunc(archives, func(end string) bool { return strings.HasSuffix(arg, end) }):
			read = planArchive
		}
		more, err := read(arg)
		if err != nil {
			return nil, err
		}
		files = append(files, more...)
	}
	if len(files) == 0 {
		return nil, usage{fmt.Errorf("there is no Dockerfile in %s", strings.Join(args, ", "))}
	}
	return files, nil
}

func (a *app) planFile(name string) ([]outlook.File, error) {
	in := a.In
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	f, err := outlook.ReadFile(name, in)
	return []outlook.File{f}, err
}

func (a *app) planDir(dir string) (files []outlook.File, err error) {
	found, err := discover.In(dir)
	if err != nil {
		a.log.Warn(err)
	}
	for _, name := range found.Dockerfiles {
		f, err := a.planFile(name)
		if err != nil {
			return nil, err
		}
		files = append(files, f...)
	}
	return files, nil
}

func planArchive(name string) ([]outlook.File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return outlook.ReadArchive(filepath.Base(name), f, func(p string) bool { return discover.Named(path.Base(p)) })
}

// progressEvery is after how many files one is told how far it is.
const progressEvery = 1000

// planned is what plan prints with --json.
type planned struct {
	Files []outlook.Outlook `json:"files"`
	Table outlook.Table     `json:"table"`
}

func (a *app) plan(ctx context.Context, files []outlook.File, asJSON bool) error {
	all, err := outlook.All(ctx, files, func(n int) {
		if n%progressEvery == 0 {
			a.log.Infof("read %d of %d files", n, len(files))
		}
	})
	if err != nil {
		return err
	}
	out := planned{all, outlook.Count(all)}
	if asJSON {
		enc := json.NewEncoder(a.Out)
		enc.SetIndent("", "  ")
		err = enc.Encode(out)
	} else {
		err = a.printPlanned(out)
	}
	if err == nil && out.Table.Invalid == len(all) {
		return exit(Findings)
	}
	return err
}

// manyFiles is from how many files on a table is printed instead of each.
const manyFiles = 20

// kinds are what becomes of images, for people.
var kinds = map[outlook.Kind]string{
	outlook.Minimal: "minimal", outlook.Shell: "minimal, with a shell", outlook.AsWritten: "built as written", outlook.Refused: "refused",
	outlook.Nothing: "starts nothing of its own", outlook.Invalid: "not a Dockerfile",
}

func (a *app) printPlanned(out planned) error {
	var b bytes.Buffer
	if len(out.Files) < manyFiles || a.verbose > 0 {
		for _, o := range out.Files {
			fmt.Fprintf(&b, "%s: %s", image.Printable(o.File), kinds[o.Kind])
			if o.Language != "" {
				fmt.Fprintf(&b, " (%s)", o.Language)
			}
			if o.Cause != "" {
				fmt.Fprintf(&b, ": %s", image.Printable(o.Cause))
			}
			b.WriteByte('\n')
			for _, line := range []struct {
				name string
				argv []string
			}{{"starts", o.Start}, {"as", o.Image}} {
				if len(line.argv) > 0 {
					fmt.Fprintf(&b, "  %-6s  %s\n", line.name, image.Printable(strings.Join(line.argv, " ")))
				}
			}
		}
	}
	if len(out.Files) > 1 {
		planTable(&b, out.Table)
	}
	_, err := a.Out.Write(b.Bytes())
	return err
}

func planTable(b *bytes.Buffer, t outlook.Table) {
	fmt.Fprintf(b, "%d Dockerfiles, %d start something, %d do not, %d are not valid\n", t.Files, t.Files-t.Nothing-t.Invalid, t.Nothing, t.Invalid)
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tminimal\twith a shell\tas written\trefused\t")
	for _, r := range t.Languages {
		name := r.Language
		if name == "" {
			name = "other"
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t\n", name, r.Minimal, r.Shell, r.AsWritten, r.Refused)
	}
	_ = w.Flush() // a buffer does not fail
	for _, c := range t.Causes {
		fmt.Fprintf(b, "%7d  %s: %s\n", c.Files, kinds[c.Kind], image.Printable(c.Cause))
	}
}
