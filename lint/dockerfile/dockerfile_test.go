package dockerfile_test

import (
	"testing"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/source"
)

func parse(t *testing.T, text string) *dockerfile.File {
	t.Helper()
	f, err := dockerfile.Parse(source.NewFile("Dockerfile", []byte(text)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestTriggers holds ONBUILD to be the instruction that it triggers, with its
// bytes.
func TestTriggers(t *testing.T) {
	f := parse(t, "FROM a\nonbuild  \\\n  run --mount=type=cache,target=/c apt-get \\\n install curl\nONBUILD RUN <<EOF\nyum install -y b\nEOF\n")
	for i, want := range []struct{ keyword, command, arg string }{{"run", "apt-get", "curl"}, {"run", "yum", "b"}} {
		in := f.Instructions[i+1]
		if !in.Trigger || in.Keyword != want.keyword {
			t.Fatalf("instruction %d is %s, trigger %v", i, in.Keyword, in.Trigger)
		}
		cmds := f.Commands(in)
		if len(cmds) != 1 || cmds[0].Name != want.command {
			t.Fatalf("commands of %d: %+v", i, cmds)
		}
		span := cmds[0].Args[len(cmds[0].Args)-1].Span
		if got := string(f.Bytes[span.Start:span.End]); got != want.arg {
			t.Errorf("the last argument of %d stands at %q, want %q", i, got, want.arg)
		}
	}
}

// TestScope fills variables as BuildKit does.
func TestScope(t *testing.T) {
	f := parse(t, `ARG V=1
ARG W=$V.2
FROM a:$W AS base
ENV E=env
ARG E=arg
ARG V
ARG N
FROM base
ENV X=$E-$V
ONBUILD ENV X=never
RUN last
`)
	last := f.Instructions[len(f.Instructions)-1]
	for word, want := range map[string]string{"$X": "env-1", "$E": "env", "$V": "1", "${N:-d}": "d"} {
		if got, known := f.Expand(last, word); got != want || !known {
			t.Errorf("%s is %q (known %v), want %q", word, got, known, want)
		}
	}
	if _, known := f.Expand(last, "$N"); known {
		t.Error("an ARG without a default has a value")
	}
	if name, _ := f.BaseName(&f.Stages[0]); name != "a:1.2" {
		t.Errorf("the base is %q", name)
	}
}

// TestAt finds the instruction of every line.
func TestAt(t *testing.T) {
	f := parse(t, "# c\nFROM a\n\nRUN x \\\n # c\n y\n# d\nRUN z\n")
	for line, want := range map[int]int{1: -1, 2: 0, 3: -1, 4: 1, 5: 1, 6: 1, 7: -1, 8: 2} {
		in, ok := f.At(line)
		if got := in.Index; !ok && want != -1 || ok && got != want {
			t.Errorf("line %d belongs to %d (%v), want %d", line, got, ok, want)
		}
	}
}

// TestScripts gives the text that each shell is given, and the bytes of the
// file that it is made of.
func TestScripts(t *testing.T) {
	for _, c := range []struct{ name, text, script, shell string }{
		{"continued", "FROM a\nRUN --mount=type=tmpfs,target=/t a \\\n # c\n\n  && b\n", "a   && b", "/bin/sh"},
		{"backtick", "# escape=`\nFROM a\nRUN a `\n  b\n", "a   b", "/bin/sh"},
		{"heredoc", "FROM a\nRUN <<EOF\na\n\tb\nEOF\n", "a\n\tb\n", "/bin/sh"},
		{"tabs", "FROM a\nRUN <<-EOF\n\ta\n\t\tb\n\tEOF\n", "a\nb\n", "/bin/sh"},
		{"continued heredoc", "FROM a\nRUN \\\n<<EOF\na\nEOF\n", "a\n", "/bin/sh"},
		{"onbuild heredoc", "FROM a\nONBUILD RUN <<EOF\na\nEOF\n", "a\n", "/bin/sh"},
		{"of a command", "FROM a\nRUN cat <<A >x && cat <<-'B'\n$a\nA\n\tb\n\tB\nRUN z\n", "cat <<A >x && cat <<-'B'\n$a\nA\n\tb\nB", "/bin/sh"},
		{"crlf", "FROM a\r\nRUN <<EOF\r\na\r\nEOF\r\n", "a\r\n", "/bin/sh"},
		{"shebang", "FROM a\nRUN <<EOF\n#!/usr/bin/env -S bash -e\na\nEOF\n", "#!/usr/bin/env -S bash -e\na\n", "bash"},
		{"python", "FROM a\nRUN <<EOF\n#!/usr/bin/python3\nprint()\nEOF\n", "", ""},
		{"SHELL", "FROM a AS b\nSHELL [\"/bin/bash\", \"-c\"]\nFROM b\nRUN x\n", "x", "/bin/bash"},
		{"comment", "FROM a\n# hadolint shell=bash\nRUN x\n", "x", "bash"},
		{"foreign", "FROM a\n# hadolint shell=pwsh\nRUN x\n", "", ""},
	} {
		f := parse(t, c.text)
		var s dockerfile.Script
		for _, in := range f.Instructions {
			if got, ok := f.Script(in); ok {
				s = got
				break
			}
		}
		if s.Text != c.script || c.shell != "" && s.Shell[0] != c.shell {
			t.Errorf("%s: %q by %q, want %q by %s", c.name, s.Text, s.Shell, c.script, c.shell)
		}
		for i := range len(s.Text) {
			if span := s.Span(i, i+1); f.Bytes[span.Start] != s.Text[i] && (s.Text[i] != '\n' || f.Bytes[span.Start] != '\r') {
				t.Errorf("%s: byte %d, %q, stands at %q", c.name, i, s.Text[i], f.Bytes[span.Start])
			}
		}
	}
}
