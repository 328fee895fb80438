package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/shell"
	"github.com/whittle-oci/whittle/builder/tree"
	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules"
	"github.com/whittle-oci/whittle/lint/source"
)

// TestPlainCommands holds the linter's fix of a shell form and the builder's
// conversion of the same CMD to one command line.
func TestPlainCommands(t *testing.T) {
	const noFix = "a list has no place for it" // the builder converts what the linter leaves as it is
	var root tree.Memory
	for _, name := range []string{"echo", "printf", "test", "true", "kill", "time", "cd"} {
		root.File("/bin/"+name, 0o755, []byte("\x7fELF"))
	}
	env := &need.Env{Tree: &root}
	for _, tc := range []struct{ cmd, want, note string }{
		{"nginx -g 'daemon off;'", "nginx|-g|daemon off;", ""},
		{"exec /app --port 80", "/app|--port|80", ""},
		{"/app \\\n    --port \\\n    80", "/app|--port|80", ""},
		{`/app "a b" c\ d`, "/app|a b|c d", ""},
		{`/app "a\$b" "c\d" \~`, `/app|a$b|c\d|~`, ""},
		{`/app "*" '?' "~"`, "/app|*|?|~", ""},
		{`/app ""`, "/app|", ""},
		{"/app a=b --x=~/y", "/app|a=b|--x=~/y", ""},
		{"'a=b' x", "a=b|x", ""},
		{"echo hello", "echo|hello", ""},
		{"test -f /x", "test|-f|/x", ""},
		{"/app # a comment", "/app", noFix},
		{"/app;", "/app", noFix},
		{"/app $PORT", "", ""},
		{"exec /app $PORT", "", ""},
		{"/app && b", "", ""},
		{"/app > log", "", ""},
		{"A=1 /app", "", ""},
		{"/app *.html", "", ""},
		{"/app {a,b}", "", ""},
		{"/app ~/x", "", ""},
		{"/app x=~/x", "", ""},
		{"/app $'x'", "", ""},
		{"/app `id`", "", ""},
		{"/app &", "", ""},
		{"! /app", "", ""},
		{"(/app)", "", ""},
		{"[ -f /x ]", "", ""},
		{"[[ -f /x ]]", "", ""},
		{"time /app", "", ""},
		{"exec -a x /app", "", ""},
		{"echo -n hello", "", ""},
		{`echo 'a\nb'`, "", ""},
		{"kill 1", "", ""},
		{"cd /app", "", ""},
		{"source /env", "", ""},
		{"export A=1", "", ""},
		{`["a", "b",]`, "", ""},
	} {
		text := "FROM debian:12\nCMD " + tc.cmd + "\n"
		cmd, isShell := cmdOf(t, text)
		if !isShell {
			t.Errorf("%q is no shell form", tc.cmd)
			continue
		}
		built, _, err := shell.Plain(t.Context(), env, cmd[0])
		if err != nil {
			t.Fatal(err)
		}
		fixed, _, err := lint.Fix(t.Context(), source.NewFile("Dockerfile", []byte(text)), lint.Options{Rules: shellForms(t), Unsafe: true})
		if err != nil {
			t.Fatal(err)
		}
		linted, isShell := cmdOf(t, string(fixed.Bytes))
		if isShell || linted[0] == "/bin/sh" { // left alone, or the shell is named
			linted = nil
		}
		if got := strings.Join(built, "|"); got != tc.want {
			t.Errorf("%q: the builder makes %q of it, want %q", tc.cmd, got, tc.want)
		}
		if tc.note == noFix {
			if linted != nil {
				t.Errorf("%q: the linter makes %q of it", tc.cmd, linted)
			}
			continue
		}
		if !slices.Equal(built, linted) {
			t.Errorf("%q: the builder makes %q of it, the linter %q", tc.cmd, built, linted)
		}
	}
}

// cmdOf gives the words of the CMD of a Dockerfile, and whether it is in shell
// form.
func cmdOf(t *testing.T, text string) (words []string, isShell bool) {
	t.Helper()
	f, err := dockerfile.Parse(source.NewFile("Dockerfile", []byte(text)))
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	c := f.Instructions[len(f.Instructions)-1].Command.(*instructions.CmdCommand)
	return c.CmdLine, c.PrependShell
}

func shellForms(t *testing.T) []rule.Rule {
	t.Helper()
	all := rules.All()
	i := slices.IndexFunc(all, func(r rule.Rule) bool { return r.Name == "shell-form" })
	if i < 0 {
		t.Fatal("there is no rule shell-form")
	}
	return all[i : i+1]
}
