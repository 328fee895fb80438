package rules

import (
	"bytes"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
	"github.com/whittle-oci/whittle/lint/source"
)

var aptRecommends = rule.Rule{
	Meta: rule.Meta{
		Name:     "apt-recommends",
		Aliases:  []string{"DL3015", "DS-0029", "missing-no-install-recommends", "7384dfb2-fcd1-4fbf-91cd-6c44c318c33c"},
		Family:   rule.Fat,
		Summary:  "apt-get install does not install recommended packages",
		Why:      "Recommended packages are for people at a desk. They often double what an install brings along. The fix names those that are missed as a rule: ca-certificates beside curl, wget or git, and libc6-dev beside gcc.",
		Bad:      "FROM debian:12\nRUN apt-get update && apt-get install -y curl\n",
		Good:     "FROM debian:12\nRUN apt-get update && apt-get install -y --no-install-recommends curl\n",
		Severity: rule.Info,
		Fixable:  rule.Always,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkAptRecommends,
}

func checkAptRecommends(p *rule.Pass) {
	var missed [][]missedPackage // by stage
	for in, v := range walk.Managers(p.File, "apt-get", "apt", "aptitude") {
		if v.Is(walk.Installs) && !simulates(v) && p.File.Shipped(in.Stage) && !v.Has("--no-install-recommends", "--without-recommends", "-R") && !slices.ContainsFunc(v.Values("-o", "--option"), noRecommends) {
			flag := "--no-install-recommends"
			if v.Manager == "aptitude" {
				flag = "--without-recommends"
			}
			if missed == nil {
				missed = missedPackages(p.File)
			}
			p.Report(rule.Finding{Span: v.Span, Message: v.Manager + " install brings recommended packages along; add " + flag, Fix: withoutRecommends(p.File, v, flag, &missed[in.Stage])})
		}
	}
}

// withoutRecommends adds a flag, and names the recommended packages that are
// missed, each once.
func withoutRecommends(f *dockerfile.File, v walk.Invocation, flag string, missed *[]missedPackage) *rule.Fix {
	fix := v.Add(f, flag)
	if v.Call == nil {
		return fix // the exec form is JSON
	}
	*missed = slices.DeleteFunc(*missed, func(m missedPackage) bool {
		i := slices.IndexFunc(v.Packages, func(a dockerfile.Arg) bool {
			name, _, _ := strings.Cut(a.Text, "=")
			return slices.Contains(m.by, name)
		})
		if i >= 0 {
			fix.Edits = append(fix.Edits, beside(f, v.Packages[i], m.names[0]))
		}
		return i >= 0
	})
	return fix
}

// beside names a package after another: on a line of its own, with the escape
// character in its column, where the other has one.
func beside(f *dockerfile.File, a dockerfile.Arg, name string) source.Edit {
	number := f.Pos(a.Span.Start).Line
	line, escape := bytes.TrimRight(f.Line(number), " \t\r"), string(f.Escape)
	rest, continued := bytes.CutSuffix(bytes.TrimLeft(line, " \t"), []byte(escape))
	at, indent, eol := walk.After(a.Span), walk.Indent(f, a.Span.Start), walk.EOL(f, a.Span.Start)
	switch {
	case string(bytes.TrimRight(rest, " \t")) != a.Text:
		return source.Edit{Span: at, New: " " + name}
	case !continued:
		return source.Edit{Span: at, New: " " + escape + eol + indent + name}
	}
	blanks := max(1, len(rest)-len(name))
	if len(rest) == len(a.Text)+1 {
		blanks = 1
	}
	start := f.LineStart(number + 1)
	return source.Edit{Span: source.Span{Start: start, End: start}, New: indent + name + strings.Repeat(" ", blanks) + escape + eol}
}

// A missedPackage is one that others recommend and can hardly do without.
type missedPackage struct {
	by    []string
	names []string // the first, and those that will do as well
	in    func(walk.Origin) bool
}

var recommended = []missedPackage{
	{[]string{"curl", "wget", "git"}, []string{"ca-certificates"}, hasCertificates},
	{[]string{"gcc"}, []string{"libc6-dev", "libc-dev", "build-essential", "g++"}, hasCompiler},
}

// missedPackages gives for every stage those that the file does not name, and
// that the base image is not known to have.
func missedPackages(f *dockerfile.File) [][]missedPackage {
	unnamed := slices.DeleteFunc(slices.Clone(recommended), func(m missedPackage) bool {
		return slices.ContainsFunc(m.names, func(name string) bool { return bytes.Contains(f.Bytes, []byte(name)) })
	})
	out := make([][]missedPackage, len(f.Stages))
	for i, base := range walk.Origins(f) {
		out[i] = slices.DeleteFunc(slices.Clone(unnamed), func(m missedPackage) bool { return m.in(base) })
	}
	return out
}

// hasCertificates reports whether an image is known to have them.
func hasCertificates(base walk.Origin) bool {
	return base.Official && (hasCompiler(base) || slices.Contains([]string{"golang", "python", "ruby", "php", "eclipse-temurin", "maven"}, base.Name))
}

// hasCompiler reports whether an image is known to have all that gcc needs.
func hasCompiler(base walk.Origin) bool {
	return base.Official && !strings.Contains(base.Tag, "slim") && slices.Contains([]string{"buildpack-deps", "gcc", "golang", "node", "perl", "python", "ruby", "rust"}, base.Name)
}

func noRecommends(a dockerfile.Arg) bool {
	name, value, _ := strings.Cut(strings.ToLower(a.Text), "=")
	return name == "apt::install-recommends" && slices.Contains([]string{"false", "0", "no", "off"}, strings.Trim(value, `"`))
}
