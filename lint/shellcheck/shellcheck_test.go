package shellcheck_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/fix"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/shellcheck"
	"github.com/whittle-oci/whittle/lint/source"
)

func find(t *testing.T, path, cache string) *shellcheck.Program {
	t.Helper()
	p, err := shellcheck.Find(path, cache)
	if err != nil {
		t.Fatalf("this test needs ShellCheck, make setup installs it: %v", err)
	}
	return p
}

func parse(t *testing.T, name, text string) *dockerfile.File {
	t.Helper()
	f, err := dockerfile.Parse(source.NewFile(name, []byte(text)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func check(t *testing.T, c lint.Checker, f *dockerfile.File) []lint.Diagnostic {
	t.Helper()
	diags, err := c.Check(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	return diags
}

// show writes findings as line, column, severity, code and the bytes they are
// about.
func show(diags []lint.Diagnostic) []string {
	out := []string{}
	for _, d := range diags {
		at := d.File.Pos(d.Span.Start)
		out = append(out, fmt.Sprintf("%d:%d %s %s %s", at.Line, at.Col, d.Severity, d.Rule.Aliases[0], d.File.Bytes[d.Span.Start:d.Span.End]))
	}
	return out
}

// TestFindings asks the real program, and looks at where in the file its
// findings stand.
func TestFindings(t *testing.T) {
	c := find(t, "", "")
	for _, x := range []struct {
		name, text string
		want       []string
	}{
		{"one line", "FROM a\nRUN echo $x\n", []string{"2:10 warning SC2154 $x", "2:10 info SC2086 $x"}},
		{"continued, with a comment and a blank line between", "FROM a\nRUN true \\\n  # it's a comment\n\n  && ls $A \\\n  && ls $B\n", []string{"5:9 info SC2086 $A", "6:9 info SC2086 $B"}},
		{"blanks after the escape", "FROM a\nRUN true && \\  \n  ls $A\n", []string{"3:6 info SC2086 $A"}},
		{"backtick", "# escape=`\nFROM debian\nRUN true && `\n  ls $A\n", []string{"4:6 info SC2086 $A"}},
		{"a continuation in quotes is none to the shell", "FROM a\nRUN echo 'a \\\n  b'\n", []string{}},
		{"blanks of a continuation are not repeated spaces", "FROM a\nRUN echo a \\\n      b\n", []string{}},
		{"wide characters and tabs", "FROM a\nRUN\techo 'é😀' && \\\n\tls 'é😀' $A\n", []string{"3:14 info SC2086 $A"}},
		{"bytes that are not UTF-8", "FROM a\nRUN ls '\xff\xfe' $A\n", []string{"2:13 info SC2086 $A"}},
		{"CRLF", "FROM a\r\nRUN true && \\\r\n  ls $A\r\n", []string{"3:6 info SC2086 $A"}},
		{"flags", "FROM a\nRUN --mount=type=cache,target=/c --network=none ls $A\n", []string{"2:52 info SC2086 $A"}},
		{"heredoc", "FROM a\nRUN <<EOF\nset -e\nls $A\nEOF\n", []string{"4:4 info SC2086 $A"}},
		{"heredoc with tabs", "FROM a\nRUN <<-EOF\n\tls $A\n\tEOF\n", []string{"3:5 info SC2086 $A"}},
		{"heredoc of a command", "FROM a\nRUN cat <<EOF >x && ls $A\n$B\nEOF\n", []string{"2:24 info SC2086 $A"}},
		{"heredoc for bash", "FROM a\nRUN <<EOF\n#!/usr/bin/env bash\n[[ a = $A ]] && ls $B\nEOF\n", []string{"4:8 warning SC2053 $A", "4:20 info SC2086 $B"}},
		{"heredoc for python", "FROM a\nRUN <<EOF\n#!/usr/bin/env python3\nprint($x)\nEOF\n", []string{}},
		{"trigger", "FROM a\nONBUILD RUN true && \\\n  ls $A\n", []string{"3:6 info SC2086 $A"}},
		{"exec form", "FROM a\nRUN [\"sh\", \"-c\", \"ls $A\"]\n", []string{}},
		{"ARG and ENV are set", "FROM a\nARG one\nENV two=2\nRUN echo $one $two $three $http_proxy\n", []string{"4:20 warning SC2154 $three", "4:20 info SC2086 $three"}},
		{"a later ARG is not", "FROM a\nRUN echo \"$one\"\nARG one\n", []string{"2:11 warning SC2154 $one"}},
		{"ENV of the stage it is made from", "FROM a AS b\nENV one=1\nFROM b\nRUN echo $one\n", []string{}},
		{"sourced files are in the image", "FROM a\nRUN . /etc/profile && . \"$A\"\n", []string{}},
		{"sh", "FROM a\nRUN [[ -f x ]]\n", []string{"2:5 warning SC3010 [[ -f x ]]"}},
		{"bash", "FROM a\nSHELL [\"/bin/bash\", \"-eo\", \"pipefail\", \"-c\"]\nRUN [[ -f x ]] && cd x\n", []string{}},
		{"bash without -e", "FROM a\nSHELL [\"/bin/bash\", \"-c\"]\nRUN cd x; ls\n", []string{"3:5 warning SC2164 cd x"}},
		{"sh of BusyBox", "FROM alpine:3\nRUN [[ -f x ]] && set -o pipefail; f() { local a; }; trap f ERR\n", []string{"2:48 warning SC2034 a", "2:61 warning SC3047 ERR"}},
		{"ash", "FROM a\nSHELL [\"/bin/ash\", \"-c\"]\nRUN [[ -f x ]]\n", []string{}},
		{"sh of Debian", "FROM node:22-slim\nRUN echo -n a && [[ -f x ]] && f() { local a; }\n", []string{"2:18 warning SC3010 [[ -f x ]]", "2:44 warning SC2034 a"}},
		{"sh of Fedora", "FROM fedora:42\nRUN [[ -f x ]]\n", []string{}},
		{"sh of Azure Linux", "FROM mcr.microsoft.com/azurelinux/base/core:3.0\nRUN [[ -f x ]]\n", []string{}},
		{"sh of an image of Alpine", "FROM alpine/git:2\nRUN [[ -f x ]]\n", []string{}},
		{"sh of all the stages that a variable chooses among", "FROM almalinux:8 AS b-amd64\nFROM fedora:42 AS b-arm64\nFROM b-${TARGETARCH} AS b\nFROM b\nRUN [[ -f x ]]\n", []string{}},
		{"sh of stages that differ", "FROM almalinux:8 AS b-amd64\nFROM debian:12 AS b-arm64\nFROM b-${TARGETARCH}\nRUN [[ -f x ]]\n", []string{"4:5 warning SC3010 [[ -f x ]]"}},
		{"commands that print one word", "FROM a\nRUN make -j$(nproc) && make -j $(nproc --all) && ls /lib/$(uname -m)-linux-gnu $(id -u)\nRUN ls $(cat x) $(dpkg --print-architecture) $(uname -a)\n", []string{"3:8 warning SC2046 $(cat x)", "3:46 warning SC2046 $(uname -a)"}},
		{"as a comment says", "FROM a\n# hadolint shell=bash\nRUN [[ -f x ]]\n", []string{}},
		{"PowerShell", "FROM a\nSHELL [\"pwsh\", \"-Command\"]\nRUN ls $A\n", []string{}},
		{"Windows by name", "FROM mcr.microsoft.com/windows/servercore:ltsc2022\nRUN ls $A\n", []string{}},
		{"Windows by path", "ARG B\nFROM $B\nRUN mkdir C:\\dir && ls $A\n", []string{}},
		{"Python", "FROM a\nSHELL [\"python3\", \"-c\"]\nRUN print($A)\n", []string{}},
		{"a comment above", "FROM a\n# shellcheck disable=SC2086\nRUN ls $A && echo $x\n", []string{"3:19 warning SC2154 $x"}},
		{"a comment above a trigger", "FROM a\n# shellcheck disable=all\nONBUILD RUN ls $A\n", []string{}},
		{"a comment between", "FROM a\nRUN ls $A && \\\n  # shellcheck disable=SC2086 # on purpose\n  ls $B \\\n    $C && \\\n  ls $D\n", []string{"2:8 info SC2086 $A", "6:6 info SC2086 $D"}},
		{"a comment with a range", "FROM a\n# shellcheck disable=SC2000-SC2999\nRUN [[ -f $A ]] && ls $A\n", []string{"3:5 warning SC3010 [[ -f $A ]]"}},
		{"a comment in a heredoc", "FROM a\nRUN <<EOF\nls $A\n# shellcheck disable=SC2086\nls $B\nls $C\nEOF\n", []string{"3:4 info SC2086 $A", "6:4 info SC2086 $C"}},
		{"a comment at the head of a heredoc", "FROM a\nENV D=1\nRUN <<EOF\n#!/bin/sh -e\n# words\n# shellcheck disable=SC2086\nls $A $D\nls $B $x\nEOF\n", []string{"8:7 warning SC2154 $x"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			if d := cmp.Diff(x.want, show(check(t, c, parse(t, "Dockerfile", x.text)))); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
}

// TestFixes applies ShellCheck's fixes to the bytes of the Dockerfile.
func TestFixes(t *testing.T) {
	c := find(t, "", "")
	for _, x := range []struct{ text, want string }{
		{"FROM a\nRUN ls $A\n", "FROM a\nRUN ls \"$A\"\n"},
		{"FROM a\r\nRUN ls 'é😀' $A\\\r\n # c\r\n  && ls `ls`\r\n", "FROM a\r\nRUN ls 'é😀' \"$A\"\\\r\n # c\r\n  && ls $(ls)\r\n"},
		{"# escape=`\nFROM debian\nRUN cd x; `\n ls\n", "# escape=`\nFROM debian\nRUN cd x || exit; `\n ls\n"},
		{"FROM a\nRUN <<-EOF\n\tls $A\n\tEOF\n", "FROM a\nRUN <<-EOF\n\tls \"$A\"\n\tEOF\n"},
	} {
		f := parse(t, "Dockerfile", x.text)
		var sets []fix.Set
		for _, d := range check(t, c, f) {
			if d.Fix == nil {
				continue
			}
			if d.Fix.Safety != rule.Unsafe {
				t.Errorf("%q: a fix of %s is %s", x.text, d.Rule.Name, d.Fix.Safety)
			}
			sets = append(sets, d.Fix.Edits)
		}
		got, _ := fix.Apply(f.Bytes, sets)
		if string(got) != x.want {
			t.Errorf("%q:\n got %q\nwant %q", x.text, got, x.want)
		}
	}
}

// TestBusybox holds what is said of BusyBox's shell to a real one, and to what
// ShellCheck would say.
func TestBusybox(t *testing.T) {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatalf("this test needs BusyBox, make setup installs it: %v", err)
	}
	p := find(t, "", "")
	reported := func(code, text string) bool {
		return slices.ContainsFunc(check(t, p, parse(t, "Dockerfile", text)), func(d lint.Diagnostic) bool { return d.Rule.Is(code) })
	}
	for code, script := range map[string]string{
		"SC3001": "cat <(echo x)",
		"SC3003": `test "$'\\t'" != x && x=$'a\tb' && test ${#x} = 3`,
		"SC3010": "[[ a == a ]]",
		"SC3013": "[ ! / -nt / ]",
		"SC3014": "[ a == a ]",
		"SC3020": "echo x &> /dev/null",
		"SC3028": `test "$RANDOM$HOSTNAME"`,
		"SC3037": `test "$(echo -e 'a\tb' | wc -c)" = 4`,
		"SC3039": `let a=1+1; test "$a" = 2`,
		"SC3040": "set -o pipefail",
		"SC3043": "f() { local a=1; test $a; }; f",
		"SC3045": "read -r -t 1 a < /dev/null || true",
		"SC3046": "source /dev/null",
		"SC3057": `a=abcd; test "${a:1:2}" = bc`,
		"SC3060": `a=abcd; test "${a/b/x}" = axcd`,
	} {
		if out, err := exec.CommandContext(t.Context(), busybox, "sh", "-c", script).CombinedOutput(); err != nil {
			t.Errorf("%s: BusyBox does not take %s: %v %s", code, script, err, out)
		}
		if !reported(code, "FROM unheard-of\nRUN "+script+"\n") {
			t.Errorf("%s is not what ShellCheck says of %s", code, script)
		}
		if reported(code, "FROM python:3-alpine3.20\nRUN "+script+"\n") {
			t.Errorf("%s is reported for BusyBox", code)
		}
	}
}

// TestPresets recommends what ShellCheck warns about.
func TestPresets(t *testing.T) {
	f := parse(t, "Dockerfile", "FROM a\nRUN echo $x `ls`\n")
	got := map[string]string{}
	for _, d := range check(t, find(t, "", ""), f) {
		got[d.Rule.Name] = fmt.Sprint(d.Rule.In("recommended"), d.Rule.In("hadolint"), d.Rule.In("strict"))
	}
	want := map[string]string{
		"shellcheck-2154": "true true true", "shellcheck-2046": "true true true",
		"shellcheck-2086": "false true true", "shellcheck-2006": "false true true",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

// TestMeta knows the rules by both names.
func TestMeta(t *testing.T) {
	for name, want := range map[string]bool{"SC2086": true, "shellcheck-1001": true, "SC20": false, "DL3008": false} {
		m, ok := shellcheck.Meta(name)
		if ok != want || shellcheck.Named(name) != want || ok && (!m.Is(name) || m.Summary == "" || !strings.HasSuffix(m.URL, m.Aliases[0])) {
			t.Errorf("%s: %v %+v", name, ok, m)
		}
	}
}

// wrapper is a program that notes its calls in a file and does something before
// it hands over to the real ShellCheck.
func wrapper(t *testing.T, before string) (program string, calls func() []string) {
	t.Helper()
	dir := t.TempDir()
	log := filepath.Join(dir, "calls")
	script := fmt.Sprintf("#!/bin/sh\necho \"$*\" >> %s\n%s\nexec %s \"$@\"\n", log, before, find(t, "", "").Path())
	program = filepath.Join(dir, "shellcheck")
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return program, func() []string {
		data, err := os.ReadFile(log)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		return strings.FieldsFunc(string(data), func(r rune) bool { return r == '\n' })
	}
}

// TestOneProcess has all scripts of a run checked by one process, and none the
// next time.
func TestOneProcess(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	t.Setenv("SHELLCHECK_OPTS", "--exclude=SC2086")
	cache := t.TempDir()
	program, calls := wrapper(t, "")
	var files []*dockerfile.File
	for i := range 40 {
		files = append(files, parse(t, fmt.Sprint(i), fmt.Sprintf("FROM a\nRUN ls $A%d\nRUN ls $A\n", i)))
	}
	var first []string
	for round, want := range []int{2, 3, 5} { // each asks for the version; the last has a script that is new
		c := find(t, program, cache)
		if round == 2 {
			files = append(files, parse(t, "new", "FROM a\nRUN ls $A $B\n"))
		}
		if err := c.Prepare(t.Context(), files...); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range files[:40] {
			got = append(got, show(check(t, c, f))...)
		}
		if len(calls()) != want {
			t.Fatalf("round %d: the program was called %d times, want %d:\n%s", round, len(calls()), want, strings.Join(calls(), "\n"))
		}
		if len(got) != 80 || round > 0 && !cmp.Equal(got, first) {
			t.Errorf("round %d: %d findings: %s", round, len(got), cmp.Diff(first, got))
		}
		first = got
	}
	if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// TestManyScripts uses several processors.
func TestManyScripts(t *testing.T) {
	program, calls := wrapper(t, "")
	c := find(t, program, "")
	var b strings.Builder
	b.WriteString("FROM a\n")
	for i := range 260 {
		fmt.Fprintf(&b, "RUN ls $A%d\n", i)
	}
	if got := check(t, c, parse(t, "Dockerfile", b.String())); len(got) != 260 {
		t.Errorf("%d findings", len(got))
	}
	if n := len(calls()); n != 3 {
		t.Errorf("%d calls, want one for the version and two for scripts", n)
	}
}

// TestScriptThatFails is the failure of its file alone.
func TestScriptThatFails(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	program, _ := wrapper(t, `for f; do last=$f; done
if test "$last" = -; then cat > "$0.in"; grep -q crash "$0.in" && { echo out of memory >&2; exit 251; }; exec <"$0.in"; fi
grep -qs crash [0-9]* && exit 251`)
	c := find(t, program, t.TempDir())
	good, bad := parse(t, "good", "FROM a\nRUN ls $A\n"), parse(t, "bad", "FROM a\nRUN crash\n")
	more := parse(t, "more", "FROM a\nRUN ls $B\n")
	if err := c.Prepare(t.Context(), good, bad, more); err != nil {
		t.Fatal(err)
	}
	for _, f := range []*dockerfile.File{good, more} {
		if got := check(t, c, f); len(got) != 1 {
			t.Errorf("%s: %s", f.Name, show(got))
		}
	}
	if _, err := c.Check(t.Context(), bad); err == nil || !strings.HasPrefix(err.Error(), "bad:2: ") || !strings.Contains(err.Error(), "out of memory") {
		t.Errorf("the error is %v", err)
	}
	if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// TestInterrupted ends the process and leaves nothing behind.
func TestInterrupted(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	program, calls := wrapper(t, `test "$1" = --version || exec sleep 60`)
	c := find(t, program, t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for len(calls()) < 2 {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	_, err := c.Check(ctx, parse(t, "Dockerfile", "FROM a\nRUN ls $A\nRUN ls $B\n"))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// TestTooOld refuses a program that is named and passes over one that is found.
func TestTooOld(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "shellcheck")
	if err := os.WriteFile(program, []byte("#!/bin/sh\necho 'version: 0.6.0'\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	f := parse(t, "Dockerfile", "FROM a\nRUN ls $A\n")
	if _, err := find(t, program, "").Check(t.Context(), f); !errors.Is(err, shellcheck.ErrTooOld) {
		t.Errorf("the error is %v", err)
	}
	t.Setenv("PATH", dir)
	if got := check(t, find(t, "", ""), f); len(got) > 0 {
		t.Error(show(got))
	}
}

// TestNotShellCheck refuses a program that is another.
func TestNotShellCheck(t *testing.T) {
	c := find(t, "/bin/true", "")
	if _, err := c.Check(t.Context(), parse(t, "Dockerfile", "FROM a\nRUN ls\n")); err == nil {
		t.Error("no error")
	}
	if got := check(t, c, parse(t, "Dockerfile", "FROM a\nCOPY a b\n")); len(got) > 0 {
		t.Error(got)
	}
	if _, err := shellcheck.Find(filepath.Join(t.TempDir(), "none"), ""); !errors.Is(err, shellcheck.ErrNotFound) {
		t.Errorf("the error is %v", err)
	}
}
