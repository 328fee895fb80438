package inspect

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/oci"
	"github.com/whittle-oci/whittle/builder/oci/layers"
	"github.com/whittle-oci/whittle/builder/packages"
	"github.com/whittle-oci/whittle/builder/report"
	"github.com/whittle-oci/whittle/builder/tree"
)

// A Comparison is what two images differ in.
type Comparison struct {
	SchemaVersion int      `json:"schemaVersion"`
	A             Compared `json:"a"`
	B             Compared `json:"b"`
	// Same says how alike the images are: "image" for one digest, "content" where
	// only times, the order of things or how layers are cut and packed differ,
	// "" otherwise.
	Same string `json:"same"`
	// Differences are in the order of their kinds: file, mode, owner, capability,
	// content, link, reason, needs, package, config, environment. Values of
	// variables are not among them.
	Differences []image.Difference `json:"differences"`
	// Attached is what signatures, attestations and other things hang on one
	// image and not on the other, of the kinds signature, attestation and
	// artifact. Sameness is not a matter of them.
	Attached []image.Difference `json:"attached"`
	// Made are the ways in which the images were made differently, beside their
	// differences, in words: times, layers, compression, the order of entries.
	Made []string `json:"made"`
}

// Compared is one side of a comparison.
type Compared struct {
	Image    string `json:"image"`
	Digest   string `json:"digest"`
	Platform string `json:"platform"`
	Bytes    int64  `json:"bytes"` // of regular files
	Files    int    `json:"files"`
	Packages int    `json:"packages"`
	// Contents are the regular files, where they were asked for.
	Contents []report.File `json:"-"`
}

// A Side is an image to compare, with what is attached to it.
type Side struct {
	Source *oci.Source
	Options
}

// Diff compares two images: every file with its content, rights and owner, the
// reasons where both have them attached, what ELF files need, packages and
// configuration. Errors are those of reading the images.
func Diff(ctx context.Context, a, b Side) (_ *Comparison, err error) {
	var trees [2]*layers.Tree
	if trees[0], trees[1], err = layers.OpenTwo(ctx, a.Source, b.Source, layers.Limits{}); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, trees[0].Close(), trees[1].Close()) }()
	var snaps [2]*snapshot
	eg, egctx := errgroup.WithContext(ctx)
	for i, s := range []Side{a, b} {
		eg.Go(func() (err error) {
			snaps[i], err = snap(egctx, s, trees[i], a.Contents != nil && b.Contents != nil)
			return err
		})
	}
	if err := eg.Wait(); err != nil {
		return nil, err
	}
	if err := contents(ctx, snaps[0], snaps[1]); err != nil {
		return nil, err
	}
	out := &Comparison{SchemaVersion: Version, A: snaps[0].side, B: snaps[1].side, Differences: image.Diff(snaps[0].plan, snaps[1].plan)}
	out.Differences = append(out.Differences, maps2("needs", snaps[0].needs, snaps[1].needs)...)
	out.Differences = append(out.Differences, capabilities(snaps[0], snaps[1])...)
	out.Differences = append(out.Differences, environment(snaps[0].vars, snaps[1].vars)...)
	slices.SortStableFunc(out.Differences, func(a, b image.Difference) int {
		return cmp.Or(cmp.Compare(slices.Index(kinds, a.Kind), slices.Index(kinds, b.Kind)), cmp.Compare(a.Name, b.Name))
	})
	switch {
	case out.A.Digest != "" && out.A.Digest == out.B.Digest:
		out.Same = "image"
	case len(out.Differences) == 0:
		out.Same = "content"
	}
	for _, list := range []*[]image.Difference{&out.Differences, &out.Attached} {
		if *list == nil {
			*list = []image.Difference{}
		}
	}
	out.Made = made(snaps[0], snaps[1], len(out.Differences) == 0)
	return out, nil
}

// kinds are the kinds of differences, in the order in which they are told.
var kinds = strings.Fields("file mode owner capability content link reason needs package config environment")

// A snapshot is an image in the form in which it is compared.
type snapshot struct {
	side  Compared
	plan  *image.Plan
	needs map[string]string // what ELF files need, by path
	vars  map[string]string
	caps  map[string]string // capabilities of files, by path
	tree  *layers.Tree
	making
}

// snap reads an image whose layers make t.
func snap(ctx context.Context, s Side, t *layers.Tree, reasons bool) (*snapshot, error) {
	raw, err := s.Source.RawConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading the image configuration: %w", err)
	}
	var config dockerspec.DockerOCIImage
	if err := json.Unmarshal(raw, &config); err != nil {
		return nil, fmt.Errorf("reading the image configuration: %w", err)
	}
	in := &Inspection{}
	out := &snapshot{plan: &image.Plan{Config: config.Config}, needs: map[string]string{}, vars: map[string]string{}, caps: map[string]string{}, tree: t}
	if out.making, err = makingOf(s.Source); err != nil {
		return nil, err
	}
	out.plan.Config.Env = nil
	for _, kv := range config.Config.Env {
		name, value, _ := strings.Cut(kv, "=")
		out.vars[name] = value
	}
	var contents *report.Report
	if reasons {
		contents = s.Contents
	}
	w, err := newWalk(ctx, in, &need.Env{Tree: t, Vars: config.Config.Env}, contents)
	if err != nil {
		return nil, err
	}
	w.listed = s.List
	if err := w.run(ctx); err != nil {
		return nil, fmt.Errorf("looking at the files: %w", err)
	}
	err = tree.Walk(ctx, t, "/", func(name string, e tree.Entry) error {
		if name == "/" {
			return ctx.Err()
		}
		x := image.Entry{Path: name, Type: image.File, Mode: e.Mode, UID: e.UID, GID: e.GID, Size: e.Size, Linkname: e.Linkname}
		switch {
		case e.IsDir():
			x.Type = image.Dir
		case e.IsSymlink():
			x.Type = image.Symlink
		case e.IsRegular():
			x.Reason = w.reason(name)
		}
		out.plan.Entries = append(out.plan.Entries, x)
		out.times[name] = e.ModTime
		if caps := e.Xattrs["security.capability"]; caps != nil {
			out.caps[name] = strings.Join(Capabilities(caps), " ")
		}
		return ctx.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("reading the files: %w", err)
	}
	slices.SortFunc(out.plan.Entries, func(a, b image.Entry) int { return strings.Compare(a.Path, b.Path) })
	if out.plan.Packages, err = w.db.Installed(ctx); err != nil {
		return nil, fmt.Errorf("reading the packages: %w", err)
	}
	for _, p := range in.Programs {
		out.needs[p.Path] = strings.Join(slices.Concat(nonEmpty(p.Interpreter), p.Needed), " ")
	}
	out.side = Compared{Image: s.Source.Place(), Platform: oci.FormatPlatform(s.Source.Platform), Bytes: in.Size.Bytes, Files: in.Size.Files, Packages: len(out.plan.Packages), Contents: in.Contents}
	if d, err := s.Source.Digest(); err == nil {
		out.side.Digest = d.String()
	}
	for _, c := range in.Components { // after they were counted, as inspect does
		if kind, name, _ := strings.Cut(c.Name, ":"); kind == "npm" || kind == "pypi" {
			out.plan.Packages = append(out.plan.Packages, packages.Package{Origin: kind, Name: name})
		}
	}
	return out, nil
}

// contents compares the contents of regular files that have one path and size on
// both sides, and gives those of the second side that differ data, by which
// image.Diff tells them apart.
func contents(ctx context.Context, a, b *snapshot) error {
	at, buffers := map[string]image.Entry{}, [2][64 << 10]byte{}
	for _, e := range a.plan.Entries {
		if e.Type == image.File && e.Size > 0 {
			at[e.Path] = e
		}
	}
	for i, e := range b.plan.Entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if other, ok := at[e.Path]; !ok || e.Type != image.File || other.Size != e.Size || a.tree.Shares(b.tree, e.Path) {
			continue
		}
		same, err := equal(ctx, a.tree, b.tree, e.Path, e.Size, &buffers)
		if err != nil {
			return fmt.Errorf("comparing %s: %w", e.Path, err)
		}
		if !same {
			b.plan.Entries[i].Data = []byte{1}
		}
	}
	return nil
}

// equal compares the contents of a file in two trees.
func equal(ctx context.Context, a, b tree.Tree, name string, size int64, buffers *[2][64 << 10]byte) (bool, error) {
	var readers [2]io.ReaderAt
	for i, t := range []tree.Tree{a, b} {
		var err error
		if readers[i], err = t.Open(ctx, name); err != nil {
			return false, err
		}
	}
	for off := int64(0); off < size; off += int64(len(buffers[0])) {
		n := min(size-off, int64(len(buffers[0])))
		for i, r := range readers {
			if _, err := r.ReadAt(buffers[i][:n], off); err != nil && err != io.EOF {
				return false, err
			}
		}
		if !bytes.Equal(buffers[0][:n], buffers[1][:n]) {
			return false, nil
		}
	}
	return true, nil
}

// maps2 compares what both sides say of the same names. What only one side has
// is a file of it, and told as that.
func maps2(kind string, a, b map[string]string) []image.Difference {
	var out []image.Difference
	for _, name := range slices.Sorted(maps.Keys(a)) {
		if to, ok := b[name]; ok && to != a[name] {
			out = append(out, image.Difference{Kind: kind, Name: name, From: a[name], To: to})
		}
	}
	return out
}

// capabilities compares those of files that both sides have.
func capabilities(a, b *snapshot) []image.Difference {
	var out []image.Difference
	for _, name := range slices.Sorted(maps.Keys(a.times)) {
		_, both := b.times[name]
		if from, to := a.caps[name], b.caps[name]; both && from != to {
			out = append(out, image.Difference{Kind: "capability", Name: name, From: from, To: to})
		}
	}
	return out
}

// environment compares variables without telling their values, which may be
// secret.
func environment(a, b map[string]string) []image.Difference {
	names := map[string]bool{}
	for name := range a {
		names[name] = true
	}
	for name := range b {
		names[name] = true
	}
	var out []image.Difference
	for _, name := range slices.Sorted(maps.Keys(names)) {
		from, before := a[name]
		to, after := b[name]
		switch {
		case !before:
			out = append(out, image.Difference{Kind: "environment", Name: name, To: "set"})
		case !after:
			out = append(out, image.Difference{Kind: "environment", Name: name, From: "set"})
		case from != to:
			out = append(out, image.Difference{Kind: "environment", Name: name, From: "one value", To: "another"})
		}
	}
	return out
}

// A Condition is a kind of difference that someone waits for.
type Condition struct {
	Name    string  // files, packages, config, user, size
	Percent float64 // of size
}

// conditions are the kinds of differences of a condition.
var conditions = map[string][]string{
	"files": {"file", "mode", "owner", "capability", "content", "link"}, "packages": {"package"}, "config": {"config", "environment"}, "user": {"config"}, "size": nil,
}

// ParseCondition reads files, packages, config, user or size=N%.
func ParseCondition(s string) (Condition, error) {
	name, value, valued := strings.Cut(s, "=")
	_, known := conditions[name]
	if !known || valued != (name == "size") {
		return Condition{}, fmt.Errorf("%q is none of files, packages, config, user, size=5%%", s)
	}
	c := Condition{Name: name}
	if !valued {
		return c, nil
	}
	var err error
	if c.Percent, err = strconv.ParseFloat(strings.TrimSuffix(value, "%"), 64); err != nil || !(c.Percent >= 0 && c.Percent <= 1e6) {
		return c, fmt.Errorf("%q is not a share; write size=5%%", s)
	}
	return c, nil
}

// Meets reports whether the images differ in what a condition waits for: in
// size, whether the second has more bytes by more than its share.
func (c *Comparison) Meets(cond Condition) bool {
	if cond.Name == "size" {
		return float64(c.B.Bytes-c.A.Bytes) > float64(c.A.Bytes)*cond.Percent/100
	}
	return slices.ContainsFunc(c.Differences, func(d image.Difference) bool {
		return slices.Contains(conditions[cond.Name], d.Kind) && (cond.Name != "user" || d.Name == "User")
	})
}
