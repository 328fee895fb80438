package distribution

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/packages"
	"github.com/whittle-oci/whittle/builder/tree"
)

// driver matches the programs that compile and link by starting others, by the
// names that distributions give them: gcc, x86_64-linux-gnu-g++-12, clang-19.
var driver = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:\w+(?:-\w+)*-linux-\w+-)?(?:gcc|g\+\+|cc|c\+\+|gfortran|clang|clang\+\+|tcc)(?:-\d[\d.]*)?$`)
})

// toolchainFile matches the files of a compiler that name its other parts in
// their text: drivers, assemblers, linkers, and what GCC keeps below its own
// directory.
var toolchainFile = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^/usr/(?:local/)?bin/(?:\w+(?:-\w+)*-linux-\w+-)?(?:gcc|g\+\+|cc|c\+\+|c89|c99|cpp|gfortran|clang|clang\+\+|tcc|as|ld)(?:[.-][\w.]+)?$|^/usr/(?:local/)?lib(?:64|exec)?/(?:gcc|gcc-cross|llvm-[\d.]+)/`)
})

// OfToolchain reports whether a file is a part of a compiler's toolchain, whose
// text speaks of its other parts.
func OfToolchain(name string) bool { return toolchainFile().MatchString(name) }

// headers are the packages with the C library's headers and start files, which
// compilers recommend or which are installed beside them (Debian 12, Alpine 3.20,
// Fedora 42; 2026-11).
var headers = []string{"libc6-dev", "musl-dev", "libc-dev", "glibc-devel"}

// maxToolchain bounds the packages of a toolchain.
const maxToolchain = 200

// toolchain asks for everything of a compiler that is at work, its dependencies'
// and the C library's headers included: a program that compiles when it runs, such
// as varnishd, needs all of that, and what of it is not said anywhere.
func (p *Provider) toolchain(ctx context.Context, env *need.Env, out *need.Found, pkg packages.Package) error {
	files, err := p.filesOf(ctx, pkg)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(files.programs, func(name string) bool { return driver().MatchString(path.Base(name)) })
	if i < 0 {
		return nil
	}
	reason := fmt.Sprintf("part of the toolchain of the compiler %s", files.programs[i])
	queue := []packages.Package{pkg}
	for _, name := range headers {
		other, ok, err := p.db.Named(ctx, name)
		if err != nil {
			return fmt.Errorf("reading the package database: %w", err)
		}
		if ok {
			queue = append(queue, other)
		}
	}
	seen := map[string]bool{}
	for ; len(queue) > 0 && len(seen) < maxToolchain; queue = queue[1:] {
		if seen[queue[0].Key()] {
			continue
		}
		seen[queue[0].Key()] = true
		base, err := p.db.BaseSystem(ctx, queue[0])
		if err != nil {
			return err
		}
		if base {
			continue // what is linked of it comes by the loader's closure
		}
		if err := p.wholly(ctx, env, out, queue[0], files.programs[i], reason); err != nil {
			return err
		}
		deps, err := p.db.Depends(ctx, queue[0])
		if err != nil {
			return err
		}
		queue = append(queue, deps...)
	}
	return nil
}

// wholly asks for all files of a package but its documentation, messages and
// programs that compile nothing, such as gprof.
func (p *Provider) wholly(ctx context.Context, env *need.Env, out *need.Found, pkg packages.Package, by, reason string) error {
	files, err := p.filesOf(ctx, pkg)
	if err != nil {
		return err
	}
	for _, name := range slices.Concat(files.programs, files.libraries, files.others) {
		if Documentation(name) || strings.HasPrefix(name, "/usr/share/locale/") || onPath(name) && !OfToolchain(name) {
			continue
		}
		res, err := tree.Resolve(ctx, env.Tree, name)
		if need.Missing(err) || err == nil && res.Entry.IsDir() {
			continue
		}
		if err != nil {
			return err
		}
		kind := need.Config
		head, err := env.Head(ctx, res.Path)
		switch {
		case err != nil:
			return fmt.Errorf("reading %s: %w", res.Path, err)
		case !strings.HasPrefix(string(head), "\x7fELF"):
		case strings.Contains(path.Base(name), ".so"):
			kind = need.Module
		case res.Entry.Mode&0o111 != 0:
			kind = need.Program
		}
		out.Needs = append(out.Needs, need.Need{Kind: kind, Path: name, By: by, Reason: reason, Strength: need.Expected, Droppable: true})
	}
	return nil
}
