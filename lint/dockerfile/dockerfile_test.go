package dockerfile_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

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
	for word, want := range map[string]string{"$X": "arg-1", "$E": "arg", "$V": "1", "${N:-d}": "d"} {
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

// TestCheckComments reads files with BuildKit's comments above instructions.
func TestCheckComments(t *testing.T) {
	f := parse(t, "# check=skip=all\nFROM a\n# check=skip=JSONArgsRecommended\nCMD x\n# check=skip=StageNameCasing;error=true\nONBUILD CMD x\n")
	if n := len(f.Instructions); n != 3 || !f.Instructions[2].Trigger {
		t.Errorf("%d instructions: %+v", n, f.Instructions)
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

// TestWords gives every argument its place.
func TestWords(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`FROM --platform="$P" a:1 AS b`, `platform=$P@"$P" | a:1 AS b |`},
		{"COPY --chown=1:2 \\\n # c\n --from=x a \\\n b/ /c", `chown=1:2@1:2 from=x@x | a b/ /c |`},
		{`COPY ["a b", "c"]`, `| "a b" "c" |`},
		{`ENV A=1 B="x y" C=`, `| A=1 B="x y" C= | A:1 B:"x y" C:`},
		{"ENV A  b c ", `| A b c | A:b c`},
		{"LABEL \\\n  a=1 \\\n  b='2'", `| a=1 b='2' | a:1 b:'2'`},
		{"ARG A B=1", `| A B=1 | A: B:1`},
		{"EXPOSE 80/tcp\t443", `| 80/tcp 443 |`},
		{"HEALTHCHECK --retries=3 CMD curl x", `retries=3@3 | CMD curl x |`},
		{`HEALTHCHECK CMD ["a", "b"]`, `| CMD "a" "b" |`},
		{"USER a b", `| a b |`},
		{`ONBUILD ADD --link a b`, `link=@ | a b |`},
		{"RUN --mount=type=cache,target=/c x && y", `mount=type=cache,target=/c@type=cache,target=/c | x && y |`},
	} {
		f := parse(t, "FROM scratch\n"+c.text+"\nRUN last\n")
		in := f.Instructions[1]
		if in.Keyword == "from" {
			in = f.Instructions[len(f.Instructions)-2]
		}
		at := func(s source.Span) string { return string(f.Bytes[s.Start:s.End]) }
		var got []string
		for _, x := range in.Flags() {
			got = append(got, x.Name+"="+x.Value+"@"+at(x.ValueSpan))
		}
		got = append(got, "|")
		for _, w := range in.Words() {
			got = append(got, at(w.Span))
		}
		got = append(got, "|")
		for _, p := range in.Pairs() {
			got = append(got, at(p.KeySpan)+":"+at(p.ValueSpan))
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.text, s, c.want)
		}
	}
}

// TestProblems keeps what BuildKit takes when it does not take the rest.
func TestProblems(t *testing.T) {
	f := parse(t, "LABEL a=b\nFROM a\nMAINTAINER b\nRUN c\nBAD\nd\ne\nCOPY f\nRUN --nope g\nUSER h\nHEALTHCHECK what\n")
	var got []string
	for _, p := range f.Problems {
		got = append(got, f.Instructions[p.Index].Keyword)
	}
	// The lines after BAD are what is left of one mistake.
	if s := strings.Join(got, " "); s != "label bad copy run healthcheck" {
		t.Errorf("problems: %s", s)
	}
	if len(f.Final().Commands) != 3 {
		t.Errorf("commands: %v", f.Final().Commands)
	}
	if f := parse(t, "FROM a\n# check=skip=all\nMAINTAINER b\n# check=skip=X // why\nONBUILD CMD c\n"); len(f.Problems) > 0 {
		t.Errorf("comments for one instruction are a problem: %v", f.Problems)
	}
	for syntax, want := range map[string]int{"x.test/plus:1": 1, "docker/dockerfile:1.7-labs": 3, "docker.io/docker/dockerfile-upstream@sha256:ab": 3} {
		if f := parse(t, "# syntax="+syntax+"\nINCLUDE+ a\nFROM b\nINCLUDE+ c\nUSER d\nRNU e\n"); len(f.Problems) != want || len(f.Final().Commands) != 1 {
			t.Errorf("%s: %v, want %d problems", syntax, f.Problems, want)
		}
	}
	for text, line := range map[string]int{"ARG A\n": 1, "": 0, "a\nb\n": 1, "FROM a\nFROM b c\n": 2, "FROM a\nRUN <<E\nx\n": 2} {
		_, err := dockerfile.Parse(source.NewFile("Dockerfile", []byte(text)))
		if bad, ok := errors.AsType[*dockerfile.SyntaxError](err); !ok || bad.Line != line {
			t.Errorf("%q: %v, want an error at line %d", text, err, line)
		}
	}
}

// TestLimits refuses what would cost more than a file can be worth, and soon.
func TestLimits(t *testing.T) {
	for name, text := range map[string]string{
		"instructions": "FROM a\n" + strings.Repeat("ARG A=1\n", 1_000_000),
		"words":        "FROM a\n" + strings.Repeat("ARG "+strings.Repeat("a ", 30_000)+"\n", 200),
		"length":       "FROM a\nRUN x " + strings.Repeat(strings.Repeat("y", 60_000)+"\\\n", 100) + "\n",
		"triggers":     "FROM a\n" + strings.Repeat("ONBUILD \\\n", 1_000_000) + "RUN x\n",
		"flags":        "FROM a\nONBUILD " + strings.Repeat("--a ONBUILD ", 5000) + "RUN x\n",
		"variables":    "FROM a\nRUN <<A " + strings.Repeat("${a:-", 10_000) + "\nA\n",
		"line":         "FROM a\nRUN " + strings.Repeat("x", 70_000) + "\n",
	} {
		_, err := dockerfile.Parse(source.NewFile("Dockerfile", []byte(text)))
		if _, ok := errors.AsType[*dockerfile.SyntaxError](err); !ok {
			t.Errorf("%s: %v, want a syntax error", name, err)
		}
	}
	deep := "FROM a\nENV A=" + strings.Repeat("${a:-", 10_000) + "x" + strings.Repeat("}", 10_000) + "\nRUN " + strings.Repeat("(", 60_000) + "\nRUN x\n"
	f := parse(t, deep)
	if _, known := f.Expand(f.Instructions[3], "$A"); known {
		t.Error("a value nested beyond the limit is known")
	}
	if _, ok := f.Script(f.Instructions[2]); !ok {
		t.Error("the RUN has no script")
	}
}

// TestChoices finds the stages that a variable chooses among.
func TestChoices(t *testing.T) {
	f := parse(t, "ARG B=one\nFROM a AS base-amd64\nFROM a AS base-arm64\nFROM a AS one\nFROM $B AS two\nFROM base-${TARGETARCH} AS three\nFROM three\n")
	if p := f.Stages[3].Parent; p != 2 {
		t.Errorf("the parent of two is %d", p)
	}
	if got := f.Choices(4); !slices.Equal(got, []int{0, 1}) {
		t.Errorf("choices are %v", got)
	}
	for i, want := range []bool{true, true, false, false, true, true} {
		if f.Shipped(i) != want {
			t.Errorf("stage %d ships: %v", i, !want)
		}
	}
}

// TestGrowth fills variables into each other that double each time: what they
// stand for is soon not known, in the file as before the first FROM.
func TestGrowth(t *testing.T) {
	var global, stage strings.Builder
	global.WriteString("ARG A0=x\n")
	stage.WriteString("ENV B0=x\n")
	for i := 1; i < 60; i++ {
		fmt.Fprintf(&global, "ARG A%d=$A%d$A%d\n", i, i-1, i-1)
		fmt.Fprintf(&stage, "ENV B%d=$B%d$B%d\n", i, i-1, i-1)
	}
	f := parse(t, global.String()+"FROM a:$A59\n"+stage.String()+"RUN x\n")
	if _, known := f.BaseName(&f.Stages[0]); known {
		t.Error("the base is known")
	}
	if name, ok := f.DefaultBase(&f.Stages[0]); ok {
		t.Errorf("the base is %d bytes", len(name))
	}
	last := f.Instructions[len(f.Instructions)-1]
	if v, known, _ := f.Variable(last, "B59"); known {
		t.Errorf("B59 is %d bytes", len(v))
	}
	if v, known, _ := f.Variable(last, "B10"); !known || len(v) != 1<<10 {
		t.Errorf("B10 is %d bytes, known %v", len(v), known)
	}
	if got := f.Undeclared(last, "$B59$B60"); !slices.Equal(got, []string{"B60"}) {
		t.Errorf("undeclared %v", got)
	}
}

// TestFields reads mounts as BuildKit does: a comma in quotes divides nothing.
func TestFields(t *testing.T) {
	f := parse(t, "FROM a\nRUN --mount='type=cache,\"target=/a,b\"' x\n")
	in := f.Instructions[1]
	flag := in.Flags()[0]
	if got := dockerfile.Fields(flag.Value); !slices.Equal(got, []string{"type=cache", "target=/a,b"}) {
		t.Errorf("%q has the fields %q", flag.Value, got)
	}
	run := in.Command.(*instructions.RunCommand)
	if err := run.Expand(func(s string) (string, error) { return s, nil }); err != nil {
		t.Fatal(err)
	}
	if got := instructions.GetMounts(run); len(got) != 1 || got[0].Target != "/a,b" {
		t.Errorf("BuildKit reads %+v", got)
	}
	if got := dockerfile.Fields(`type=cache,"target=/a`); got != nil {
		t.Errorf("what BuildKit refuses has the fields %q", got)
	}
}
