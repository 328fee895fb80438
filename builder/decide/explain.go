package decide

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/distribution"
	"github.com/whittle-oci/whittle/builder/tree"
)

// notes are what the phases have to say besides their results.
type notes struct {
	changes  []image.Change
	left     []image.Left
	warnings []image.Warning
}

func (n *notes) add(more notes) {
	n.changes = append(n.changes, more.changes...)
	n.left = append(n.left, more.left...)
	n.warnings = append(n.warnings, more.warnings...)
}

// phases are the results of the phases before.
type phases struct {
	launched   launched
	kept       kept
	closed     *need.Set
	identified identified
	made       made
	recorded   recorded
	gate       *gate
}

// explain is phase 8: the plan, with everything that is said of it merged and
// sorted, so that equal inputs give equal bytes.
func explain(ctx context.Context, in Input, dist *distribution.Provider, files *drafts, of phases, b *base) (*image.Plan, error) {
	config := of.launched.config
	config.User = of.identified.spec
	said := notes{changes: of.launched.changes}
	said.add(notes{left: of.kept.left, warnings: of.kept.warnings})
	said.add(notes{left: of.closed.Left, warnings: of.closed.Warnings})
	said.add(of.identified.notes)
	said.add(of.made.notes)
	said.add(notes{left: of.gate.left, warnings: unmatched(in.Options.Exclude, of.closed.Matched, of.gate.left)})

	vars, about, err := variables(ctx, in.Tree, of.made.vars, files)
	if err != nil {
		return nil, err
	}
	config.Env = vars
	said.add(about)
	if !of.identified.user.root {
		said.add(notes{warnings: lowPorts(config)})
	}
	if about, err = unused(ctx, in, dist, files, of); err != nil {
		return nil, err
	}
	said.add(about)
	if about, err = leadNowhere(ctx, in.Tree, files); err != nil {
		return nil, err
	}
	said.add(about)
	said.add(notes{changes: differences(files), warnings: shellCosts(files, of.kept, of.recorded.owner, of.closed)})
	said.add(notes{changes: keepTimes(files, of.closed)})
	parts, err := layers(ctx, in, files, of, b)
	if err != nil {
		return nil, err
	}
	p := merge(files, config, of, said)
	for _, part := range parts {
		l, err := part.layer(ctx, p)
		if err != nil {
			return nil, err
		}
		if part.name == runtimeLayer {
			l.Base, l.Bytecode = true, b.bytecode
		}
		p.Layers = append(p.Layers, l)
	}
	return p, nil
}

// leadNowhere tells what links of the image lead to that the built image has
// and this one has not, one link each.
func leadNowhere(ctx context.Context, t tree.Tree, files *drafts) (notes, error) {
	var out notes
	seen := map[string]bool{}
	occupied := files.occupied()
	for _, d := range files.entries() {
		if d.Type != image.Symlink || d.Source == "" {
			continue
		}
		res, err := tree.Resolve(ctx, t, d.Path)
		if need.Missing(err) {
			continue // nor does it in the built image
		}
		if err != nil {
			return out, fmt.Errorf("following %s: %w", d.Path, err)
		}
		if seen[res.Path] || res.Path == "/" || files.find(res.Path) != nil || occupied[res.Path] || slices.ContainsFunc(need.Mounted, func(m string) bool { return need.Below(res.Path, m) }) {
			continue
		}
		seen[res.Path] = true
		l := image.Left{Path: res.Path, Why: "the link " + d.Path + " leads to it, and nothing asks for it"}
		if res.Entry.IsRegular() {
			l.Files, l.Bytes = 1, res.Entry.Size
		}
		out.left = append(out.left, l)
	}
	return out, nil
}

// merge puts the plan together.
func merge(files *drafts, config dockerspec.DockerOCIImageConfig, of phases, said notes) *image.Plan {
	p := &image.Plan{Config: config, Packages: of.recorded.packages, Components: of.closed.Components, GoDynamic: of.closed.Subjects(need.GoDynamic), TempPrograms: of.closed.Reason(need.TempPrograms) != "", Changes: said.changes}
	p.Entries = make([]image.Entry, 0, len(files.list))
	for _, d := range files.entries() {
		e := d.Entry
		e.ModeText, e.Package = image.Octal(e.Mode), of.recorded.owner[e.Path]
		e.Built = d.source.Mode & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)
		p.Entries = append(p.Entries, e)
	}
	for _, f := range of.closed.Files() {
		if f.Program {
			p.Programs = append(p.Programs, f.Path)
		}
	}
	p.Bytecode, p.Java = bytecode(of.closed), installed(of.closed)
	if len(of.closed.Shells) > 0 {
		p.Shell = of.closed.Shells[0].Shell
	}
	image.Sort(p.Changes, func(a, b image.Change) int { return strings.Compare(a.Kind+a.Name, b.Kind+b.Name) })
	p.Left = slices.DeleteFunc(said.left, func(l image.Left) bool { return l.Files > 0 && files.find(l.Path) != nil })
	image.Sort(p.Left, func(a, b image.Left) int { return strings.Compare(a.Path+"\x00"+a.Why, b.Path+"\x00"+b.Why) })
	p.Left = slices.Compact(p.Left)
	p.Warnings = once(said.warnings)
	return p
}

// once orders warnings and gives each one time, for the first instruction that it
// is about: a script that several instructions start is the same for all of them.
func once(list []image.Warning) []image.Warning {
	image.Sort(list, image.CompareWarnings)
	type text struct{ message, hint string }
	at := map[text]int{}
	var out []image.Warning
	for _, w := range list {
		key := text{w.Message, w.Hint}
		i, ok := at[key]
		switch {
		case !ok:
			at[key] = len(out)
			out = append(out, w)
		case out[i].Instruction == "":
			out[i].Instruction = w.Instruction
		}
	}
	image.Sort(out, image.CompareWarnings)
	return out
}

// keepTimes gives files their own time that programs compare, and tells so.
func keepTimes(files *drafts, closed *need.Set) []image.Change {
	var kept []string
	for _, f := range closed.Facts {
		d := files.find(f.Subject)
		if f.Kind != need.KeepTime || d == nil || d.Type != image.File || d.Source == "" {
			continue
		}
		d.ModTime = d.source.ModTime / 1e9
		if d.ModTime > 0 {
			kept = append(kept, d.Path)
		}
	}
	if len(kept) == 0 {
		return nil
	}
	slices.Sort(kept)
	name := kept[0]
	if len(kept) > 1 {
		name = fmt.Sprintf("%s and %d more", name, len(kept)-1)
	}
	return []image.Change{{Kind: "time", Name: name, To: "that of the build", Why: closed.Reason(need.KeepTime) + "; the layer is as reproducible as the stage"}}
}

// bytecode says which compiled modules the image has.
func bytecode(closed *need.Set) *image.Bytecode {
	var out image.Bytecode
	for _, f := range closed.Facts {
		if f.Kind == need.Bytecode && closed.Holds(f.Subject) {
			out.Program = f.Reason
			out.Dirs = append(out.Dirs, f.Subject)
		}
	}
	compiled := slices.ContainsFunc(closed.Files(), func(f *need.File) bool { return strings.HasSuffix(f.Path, ".pyc") && out.Holds(f.Path) })
	if !compiled {
		return nil
	}
	slices.Sort(out.Dirs)
	out.Dirs = slices.Compact(out.Dirs)
	return &out
}

// installed says which installation of Java the image has and what runs on it, nil
// where it has none or several.
func installed(closed *need.Set) *image.Java {
	homes := closed.Subjects(need.JavaHome)
	if len(homes) != 1 {
		return nil
	}
	return &image.Java{Home: homes[0], Classes: closed.Subjects(need.JavaClasses), Nested: closed.Subjects(need.JavaNested), Options: closed.Subjects(need.JavaOption)}
}

// maxShellUses is how many further uses of a shell are named.
const maxShellUses = 3

// shellCosts warns about what a shell brings along: what came for it alone and
// is not the Dockerfile's own.
func shellCosts(files *drafts, kept kept, owner map[string]string, closed *need.Set) []image.Warning {
	var bytes int64
	var n int
	for _, f := range closed.Files() {
		d := files.find(f.Path)
		if !f.Shell || d == nil || d.Type != image.File {
			continue
		}
		if _, own := kept.changed[f.Path]; own && kept.based && owner[f.Path] == "" {
			continue
		}
		bytes += d.Size
		n++
	}
	if len(closed.Shells) == 0 {
		return nil
	}
	// The shell costs what it costs once, however many need it.
	first := closed.Shells[0]
	out := []image.Warning{image.NewWarning(first.Instruction, fmt.Sprintf("%s, so the image has %s, which with the commands that are run costs %s in %d files", first.Why, first.Shell, image.FormatSize(bytes), n), first.Hint)}
	var others []string
	for _, u := range closed.Shells[1:] {
		if u.Why != first.Why && !slices.Contains(others, u.Why) {
			others = append(others, u.Why)
		}
	}
	switch {
	case len(others) > maxShellUses:
		out = append(out, image.NewWarning("", fmt.Sprintf("a shell is used %d times besides: %s, …", len(others), strings.Join(others[:maxShellUses], "; ")), ""))
	case len(others) > 0:
		out = append(out, image.NewWarning("", "a shell is used besides: "+strings.Join(others, "; "), ""))
	}
	return out
}

// unmatched says which patterns of exclude: took nothing out, neither of the
// closure nor of what came after it.
func unmatched(patterns []string, matched map[string]bool, later []image.Left) []image.Warning {
	var out []image.Warning
	for _, pattern := range patterns {
		pattern = path.Clean("/" + pattern)
		if matched[pattern] || slices.ContainsFunc(later, func(l image.Left) bool { return l.Why == "exclude: "+pattern }) {
			continue
		}
		out = append(out, image.NewWarning("", fmt.Sprintf("exclude: %s matches nothing that would be carried", pattern), "take it out"))
	}
	return out
}

// excluded gives the pattern of exclude: that a path matches, "" for none.
func excluded(patterns []string, name string) string {
	for _, pattern := range patterns {
		pattern = path.Clean("/" + pattern)
		if ok, _ := doublestar.Match(pattern, name); ok {
			return pattern
		}
		if ok, _ := doublestar.Match(strings.TrimSuffix(pattern, "/")+"/**", name); ok {
			return pattern
		}
	}
	return ""
}
