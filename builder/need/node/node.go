// Package node knows Node.js: how its programs are started, by node itself, by
// package managers and by the links and shims that those make; what node reads
// besides; which files of an installation no program needs; and what installed
// packages and the application's own files are known to ask for.
//
// Packages are kept whole. What Node.js resolves at run time, such as optional
// dependencies and modules that are loaded by a computed name, cannot be told
// from the text of a program.
//
// Sources: the manuals of Node.js 18 to 24 (nodejs.org/api: cli, modules, packages,
// esm), npm 10 (docs.npmjs.com), Yarn 1 and 4, pnpm 9; read in 2026.
package node

import (
	"bytes"
	"context"
	"path"
	"strings"

	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/elf"
	"github.com/whittle-oci/whittle/builder/tree"
	"github.com/whittle-oci/whittle/lint/command"
)

// A Runtime launches programs of Node.js and answers for what they need. It
// keeps what it has read, and is for one tree and environment.
type Runtime struct {
	files     *elf.Files
	manifests map[string]*manifest // by real path; nil where there is none that can be read
	roots     map[string]bool      // directories of applications that are started
	mains     []string             // real paths of files that node is told to run
	preloads  bool                 // a module that is loaded before may find others in its own way
	tools     map[string]bool      // names of installed packages whose programs are
	settled   settled
}

// New returns a runtime that has read nothing yet. It reads ELF files through
// what others have read.
func New(files *elf.Files) *Runtime {
	return &Runtime{files: files, manifests: map[string]*manifest{}, roots: map[string]bool{}, tools: map[string]bool{}}
}

// isName reports whether a program has the name of Node.js: node, or nodejs,
// which Debian has besides.
func isName(name string) bool {
	base := path.Base(name)
	return base == "node" || base == "nodejs"
}

// Interprets reports whether a file, by its name, runs programs of Node.js: node
// itself or its library.
func Interprets(name string) bool {
	return isName(name) || strings.HasPrefix(path.Base(name), "libnode.so")
}

// isNode reports whether the program at a path is Node.js: a file of that name
// that is no script.
func isNode(ctx context.Context, env *need.Env, name string) (bool, error) {
	res, err := tree.Resolve(ctx, env.Tree, name)
	if need.Missing(err) || err == nil && (!res.Entry.IsRegular() || !isName(name) && !isName(res.Path)) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	head, err := env.Head(ctx, res.Path)
	return !bytes.HasPrefix(head, []byte("#!")), err
}

// interpreted reports whether a file begins with a #! line that names Node.js,
// and gives the options that the line has.
func interpreted(head []byte) (options []string, ok bool) {
	s, ok := command.Shebang(head)
	if !ok {
		return nil, false
	}
	argv := s.Command()
	return argv[1:], isName(argv[0])
}

// within cuts a path at the first directory node_modules in it. ok is false
// where there is none.
func within(name string) (root, rest string, ok bool) {
	return strings.Cut(name, "/node_modules/")
}
