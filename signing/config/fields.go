package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/whittle-oci/whittle/lint/suggest"
)

// A field is one key of a section: how it is read, and what an editor is told
// of it. One table serves both, so that they say the same.
type field struct {
	name, help string
	schema     map[string]any
	required   bool
	read       func(p parser, n *yaml.Node) error
}

// An Error is a file that cannot be understood. It names file, line and column.
type Error struct{ Place, Message string }

// Error gives the place and what is wrong.
func (e *Error) Error() string { return e.Place + ": " + e.Message }

// ExitCode is the code for a wrong configuration.
func (*Error) ExitCode() int { return 2 }

type parser struct{ name string }

func (p parser) errorf(n *yaml.Node, format string, args ...any) error {
	return &Error{fmt.Sprintf("%s:%d:%d", p.name, n.Line, n.Column), fmt.Sprintf(format, args...)}
}

// fields reads a mapping. Keys that nobody knows are errors with the nearest one
// that is known.
func (p parser) fields(n *yaml.Node, what string, fields []field) error {
	if n.Kind == yaml.AliasNode {
		return p.errorf(n, "%s: an alias is not read here; write it out", what)
	}
	if n.Kind != yaml.MappingNode {
		return p.errorf(n, "%s: want settings", what)
	}
	known := map[string]field{}
	var names []string
	for _, f := range fields {
		known[f.name] = f
		names = append(names, f.name)
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		f, ok := known[key.Value]
		if !ok {
			return p.errorf(key, "%s: no such setting %q; %s", what, key.Value, suggest.Hint(key.Value, names))
		}
		if seen[key.Value] {
			return p.errorf(key, "%s: %s stands here twice", what, key.Value)
		}
		seen[key.Value] = true
		if err := f.read(p, value); err != nil {
			return err
		}
	}
	for _, f := range fields {
		if f.required && !seen[f.name] {
			return p.errorf(n, "%s: %s is missing", what, f.name)
		}
	}
	return nil
}

func schemaOf(fields []field) map[string]any {
	properties := map[string]any{}
	var required []string
	for _, f := range fields {
		s := map[string]any{"description": f.help}
		for k, v := range f.schema {
			s[k] = v
		}
		properties[f.name] = s
		if f.required {
			required = append(required, f.name)
		}
	}
	out := map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		out["required"] = required
	}
	return out
}

func (p parser) word(n *yaml.Node, name string) (string, error) {
	if n.Kind != yaml.ScalarNode || n.Value == "" {
		return "", p.errorf(n, "%s: want one word", name)
	}
	return n.Value, nil
}

// text is one word, among if any are given.
func text(name, help string, out *string, among ...string) field {
	schema := map[string]any{"type": "string"}
	if len(among) > 0 {
		schema["enum"] = among
	}
	return field{name: name, help: help, schema: schema, read: func(p parser, n *yaml.Node) error {
		v, err := p.word(n, name)
		if err != nil {
			return err
		}
		for _, x := range among {
			if x == v {
				*out = v
				return nil
			}
		}
		if len(among) > 0 {
			return p.errorf(n, "%s: %q is none of %s", name, v, strings.Join(among, ", "))
		}
		*out = v
		return nil
	}}
}

func boolean(name, help string, out *bool) field {
	return field{name: name, help: help, schema: map[string]any{"type": "boolean"}, read: func(p parser, n *yaml.Node) error {
		if n.Kind != yaml.ScalarNode || n.Value != "true" && n.Value != "false" {
			return p.errorf(n, "%s: want true or false", name)
		}
		*out = n.Value == "true"
		return nil
	}}
}

// number is a whole number that is not below least.
func number(name, help string, least int64, out **int64) field {
	return field{name: name, help: help, schema: map[string]any{"type": "integer", "minimum": least}, read: func(p parser, n *yaml.Node) error {
		v, err := strconv.ParseInt(n.Value, 10, 64)
		if n.Kind != yaml.ScalarNode || err != nil || v < least {
			return p.errorf(n, "%s: want a number of at least %d", name, least)
		}
		*out = &v
		return nil
	}}
}

func duration(name, help string, out *time.Duration) field {
	return field{name: name, help: help, schema: map[string]any{"type": "string", "pattern": `^([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+$`}, read: func(p parser, n *yaml.Node) error {
		v, err := parseDuration(n.Value)
		if n.Kind != yaml.ScalarNode || err != nil || v <= 0 {
			return p.errorf(n, "%s: want a time such as 30m, 24h or 7d", name)
		}
		*out = v
		return nil
	}}
}

// parseDuration knows days besides what Go knows.
func parseDuration(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseInt(days, 10, 32)
		return time.Duration(n) * 24 * time.Hour, err
	}
	return time.ParseDuration(s)
}

// texts is one word or a list of them.
func texts(name, help string, out *[]string) field {
	one := map[string]any{"type": "string"}
	return field{name: name, help: help, schema: map[string]any{"anyOf": []any{one, map[string]any{"type": "array", "items": one}}}, read: func(p parser, n *yaml.Node) error {
		list := []*yaml.Node{n}
		if n.Kind == yaml.SequenceNode {
			list = n.Content
		}
		for _, item := range list {
			v, err := p.word(item, name)
			if err != nil {
				return err
			}
			*out = append(*out, v)
		}
		return nil
	}}
}

// pairs are names with a word each.
func pairs(name, help string, out *map[string]string) field {
	return field{name: name, help: help, schema: map[string]any{"type": "object", "additionalProperties": map[string]any{"type": "string"}}, read: func(p parser, n *yaml.Node) error {
		if n.Kind != yaml.MappingNode {
			return p.errorf(n, "%s: want names with a word each", name)
		}
		*out = map[string]string{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			if _, twice := (*out)[key.Value]; twice {
				return p.errorf(key, "%s: %s stands here twice", name, key.Value)
			}
			v, err := p.word(n.Content[i+1], name)
			if err != nil {
				return err
			}
			(*out)[key.Value] = v
		}
		return nil
	}}
}

func object[T any](name, help string, out **T, fields func(*T) []field) field {
	return field{name: name, help: help, schema: schemaOf(fields(new(T))), read: func(p parser, n *yaml.Node) error {
		*out = new(T)
		return p.fields(n, name, fields(*out))
	}}
}

// objects is a list of settings. place is told where each stands.
func objects[T any](name, help string, out *[]T, fields func(*T) []field, place func(*T, string)) field {
	return field{name: name, help: help, schema: map[string]any{"type": "array", "items": schemaOf(fields(new(T)))}, read: func(p parser, n *yaml.Node) error {
		if n.Kind != yaml.SequenceNode {
			return p.errorf(n, "%s: want a list", name)
		}
		for _, item := range n.Content {
			var x T
			if err := p.fields(item, name, fields(&x)); err != nil {
				return err
			}
			place(&x, fmt.Sprintf("%s:%d:%d", p.name, item.Line, item.Column))
			*out = append(*out, x)
		}
		return nil
	}}
}

func needed(f field) field { f.required = true; return f }
