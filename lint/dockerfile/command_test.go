package dockerfile_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/lint/dockerfile"
)

// commands gives the commands of the last instruction as "name arg arg", each
// argument as it stands in the file.
func commands(t *testing.T, text string) []string {
	t.Helper()
	f := parse(t, text)
	var out []string
	for _, c := range f.Commands(f.Instructions[len(f.Instructions)-1]) {
		words := []string{c.Name}
		for _, a := range c.Args {
			words = append(words, string(f.Bytes[a.Span.Start:a.Span.End]))
		}
		out = append(out, strings.Join(words, " "))
	}
	return out
}

func TestCommands(t *testing.T) {
	for _, c := range []struct {
		name, run string
		want      []string
	}{
		{"plain", "RUN a b && c d", []string{"a b", "c d"}},
		{"wrappers", "RUN sudo -E -u root env X=1 timeout -k 5 30 nice -n 3 a b", []string{"a b"}},
		{"a wrapper that asks", "RUN command -v a", []string{"command -v a"}},
		{"xargs", "RUN x | xargs -r -n 1 apk add --no-cache", []string{"x", "apk add --no-cache"}},
		{"path", "RUN /usr/bin/a b", []string{"a b"}},
		{"single quotes", "RUN sh -ec 'a b; c'", []string{"sh -ec 'a b; c'", "a b", "c"}},
		{"double quotes", `RUN bash -lc "a $B && c"`, []string{`bash -lc "a $B && c"`, "a $B", "c"}},
		{"su", "RUN su -c 'a b' user", []string{"su -c 'a b' user", "a b"}},
		{"nested", `RUN sh -c 'bash -c "a b"'`, []string{`sh -c 'bash -c "a b"'`, `bash -c "a b"`, "a b"}},
		{"escapes are left alone", `RUN sh -c "a \"b\""`, []string{`sh -c "a \"b\""`}},
		{"functions, loops, substitutions", "RUN f() { a; }; for x in 1; do b; done; (c $(d))", []string{"a", "b", "c $(d)", "d"}},
		{"exec form", `RUN ["a", "b c"]`, []string{"a b c"}},
		{"exec form of a shell", `RUN ["/bin/sh", "-c", "a b && c"]`, []string{"sh -c a b && c", "a b", "c"}},
		{"heredoc", "RUN <<EOF\na b\nc\nEOF", []string{"a b", "c"}},
		{"stripped heredoc", "RUN <<-EOF\n\t\ta b\n\tc\n\tEOF", []string{"a b", "c"}},
		{"heredoc after a continuation", "RUN --mount=type=cache,target=/c \\\n  <<EOF\na b\nEOF", []string{"a b"}},
		{"heredoc as input", "RUN cat <<EOF > /x && a b\nc d\nEOF", []string{"cat", "a b"}},
		{"heredoc of another program", "RUN python3 <<EOF\nimport os\nEOF", []string{"python3"}},
		{"python", "RUN <<EOF\n#!/usr/bin/env python3\nimport os\nEOF", nil},
		{"bash by env", "RUN <<EOF\n#!/usr/bin/env -S bash -e\na b\nEOF", []string{"a b"}},
		{"CRLF", "RUN a b \\\r\n && c d\r\n", []string{"a b", "c d"}},
	} {
		if got := commands(t, "FROM a\n"+c.run+"\n"); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	for _, head := range []string{
		"FROM a\nSHELL [\"pwsh\", \"-c\"]\n",
		"ARG V=ltsc2022\nFROM mcr.microsoft.com/windows/nanoserver:${V}\n",
		"FROM golang:1.26-windowsservercore AS b\nFROM b\n",
		"FROM --platform=windows/amd64 a\n",
	} {
		if got := commands(t, head+"RUN a b\n"); got != nil {
			t.Errorf("what PowerShell or cmd runs is read as POSIX shell: %q", got)
		}
	}
	if got := commands(t, "FROM golang:windowsservercore\nSHELL [\"bash\", \"-c\"]\nRUN a b\n"); got == nil {
		t.Error("bash on Windows is not read")
	}
}

func TestCommandEnvironment(t *testing.T) {
	f := parse(t, "FROM a\nRUN A=1 sudo B=2 env C=$X c \"d e\" f\\>=1 \"g\\$h\"\n")
	c := f.Commands(f.Instructions[1])[0]
	for name, want := range map[string]struct {
		value      string
		known, set bool
	}{"A": {"1", true, true}, "B": {"2", true, true}, "C": {"$X", false, true}, "D": {}} {
		if v, known, set := c.Assigned(name); v != want.value || known != want.known || set != want.set {
			t.Errorf("%s is %q, known %v, set %v", name, v, known, set)
		}
	}
	if !c.Under("sudo") || !c.Under("env") || c.Under("nice") {
		t.Errorf("wrappers %v", c.Wrappers)
	}
	want := []dockerfile.Arg{{Text: "d e"}, {Text: "f>=1"}, {Text: "g$h"}}
	for i, a := range c.Args {
		if a.Text != want[i].Text || !a.Literal {
			t.Errorf("argument %d is %q, want %q", i, a.Text, want[i].Text)
		}
	}
}
