// Package shellcheck reports what the ShellCheck program says of RUN scripts.
//
// The scripts are those of shell-form RUN instructions, heredocs and the
// triggers of ONBUILD included, for shells that ShellCheck knows. All scripts of
// a run that no earlier run has seen go to one process, or to some at once when
// there are hundreds. What ShellCheck says is kept on disk by the content of the
// script and the version of the program.
//
// ShellCheck sees the text that the shell will see, continuations joined, so
// that it neither stumbles over comments between continued lines nor takes a
// backslash inside quotes for one that the shell reads. Positions are mapped
// back to the bytes of the Dockerfile.
package shellcheck

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"sync"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/dockerfile"
)

// A Program is the ShellCheck of this machine with what it has said so far. It is
// a lint.Checker and may be used by several goroutines.
type Program struct {
	path    string
	named   bool // rather than found
	version func() (string, error)

	mu    sync.Mutex
	known map[key]result
	cache cache
}

// A result is what the program said of one script, or why it said nothing.
type result struct {
	comments []comment
	err      error
}

// maxKnown bounds how many results are remembered by a program that stays, such
// as an editor's server. The disk remembers the others.
const maxKnown = 50_000

// ErrNotFound is a program that is not there.
var ErrNotFound = errors.New("shellcheck is not there")

// ErrTooOld is a program that lacks what is asked of it. One that was found and
// not named counts as none.
var ErrTooOld = errors.New("shellcheck is too old; 0.7 or later is needed")

// Find looks for the program: path, or in the directories of $PATH when path is
// empty. cacheDir is where results are kept, "" for nowhere; it is made when
// there is something to keep.
func Find(path, cacheDir string) (*Program, error) {
	named := path != ""
	if !named {
		path = "shellcheck"
	}
	found, err := exec.LookPath(path)
	if err == nil {
		found, err = filepath.Abs(found)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	return &Program{
		path: found, named: named, known: map[key]result{}, cache: cache{dir: cacheDir},
		version: sync.OnceValues(func() (string, error) { return askVersion(found) }),
	}, nil
}

// Path is where the program is.
func (p *Program) Path() string { return p.path }

// Version is the program's version, as 0.10.0.
func (p *Program) Version() (string, error) { return p.version() }

// Prepare asks about the scripts of many files at once, so that a Check of each
// need not. Its only errors are those of a program that does not run at all and
// of ctx; what goes wrong with one script is an error of the Check of its file.
func (p *Program) Prepare(ctx context.Context, files ...*dockerfile.File) error {
	var all []script
	for _, f := range files {
		scripts, err := p.scripts(f)
		if err != nil {
			return err
		}
		all = append(all, scripts...)
	}
	_, err := p.answers(ctx, all)
	return err
}

// scripts lists the scripts of a file. The program is asked for its version
// only when there is one.
func (p *Program) scripts(f *dockerfile.File) ([]script, error) {
	var out []script
	r := reader{f, map[int]family{}}
	for _, in := range f.Instructions {
		text, ok := f.Script(in)
		if !ok || len(text.Text) > maxScript {
			continue
		}
		v, err := p.version()
		if errors.Is(err, ErrTooOld) && !p.named {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if s, ok := r.script(in, text, v); ok {
			out = append(out, s)
		}
	}
	return out, nil
}

// answers gives what is said of every script: what is remembered, what the disk
// has, and for the rest what the program says now.
func (p *Program) answers(ctx context.Context, scripts []script) (map[key]result, error) {
	out := map[key]result{}
	var ask []script
	asked := map[key]bool{}
	p.mu.Lock()
	for _, s := range scripts {
		r, ok := p.known[s.key]
		if !ok {
			r.comments, ok = p.cache.get(s.key)
		}
		switch {
		case ok:
			out[s.key] = r
		case !asked[s.key]:
			asked[s.key] = true
			ask = append(ask, s)
		}
	}
	p.remember(out)
	p.mu.Unlock()
	err := run(ctx, p.path, ask, func(fresh map[key]result) {
		p.mu.Lock()
		defer p.mu.Unlock()
		for k, r := range fresh {
			out[k] = r
			if r.err == nil {
				p.cache.put(k, r.comments)
			}
		}
		p.cache.flush()
		p.remember(fresh)
	})
	return out, err
}

// remember keeps results in memory.
func (p *Program) remember(results map[key]result) {
	if len(p.known) > maxKnown {
		clear(p.known)
	}
	maps.Copy(p.known, results)
}

// Check implements lint.Checker.
func (p *Program) Check(ctx context.Context, f *dockerfile.File) ([]lint.Diagnostic, error) {
	scripts, err := p.scripts(f)
	if err != nil || len(scripts) == 0 {
		return nil, err
	}
	answers, err := p.answers(ctx, scripts)
	if err != nil {
		return nil, err
	}
	var out []lint.Diagnostic
	for _, s := range scripts {
		answer := answers[s.key]
		if answer.err != nil {
			return nil, fmt.Errorf("%s:%d: %w", f.Name, s.in.Node.StartLine, answer.err)
		}
		out = append(out, s.diagnostics(answer.comments)...)
	}
	return out, nil
}
