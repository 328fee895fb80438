package rules

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/whittle-oci/whittle/lint/credential"
	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
)

var secretInContext = rule.Rule{
	Meta: rule.Meta{
		Name:     "secret-in-context",
		Family:   rule.Secrets,
		Summary:  "no COPY or ADD of a directory includes a credential file",
		Why:      "COPY . . copies all that .dockerignore does not leave out: the .env beside the code, keys, the token that a checkout in CI left in .git/config. They stay in the layer, even when a later instruction deletes them.\n\nThe build context is looked through when a directory is copied into the image. Files are judged by their content where their name does not say enough; directories of tests and of dependencies are left out. With --context the directory can be named; else it is the nearest one above the Dockerfile with a .dockerignore or a .git.",
		Bad:      "FROM debian:12\nCOPY . /app\n",
		Good:     "FROM debian:12\nCOPY src /app\n",
		Severity: rule.Error,
		Fixable:  rule.Never,
		Presets:  []string{"recommended"},
	},
	Check: checkSecretInContext,
}

func checkSecretInContext(p *rule.Pass) {
	if p.Context == nil {
		return
	}
	seen := map[string]bool{} // sources that nothing comes along with
	for _, in := range p.File.Instructions {
		if !p.File.Shipped(in.Stage) {
			continue
		}
		for _, s := range localSources(in) {
			if !perhapsDirectory(s.Text) || seen[s.Text] {
				continue
			}
			if found := below(p.Context.Files(), s.Text, excluded(in)); len(found) > 0 {
				p.Reportf(s.Span, along(found)+" in the layer; name what must stay out in .dockerignore")
			} else {
				seen[s.Text] = len(excluded(in)) == 0
			}
		}
	}
}

// perhapsDirectory reports whether a source may be a directory, so that the
// context is not looked through for COPY go.mod.
func perhapsDirectory(source string) bool {
	base := path.Base(source)
	return strings.HasSuffix(source, "/") || base == "." || base == ".." || base == "/" || strings.ContainsAny(base, "*?[") || !strings.Contains(base[1:], ".")
}

// below lists the files that a source takes along. A pattern is taken to match
// directories, as COPY does.
func below(files []string, source string, exclude []string) []string {
	source = strings.TrimPrefix(path.Clean("/"+source), "/")
	var out []string
	for _, f := range files {
		if !within(f, source) || f == source {
			continue
		}
		if !slices.ContainsFunc(exclude, func(e string) bool {
			return within(f, strings.TrimPrefix(path.Join(source, e), "/")) || within(path.Base(f), e)
		}) {
			out = append(out, f)
		}
	}
	return out
}

// within reports whether a file, or a directory that it is in, is what a
// pattern means. The empty pattern means all.
func within(file, pattern string) bool {
	pattern = strings.TrimPrefix(pattern, "**/")
	for name := file; ; name = path.Dir(name) {
		if ok, err := path.Match(pattern, name); ok && err == nil || pattern == "" {
			return true
		}
		if name == "." || name == "/" {
			return false
		}
	}
}

func excluded(in dockerfile.Instruction) []string {
	var out []string
	for _, f := range in.Flags() {
		if f.Name == "exclude" {
			out = append(out, strings.Trim(f.Value, "/"))
		}
	}
	return out
}

// along names a few files.
func along(files []string) string {
	const most = 3
	kind, _ := credential.File(files[0])
	switch n := len(files); {
	case n == 1:
		return files[0] + ", which holds " + kind.What + ", comes along and stays"
	case n <= most:
		return strings.Join(files, ", ") + " come along and stay"
	default:
		return strings.Join(files[:most], ", ") + " and " + strconv.Itoa(n-most) + " more files with secrets come along and stay"
	}
}
