// Package walk holds what rules look for alike: the commands of every RUN, the
// packages that a package manager is told to install, names of secrets.
package walk

import (
	"iter"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/source"
)

// Commands goes over the commands of every RUN in the order of the file.
func Commands(f *dockerfile.File) iter.Seq2[dockerfile.Instruction, dockerfile.Command] {
	return func(yield func(dockerfile.Instruction, dockerfile.Command) bool) {
		for _, in := range f.Instructions {
			for _, c := range f.Commands(in) {
				if !yield(in, c) {
					return
				}
			}
		}
	}
}

// Install reports whether a command installs packages with one of the named
// managers, and which words name them.
func Install(c dockerfile.Command, managers ...string) (packages []dockerfile.Arg, ok bool) {
	if !slices.Contains(managers, c.Name) {
		return nil, false
	}
	verbs := map[string][]string{
		"apt-get": {"install"}, "apt": {"install"}, "aptitude": {"install"}, "apk": {"add"},
		"yum": {"install"}, "dnf": {"install"}, "microdnf": {"install"}, "zypper": {"install", "in"},
		"pip": {"install"}, "pip3": {"install"}, "npm": {"install", "i", "add"}, "gem": {"install"}, "go": {"install", "get"},
	}
	skip := map[string][]string{
		"apk": {"-t", "--virtual", "--repository", "-X"}, "apt-get": {"-t", "--target-release", "-o"}, "apt": {"-t", "-o"},
		"pip": valueFlags, "pip3": valueFlags, "gem": {"-v", "--version", "-i", "--install-dir", "-s", "--source"}, "npm": {"--prefix", "--registry", "--tag"},
		"go": {"-tags", "-ldflags", "-mod"},
	}[c.Name]
	seen := false
	for i := 0; i < len(c.Args); i++ {
		a := c.Args[i]
		switch {
		case strings.HasPrefix(a.Text, "-"):
			if slices.Contains(skip, a.Text) {
				i++
			}
		case !seen:
			if !slices.Contains(verbs[c.Name], a.Text) {
				return nil, false
			}
			seen = true
		default:
			packages = append(packages, a)
		}
	}
	return packages, seen
}

// valueFlags of pip take the next word.
var valueFlags = []string{"-r", "--requirement", "-c", "--constraint", "-e", "--editable", "-t", "--target", "-i", "--index-url", "--extra-index-url", "--trusted-host", "--prefix", "--root", "-f", "--find-links", "--cache-dir", "--python", "--platform"}

// HasFlag reports whether a flag stands among the arguments.
func HasFlag(c dockerfile.Command, names ...string) bool { return c.HasFlag(names...) }

// Verb is the span of the first argument that is not a flag, such as install.
func Verb(c dockerfile.Command) (source.Span, bool) {
	for _, a := range c.Args {
		if !strings.HasPrefix(a.Text, "-") {
			return a.Span, true
		}
	}
	return c.NameSpan, false
}

var secretName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)(^|[_.-])(pass(word|wd|phrase)?|pwd|secret|secrets|token|tokens|api[_-]?key|apikey|access[_-]?key|private[_-]?key|auth[_-]?key|credential|credentials|client[_-]?secret|encryption[_-]?key|signing[_-]?key)($|[_.-])`)
})

var harmless = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)([_-](file|path|dir|url|uri|name|id|version|length|size|type|ttl|timeout|header|algorithm|format|expiry|expires|enabled|host|port|endpoint|issuer|policy|min|max|rotation|prefix|suffix|sha256|sum|checksum|length|mode))$|^(ssh_auth_sock|gpg_key|gpg_keys|pip_.*|npm_config_.*)$|public[_-]?key|^pwd$|^oldpwd$`)
})

// SecretName reports whether a variable's name says that it holds a secret.
func SecretName(name string) bool {
	return secretName().MatchString(name) && !harmless().MatchString(name)
}

// KeyValue is one variable of ENV or ARG.
type KeyValue struct {
	Key, Value string
	HasValue   bool
	Arg        bool
}

// Variables lists what an ENV or ARG sets.
func Variables(in dockerfile.Instruction) []KeyValue {
	var out []KeyValue
	switch c := in.Command.(type) {
	case *instructions.EnvCommand:
		for _, kv := range c.Env {
			out = append(out, KeyValue{kv.Key, kv.Value, true, false})
		}
	case *instructions.ArgCommand:
		for _, kv := range c.Args {
			v := KeyValue{Key: kv.Key, Arg: true}
			if kv.Value != nil {
				v.Value, v.HasValue = *kv.Value, true
			}
			out = append(out, v)
		}
	}
	return out
}

// Image cuts an image reference into name, tag and digest.
func Image(ref string) (name, tag, digest string) {
	ref, digest, _ = strings.Cut(ref, "@")
	i := strings.LastIndexByte(ref, ':')
	if i < 0 || strings.Contains(ref[i:], "/") {
		return ref, "", digest
	}
	return ref[:i], ref[i+1:], digest
}

// Bases goes over the stages whose base is an image, with its name.
func Bases(f *dockerfile.File) iter.Seq2[*dockerfile.Stage, string] {
	return func(yield func(*dockerfile.Stage, string) bool) {
		for i := range f.Stages {
			s := &f.Stages[i]
			name, known := f.BaseName(s)
			if !known || s.Parent >= 0 || name == "scratch" || name == "" {
				continue
			}
			if !yield(s, name) {
				return
			}
		}
	}
}

// BaseSpan is where a stage names its base.
func BaseSpan(f *dockerfile.File, s *dockerfile.Stage) source.Span {
	span, _ := f.Instructions[s.From].Find(s.BaseName)
	return span
}

// After is the empty span behind another.
func After(s source.Span) source.Span { return source.Span{Start: s.End, End: s.End} }
