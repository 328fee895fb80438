package rules

import (
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/downloads"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var gitCloneWithoutCommit = rule.Rule{
	Meta: rule.Meta{
		Name:     "git-clone-without-commit",
		Family:   rule.Pins,
		Summary:  "git clone is followed by a checkout of a commit",
		Why:      "A branch moves with every push, and a tag can be moved. Check out a commit, or let ADD fetch it: ADD https://example.test/repo.git#COMMIT /src. A commit that comes in a variable is taken for one.",
		Bad:      "FROM debian:12\nRUN git clone --depth 1 https://example.test/tool.git && make -C tool\n",
		Good:     "FROM debian:12\nRUN git clone https://example.test/tool.git && git -C tool checkout 3f786850e387550fdab836ed7e6dc881de23001b && make -C tool\n",
		Severity: rule.Info,
		Fixable:  rule.Never,
		Presets:  []string{"recommended"},
	},
	Check: checkGitCloneWithoutCommit,
}

func checkGitCloneWithoutCommit(p *rule.Pass) {
	fields := walk.NewExpander(p.File)
	for in, c := range walk.Commands(p.File) {
		if c.Name != "git" || !c.Has("clone") {
			continue
		}
		repository, branch, fixed := clone(fields.Fields(in, c.Args))
		if repository.Text == "" || fixed {
			continue
		}
		at, found := checkedOut(p.File, fields, in, c, repository.Text)
		switch {
		case found && at == "":
		case found:
			p.Reportf(repository.Span, "the revision "+at+" can be moved; check out a commit")
		case branch != "":
			p.Reportf(repository.Span, "the revision "+branch+" can be moved; check out a commit")
		default:
			p.Reportf(repository.Span, "what is cloned is whatever was pushed last; check out a commit")
		}
	}
}

// clone reads the arguments of git clone. fixed is true when they name a commit
// or a variable that may hold one.
func clone(args []walk.Field) (repository walk.Field, branch string, fixed bool) {
	seen := false
	for i := 0; i < len(args); i++ {
		name, value, joined := strings.Cut(args[i].Text, "=")
		switch {
		case name == "-b" || name == "--branch" || name == "--revision":
			if !joined && i+1 < len(args) {
				i++
				value = args[i].Text
			}
			branch, fixed = value, downloads.Commit(value) || !args[i].Known
		case args[i].Text == "clone":
			seen = true
		case seen && repository.Text == "" && remote(args[i]):
			repository = args[i]
		}
	}
	return repository, branch, fixed
}

// remote reports whether a word is a repository elsewhere.
func remote(x walk.Field) bool {
	return strings.Contains(x.Text, "://") || strings.HasPrefix(x.Text, "git@") || !x.Known && strings.HasPrefix(x.Text, "$") && !x.Opaque()
}

// maxLater bounds how many commands after a clone are looked at.
const maxLater = 100

// checkedOut finds what is checked out after a clone, in the same RUN or a later
// one of the stage. at is "" for a commit and for what is not known. Behind the
// next clone only git -C with the repository's name counts.
func checkedOut(f *dockerfile.File, fields *walk.Expander, in dockerfile.Instruction, clone dockerfile.Command, repository string) (at string, found bool) {
	name := strings.TrimSuffix(path.Base(repository), ".git")
	own, seen := true, 0
	for _, later := range f.In(in.Stage) {
		if later.Index < in.Index || later.Keyword != "run" {
			continue
		}
		for _, c := range f.Commands(later) {
			if seen++; seen > maxLater {
				return at, found
			}
			if c.Name != "git" || later.Index == in.Index && c.Span.Start <= clone.Span.Start {
				continue
			}
			if c.Has("clone") {
				own = false
			}
			if !c.Has("checkout", "reset", "switch", "fetch") || !own && !runsIn(c, name) {
				continue
			}
			if revision, fixed := revisionOf(fields.Fields(later, c.Args)); fixed {
				return "", true
			} else if revision != "" && !c.Has("fetch") {
				at, found = revision, true
			}
		}
	}
	return at, found
}

// runsIn reports whether git runs in the directory of a repository.
func runsIn(c dockerfile.Command, name string) bool {
	for i, a := range c.Args {
		if a.Text == "-C" && i+1 < len(c.Args) {
			return path.Base(c.Args[i+1].Text) == name
		}
	}
	return false
}

// revisionOf finds what git checkout and its like are told. fixed is true for a
// commit and for what is not known.
func revisionOf(args []walk.Field) (revision string, fixed bool) {
	for i := 0; i < len(args); i++ {
		switch text := strings.TrimPrefix(args[i].Text, "origin/"); {
		case text == "-C":
			i++
		case slices.Contains([]string{"checkout", "reset", "switch", "fetch", "origin", "--"}, text), strings.HasPrefix(text, "-"), strings.Contains(text, "/") && args[i].Known:
		case downloads.Commit(text) || !args[i].Known:
			return "", true
		default:
			revision = text
		}
	}
	return revision, false
}
