// Package config reads the lint section of .whittle.yaml and puts several
// files together. It opens no file and asks no network: a caller hands it
// bytes.
//
// Files are layers, from the outermost to the nearest. A word or a flag of a
// nearer layer replaces that of an outer one; lists and maps are joined, and
// the nearest layer that names a rule decides whether it runs. The one list
// that is replaced is only, since it is a choice and not an addition.
package config

import (
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// A Layer is settings that hold for the same files. The zero value says
// nothing.
type Layer struct {
	Preset            string   // recommended, strict or hadolint
	Only              []string // rules to run, nothing else
	Enable            []string // further rules to run
	Ignore            []string // rules not to run
	Severity          map[string]string
	FailOn            string // error, warning, info, style or none
	TrustedRegistries []string
	Labels            map[string]string // type by label
	StrictLabels      *bool
	RequireReason     *bool
	Suppressions      string // on or off
	// Places tells where, as file:line:column, a rule is named.
	Places map[string]string
}

// An Override is a layer for the files that one of its globs names.
type Override struct {
	Files []string
	Layer
}

// A File is the lint section of one file.
type File struct {
	Name string
	// Dir is the directory that globs are meant from. It is not the file's own
	// where another file extends this one.
	Dir  string
	Root bool
	// Suppresses marks a file that is there to suppress findings, as comments
	// are, and counts for nothing where those do.
	Suppresses bool
	Extends    []Reference
	Exclude    []string
	Overrides  []Override
	Rules      []Rule
	Layer
}

// A Reference is a file that another one extends.
type Reference struct {
	To    string // a path, or a URL with #sha256:DIGEST
	Place string // file:line:column that says so
}

// URL takes a reference apart. ok is false for a path.
func (r Reference) URL() (address, digest string, ok bool) {
	if !strings.Contains(r.To, "://") {
		return "", "", false
	}
	address, digest, _ = strings.Cut(r.To, "#")
	return address, digest, true
}

// A Config is what holds for one Dockerfile.
type Config struct {
	Layers   []Layer // outermost first
	Rules    []Rule
	Excluded bool // a search through directories passes the file over
}

// For puts together what files, the outermost first, say of a Dockerfile.
func For(dockerfile string, files []File) Config {
	c := join(dockerfile, files)
	if suppresses := func(f File) bool { return f.Suppresses }; c.SuppressionsOff() && slices.ContainsFunc(files, suppresses) {
		c = join(dockerfile, slices.DeleteFunc(slices.Clone(files), suppresses))
	}
	return c
}

func join(dockerfile string, files []File) Config {
	var c Config
	for _, f := range files {
		c.Rules = append(c.Rules, f.Rules...)
		c.Excluded = c.Excluded || f.matches(dockerfile, f.Exclude)
		c.Layers = append(c.Layers, f.Layer)
		for _, o := range f.Overrides {
			if f.matches(dockerfile, o.Files) {
				c.Layers = append(c.Layers, o.Layer)
			}
		}
	}
	return c
}

// matches reports whether a glob names a file. A glob without a slash names a
// file or a directory of that name at any depth, as in .gitignore.
func (f File) matches(name string, globs []string) bool {
	rel, err := filepath.Rel(f.Dir, name)
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return false
	}
	rel = filepath.ToSlash(rel)
	for _, glob := range globs {
		if !strings.Contains(strings.TrimSuffix(glob, "/"), "/") {
			glob = "**/" + glob
		}
		glob = strings.TrimPrefix(strings.TrimSuffix(path.Clean(glob), "/"), "/")
		for _, g := range []string{glob, glob + "/**"} {
			if ok, err := doublestar.Match(g, rel); ok && err == nil {
				return true
			}
		}
	}
	return false
}

// last gives the value of the nearest layer that has one.
func last[T comparable](layers []Layer, get func(Layer) T) (v T) {
	var zero T
	for _, l := range layers {
		if x := get(l); x != zero {
			v = x
		}
	}
	return v
}

// FailOn is the least severity that fails a run, "" where no layer says.
func (c Config) FailOn() string { return last(c.Layers, func(l Layer) string { return l.FailOn }) }

// SuppressionsOff reports whether comments switch nothing off.
func (c Config) SuppressionsOff() bool {
	return last(c.Layers, func(l Layer) string { return l.Suppressions }) == "off"
}

// RequireReason reports whether such a comment must say why.
func (c Config) RequireReason() bool {
	b := last(c.Layers, func(l Layer) *bool { return l.RequireReason })
	return b != nil && *b
}

// StrictLabels reports whether labels that the schema does not have are
// refused.
func (c Config) StrictLabels() bool {
	b := last(c.Layers, func(l Layer) *bool { return l.StrictLabels })
	return b != nil && *b
}

// Labels is the label schema: the type of each label.
func (c Config) Labels() map[string]string {
	var out map[string]string
	for _, l := range c.Layers {
		for name, kind := range l.Labels {
			if out == nil {
				out = map[string]string{}
			}
			out[name] = kind
		}
	}
	return out
}

// TrustedRegistries is the registries of all layers.
func (c Config) TrustedRegistries() []string {
	var out []string
	for _, l := range c.Layers {
		out = append(out, l.TrustedRegistries...)
	}
	return out
}
