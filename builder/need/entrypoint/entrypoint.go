// Package entrypoint evaluates the entrypoint scripts of official images
// against CMD, so that neither they nor the shell that only they need have to
// be in the image.
//
// They are recognised by their text, whatever their names and comments: a
// script that does nothing but put an interpreter before its arguments and run
// them (nodejs/docker-node docker-entrypoint.sh, docker-library/php
// docker-php-entrypoint), or work that a variable has to ask for
// (adoptium/containers entrypoint.sh); as of 2026-10.
package entrypoint

import (
	"bytes"
	"context"
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/tree"
)

// maxScript is the largest script that is read, in bytes.
const maxScript = 64 << 10

// Why is why a script is dropped.
const Why = "the entrypoint script of the official image does nothing else with this command"

// Evaluate gives the command line that an ENTRYPOINT of one official script
// makes of CMD. ok is false for every other ENTRYPOINT.
func Evaluate(ctx context.Context, env *need.Env, entry, cmd []string) (argv []string, ok bool, err error) {
	if len(entry) != 1 || len(cmd) == 0 {
		return nil, false, nil
	}
	name, found, err := env.LookPath(ctx, entry[0])
	if err != nil || !found {
		return nil, false, err
	}
	res, err := tree.Resolve(ctx, env.Tree, name)
	if err != nil || !res.Entry.IsRegular() || res.Entry.Size > maxScript {
		return nil, false, err
	}
	src, err := tree.ReadFile(ctx, env.Tree, res.Path, maxScript)
	if err != nil || !bytes.HasPrefix(src, []byte("#!")) {
		return nil, false, err
	}
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(bytes.NewReader(src), "")
	if err != nil {
		return nil, false, nil // not one of them
	}
	argv = slices.Clone(cmd)
	recognised := false
	for i, st := range file.Stmts {
		text := canonical(st)
		switch {
		case i == len(file.Stmts)-1:
			return argv, recognised && text == `exec "$@"`, nil
		case text == "set -e":
			continue
		case harmless(st, env):
			recognised = true
			continue
		}
		before, is := prepends(st)
		if !is {
			return nil, false, nil
		}
		recognised = true
		applies, known, err := condition(ctx, env, st, argv[0])
		if err != nil || !known {
			return nil, false, err
		}
		if applies {
			argv = append(slices.Clone(before), argv...)
		}
	}
	return nil, false, nil
}

// canonical prints a node in one way, whatever the white space and comments,
// with ${X} as $X.
func canonical(n syntax.Node) string {
	var b strings.Builder
	_ = syntax.NewPrinter(syntax.Minify(true)).Print(&b, n) // a builder does not fail
	return strings.TrimSpace(b.String())
}

// prepends gives the words that "if …; then set -- WORD… "$@"; fi" puts before
// the arguments.
func prepends(st *syntax.Stmt) ([]string, bool) {
	clause, ok := st.Cmd.(*syntax.IfClause)
	if !ok || clause.Else != nil || len(clause.Then) != 1 {
		return nil, false
	}
	call, ok := clause.Then[0].Cmd.(*syntax.CallExpr)
	if !ok || len(call.Args) < 4 || len(call.Assigns) > 0 || call.Args[0].Lit() != "set" || call.Args[1].Lit() != "--" || canonical(call.Args[len(call.Args)-1]) != `"$@"` {
		return nil, false
	}
	var words []string
	for _, w := range call.Args[2 : len(call.Args)-1] {
		if w.Lit() == "" {
			return nil, false
		}
		words = append(words, w.Lit())
	}
	return words, true
}

// condition evaluates the conditions that the scripts know, all about the
// first argument. known is false for others.
func condition(ctx context.Context, env *need.Env, st *syntax.Stmt, first string) (applies, known bool, err error) {
	clause := st.Cmd.(*syntax.IfClause) // prepends has seen it
	if len(clause.Cond) != 1 {
		return false, false, nil
	}
	text := strings.ReplaceAll(canonical(clause.Cond[0]), "${1}", "$1")
	for alternative := range strings.SplitSeq(text, "||") {
		var is bool
		switch strings.TrimSpace(alternative) {
		case `[ "${1#-}" != "$1" ]`:
			is = strings.HasPrefix(first, "-")
		case `[ -z "$(command -v "$1")" ]`:
			_, found, err := env.LookPath(ctx, first)
			if err != nil {
				return false, false, err
			}
			is = !found && !isBuiltin(first)
		case `{ [ -f "$1" ]&&! [ -x "$1" ];}`, `{ [ -f "$1" ]&&! [ -x "$1" ]; }`:
			res, err := tree.Resolve(ctx, env.Tree, env.Abs(first))
			if err != nil && !need.Missing(err) {
				return false, false, err
			}
			is = err == nil && res.Entry.IsRegular() && res.Entry.Mode&0o111 == 0
		default:
			return false, false, nil
		}
		applies = applies || is
	}
	return applies, true, nil
}

// isBuiltin reports whether a shell runs a command itself, so that "command -v"
// finds it although no program has that name. Such a CMD needs the script.
func isBuiltin(name string) bool {
	return slices.Contains([]string{"cd", "echo", "eval", "exec", "exit", "export", "read", "set", "test", "[", "true", "false", "ulimit", "umask", "wait", ":", "."}, path.Base(name))
}

// harmless reports whether a statement does nothing that the program sees: an
// assignment that only the script reads, or work behind a variable that the
// image does not set.
func harmless(st *syntax.Stmt, env *need.Env) bool {
	switch x := st.Cmd.(type) {
	case *syntax.IfClause:
		text := canonical(x.Cond[0])
		for _, form := range []string{`[ -n "$`, `[[ -n "$`, `[ -n "${`} {
			name, ok := strings.CutPrefix(text, form)
			if !ok || x.Else != nil || len(x.Cond) != 1 {
				continue
			}
			name = strings.TrimRight(name, `"]} `)
			v, _ := env.Getenv(name)
			return asked(name) && v == ""
		}
	case *syntax.CallExpr:
		return len(x.Args) == 0 && len(x.Assigns) > 0 && assigns(x.Assigns)
	case *syntax.DeclClause:
		return x.Variant.Value == "export" && assigns(x.Args)
	}
	return false
}

// asked are the variables by which a user asks the scripts for more.
func asked(name string) bool { return name == "USE_SYSTEM_CA_CERTS" }

// assigns reports whether all assignments are of variables that only the
// scripts' own tools read.
func assigns(all []*syntax.Assign) bool {
	return !slices.ContainsFunc(all, func(a *syntax.Assign) bool {
		return a.Name == nil || a.Name.Value != "JRE_CACERTS_PATH" && a.Name.Value != "CACERT" && a.Name.Value != "TMPDIR_CACERTS"
	})
}
