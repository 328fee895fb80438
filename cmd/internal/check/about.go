package check

import (
	"path"
	"strings"
	"sync"

	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/whittle-oci/whittle/builder/frontend"
	"github.com/whittle-oci/whittle/lint/buildcontext"
	"github.com/whittle-oci/whittle/lint/credential"
	"github.com/whittle-oci/whittle/lint/rule"
)

// files is the build context, looked at when a rule asks.
type files struct{ contents func() map[string][]byte }

func newFiles(about frontend.About) files {
	return files{sync.OnceValue(func() map[string][]byte { return about.Files(credential.Paths()) })}
}

// Files implements rule.Context.
func (f files) Files() []string { return buildcontext.Of(f.contents()) }

// Holds implements rule.Context.
func (f files) Holds(file, name string) (holds, known bool) {
	kind, ok := credential.File(name)
	content, there := f.contents()[strings.TrimPrefix(path.Clean("/"+file), "/")]
	return len(content) > 0 && kind.Holds(content), ok && there
}

// Ignored implements rule.Context. BuildKit's own check says it.
func (files) Ignored(string) bool { return false }

// images is the builder's registry, asked about the users of images. The build
// asks about them, too, but for the frontend of the syntax line. Digests are for
// fixes, and nothing is fixed here.
type images struct {
	frontend.About
	syntax string
	known  map[string]answer
}

type answer struct {
	user string
	ok   bool
}

func newImages(about frontend.About, text []byte) images {
	syntax, _, _, _ := parser.DetectSyntax(text)
	return images{about, syntax, map[string]answer{}}
}

// Image implements rule.Images. Rules run one after the other.
func (i images) Image(ref string) (rule.Image, bool) {
	if ref == i.syntax {
		return rule.Image{}, false
	}
	a, known := i.known[ref]
	if !known {
		a.user, a.ok = i.User(ref)
		i.known[ref] = a
	}
	return rule.Image{User: a.user}, a.ok
}
