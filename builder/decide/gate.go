package decide

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"golang.org/x/sync/errgroup"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/tree"
	"github.com/whittle-oci/whittle/lint/credential"
)

// Limits on looking for credentials in files whose names do not suggest any.
const (
	maxKey     = 1 << 20 // bytes of the largest file that only its owner reads
	maxLooked  = 20_000  // files
	concurrent = 8       // files at a time
)

// A gate decides which files may be in the image at all: what exclude: names
// may not, nor may a credential that include: does not name. It keeps what it
// has looked at.
type gate struct {
	tree      tree.Tree
	exclude   []string
	named     map[string]bool   // files that include: names, also by their real paths
	namedDirs []string          // directories of credentials among it
	looked    map[string]string // by path, what a file was found to hold
	left      []image.Left      // what exclude: took out after the closure
}

func newGate(t tree.Tree, exclude []string) (*gate, error) {
	for _, pattern := range exclude {
		if !doublestar.ValidatePattern(path.Clean("/" + pattern)) {
			return nil, &image.RefusedError{Message: "exclude: not a valid glob: " + pattern}
		}
	}
	return &gate{tree: t, exclude: exclude, named: map[string]bool{}, looked: map[string]string{}}, nil
}

// name takes down what include: names. A directory names the credentials in it
// only where it is known as one of credentials, such as ~/.aws.
func (g *gate) name(name string, res tree.Resolved) {
	if !res.Entry.IsDir() {
		g.named[name], g.named[res.Path] = true, true
	} else if _, ok := credential.File(res.Path); ok {
		g.namedDirs = append(g.namedDirs, res.Path)
	}
}

// admit says whether a file may be in the image.
func (g *gate) admit(ctx context.Context, v need.Visit) (need.Verdict, error) {
	if pattern := excluded(g.exclude, v.Path); pattern != "" {
		return need.Verdict{Left: "exclude: " + pattern, Exclude: pattern}, nil
	}
	if v.Need.Kind != need.Data && v.Need.Kind != need.Config {
		return need.Verdict{}, nil
	}
	why, err := g.secret(ctx, v.Path, v.Entry)
	if why == "" || err != nil {
		return need.Verdict{}, err
	}
	name := v.Path
	if v.Need.Path != v.Path && v.Need.Droppable { // a link that the Dockerfile made
		name, why = v.Need.Path, "leads to "+v.Path+", which "+why
	}
	w := secretWarning(name, why)
	return need.Verdict{Left: why, Warning: w.Message, Hint: w.Hint}, nil
}

// takesOut reports whether exclude: names a file that comes after the closure.
func (g *gate) takesOut(d *draft) bool {
	pattern := excluded(g.exclude, d.Path)
	if pattern == "" {
		return false
	}
	l := image.Left{Path: d.Path, Why: "exclude: " + pattern}
	if d.Type == image.File {
		l.Files, l.Bytes = 1, d.Size
	}
	g.left = append(g.left, l)
	return true
}

// secret says why a file that include: does not name looks like a credential,
// or "". An empty file hides nothing.
func (g *gate) secret(ctx context.Context, name string, e tree.Entry) (string, error) {
	if g.named[name] || slices.ContainsFunc(g.namedDirs, func(dir string) bool { return strings.HasPrefix(name, dir+"/") }) {
		return "", nil
	}
	return g.held(ctx, name, e)
}

// held says why a file looks like a credential, or "".
func (g *gate) held(ctx context.Context, name string, e tree.Entry) (string, error) {
	if !suspect(name, e) {
		return "", nil
	}
	if why, ok := g.looked[name]; ok {
		return why, nil
	}
	why, err := look(ctx, g.tree, name)
	if err == nil {
		g.looked[name] = why
	}
	return why, err
}

// suspect reports whether a file has to be looked at: its name may be that of
// a credential, it has the size of a key, or only its owner may read it.
func suspect(name string, e tree.Entry) bool {
	if !e.IsRegular() || e.Size == 0 {
		return false
	}
	return environmentFile(name) || credential.MayHold(name, e.Size) || ownersOnly(e.Mode) && e.Size <= maxKey
}

// look reads the beginning of a file and says what credential it holds, or "".
func look(ctx context.Context, t tree.Tree, name string) (string, error) {
	if environmentFile(name) {
		return "is an environment file, which holds secrets as a rule", nil
	}
	r, err := t.Open(ctx, name)
	if err != nil {
		return "", fmt.Errorf("looking for a credential: %w", err)
	}
	head := make([]byte, credential.MaxContent)
	n, err := r.ReadAt(head, 0)
	if n == 0 && err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("looking for a credential in %s: %w", name, err)
	}
	what, ok := credential.Held(name, head[:n])
	switch {
	case !ok:
		return "", nil
	case what == "a private key":
		return "is a private key", nil
	}
	return "holds " + what, nil
}

// environmentFile reports whether a file is one of variables, which holds
// secrets as a rule, and not there to be copied and filled in.
func environmentFile(name string) bool {
	base := path.Base(name)
	return strings.HasPrefix(base, ".env") && !slices.ContainsFunc([]string{"example", "sample", "template", "dist", "tmpl"}, func(s string) bool { return strings.Contains(base, s) })
}

// ownersOnly reports whether only its owner can use a file or directory: it has
// no bit for the group or for others.
func ownersOnly(mode fs.FileMode) bool { return mode&0o077 == 0 }

// lookAhead looks at many files, several at a time, since over a connection
// most of the time goes by waiting. It reports whether there were too many to
// look at all of those whose names do not suggest a credential.
func (g *gate) lookAhead(ctx context.Context, files []string, entries map[string]tree.Entry) (tooMany bool, err error) {
	var names []string
	for _, name := range files {
		e := entries[name]
		switch {
		case !suspect(name, e):
		case len(names) < maxLooked:
			names = append(names, name)
		default:
			tooMany = true
			if _, ok := credential.File(name); !ok && !environmentFile(name) && !ownersOnly(e.Mode) {
				g.looked[name] = ""
			}
		}
	}
	found := make([]string, len(names))
	eg, ctx := errgroup.WithContext(ctx)
	eg.SetLimit(concurrent)
	for i, name := range names {
		eg.Go(func() (err error) {
			found[i], err = look(ctx, g.tree, name)
			return err
		})
	}
	if err := eg.Wait(); err != nil {
		return tooMany, err
	}
	for i, name := range names {
		g.looked[name] = found[i]
	}
	return tooMany, nil
}

// secretWarning says that a file stays behind because it looks like a secret.
func secretWarning(name, why string) image.Warning {
	return image.NewWarning("COPY", fmt.Sprintf("%s was left out: it %s; include: %s would carry it", name, why, name), "mount it as a secret at run time")
}
