package rules

import (
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
		Summary:  "git clone is followed by the checkout of a commit",
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
		at, found := checkedOut(p.File, fields, in, c)
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

// checkedOut finds what is checked out after a clone, in the same RUN or a later
// one of the stage. at is "" for a commit and for what is not known.
func checkedOut(f *dockerfile.File, fields *walk.Expander, in dockerfile.Instruction, clone dockerfile.Command) (at string, found bool) {
	for _, later := range f.In(in.Stage) {
		if later.Index < in.Index || later.Keyword != "run" {
			continue
		}
		for _, c := range f.Commands(later) {
			if c.Name != "git" || later.Index == in.Index && c.Span.Start <= clone.Span.Start {
				continue
			}
			if c.Has("clone") {
				break // the next repository's
			}
			if !c.Has("checkout", "reset", "switch", "fetch") {
				continue
			}
			for _, x := range fields.Fields(later, c.Args) {
				switch text := strings.TrimPrefix(x.Text, "origin/"); {
				case slices.Contains([]string{"checkout", "reset", "switch", "fetch", "origin", "-C", "--"}, text), strings.HasPrefix(text, "-"), strings.Contains(text, "/") && x.Known:
				case downloads.Commit(text) || !x.Known:
					return "", true
				case !c.Has("fetch"):
					at, found = text, true
				}
			}
		}
	}
	return at, found
}
