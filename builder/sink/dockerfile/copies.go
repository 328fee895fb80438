package dockerfile

import (
	"bytes"
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/whittle-oci/whittle/builder/image"
)

// A copyOp is one COPY: of a whole directory, of paths below one, or of
// generated files into one.
type copyOp struct {
	uid, gid    int
	mode        string   // of chmod(1), a number in octal, or ""
	base        string   // the directory that is copied from, and to
	made        bool     // from the stage that makes directories
	paths       []string // below base; nil for everything
	exclude     []string // patterns, as seen from base
	contents    []image.Entry
	fromContext []string // files of the context
	reason      string
}

// octal gives a mode that is a number.
func (c copyOp) octal() (fs.FileMode, bool) {
	v, err := strconv.ParseUint(c.mode, 8, 12)
	mode := fs.FileMode(v & 0o777)
	for _, b := range []struct {
		bit  uint64
		mode fs.FileMode
	}{{0o4000, fs.ModeSetuid}, {0o2000, fs.ModeSetgid}, {0o1000, fs.ModeSticky}} {
		if v&b.bit != 0 {
			mode |= b.mode
		}
	}
	return mode, err == nil
}

// excludes reports whether a copy of a whole directory leaves a path out.
func (c copyOp) excludes(name string) bool {
	rel := relative(name, c.base)
	return slices.ContainsFunc(c.exclude, func(x string) bool {
		return literal(rel) == x || strings.HasPrefix(literal(rel), x+"/")
	})
}

// copies makes the COPY instructions of all files.
func (w *writer) copies() error {
	whole := map[string]bool{}
	for _, t := range w.subtrees() {
		c := copyOp{uid: t.UID, gid: t.GID, mode: t.Mode, base: t.Root}
		for _, x := range t.Exclude {
			if !nameable(x) {
				return &UnwritableError{path.Join(t.Root, x), "its name is not a line of text, and what lies beside it is copied without it", "remove it in the stage"}
			}
			c.exclude = append(c.exclude, literal(x))
		}
		var reasons []string
		for _, e := range w.plan.Entries {
			if t.Members[e.Path] {
				whole[e.Path] = true
				reasons = append(reasons, e.Reason)
			}
		}
		c.reason = summary(reasons)
		w.add(c)
	}
	var single, generated []image.Entry
	for _, e := range w.plan.Entries {
		if whole[e.Path] || e.Type == image.Dir {
			continue
		}
		if err := writable(e); err != nil {
			return err
		}
		switch {
		case e.Source == "":
			generated = append(generated, e)
		default:
			single = append(single, e)
		}
	}
	for _, g := range groups(w.plan.Entries, single) {
		for _, c := range g.split() {
			w.add(c)
		}
	}
	return w.generated(generated)
}

// subtrees are the directories of the built stage that are copied as a whole.
// Those of a layer of the base image are told by what that has in them.
func (w *writer) subtrees() []image.Subtree {
	var out []image.Subtree
	for _, l := range w.plan.Layers {
		if !l.Base {
			out = append(out, l.Subtrees...)
		}
	}
	return out
}

func (w *writer) add(c copyOp) {
	w.dirs.apply(c)
	w.copied = append(w.copied, c)
}

// A group is files that one change of mode and one owner fit.
type group struct {
	uid, gid int
	mode     string
	files    []image.Entry
}

// changes are the changes of mode that are looked at before numbers are, the
// one that says most about the result first.
var changes = []string{"u=rwX,go=rX", "u=rX,go=rX", "ug=rwX,o=rX", "ug=rwX,o=", "", "a+rX", "a+rX,g-w", "a+rX,go-w", "u+rX,g=u", "u+rwX,g=u", "a+rX,g-w,u-s,g-s", "u+rX,g=u,u-s,g-s", "u+rwX,g=u,u-s,g-s"}

// groups divides files into as few groups as there can be: for every owner the
// change of mode that fits most files, as long as there are some. What fits a
// file counts, and so do the modes of the directories on the way, which the
// copy may make.
func groups(all, files []image.Entry) []group {
	var links []image.Entry
	left := map[[2]int][]image.Entry{}
	var owners [][2]int
	for _, e := range files {
		if e.Type == image.Symlink {
			links = append(links, e)
			continue
		}
		k := [2]int{e.UID, e.GID}
		if left[k] == nil {
			owners = append(owners, k)
		}
		left[k] = append(left[k], e)
	}
	slices.SortFunc(owners, func(a, b [2]int) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
	var out []group
	for _, k := range owners {
		for rest := left[k]; len(rest) > 0; {
			g := group{uid: k[0], gid: k[1]}
			best := 0
			candidates := changes
			for _, e := range rest {
				if m := image.Octal(e.Mode); !slices.Contains(candidates, m) {
					candidates = append(slices.Clip(candidates), m)
				}
			}
			for _, m := range candidates {
				n := 0
				for _, e := range rest {
					if fits(e, m) {
						n++
					}
				}
				if n > best {
					best, g.mode = n, m
				}
			}
			var others []image.Entry
			for _, e := range rest {
				if fits(e, g.mode) {
					g.files = append(g.files, e)
				} else {
					others = append(others, e)
				}
			}
			out, rest = append(out, g), others
		}
	}
	return withLinks(out, links)
}

// withLinks puts links, which are root's and have no mode, beside the most of
// root's files.
func withLinks(groups []group, links []image.Entry) []group {
	if len(links) == 0 {
		return groups
	}
	at := -1
	for i, g := range groups {
		if g.uid == 0 && g.gid == 0 && (at < 0 || len(g.files) > len(groups[at].files)) {
			at = i
		}
	}
	if at < 0 {
		return append(groups, group{mode: changes[0], files: links})
	}
	groups[at].files = append(groups[at].files, links...)
	slices.SortFunc(groups[at].files, func(a, b image.Entry) int { return strings.Compare(a.Path, b.Path) })
	return groups
}

// fits reports whether a change of mode makes a file what it is in the image.
func fits(e image.Entry, change string) bool {
	if v, ok := (copyOp{mode: change}).octal(); ok {
		return v == e.Mode
	}
	return changed(e.Built, change, false) == e.Mode
}

// minBase is from how many paths on a directory is copied from on its own: for
// every path, BuildKit walks through all of what it copies from.
const minBase = 8

// split makes the copies of a group: one for every directory with many of the
// files in it, so that not all of the stage is looked through for each, and one
// for the others.
func (g group) split() []copyOp {
	count := map[string]int{}
	for _, e := range g.files {
		for _, dir := range ancestors(e.Path) {
			count[dir]++
		}
	}
	var bases []string
	for dir, n := range count {
		if n >= minBase && strings.Count(dir, "/") > 1 {
			bases = append(bases, dir)
		}
	}
	// The deepest first, and one above it only for many others.
	slices.SortFunc(bases, func(a, b string) int {
		return cmp.Or(cmp.Compare(strings.Count(b, "/"), strings.Count(a, "/")), cmp.Compare(a, b))
	})
	var out []copyOp
	rest := g.files
	for _, base := range append(bases, "/") {
		c := copyOp{uid: g.uid, gid: g.gid, mode: g.mode, base: base}
		var others []image.Entry
		var reasons []string
		for _, e := range rest {
			if !below(e.Path, base) {
				others = append(others, e)
				continue
			}
			c.paths = append(c.paths, e.Path)
			reasons = append(reasons, e.Reason)
		}
		if len(c.paths) == 0 || base != "/" && len(c.paths) < minBase {
			continue
		}
		rest, c.reason = others, summary(reasons)
		out = append(out, c)
	}
	slices.SortStableFunc(out, func(a, b copyOp) int { return strings.Compare(a.base, b.base) })
	return out
}

// generated makes the copies of files that no stage has.
func (w *writer) generated(files []image.Entry) error {
	type class struct {
		dir      string
		uid, gid int
		mode     fs.FileMode
	}
	by := map[class][]image.Entry{}
	var order []class
	for _, e := range files {
		k := class{path.Dir(e.Path), e.UID, e.GID, e.Mode}
		if by[k] == nil {
			order = append(order, k)
		}
		by[k] = append(by[k], e)
	}
	for _, k := range order {
		c := copyOp{uid: k.uid, gid: k.gid, mode: absolute(k.mode), base: k.dir}
		if k.mode&^fs.ModePerm != 0 {
			c.mode = image.Octal(k.mode)
		}
		var reasons []string
		for _, e := range by[k] {
			reasons = append(reasons, e.Reason)
			if w.options.Files != "" {
				name := path.Join(w.options.Files, e.Path)
				c.fromContext = append(c.fromContext, name)
				w.files = append(w.files, File{name, e.Data})
				continue
			}
			if !document(e) {
				return &UnwritableError{e.Path, "it is generated and no text, so that it has to lie in the build context", "--files DIR puts it there"}
			}
			if !delimits(path.Base(e.Path), e) {
				alone := c
				alone.contents, alone.reason = []image.Entry{e}, e.Reason
				w.add(alone)
				continue
			}
			c.contents = append(c.contents, e)
		}
		if c.contents == nil && c.fromContext == nil {
			continue
		}
		c.reason = summary(reasons)
		w.add(c)
	}
	return nil
}

// document reports whether a file can be written as a heredoc: lines of text
// that all end.
func document(e image.Entry) bool {
	return utf8.Valid(e.Data) && (len(e.Data) == 0 || bytes.HasSuffix(e.Data, []byte("\n"))) && !bytes.ContainsAny(e.Data, "\r\x00")
}

// delimits reports whether a word can end the heredoc of a file.
func delimits(word string, e image.Entry) bool {
	odd := strings.ContainsFunc(word, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._-", r)
	})
	return !odd && !slices.Contains(strings.Split(string(e.Data), "\n"), word)
}

// summary says why files are copied: the reasons that most of them have.
func summary(reasons []string) string {
	count := map[string]int{}
	for _, r := range reasons {
		count[r]++
	}
	var all []string
	for r := range count {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b string) int { return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b)) })
	const few = 3
	var out []string
	for i, r := range all {
		if i == few {
			out = append(out, fmt.Sprintf("%d more reasons", len(all)-few))
			break
		}
		if n := count[r]; n > 1 {
			r = fmt.Sprintf("%s (%d)", r, n)
		}
		out = append(out, r)
	}
	return strings.Join(out, "; ")
}
