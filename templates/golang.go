package templates

import (
	"errors"
	"fmt"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/modfile"
)

func claimGo(p *project) (string, bool) { return p.first("go.work", "go.mod"), false }

// goCgo are modules that are nothing without cgo and bring the C that they need.
var goCgo = []string{"github.com/mattn/go-sqlite3", "github.com/confluentinc/confluent-kafka-go"}

// goLibraries are modules that need a library of the system.
var goLibraries = []string{"github.com/libgit2/git2go", "github.com/h2non/bimg", "github.com/davidbyttow/govips", "gopkg.in/gographics/imagick", "gopkg.in/gographics/imagick.v3"}

func fillGo(p *project) (string, error) {
	mod, work := p.text("go.mod"), p.text("go.work")
	if p.err != nil {
		return "", p.err
	}
	module := ""
	download := true // what go.mod and go.sum name can be fetched without the sources
	var cgo string
	wanted := []wish{}
	requires := false
	if mod != "" {
		f, err := modfile.Parse("go.mod", []byte(mod), nil)
		if err != nil {
			return "", &Error{Problem: fmt.Sprintf("go.mod cannot be read: %v", err), Hint: "go mod tidy says more"}
		}
		if f.Module == nil {
			return "", &Error{Problem: "go.mod names no module", Hint: "go mod init writes it"}
		}
		module = f.Module.Mod.Path
		if f.Toolchain != nil && f.Toolchain.Name != "default" {
			wanted = append(wanted, wish{goRelease(f.Toolchain.Name), "go.mod, toolchain", true})
		} else if f.Go != nil {
			wanted = append(wanted, wish{goRelease(f.Go.Version), "go.mod, go", true})
		}
		for _, r := range f.Require {
			requires = true
			for _, m := range goCgo {
				if r.Mod.Path == m || strings.HasPrefix(r.Mod.Path, m+"/") {
					cgo = r.Mod.Path
				}
			}
			for _, m := range goLibraries {
				if r.Mod.Path == m || strings.HasPrefix(r.Mod.Path, m+"/") {
					return "", &Error{Problem: fmt.Sprintf("go.mod requires %s, which needs a library of the system", r.Mod.Path), Hint: "write a Dockerfile that installs it in both stages"}
				}
			}
		}
		for _, r := range f.Replace {
			if r.New.Version != "" {
				continue
			}
			download = false
			if outside(r.New.Path) {
				return "", &Error{Problem: fmt.Sprintf("go.mod replaces %s by %s, which a build of this directory does not see", r.Old.Path, r.New.Path), Hint: "build the directory that has both, with a Dockerfile, or take the replacement out"}
			}
		}
	}
	if work != "" {
		f, err := modfile.ParseWork("go.work", []byte(work), nil)
		if err != nil {
			return "", &Error{Problem: fmt.Sprintf("go.work cannot be read: %v", err), Hint: "go work sync says more"}
		}
		download = false
		for _, u := range f.Use {
			if outside(u.Path) {
				return "", &Error{Problem: fmt.Sprintf("go.work uses %s, which a build of this directory does not see", u.Path), Hint: "build the directory that has both, or take go.work out"}
			}
			requires = requires || strings.Contains(p.text(path.Join(u.Path, "go.mod")), "require")
		}
		if f.Toolchain != nil && f.Toolchain.Name != "default" {
			wanted = slices.Insert(wanted, 0, wish{goRelease(f.Toolchain.Name), "go.work, toolchain", true})
		} else if f.Go != nil {
			wanted = slices.Insert(wanted, 0, wish{goRelease(f.Go.Version), "go.work, go", true})
		}
	}
	var version string
	if len(wanted) > 0 {
		// What go.work says holds for all its modules.
		v, err := p.agree("Go", 2, nil, wanted[0])
		if err != nil {
			return "", err
		}
		version = v
	}
	if version == "" {
		version = "1"
		p.warn("go.mod names no version of Go, so the image follows golang:1; go mod edit -go=1.26 names one")
	}
	p.set("version", version)
	vendored := p.has("vendor/modules.txt")
	if requires && work == "" && !vendored && !p.has("go.sum") {
		return "", &Error{Problem: "go.mod requires modules, and there is no go.sum with their checksums", Hint: "go mod tidy writes it"}
	}
	switch {
	case vendored:
		p.found("dependencies", "vendor", "vendor/modules.txt")
	case requires && download:
		p.set("manifests", strings.Join(p.all("go.mod", "go.sum"), " "))
		p.found("dependencies", "go mod download", "go.mod, go.sum")
	case requires:
		p.found("dependencies", "go build", "modules of this directory are among them, so all of it is copied first")
	}
	uses, err := p.goSources()
	if err != nil {
		return "", err
	}
	main, err := p.goMain(uses.mains)
	if err != nil {
		return "", err
	}
	name := path.Base(main.dir)
	if main.dir == "." {
		name = goName(module)
	}
	p.word("name", name, main.dir)
	p.word("package", "./"+strings.TrimPrefix(main.dir, "."), main.dir)
	if main.dir == "." {
		p.set("package", ".")
	}
	if uses.cgo != "" {
		cgo = uses.cgo
	}
	if uses.library != "" {
		return "", &Error{Problem: uses.library + " needs a library of the system (#cgo pkg-config)", Hint: "write a Dockerfile that installs it in both stages"}
	}
	var tags []string
	if cgo != "" {
		p.set("cgo", "yes")
		tags = append(tags, "netgo", "osusergo")
		p.found("cgo", "on", cgo)
		p.warn("cgo is on, as %s needs it, so nothing is cross-compiled: other platforms need emulation", cgo)
	}
	if uses.zones != "" {
		tags = append(tags, "timetzdata")
		p.found("time zones", "in the program", uses.zones+" calls time.LoadLocation")
	}
	p.set("tags", "")
	if len(tags) > 0 {
		p.set("tags", " -tags "+strings.Join(tags, ","))
	}
	if uses.tls != "" || requires {
		p.set("certificates", "yes")
		p.found("certificates", "of the build image", may(uses.tls, "modules of others may use TLS"))
	}
	return "go", nil
}

func may(name, otherwise string) string {
	if name == "" {
		return otherwise
	}
	return name + " uses TLS"
}

// outside reports whether a path leads out of the project.
func outside(name string) bool {
	name = path.Clean(strings.ReplaceAll(name, `\`, "/"))
	return path.IsAbs(name) || name == ".." || strings.HasPrefix(name, "../") || len(name) > 1 && name[1] == ':'
}

// goRelease gives the release of a toolchain or go line: go1.26.1 and 1.26rc1
// are 1.26.1 and 1.26.
func goRelease(s string) string {
	s = strings.TrimPrefix(s, "go")
	s, _, _ = strings.Cut(s, "-")
	if i := strings.IndexAny(s, "rb"); i > 0 {
		s = s[:i]
	}
	return s
}

// goName gives the name of the program in the root of a module, as go build
// does: the last element that is no major version.
func goName(module string) string {
	base := path.Base(module)
	if major, ok := strings.CutPrefix(base, "v"); ok && strings.Contains(module, "/") {
		if n, err := strconv.Atoi(major); err == nil && n > 1 {
			base = path.Base(path.Dir(module))
		}
	}
	if base == "." || base == "/" || base == "" {
		return "app"
	}
	return base
}

// A goCommand is a package main.
type goCommand struct{ dir string }

// A goSource is what the sources of a module, or of all modules of a workspace,
// show: the packages main, and what an image needs, each with a file that shows it.
type goSource struct {
	mains                    []goCommand
	cgo, library, tls, zones string
}

func (p *project) goSources() (g goSource, err error) {
	found := map[string]bool{}
	p.walk(8, func(name string) bool {
		if path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") || p.nested(path.Dir(name)) {
			return false
		}
		src, err := p.load(name)
		if err != nil {
			p.err = errors.Join(p.err, fmt.Errorf("reading %s: %w", name, err))
			return true
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ImportsOnly)
		if err != nil || !goBuilt(src) {
			return false
		}
		found[path.Dir(name)] = found[path.Dir(name)] || f.Name.Name == "main"
		for _, i := range f.Imports {
			switch i.Path.Value {
			case `"C"`:
				g.cgo = name + ` imports "C"`
				if strings.Contains(src, "#cgo pkg-config:") {
					g.library = name
				}
			case `"net/http"`, `"crypto/tls"`, `"net/smtp"`:
				g.tls = name
			}
		}
		if strings.Contains(src, "time.LoadLocation(") {
			g.zones = name
		}
		return false
	})
	for _, dir := range slices.Sorted(maps.Keys(found)) {
		if found[dir] {
			g.mains = append(g.mains, goCommand{dir})
		}
	}
	return g, p.err
}

// nested reports whether a directory is of a module of its own that no workspace
// takes in.
func (p *project) nested(dir string) bool {
	if p.has("go.work") {
		return false
	}
	for ; dir != "."; dir = path.Dir(dir) {
		if p.has(path.Join(dir, "go.mod")) {
			return true
		}
	}
	return false
}

// goBuilt reports whether the //go:build line of a file lets it be built for
// Linux. A tag that nobody sets, such as ignore, does not.
func goBuilt(src string) bool {
	for line := range strings.Lines(src) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "package ") {
			break
		}
		if !constraint.IsGoBuild(line) {
			continue
		}
		x, err := constraint.Parse(line)
		return err != nil || x.Eval(func(tag string) bool {
			return tag == "linux" || tag == "unix" || tag == "amd64" || tag == "arm64" || tag == "gc" || strings.HasPrefix(tag, "go1")
		})
	}
	return true
}

// goHelpers are directories whose programs help developers.
var goHelpers = []string{"example", "examples", "tool", "tools", "hack", "script", "scripts", "internal", "test", "tests", "e2e", "build", "ci", "gen", "docs"}

// goMain chooses the package that starts.
func (p *project) goMain(mains []goCommand) (goCommand, error) {
	list := func(m []goCommand) (out []string) {
		for _, c := range m {
			if c.dir == "." {
				out = append(out, ".")
				continue
			}
			out = append(out, "./"+c.dir)
		}
		return out
	}
	if s := p.options.Start; s != "" {
		i := slices.IndexFunc(mains, func(c goCommand) bool { return c.dir == path.Clean(s) || path.Base(c.dir) == s })
		if i < 0 {
			return goCommand{}, &Error{Problem: fmt.Sprintf("--start %s is no package main", s), Hint: "there are " + strings.Join(list(mains), ", "), Choices: list(mains)}
		}
		p.found("start", list(mains)[i], "--start")
		return mains[i], nil
	}
	own := slices.DeleteFunc(slices.Clone(mains), func(c goCommand) bool {
		return slices.ContainsFunc(strings.Split(c.dir, "/"), func(e string) bool { return slices.Contains(goHelpers, e) })
	})
	if len(own) == 0 {
		own = mains
	}
	switch len(own) {
	case 0:
		return goCommand{}, &Error{Problem: "there is no package main, so nothing starts", Hint: "name the directory of the module that has one"}
	case 1:
		p.found("start", list(own)[0], "the only package main")
		return own[0], nil
	}
	return goCommand{}, &Error{
		Problem: "there are several packages main: " + strings.Join(list(own), ", "),
		Hint:    "choose with --start " + list(own)[0], Choices: list(own),
	}
}
