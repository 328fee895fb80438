package config

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"go.yaml.in/yaml/v4"

	"github.com/whittle-oci/whittle/lint/suggest"
)

// mapping calls each with the entries of a mapping whose keys are known.
func (p parser) mapping(n *yaml.Node, what string, known []string, each func(key, value *yaml.Node) error) error {
	if isNull(n) {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		return p.errorf(n, "%s: want settings", what)
	}
	seen := map[string]bool{}
	for key, value := range pairs(n) {
		if !slices.Contains(known, key.Value) {
			return p.errorf(key, "no such setting %q; %s", key.Value, suggest.Hint(key.Value, known))
		}
		if seen[key.Value] {
			return p.errorf(key, "%s stands here twice", key.Value)
		}
		seen[key.Value] = true
		if isNull(value) {
			continue
		}
		if err := each(key, value); err != nil {
			return err
		}
	}
	return nil
}

func (p parser) sequence(n *yaml.Node, what string, each func(*yaml.Node) error) error {
	if n.Kind != yaml.SequenceNode {
		return p.errorf(n, "%s: want a list", what)
	}
	for _, item := range n.Content {
		if err := each(item); err != nil {
			return err
		}
	}
	return nil
}

// list reads a list of words; one word is a list too.
func (p parser) list(s Setting, n *yaml.Node, each func(*yaml.Node) error) error {
	if n.Kind == yaml.ScalarNode {
		return each(n)
	}
	what := "words"
	if s.Rules {
		what = "rules"
	}
	if n.Kind != yaml.SequenceNode {
		return p.errorf(n, "%s: want a list of %s", s.Name, what)
	}
	for _, item := range n.Content {
		if item.Kind != yaml.ScalarNode || isNull(item) {
			return p.errorf(item, "%s: want a list of %s", s.Name, what)
		}
		if err := each(item); err != nil {
			return err
		}
	}
	return nil
}

func (p parser) globs(s Setting, n *yaml.Node, to *[]string) error {
	return p.list(s, n, func(item *yaml.Node) error {
		if !doublestar.ValidatePattern(item.Value) {
			return p.errorf(item, "%s: %q is not a glob", s.Name, item.Value)
		}
		if clean := path.Clean(item.Value); clean == ".." || strings.HasPrefix(clean, "../") {
			return p.errorf(item, "%s: %q names nothing; globs are meant from the directory of this file, and stay below it", s.Name, item.Value)
		}
		*to = append(*to, item.Value)
		return nil
	})
}

func (p parser) word(s Setting, n *yaml.Node, to *string) error {
	if n.Kind != yaml.ScalarNode {
		return p.errorf(n, "%s: want one word", s.Name)
	}
	value := n.Value
	if s.Name == "suppressions" { // YAML 1.1 readers write on and off as truth
		value = map[string]string{"true": "on", "false": "off"}[value] + map[string]string{"on": "on", "off": "off"}[value]
	}
	if !slices.Contains(s.Among, value) {
		return p.errorf(n, "%s: %q is none of %s", s.Name, n.Value, strings.Join(s.Among, ", "))
	}
	*to = value
	return nil
}

func (p parser) words(s Setting, n *yaml.Node, to *map[string]string, places map[string]string) error {
	if n.Kind != yaml.MappingNode {
		return p.errorf(n, "%s: want names with one of %s each", s.Name, strings.Join(s.Among, ", "))
	}
	*to = map[string]string{}
	for key, value := range pairs(n) {
		if _, twice := (*to)[key.Value]; twice {
			return p.errorf(key, "%s: %s stands here twice", s.Name, key.Value)
		}
		if !slices.Contains(s.Among, value.Value) {
			return p.errorf(value, "%s of %s: %q is none of %s", s.Name, key.Value, value.Value, strings.Join(s.Among, ", "))
		}
		(*to)[key.Value] = value.Value
		if places != nil {
			places[key.Value] = at(p.name, key)
		}
	}
	return nil
}

func (p parser) boolean(s Setting, n *yaml.Node, set func(bool)) error {
	b, err := strconv.ParseBool(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil {
		return p.errorf(n, "%s: want true or false", s.Name)
	}
	set(b)
	return nil
}

// pairs yields the entries of a mapping.
func pairs(n *yaml.Node) func(yield func(key, value *yaml.Node) bool) {
	return func(yield func(key, value *yaml.Node) bool) {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i], resolve(n.Content[i+1])) {
				return
			}
		}
	}
}

// resolve follows an alias to what it stands for.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

func at(name string, n *yaml.Node) string { return fmt.Sprintf("%s:%d:%d", name, n.Line, n.Column) }
