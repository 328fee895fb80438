package cli

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/moby/patternmatcher/ignorefile"
	"github.com/tonistiigi/fsutil"

	"github.com/whittle-oci/whittle/builder/frontend"
	"github.com/whittle-oci/whittle/builder/oci"
	"github.com/whittle-oci/whittle/builder/report"
	"github.com/whittle-oci/whittle/cmd/internal/version"
	"github.com/whittle-oci/whittle/lint/pin"
)

// inputsLabel is the digest of what this machine gives to a build: the context,
// the Dockerfile, arguments and settings, and the version of this program.
const inputsLabel = "io.github.whittle-oci.inputs"

// moved says what an image was built from that is another by now. It makes the
// build record the same for the next time. Nothing is nothing.
func (f *buildFlags) moved(ctx context.Context, r *buildRequest, settings map[string][]string) (digest string, what []string, err error) {
	if len(r.names) == 0 {
		return "", nil, usage{hinted{errors.New("--if-stale needs the name of the image that there is"), "-t NAME"}}
	}
	settings["base-labels"] = []string{"true"}
	inputs, err := r.inputs(ctx, settings)
	if err != nil {
		return "", nil, err
	}
	if inputs != "" {
		r.solve.FrontendAttrs["label:"+inputsLabel] = inputs
	}
	ref, err := oci.ParseRef(r.names[0])
	if err != nil {
		return "", nil, usage{err}
	}
	img, err := oci.Open(ctx, ref, oci.OpenOptions{Platform: f.firstPlatform()})
	if notFound(err) {
		return "", []string{"there is no " + r.names[0] + " yet"}, nil
	}
	if bad, ok := errors.AsType[*oci.PlatformError](err); ok {
		return "", []string{bad.Error()}, nil
	}
	if err != nil {
		return "", nil, err
	}
	defer img.Close()
	labels := img.Config.Config.Labels
	if inputs == "" {
		what = append(what, "the context is no directory of this machine, so whether it has moved is not known")
	} else if labels[inputsLabel] != inputs {
		what = append(what, f.inputsMoved(r.names[0], labels[inputsLabel]))
	}
	more, err := sourcesMoved(ctx, labels)
	if err != nil {
		return "", nil, err
	}
	if what = append(what, more...); len(what) > 0 {
		return "", what, nil
	}
	digest, err = (oci.Client{}).Digest(ctx, ref.Name)
	return digest, nil, err
}

func (f *buildFlags) inputsMoved(name, recorded string) string {
	if recorded == "" {
		return name + " does not say what it was built from; from now on it will"
	}
	return "the context, the Dockerfile, an argument or a setting, or whittle"
}

// notFound reports whether a registry says that it has no such image.
func notFound(err error) bool {
	e, ok := errors.AsType[*transport.Error](err)
	return ok && e.StatusCode == http.StatusNotFound
}

// sourcesMoved asks registries what the names of images mean now that an image
// was built from, by its labels.
func sourcesMoved(ctx context.Context, labels map[string]string) (what []string, err error) {
	for _, s := range sources(labels) {
		now, err := s.now(ctx)
		if err != nil {
			return nil, err
		}
		if now != s.digest {
			what = append(what, fmt.Sprintf("%s from %s to %s", s.name, s.digest, now))
		}
	}
	return what, nil
}

// An origin is an image that another was built from.
type origin struct{ name, digest string }

// sources reads the labels of an image.
func sources(labels map[string]string) (out []origin) {
	for field := range strings.FieldsSeq(labels[frontend.SourcesLabel]) {
		if name, digest, ok := strings.Cut(field, "@"); ok {
			out = append(out, origin{name, digest})
		}
	}
	base := origin{labels[frontend.BaseNameLabel], labels[frontend.BaseDigestLabel]}
	if base.name != "" && base.digest != "" && !slices.Contains(out, base) {
		out = append(out, base)
	}
	return out
}

// now asks for the digest that the name means. A name without a tag was asked for
// by its digest, which does not move.
func (s origin) now(ctx context.Context) (string, error) {
	if !strings.Contains(path.Base(s.name), ":") {
		return s.digest, nil
	}
	ref, err := oci.ParseName(s.name)
	if err != nil {
		return "", fmt.Errorf("the label %s: %w", frontend.SourcesLabel, err)
	}
	return oci.Client{}.Digest(ctx, ref)
}

// inputs gives the digest of what this machine gives to a build, "" where a
// context is not of this machine. Times and owners do not count, as BuildKit does
// not look at them either.
func (r *buildRequest) inputs(ctx context.Context, settings map[string][]string) (string, error) {
	if r.solve.LocalMounts["context"] == nil {
		return "", nil
	}
	h := sha256.New()
	fmt.Fprintf(h, "whittle %s\n", version.String())
	attrs := r.solve.FrontendAttrs
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		switch {
		case strings.HasPrefix(name, "context:") && strings.Contains(attrs[name], "://"):
			return "", nil
		case name == "no-cache", name == "image-resolve-mode", name == "cache-imports", name == "label:"+inputsLabel:
			continue // they choose how it is built, not what
		}
		fmt.Fprintf(h, "%q=%q\n", name, attrs[name])
	}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(h, "%q=%q\n", name, settings[name])
	}
	fmt.Fprintf(h, "%q %q\n", r.config, r.commands)
	file := attrs["filename"]
	if file == "" {
		file = "Dockerfile"
	}
	text, err := readMount(r.solve.LocalMounts["dockerfile"], file)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(h, "%q\n", text)
	for _, name := range slices.Sorted(maps.Keys(r.solve.LocalMounts)) {
		if name == "dockerfile" || name == frontend.ProgramLocal {
			continue
		}
		fmt.Fprintf(h, "%q\n", name)
		if err := hashMount(ctx, h, r.solve.LocalMounts[name], r.ignored(name, file)); err != nil {
			return "", fmt.Errorf("reading the context: %w", err)
		}
	}
	return fmt.Sprintf("sha256:%x", h.Sum(nil)), nil
}

// ignored gives the patterns of a context's ignore file, as BuildKit finds it:
// that beside the Dockerfile, with its name, before .dockerignore.
func (r *buildRequest) ignored(name, dockerfile string) []string {
	text, err := readMount(r.solve.LocalMounts["dockerfile"], dockerfile+".dockerignore")
	if err != nil || text == "" || name != "context" {
		text, _ = readMount(r.solve.LocalMounts[name], ".dockerignore")
	}
	patterns, err := ignorefile.ReadAll(strings.NewReader(text))
	if err != nil {
		return nil // the build says so
	}
	return patterns
}

// readMount reads a file of a shared directory, "" where there is none.
func readMount(m fsutil.FS, name string) (string, error) {
	if m == nil {
		return "", nil
	}
	f, err := m.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	return string(data), err
}

// hashMount writes what a directory holds, in the order of its names.
func hashMount(ctx context.Context, h hash.Hash, m fsutil.FS, ignored []string) error {
	m, err := fsutil.NewFilterFS(m, &fsutil.FilterOpt{ExcludePatterns: ignored})
	if err != nil {
		return err
	}
	return m.Walk(ctx, "", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		link := ""
		if stat, ok := info.Sys().(interface{ GetLinkname() string }); ok {
			link = stat.GetLinkname()
		}
		fmt.Fprintf(h, "%q %v %d %q\n", filepath.ToSlash(name), info.Mode(), size(info), link)
		if !info.Mode().IsRegular() {
			return nil
		}
		f, err := m.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(h, f)
		return err
	})
}

// size is that of a regular file; a directory's depends on the file system.
func size(info fs.FileInfo) int64 {
	if info.Mode().IsRegular() {
		return info.Size()
	}
	return 0
}

// firstPlatform is the platform of the image that is looked at, nil for this
// machine's.
func (f *buildFlags) firstPlatform() *v1.Platform {
	if len(f.platforms) == 0 {
		return nil
	}
	p, err := v1.ParsePlatform(f.platforms[0])
	if err != nil {
		return nil // the build says so
	}
	return p
}

// unlessCurrent reports whether there is nothing to build, and prints that.
func (a *app) unlessCurrent(ctx context.Context, f *buildFlags, req *buildRequest, settings map[string][]string) (bool, error) {
	digest, what, err := f.moved(ctx, req, settings)
	if err != nil {
		return false, err
	}
	for _, w := range what {
		a.log.Infof("it is built, as this has moved: %s", w)
	}
	f.what = what
	if len(what) > 0 {
		return false, nil
	}
	a.log.Infof("nothing that %s was built from has moved, so there is nothing to do", req.names[0])
	stale := false
	return true, a.printBuild(f, buildResult{Digest: digest, Names: req.names, Stale: &stale, Reports: []*report.Report{}})
}

// pinImages says which images were built from something that is another by now.
func (a *app) pinImages(ctx context.Context, names []string) (all []pinned, failed bool) {
	for _, name := range names {
		results, err := pinImage(ctx, name)
		if err != nil {
			fmt.Fprintf(a.Err, "whittle: %v\n", err)
			failed = true
		}
		all = append(all, results...)
	}
	return all, failed
}

func pinImage(ctx context.Context, name string) (out []pinned, err error) {
	ref, err := oci.ParseRef(name)
	if err != nil {
		return nil, err
	}
	img, err := oci.Open(ctx, ref, oci.OpenOptions{})
	if err != nil {
		return nil, err
	}
	defer img.Close()
	list := sources(img.Config.Config.Labels)
	if len(list) == 0 {
		return nil, fmt.Errorf("%s does not say what it was built from; whittle build --base-labels lets images say so", name)
	}
	for _, s := range list {
		x := pin.Result{Kind: "source", Text: s.name, Was: s.digest, Status: pin.Current}
		now, err := s.now(ctx)
		switch {
		case err != nil:
			return out, err
		case now != s.digest:
			x.Status = pin.Stale
		}
		x.Now = now
		out = append(out, pinned{name, x})
	}
	return out, nil
}
