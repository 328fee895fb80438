package buildkit_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"golang.org/x/tools/txtar"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/buildkit"
	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules"
	"github.com/whittle-oci/whittle/lint/source"
)

// plain is a registry whose images set PATH and nothing else, as BuildKit's
// registry here does.
type plain struct{}

// Image implements rule.Images.
func (plain) Image(string) (rule.Image, bool) { return rule.Image{Env: []string{"PATH=/bin"}}, true }

// apart are the checks that our rules judge by other means on purpose: secrets
// by more names and by values, and platforms by what a registry says.
var apart = []string{"SecretsUsedInArgOrEnv", "InvalidBaseImagePlatform", "InvalidDefinitionDescription", "CopyIgnoredFile"}

// A said is a check and the line on which an instruction begins.
type said struct {
	check string
	line  int
}

// differences compares what our rules and BuildKit say of a file. ok is false
// when BuildKit stops before it has seen all of it.
func differences(ctx context.Context, src *source.File) (out []string, ok bool, err error) {
	f, err := dockerfile.Parse(src)
	if _, bad := errors.AsType[*dockerfile.SyntaxError](err); bad || err == nil && len(f.Problems) > 0 {
		return nil, false, nil
	}
	if err != nil || len(f.Suppressions().Comments) > 0 {
		return nil, false, err
	}
	theirs, ok, err := (&buildkit.Checker{}).Warnings(ctx, f)
	if err != nil || !ok {
		return nil, false, err
	}
	ours, err := lint.Check(ctx, f, lint.Options{Rules: rules.All(), Images: plain{}, Suppressed: true})
	if err != nil {
		return nil, false, err
	}
	a, b := gather(f, ours), gather(f, theirs)
	for s := range b {
		if !a[s] && !excused(f, s) {
			out = append(out, fmt.Sprintf("line %d: BuildKit alone says %s", s.line, s.check))
		}
	}
	for s := range a {
		if !b[s] && !excused(f, s) {
			out = append(out, fmt.Sprintf("line %d: we alone say %s", s.line, s.check))
		}
	}
	slices.Sort(out)
	return out, true, nil
}

func gather(f *dockerfile.File, diags []lint.Diagnostic) map[said]bool {
	out := map[said]bool{}
	for _, d := range diags {
		for _, check := range buildkit.Checks() {
			line := f.Pos(d.Span.Start).Line
			if in, ok := f.At(line); ok {
				line = in.Node.StartLine
			}
			if d.Rule.Is(check) && !slices.Contains(apart, check) {
				out[said{check, line}] = true
			}
		}
	}
	return out
}

// excused are differences that are meant.
func excused(f *dockerfile.File, s said) bool {
	in, ok := f.At(s.line)
	if !ok {
		return false
	}
	switch s.check {
	case "UndefinedVar":
		// Of a base that a variable names nothing is known here.
		base := &f.Stages[in.Stage]
		for base.Parent >= 0 {
			base = &f.Stages[base.Parent]
		}
		if _, known := f.BaseName(base); !known {
			return true
		}
		// What the same ENV sets is env-self-reference's; $1 is no variable.
		own := map[string]bool{}
		for _, p := range in.Pairs() {
			own[p.Key] = true
		}
		for _, name := range f.Undeclared(in, in.Text.Text) {
			if !own[name] && name != "PATH" && strings.Trim(name, "0123456789@*#?-$!") != "" {
				return false
			}
		}
		return true
	case "WorkdirRelativePath":
		// A variable without a value is reported as that, and BuildKit's
		// images here are never Windows'.
		c, ok := in.Command.(*instructions.WorkdirCommand)
		if !ok {
			return false
		}
		name, known := f.Expand(in, c.Path)
		return !known || len(name) > 1 && name[1] == ':'
	}
	return false
}

// TestAgree holds the rules to BuildKit's own answers on the cases of all
// archives.
func TestAgree(t *testing.T) {
	archives, err := filepath.Glob(filepath.Join("..", "..", "testdata", "lint", "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, path := range archives {
		ar, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range ar.Files {
			if strings.Contains(f.Name, ".") {
				continue
			}
			src := source.NewFile(filepath.Base(path)+":"+f.Name, f.Data)
			diff, ok, err := differences(t.Context(), src)
			if err != nil {
				t.Errorf("%s: %v", src.Name, err)
			}
			if ok {
				compared++
			}
			if len(diff) > 0 {
				t.Errorf("%s\n%s\n%s", src.Name, f.Data, strings.Join(diff, "\n"))
			}
		}
	}
	if compared < 200 {
		t.Errorf("%d cases were compared", compared)
	}
}

// FuzzAgree looks for a file about which our rules and BuildKit do not agree.
func FuzzAgree(f *testing.F) {
	for _, r := range rules.All() {
		f.Add([]byte(r.Bad))
		f.Add([]byte(r.Good))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		diff, _, err := differences(t.Context(), source.NewFile("Dockerfile", b))
		if err != nil {
			t.Fatal(err)
		}
		if len(diff) > 0 {
			t.Errorf("%s", strings.Join(diff, "\n"))
		}
	})
}
