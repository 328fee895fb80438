package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/whittle-oci/whittle/lint/suggest"
)

// An Error is a file that cannot be understood. It names file, line and column.
type Error struct{ Place, Message string }

// Error gives the place and what is wrong.
func (e *Error) Error() string { return e.Place + ": " + e.Message }

// ExitCode is the code for a wrong configuration.
func (*Error) ExitCode() int { return 2 }

// Invalid is what the YAML reader says of a file, with its place and in words
// for those who write the file.
func Invalid(name string, err error) *Error {
	e := &Error{name, strings.TrimPrefix(err.Error(), "yaml: ")}
	one, ok := errors.AsType[*yaml.LoadError](err)
	if several, list := errors.AsType[*yaml.LoadErrors](err); list && len(several.Errors) > 0 {
		one, ok = several.Errors[0], true
	}
	if !ok {
		return e
	}
	if e.Message = one.Message; one.Mark.Line > 0 {
		e.Place = fmt.Sprintf("%s:%d", name, one.Mark.Line)
	}
	if _, into, ok := strings.Cut(e.Message, " into "); ok {
		switch {
		case strings.HasPrefix(into, "[]"):
			e.Message = "want a list"
		case into == "bool":
			e.Message = "want true or false"
		case into == "string":
			e.Message = "want one word"
		default:
			e.Message = "want settings"
		}
	}
	return e
}

// sections are the top-level keys. Those but lint are read by the programs they
// belong to.
var sections = []string{"lint", "build", "sign", "verify"}

// Sections lists the top-level keys of .whittle.yaml.
func Sections() []string { return slices.Clone(sections) }

// Parse reads a file. name is where it is, for messages and for the directory
// that its globs are meant from. Sections that belong to others are left to
// them; names that nobody knows are errors with the nearest one that somebody
// does.
func Parse(name string, data []byte) (File, error) {
	f := File{Name: name, Dir: filepath.Dir(name)}
	root, err := document(name, data)
	if err != nil || root == nil {
		return f, err
	}
	p := parser{name}
	if root.Kind != yaml.MappingNode {
		return f, p.errorf(root, "want sections: %s", strings.Join(sections, ", "))
	}
	seen := map[string]bool{}
	for key, value := range pairs(root) {
		_, below := setting(key.Value)
		switch {
		case seen[key.Value]:
			return f, p.errorf(key, "%s stands here twice", key.Value)
		case below:
			return f, p.errorf(key, "%s is a setting of lint; indent it below lint:", key.Value)
		case !slices.Contains(sections, key.Value):
			return f, p.errorf(key, "no such section %q; %s", key.Value, suggest.Hint(key.Value, sections))
		}
		seen[key.Value] = true
		if key.Value == "lint" {
			if err := p.section(value, &f); err != nil {
				return f, err
			}
		}
	}
	return f, nil
}

// document gives the root of a file's only document, nil for an empty one.
func document(name string, data []byte) (*yaml.Node, error) {
	var doc yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, Invalid(name, err)
	}
	var more yaml.Node
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, &Error{at(name, &more), "only the first document of the file is read; leave out the others"}
	}
	if len(doc.Content) == 0 {
		return nil, nil
	}
	return doc.Content[0], nil
}

// A parser reads nodes of one file.
type parser struct{ name string }

func (p parser) errorf(n *yaml.Node, format string, args ...any) error {
	return &Error{at(p.name, n), fmt.Sprintf(format, args...)}
}

// section reads the lint section.
func (p parser) section(n *yaml.Node, f *File) error {
	f.Places = map[string]string{}
	return p.mapping(n, "lint", names(false), func(key, value *yaml.Node) error {
		s, _ := setting(key.Value)
		switch s.Name {
		case "extends":
			return p.list(s, value, func(item *yaml.Node) error {
				r := Reference{item.Value, at(p.name, item)}
				if address, digest, ok := r.URL(); ok {
					if err := pinned(address, digest); err != nil {
						return p.errorf(item, "extends: %v", err)
					}
				}
				f.Extends = append(f.Extends, r)
				return nil
			})
		case "root":
			return p.boolean(s, value, func(b bool) { f.Root = b })
		case "exclude":
			return p.globs(s, value, &f.Exclude)
		case "overrides":
			return p.sequence(value, s.Name, func(item *yaml.Node) error {
				var o Override
				if err := p.override(item, &o); err != nil {
					return err
				}
				f.Overrides = append(f.Overrides, o)
				return nil
			})
		case "rules":
			return p.sequence(value, s.Name, func(item *yaml.Node) error {
				r, err := p.rule(item)
				if err == nil && slices.ContainsFunc(f.Rules, func(x Rule) bool { return x.Name == r.Name }) {
					err = p.errorf(item, "there are two rules %s", r.Name)
				}
				f.Rules = append(f.Rules, r)
				return err
			})
		}
		return p.layer(s, value, &f.Layer)
	})
}

func (p parser) override(n *yaml.Node, o *Override) error {
	o.Places = map[string]string{}
	err := p.mapping(n, "an override", names(true), func(key, value *yaml.Node) error {
		if key.Value == "files" {
			return p.globs(Setting{Name: "files"}, value, &o.Files)
		}
		s, _ := setting(key.Value)
		return p.layer(s, value, &o.Layer)
	})
	if err == nil && len(o.Files) == 0 {
		return p.errorf(n, "an override names the files it is for: files: [GLOB]")
	}
	return err
}

// layer reads a setting that may stand in an override too.
func (p parser) layer(s Setting, n *yaml.Node, l *Layer) error {
	words := map[string]*[]string{"only": &l.Only, "enable": &l.Enable, "ignore": &l.Ignore, "trusted-registries": &l.TrustedRegistries}
	switch s.Name {
	case "preset":
		return p.word(s, n, &l.Preset)
	case "fail-on":
		return p.word(s, n, &l.FailOn)
	case "suppressions":
		return p.word(s, n, &l.Suppressions)
	case "severity":
		return p.words(s, n, &l.Severity, l.Places)
	case "labels":
		return p.words(s, n, &l.Labels, nil)
	case "strict-labels":
		return p.boolean(s, n, func(b bool) { l.StrictLabels = &b })
	case "require-reason":
		return p.boolean(s, n, func(b bool) { l.RequireReason = &b })
	}
	return p.list(s, n, func(item *yaml.Node) error {
		*words[s.Name] = append(*words[s.Name], item.Value)
		if s.Rules {
			l.Places[item.Value] = at(p.name, item)
		}
		return nil
	})
}

// pinned refuses a URL that does not say what stands there. Plain HTTP is for
// this machine alone.
func pinned(address, digest string) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	if u.Scheme != "https" && (u.Scheme != "http" || u.Hostname() != "localhost" && u.Hostname() != "127.0.0.1") {
		return fmt.Errorf("%s is not an https URL", address)
	}
	hex, ok := strings.CutPrefix(digest, "sha256:")
	if !ok || len(hex) != 64 || strings.Trim(hex, "0123456789abcdef") != "" {
		return fmt.Errorf("%s is not pinned; write %s#sha256:DIGEST with the digest that sha256sum gives", address, address)
	}
	return nil
}
