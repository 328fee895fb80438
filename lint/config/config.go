// Package config reads the lint section of .whittle.yaml.
package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/agext/levenshtein"
	"go.yaml.in/yaml/v4"
)

// Config is what the lint section says. The zero value is the recommended
// preset.
type Config struct {
	Preset   string            // recommended, strict or hadolint; "" for recommended
	Only     []string          // rules to run, nothing else
	Ignore   []string          // rules not to run
	Severity map[string]string // severity by rule
	FailOn   string            // error, warning, info, style or none
}

// An Error is a file that cannot be understood. It names file and line.
type Error struct{ Place, Message string }

// Error gives the place and what is wrong.
func (e *Error) Error() string { return e.Place + ": " + e.Message }

// ExitCode is the code for a wrong configuration.
func (*Error) ExitCode() int { return 2 }

var (
	sections = []string{"lint", "build", "sign", "verify"}
	keys     = []string{"preset", "only", "ignore", "severity", "fail-on"}
)

// Parse reads a file. Sections that belong to others are left to them; names
// that nobody knows are errors with the nearest one that somebody does.
func Parse(name string, data []byte) (Config, error) {
	var c Config
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return c, &Error{name, err.Error()}
	}
	if len(doc.Content) == 0 {
		return c, nil
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		return c, &Error{at(name, root), "want sections: " + strings.Join(sections, ", ")}
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		if !slices.Contains(sections, key.Value) {
			return c, &Error{at(name, key), fmt.Sprintf("no such section %q; did you mean %s?", key.Value, nearest(key.Value, sections))}
		}
		if key.Value != "lint" || value.Tag == "!!null" {
			continue
		}
		if value.Kind != yaml.MappingNode {
			return c, &Error{at(name, value), "lint: want settings"}
		}
		if err := c.section(name, value); err != nil {
			return c, err
		}
	}
	return c, nil
}

func (c *Config) section(name string, n *yaml.Node) error {
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		var to any
		switch key.Value {
		case "preset":
			to = &c.Preset
		case "only":
			to = &c.Only
		case "ignore":
			to = &c.Ignore
		case "severity":
			to = &c.Severity
		case "fail-on":
			to = &c.FailOn
		default:
			return &Error{at(name, key), fmt.Sprintf("no such setting %q; did you mean %s?", key.Value, nearest(key.Value, keys))}
		}
		if err := value.Decode(to); err != nil {
			return &Error{at(name, value), key.Value + ": " + kind(to)}
		}
	}
	for _, x := range []struct {
		key, value string
		among      []string
	}{
		{"preset", c.Preset, []string{"", "recommended", "strict", "hadolint"}},
		{"fail-on", c.FailOn, []string{"", "error", "warning", "info", "style", "none"}},
	} {
		if !slices.Contains(x.among, x.value) {
			return &Error{at(name, n), fmt.Sprintf("%s: %q is none of %s", x.key, x.value, strings.Join(x.among[1:], ", "))}
		}
	}
	return nil
}

func kind(to any) string {
	switch to.(type) {
	case *[]string:
		return "want a list of rules"
	case *map[string]string:
		return "want rules with their severities"
	}
	return "want one word"
}

func at(name string, n *yaml.Node) string { return name + ":" + strconv.Itoa(n.Line) }

func nearest(word string, among []string) string {
	return slices.MinFunc(among, func(a, b string) int {
		return levenshtein.Distance(word, a, nil) - levenshtein.Distance(word, b, nil)
	})
}
