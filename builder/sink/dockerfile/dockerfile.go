// Package dockerfile writes a plan as a Dockerfile: the stages of the user as
// they are, and a last one that copies from them what the image needs. It is
// for people who want to go on without whittle: BuildKit's own frontend builds
// the same files, owners, modes and configuration.
package dockerfile

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/whittle-oci/whittle/builder/image"
)

// A Source is the Dockerfile that a plan was made of.
type Source struct {
	Text   []byte
	Target string // the stage that was planned, "" for the last one
}

// Options say how a Dockerfile is written.
type Options struct {
	// Platform is what the plan was made for, for the comment above it.
	Platform string
	// Files is where in the build context generated files are put, as a path
	// with slashes; "" writes them into the Dockerfile, as heredocs.
	Files string
	// Notes are further things that the Dockerfile does not do as the build
	// does, a sentence each.
	Notes []string
}

// A Result is a Dockerfile with the files that it copies from the context.
type Result struct {
	Text  []byte
	Files []File
	// Added is how many lines come after the user's, without the contents of
	// files, which are Embedded.
	Added, Embedded int
	// Unsaid is what the Dockerfile cannot say, as the comment in it lists it.
	Unsaid []string
}

// A File is a generated file of the image that lies in the build context.
type File struct {
	Path string // relative to the context, with slashes
	Data []byte
}

// maxLines is how many lines the Dockerfile gets. Lines grow longer before
// there are more.
const maxLines = 60

// The widths of lines: what is aimed at, and the longest. BuildKit's parser
// reads lines of up to 64 KiB (bufio.MaxScanTokenSize).
const (
	width    = 100
	maxWidth = 16 << 10
)

// An UnwritableError is a file that no Dockerfile can bring.
type UnwritableError struct {
	Path, Why string
	Hint      string
}

// Error names the file and the reason.
func (e *UnwritableError) Error() string {
	return fmt.Sprintf("%s cannot be written in a Dockerfile: %s", image.Printable(e.Path), e.Why)
}

// New writes the plan as a Dockerfile. The error is an *UnwritableError for a
// file that a Dockerfile cannot bring, or one of the parser for a Source that
// is none.
func New(p *image.Plan, src Source, o Options) (*Result, error) {
	user, err := readSource(src)
	if err != nil {
		return nil, err
	}
	w := &writer{plan: p, user: user, options: o, dirs: newDirs(p)}
	if err := w.copies(); err != nil {
		return nil, err
	}
	if err := w.repair(); err != nil {
		return nil, err
	}
	w.config()
	w.unsaid(p)
	return w.result(), nil
}

// nameable reports whether a name can stand in a Dockerfile.
func nameable(name string) bool {
	return utf8.ValidString(name) && !strings.ContainsFunc(name, unicode.IsControl)
}

// writable refuses what a Dockerfile cannot bring by its name. What comes with
// a whole directory needs none.
func writable(e image.Entry) error {
	switch {
	case !nameable(e.Path):
		return &UnwritableError{e.Path, "its name is not a line of text", "exclude: it, or ship the image with whittle build"}
	case e.Source != "" && e.Source != e.Path:
		return &UnwritableError{e.Path, "it has another name in the built stage", ""}
	case e.Source == "" && e.Type == image.Symlink:
		return &UnwritableError{e.Path, "a Dockerfile makes no links", ""}
	}
	return nil
}

// writer puts the lines of a Dockerfile together.
type writer struct {
	plan    *image.Plan
	user    *userFile
	options Options
	dirs    *dirs
	copied  []copyOp
	made    []string // directories of the stage that makes them
	files   []File
	after   []string // instructions after the copies
	said    []string // what cannot be said
}

// unsaid lists what the image of the Dockerfile has in another way.
func (w *writer) unsaid(p *image.Plan) {
	said := append(slices.Clone(w.options.Notes), w.said...)
	said = append(said, "Files keep the times that they have in the stage "+w.user.stage+".")
	if p.Bytecode != nil {
		said = append(said, "So compiled modules of Python stay tied to the times of their sources; whittle build makes them independent of these.")
	}
	var links []string
	for _, e := range p.Entries {
		if e.Hardlink != "" && !w.together(e) {
			links = append(links, e.Path)
		}
	}
	if len(links) > 0 {
		said = append(said, fmt.Sprintf("Hard links between files that are copied one by one: each is a file of its own here (%s).", some(links)))
	}
	w.said = said
}

// together reports whether one copy of a whole directory brings a file and the
// one that it is a further name of.
func (w *writer) together(e image.Entry) bool {
	return slices.ContainsFunc(w.subtrees(), func(t image.Subtree) bool { return t.Members[e.Path] && t.Members[e.Hardlink] })
}

// some names the first of a list.
func some(names []string) string {
	const few = 3
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
}

// result writes the Dockerfile as wide as it has to be.
func (w *writer) result() *Result {
	r := &Result{Files: w.files, Unsaid: w.said}
	wide := width
	added, embedded := w.lines(wide)
	for len(added)-embedded > maxLines && wide < maxWidth {
		wide *= 2
		added, embedded = w.lines(wide)
	}
	r.Added, r.Embedded = len(added)-embedded, embedded
	text := strings.TrimRight(string(w.user.text), "\n") + "\n\n" + strings.Join(added, "\n") + "\n"
	r.Text = []byte(text)
	return r
}

// lines writes what is added, and how many of the lines are contents of files.
func (w *writer) lines(wide int) (out []string, embedded int) {
	on := ""
	if w.options.Platform != "" {
		on = " of " + w.options.Platform
	}
	out = append(out, comment(fmt.Sprintf("From here on written by whittle rewrite: the files%s that the image needs. COPY has --parents and --exclude since docker/dockerfile 1.20 (BuildKit 0.26). What a Dockerfile cannot say:", on), "# ", width)...)
	for _, s := range w.said {
		out = append(out, comment(s, "# - ", max(width, wide))...)
	}
	if len(w.made) > 0 {
		out = append(out, "FROM scratch AS "+w.user.directories)
		for _, dir := range w.made {
			out = append(out, "WORKDIR "+w.user.word(dir))
		}
	}
	out = append(out, "FROM scratch")
	for _, c := range w.copied {
		out = append(out, cut(c.reason, max(width, wide)))
		if c.open() {
			out = append(out, "# whittle ignore=world-writable -- as the built stage has it")
		}
		lines, contents := c.lines(w.user, wide)
		out = append(append(out, lines...), contents...)
		embedded += len(contents)
	}
	return append(out, w.after...), embedded
}

// comment writes a text as lines of a comment.
func comment(text, prefix string, wide int) []string {
	var out []string
	line := prefix
	for i, word := range strings.Fields(image.Printable(text)) {
		if i > 0 && len(line)+1+len(word) > wide && len(line) > len(prefix) {
			out = append(out, line)
			line = "#" + strings.Repeat(" ", len(prefix)-1)
		}
		if !strings.HasSuffix(line, " ") {
			line += " "
		}
		line += word
	}
	return append(out, line)
}

// cut writes a text as one line of a comment.
func cut(text string, wide int) string {
	lines := comment(text, "# ", wide-len(" …"))
	if len(lines) > 1 {
		lines[0] += " …"
	}
	return lines[0]
}

// absolute writes the permission bits of a mode as a change of mode. Other
// than a number it is not given to the directories that a copy makes on its
// way.
func absolute(mode fs.FileMode) string {
	bits := func(who string, v fs.FileMode) string {
		s := who + "="
		for i, c := range "rwx" {
			if v&(4>>i) != 0 {
				s += string(c)
			}
		}
		return s
	}
	u, g, o := mode>>6&7, mode>>3&7, mode&7
	switch {
	case u == g && g == o:
		return bits("a", u)
	case g == o:
		return bits("u", u) + "," + bits("go", g)
	case u == g:
		return bits("ug", u) + "," + bits("o", o)
	}
	return bits("u", u) + "," + bits("g", g) + "," + bits("o", o)
}

// below reports whether a path lies in a directory.
func below(name, dir string) bool {
	return dir == "/" && name != "/" || strings.HasPrefix(name, dir+"/")
}

// relative is a path as seen from a directory above it.
func relative(name, dir string) string {
	return strings.TrimPrefix(strings.TrimPrefix(name, dir), "/")
}

// inDir names a directory as what is copied into.
func inDir(dir string) string { return strings.TrimSuffix(path.Clean(dir), "/") + "/" }
