package secrets_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"iter"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/zricethezav/gitleaks/v8/detect"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules"
	"github.com/whittle-oci/whittle/lint/secrets"
	"github.com/whittle-oci/whittle/lint/source"
)

// A sample is text that gitleaks tests a rule with.
type sample struct {
	text   string
	secret bool // the rule finds something in it
	value  bool // the text is a secret and nothing else
	rule   string
}

// samples reads the sources of gitleaks' rules, which stand in the module cache.
// What is drawn at random there is left out.
func samples(t *testing.T) (out []sample) {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/zricethezav/gitleaks/v8").Output()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "cmd/generate/config/rules/*.go"))
	if err != nil || len(files) < 100 {
		t.Fatalf("%d files (%v)", len(files), err)
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			set, ok := n.(*ast.AssignStmt)
			if !ok || len(set.Lhs) != 1 {
				return true
			}
			if to, ok := set.Lhs[0].(*ast.Ident); ok && (to.Name == "tps" || to.Name == "fps") {
				for s := range texts(set.Rhs[0]) {
					s.secret, s.rule = to.Name == "tps", strings.TrimSuffix(filepath.Base(name), ".go")
					out = append(out, s)
				}
			}
			return false
		})
	}
	return out
}

// texts yields the texts of a list of samples.
func texts(list ast.Expr) iter.Seq[sample] {
	return func(yield func(sample) bool) {
		ast.Inspect(list, func(n ast.Node) bool {
			switch x := n.(type) {
			case *ast.BinaryExpr: // with something random in it
				return false
			case *ast.KeyValueExpr: // the name of a file
				if lit, ok := x.Value.(*ast.BasicLit); ok {
					yield(sample{text: unquoted(lit)})
				}
				return false
			case *ast.CallExpr:
				if f, ok := x.Fun.(*ast.SelectorExpr); ok && strings.HasPrefix(f.Sel.Name, "GenerateSampleSecret") {
					if lit, ok := x.Args[1].(*ast.BasicLit); ok {
						yield(sample{text: unquoted(lit), value: true})
					}
					return false
				}
				f, ok := x.Fun.(*ast.Ident)
				return ok && f.Name == "append"
			case *ast.BasicLit:
				yield(sample{text: unquoted(x)})
			}
			return true
		})
	}
}

func unquoted(lit *ast.BasicLit) string {
	text, err := strconv.Unquote(lit.Value)
	if err != nil {
		return ""
	}
	return text
}

// assignment is a line that gives a name a value.
var assignment = regexp.MustCompile(`^[ \t]*["']?([A-Za-z][\w.-]*)["']?[ \t]*(?:=|:=|:)[ \t]*["']?([^"',;\s]+)["']?[,;]?[ \t]*$`)

// plain are values that need no quotes in a Dockerfile.
var plain = regexp.MustCompile(`^[\w.+/=:~@!-]+$`)

// identifier names what is half of a credential and no secret without its key.
var identifier = regexp.MustCompile(`(?i)access_?id$`)

// TestOwnSamples gives what gitleaks tests its rules with to variables: none of
// its secrets is lost, and few are reported for their names of what the rule for
// names of no service, generic, takes for none. To the other rules that is what
// another service has, a credential as a rule.
func TestOwnSamples(t *testing.T) {
	all := slices.DeleteFunc(rules.All(), func(r rule.Rule) bool { return r.Name != "secret-in-variable" && r.Name != "secret-value" })
	checker, _ := secrets.For(all)
	reported := func(name, value string) (byName, byValue bool) {
		src := source.NewFile("Dockerfile", []byte("FROM debian:12\nENV "+strings.NewReplacer(".", "_", "-", "_").Replace(name)+"="+value+"\n"))
		diags, err := lint.Run(t.Context(), src, lint.Options{Rules: all, Checkers: []lint.Checker{checker}})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range diags {
			byName = byName || d.Rule.Name == "secret-in-variable"
			byValue = byValue || d.Rule.Name == "secret-value"
		}
		return byName, byValue
	}
	gitleaks, err := detect.NewDetectorDefaultConfig()
	if err != nil {
		t.Fatal(err)
	}
	found, innocent, wrong := 0, 0, 0
	for _, s := range samples(t) {
		parts := assignment.FindStringSubmatch(s.text)
		if !s.secret {
			if s.rule == "generic" && parts != nil && plain.MatchString(parts[2]) {
				innocent++
				if byName, _ := reported(parts[1], parts[2]); byName {
					wrong++
					t.Logf("reported for its name: %s", s.text)
				}
			}
			continue
		}
		values := []string{s.text}
		if !s.value {
			values = nil
			for _, f := range gitleaks.DetectString(s.text) {
				values = append(values, f.Secret)
			}
		}
		for _, v := range values {
			if !plain.MatchString(v) {
				continue
			}
			name := "SERVICE_TOKEN"
			if parts != nil && parts[2] == v {
				name = parts[1]
			}
			byName, byValue := reported(name, v)
			if byName {
				found++
			}
			if !byName && !byValue && !identifier.MatchString(name) {
				t.Errorf("%s=%s is lost", name, v)
			}
		}
	}
	t.Logf("%d findings by name of secrets; %d of the %d that are none", found, wrong, innocent)
	if found < 100 || innocent < 20 || 100*wrong > 5*innocent {
		t.Error("too few samples, or too many findings of what is no secret")
	}
}
