package suppress_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whittle-oci/whittle/lint/source"
	"github.com/whittle-oci/whittle/lint/suppress"
)

// instructions are the lines of a text that are neither blank nor a comment,
// with what a backslash joins to them. A line FROM begins a stage.
func instructions(text string) []suppress.Extent {
	var out []suppress.Extent
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		if t := strings.TrimSpace(lines[i]); t == "" || t[0] == '#' {
			continue
		}
		first := i
		for strings.HasSuffix(lines[i], `\`) || i > first && strings.HasPrefix(strings.TrimSpace(lines[i]), "#") {
			i++
		}
		x := suppress.Extent{First: first + 1, Code: i + 1, Last: i + 1, From: strings.HasPrefix(lines[first], "FROM")}
		if strings.HasSuffix(lines[i], "<<EOF") {
			for lines[i] != "EOF" {
				i++
			}
			x.Last = i + 1
		}
		out = append(out, x)
	}
	return out
}

func read(text string) suppress.Set {
	return suppress.Read(source.NewFile("Dockerfile", []byte(text)), instructions(text))
}

// Every form gives its rules, how far it reaches, and why.
func TestForms(t *testing.T) {
	type comment struct {
		Tool, Names, Reason string
		Scope               suppress.Scope
	}
	for line, want := range map[string]comment{
		"# whittle ignore=fat-base":                       {"whittle", "fat-base", "", suppress.Instruction},
		"#whittle ignore=fat-base,sudo":                   {"whittle", "fat-base sudo", "", suppress.Instruction},
		"# whittle ignore=fat-base -- no other base":      {"whittle", "fat-base", "no other base", suppress.Instruction},
		"# whittle ignore = all  # a throw-away image":    {"whittle", "all", "a throw-away image", suppress.Instruction},
		"# whittle global ignore=sudo":                    {"whittle", "sudo", "", suppress.File},
		"# whittle stage ignore=sudo":                     {"whittle", "sudo", "", suppress.Stage},
		"# hadolint ignore=DL3008,SC2086":                 {"hadolint", "DL3008 SC2086", "", suppress.Instruction},
		"# hadolint ignore=DL3023, DL3021":                {"hadolint", "DL3023 DL3021", "", suppress.Instruction},
		"# hadolint ignore=DL3023 DL3021":                 {"hadolint", "DL3023 DL3021", "", suppress.Instruction},
		"# hadolint ignore=DL3018 - build time only":      {"hadolint", "DL3018", "build time only", suppress.Instruction},
		"# hadolint ignore=DL3018 # build time only":      {"hadolint", "DL3018", "build time only", suppress.Instruction},
		"# hadolint ignore=DL3018 build time only":        {"hadolint", "DL3018", "build time only", suppress.Instruction},
		"# hadolint ignore=DL3018;reason=build time only": {"hadolint", "DL3018", "build time only", suppress.Instruction},
		"# hadolint global ignore = DL3023 , DL3021":      {"hadolint", "DL3023 DL3021", "", suppress.File},
		"# hadolint stage ignore=DL3011":                  {"hadolint", "DL3011", "", suppress.Stage},
		"# tally ignore=hadolint/DL3008;reason=upstream":  {"tally", "DL3008", "upstream", suppress.Instruction},
		"# tally global ignore=buildkit/StageNameCasing":  {"tally", "buildkit/StageNameCasing", "", suppress.File},
		"# check=skip=JSONArgsRecommended because":        {"check", "JSONArgsRecommended", "because", suppress.Instruction},
		"# check=skip=A,B;error=true":                     {"check", "A B", "", suppress.Instruction},
		"#trivy:ignore:AVD-DS-0002":                       {"trivy", "DS-0002", "", suppress.Instruction},
		"# trivy:ignore:DS002":                            {"trivy", "DS-0002", "", suppress.Instruction},
		"#trivy:ignore:*":                                 {"trivy", "all", "", suppress.Instruction},
		"#checkov:skip=CKV_DOCKER_2:no probe here":        {"checkov", "CKV_DOCKER_2", "no probe here", suppress.File},
		"# checkov:skip=CKV_DOCKER_3":                     {"checkov", "CKV_DOCKER_3", "", suppress.File},
		"# kics-scan ignore":                              {"kics", "all", "", suppress.File},
		"# kics-scan ignore-line":                         {"kics", "all", "", suppress.Instruction},
		"# kics-scan disable=a-1,b-2":                     {"kics", "a-1 b-2", "", suppress.File},
	} {
		text := "FROM scratch\n" + line + "\nFROM scratch\n"
		set := read(text)
		if len(set.Comments) != 1 {
			t.Errorf("%s: %d comments", line, len(set.Comments))
			continue
		}
		c := set.Comments[0]
		var names []string
		for _, n := range c.Names {
			names = append(names, n.Text)
			if spelled := text[n.Span.Start:n.Span.End]; !strings.Contains(line, spelled) || spelled == "" {
				t.Errorf("%s: the name %s stands at %q", line, n.Text, spelled)
			}
		}
		if d := cmp.Diff(want, comment{c.Tool, strings.Join(names, " "), c.Reason, c.Scope}); d != "" {
			t.Errorf("%s: %s", line, d)
		}
		if text[c.Span.Start:c.Span.End] != line {
			t.Errorf("%s: the comment stands at %q", line, text[c.Span.Start:c.Span.End])
		}
	}
	for _, line := range []string{
		"# a comment about ignore=everything", "# whittle ignore=", "# hadolint shell=bash", "# check=error=true", "# escape=`", "RUN echo # hadolint ignore=DL3008", "# trivy:ignore:",
	} {
		if set := read("FROM scratch\n" + line + "\nFROM scratch\n"); len(set.Comments) > 0 {
			t.Errorf("%s: %+v", line, set.Comments)
		}
	}
}

// A comment reaches the next instruction over comments and blank lines, its
// stage, or the file; inside an instruction it reaches that one, and inside a
// heredoc it is text.
func TestReach(t *testing.T) {
	text := `# check=skip=A;error=true
# whittle global ignore=g
# hadolint stage ignore=s
FROM x
# hadolint ignore=b
# hadolint ignore=c

# about both
RUN a \
  # whittle ignore=d
  && b
RUN <<EOF
# whittle ignore=e
EOF
# hadolint stage ignore=f
RUN c
FROM y
RUN d
# whittle ignore=h`
	set := read(text)
	if !set.Fail {
		t.Error("check=error=true was not seen")
	}
	got := map[string][]int{}
	for _, c := range set.Comments {
		for line := 1; line <= 19; line++ {
			if c.Covers(line) {
				got[c.Names[0].Text] = append(got[c.Names[0].Text], line)
			}
		}
	}
	all := []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}
	want := map[string][]int{"A": all, "g": all, "s": all[3:16], "b": all[8:11], "c": all[8:11], "d": all[8:11]}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// Only the comments that BuildKit takes for directives are about the file.
func TestHead(t *testing.T) {
	for text, want := range map[string]suppress.Scope{
		"# check=skip=A\nFROM x\n":                               suppress.File,
		"# syntax=docker/dockerfile:1\n# check=skip=A\nFROM x\n": suppress.File,
		"#!/usr/bin/env docker\n# check=skip=A\nFROM x\n":        suppress.File,
		"\xef\xbb\xbf# check=skip=A\nFROM x\n":                   suppress.File,
		"# a comment\n# check=skip=A\nFROM x\n":                  suppress.Instruction,
		"\n# check=skip=A\nFROM x\n":                             suppress.Instruction,
	} {
		if set := read(text); len(set.Comments) != 1 || set.Comments[0].Scope != want {
			t.Errorf("%q: %+v", text, set.Comments)
		}
	}
	if read("# a\n# check=error=true\nFROM x\n").Fail {
		t.Error("a comment counted as a directive")
	}
}

func TestUntil(t *testing.T) {
	set := read("#trivy:ignore:DS002:exp:2026-02-03 trivy:ignore:DS-0001\nFROM x\n")
	if len(set.Comments) != 2 || set.Comments[0].Until != "2026-02-03" || set.Comments[1].Until != "" {
		t.Errorf("%+v", set.Comments)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("# check=skip=all\nFROM x\n# hadolint ignore=DL3006\nRUN y"))
	f.Add([]byte("# whittle stage ignore=a-b,c -- why\nFROM x\n#trivy:ignore:*:exp:2026-01-01\n# kics-scan disable=x\nRUN <<EOF\n#\nEOF\n"))
	f.Add([]byte("\xef\xbb\xbf#!\n#check=\n#checkov:skip=A:\r\n# whittle ignore=,,-"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, c := range suppress.Read(source.NewFile("f", b), instructions(string(b)+"\nEOF")).Comments {
			if c.Span.End > len(b) || len(c.Names) == 0 {
				t.Fatalf("comment %+v", c)
			}
			for _, n := range c.Names {
				if n.Span.Start < c.Span.Start || n.Span.End > c.Span.End || n.Span.Start >= n.Span.End {
					t.Fatalf("name %+v of %+v", n, c)
				}
			}
		}
	})
}
