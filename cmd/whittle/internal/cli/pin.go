package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	dockerfiles "github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/embedded"
	"github.com/whittle-oci/whittle/lint/fix"
	"github.com/whittle-oci/whittle/lint/pin"
	"github.com/whittle-oci/whittle/lint/source"
)

// pinFlags are the flags of pin.
type pinFlags struct {
	check, update, diff, json, offline bool
	images                             []string
	timeout                            time.Duration
}

func (a *app) pinCommand() *cobra.Command {
	f := &pinFlags{}
	c := &cobra.Command{
		Use:   "pin [flags] [PATH...]",
		Short: "Pin images in Dockerfiles to digests, and report stale ones",
		Long: `Pin looks up every image that a Dockerfile names, in FROM, COPY --from, mounts
and the syntax line, and writes its digest behind the tag: debian:12 becomes
debian:12@sha256:..., debian debian:latest@sha256:... The digest is that of the
index where an image is for several platforms. What ADD gets from an https URL is downloaded, and its
checksum written: ADD --checksum=sha256:... Digests and checksums that stand
there already are left alone, unless --update asks for those that are stale to
be replaced.

Where FROM names nothing but a variable, the digest goes to the default of its
ARG, if every use of that ARG is a whole reference; else the reference is left,
and why is said. A file that BuildKit would not take with its digests stays as it
is, with an error.

Arguments are Dockerfiles, directories that hold some, or - for standard input,
whose text is then printed. Registries are asked with the credentials of docker
login. A reference stays as it is under a comment such as
"# whittle ignore=base-without-digest"; the rules are base-without-digest,
image-without-digest, syntax-without-digest and add-without-checksum.`,
		Example: `  whittle pin
  whittle pin --update --diff docker/
  whittle pin --check --json Dockerfile`,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 && len(f.images) == 0 {
				args = []string{"."}
			}
			if len(f.images) > 0 && (!f.check || f.offline) {
				return usage{errors.New("--image needs --check, and a registry: what an image was built from is looked at, and nothing written")}
			}
			if f.check && (f.update || f.diff) {
				return usage{errors.New("--check writes nothing, so it goes with neither --update nor --diff")}
			}
			return a.pin(c.Context(), f, args)
		},
	}
	fl := c.Flags()
	fl.BoolVar(&f.check, "check", false, "write nothing; exit with 1 when a digest or checksum is missing or stale")
	fl.StringArrayVar(&f.images, "image", nil, "with --check, whether this image was built from others that have moved since, as its labels say (whittle build --base-labels)")
	fl.BoolVar(&f.update, "update", false, "replace stale ones too")
	fl.BoolVar(&f.diff, "diff", false, "print what would be written")
	fl.BoolVar(&f.json, "json", false, "print the references as JSON")
	fl.BoolVar(&f.offline, "offline", false, "ask no registry; take what the cache has, however old")
	fl.DurationVar(&f.timeout, "timeout", 30*time.Second, "how long to wait for the answers about one image")
	return c
}

// pinned is a result with the file it belongs to.
type pinned struct {
	file string
	pin.Result
}

func (a *app) pin(ctx context.Context, f *pinFlags, args []string) error {
	mode := pin.Add
	switch {
	case f.check:
		mode = pin.Check
	case f.update:
		mode = pin.Update
	}
	cache := pinCache()
	r := &pin.Resolver{Cache: cache, Offline: f.offline, Timeout: f.timeout}
	builds := (&lintFlags{}).newBuilds()
	var files []dockerfile
	failed := false
	if len(args) > 0 {
		files, failed = a.dockerfiles(builds, args)
	}
	builds.said(a)
	all, lost := a.pinImages(ctx, f.images)
	failed = failed || lost
	for _, file := range files {
		results, err := a.pinFile(ctx, r, f, mode, file)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			// One file that cannot be read does not stop the others.
			fmt.Fprintf(a.Err, "whittle: %v\n", err)
			failed = true
		}
		for _, x := range results {
			all = append(all, pinned{display(file.name), x})
		}
	}
	if err := cache.Save(); err != nil {
		a.log.Debug(err)
	}
	// Where a text is printed, the results have no place on standard output.
	to := a.Out
	if f.diff || len(args) == 1 && args[0] == "-" && mode != pin.Check {
		to = io.Discard
	}
	if err := a.writePins(to, all, f.json); err != nil {
		return err
	}
	return pinExit(all, failed, mode)
}

// pinExit chooses the exit code: not knowing weighs more than knowing better.
func pinExit(all []pinned, failed bool, mode pin.Mode) error {
	found := false
	for _, x := range all {
		failed = failed || x.Status == pin.Failed
		found = found || mode == pin.Check && (x.Status == pin.Stale || x.Status == pin.Unpinned)
	}
	switch {
	case failed:
		return exit(Failed)
	case found:
		return exit(Findings)
	}
	return nil
}

// pinFile looks at one file and writes it, whole or not at all.
func (a *app) pinFile(ctx context.Context, r *pin.Resolver, f *pinFlags, mode pin.Mode, d dockerfile) ([]pin.Result, error) {
	data, err := a.readDockerfile(ctx, d.name)
	if err != nil {
		return nil, err
	}
	src := source.NewFile(display(d.name), data)
	out, results, err := pinWithin(ctx, r, src, d.inline, mode)
	if err != nil {
		return nil, err
	}
	for _, x := range results {
		if x.Status == pin.Failed && ctx.Err() == nil {
			fmt.Fprintf(a.Err, "whittle: %s:%d: %v\n", src.Name, x.Pos.Line, x.Err)
		}
	}
	switch {
	case mode == pin.Check:
	case f.diff:
		_, err = a.Out.Write(changes(src.Name, data, out))
	case d.name == "-":
		_, err = a.Out.Write(out)
	case string(out) != string(data):
		err = replace(d.name, out)
	}
	return results, err
}

// pinWithin pins a file, or a Dockerfile that stands in it. Lines stay lines, so
// that the next one in the same file is where it was.
func pinWithin(ctx context.Context, r *pin.Resolver, src *source.File, inline *embedded.Block, mode pin.Mode) ([]byte, []pin.Result, error) {
	if inline == nil {
		return r.File(ctx, src, mode)
	}
	within := embedded.In(src, *inline)
	out, results, err := r.File(ctx, within.File, mode)
	if bad, ok := errors.AsType[*dockerfiles.SyntaxError](err); ok {
		at := within.LineStart(min(max(bad.Line, 1), within.Lines()))
		return nil, nil, &dockerfiles.SyntaxError{Name: bad.Name, Line: src.Pos(within.Span(source.Span{Start: at, End: at}).Start).Line, Err: bad.Err}
	}
	if err != nil {
		return nil, nil, err
	}
	for i := range results {
		at := within.LineStart(results[i].Pos.Line) + results[i].Pos.Col - 1
		results[i].Pos = src.Pos(within.Span(source.Span{Start: at, End: at}).Start)
	}
	if bytes.Equal(out, within.Bytes) {
		return src.Bytes, results, nil
	}
	edit, ok := within.Replace(out)
	if !ok && mode != pin.Check {
		return nil, nil, fmt.Errorf("%s is not pinned: it holds variables of the file, or is no block of lines", place(src.Name, inline))
	}
	text, _ := fix.Apply(src.Bytes, []fix.Set{{edit}})
	return text, results, nil
}

// pinCache is the file below the user's cache directory in which answers of
// registries are kept, nil where there is no such directory.
func pinCache() *pin.Cache {
	dir, err := os.UserCacheDir()
	if err != nil {
		return nil
	}
	return pin.NewCache(filepath.Join(dir, "whittle", "images.json"))
}

// writePins prints what became of every reference, one a line.
func (a *app) writePins(w io.Writer, all []pinned, asJSON bool) error {
	if asJSON {
		return writePinsJSON(w, all)
	}
	for _, x := range all {
		text := ""
		switch x.Status {
		case pin.Pinned:
			text = "pinned to " + x.Now
		case pin.Updated:
			text = "moved from " + x.Was + " to " + x.Now
		case pin.Stale:
			text = "stale: it is now " + x.Now
		case pin.Unpinned:
			text = "not pinned: it is " + x.Now
		case pin.Current, pin.Left:
			if a.verbose == 0 && (x.Status == pin.Current || x.Was != "") {
				continue
			}
			text = string(x.Status)
		default:
			continue // said on standard error
		}
		if x.Why != "" {
			text += " (" + x.Why + ")"
		}
		if x.Kind == "source" {
			if _, err := fmt.Fprintf(w, "%s: %s %s\n", x.file, x.Text, text); err != nil {
				return err
			}
			continue
		}
		if _, err := fmt.Fprintf(w, "%s:%d:%d: %s %s\n", x.file, x.Pos.Line, x.Pos.Col, x.Text, text); err != nil {
			return err
		}
	}
	return nil
}

func writePinsJSON(w io.Writer, all []pinned) error {
	type entry struct {
		File      string `json:"file"`
		Line      int    `json:"line,omitempty"`
		Column    int    `json:"column,omitempty"`
		Kind      string `json:"kind"`
		Reference string `json:"reference"`
		Status    string `json:"status"`
		Was       string `json:"was,omitempty"`
		Digest    string `json:"digest,omitempty"`
		Why       string `json:"why,omitempty"`
		Error     string `json:"error,omitempty"`
	}
	out := []entry{}
	for _, x := range all {
		e := entry{x.file, x.Pos.Line, x.Pos.Col, x.Kind, x.Text, string(x.Status), x.Was, x.Now, x.Why, ""}
		if x.Err != nil {
			e.Error = x.Err.Error()
		}
		out = append(out, e)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}
