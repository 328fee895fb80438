package node

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/whittle-oci/whittle/lint/command"
)

// maxScript is the longest script of a package.json that is read, in bytes.
const maxScript = 64 << 10

// plain reads a script of package.json that is one command which needs no
// shell, with the variables that it sets: by assignments before it, or by
// cross-env, which does the same.
func plain(script string) (vars, argv []string, ok bool) {
	if len(script) > maxScript {
		return nil, nil, false
	}
	file, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader(script), "")
	if err != nil || len(file.Stmts) != 1 {
		return nil, nil, false
	}
	call, isCall := file.Stmts[0].Cmd.(*syntax.CallExpr)
	if !isCall || len(call.Args) == 0 {
		return nil, nil, false
	}
	for _, a := range call.Assigns {
		if a.Naked || a.Append || a.Index != nil || a.Array != nil || a.Name == nil {
			return nil, nil, false
		}
		value := ""
		if a.Value != nil {
			if value, ok = command.Literal(a.Value); !ok || strings.HasPrefix(value, "~") || strings.Contains(value, ":~") {
				return nil, nil, false
			}
		}
		vars = append(vars, a.Name.Value+"="+value)
	}
	// The rest has to be plain with all that stands around it, too.
	words, ok := command.Plain(script[call.Args[0].Pos().Offset():])
	if !ok || len(file.Stmts[0].Redirs) > 0 {
		return nil, nil, false
	}
	argv = command.Argv(words)
	for len(argv) > 0 && argv[0] == "cross-env" {
		argv = argv[1:]
		for len(argv) > 0 && command.IsAssign(argv[0]) {
			if strings.ContainsAny(argv[0], "$\\") { // cross-env expands them itself
				return nil, nil, false
			}
			vars, argv = append(vars, argv[0]), argv[1:]
		}
	}
	return vars, argv, len(argv) > 0
}

// followed finds the scripts of the same package that a script runs by a package
// manager.
func followed(script string) []string {
	var out []string
	fields := strings.FieldsFunc(script, func(r rune) bool { return strings.ContainsRune(" \t\n;&|()\"'", r) })
	for i, word := range fields {
		if !slices.Contains(managers, word) {
			continue
		}
		if t, ok := parseManager(fields[i:]); ok && t.script != "" {
			out = append(out, t.script)
		}
	}
	return out
}
