package discover

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/google/shlex"
	"go.yaml.in/yaml/v4"

	"github.com/whittle-oci/whittle/lint/embedded"
)

// A composing is a Compose file with what its variables are worth.
type composing struct {
	file string
	env  map[string]string
	root yaml.Node
}

// compose reads the services of a Compose file that are built
// (docs.docker.com/reference/compose-file/build).
func compose(file string, data []byte) ([]definition, error) {
	c := composing{file: file, env: environment(filepath.Join(filepath.Dir(file), ".env"))}
	var doc struct {
		Services map[string]struct {
			Build    any    `yaml:"build"`
			Platform string `yaml:"platform"`
			Command  any    `yaml:"command"`
		} `yaml:"services"`
	}
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, err
	}
	if err := yaml.Unmarshal(data, &c.root); err != nil {
		return nil, err
	}
	var out []definition
	for _, name := range slices.Sorted(maps.Keys(doc.Services)) {
		d := definition{name: name}
		var err error
		switch b := doc.Services[name].Build.(type) {
		case string:
			d.context, err = c.interpolate(b)
		case map[string]any:
			err = c.fill(&d, b)
		default:
			continue
		}
		// The service's own platform is built for where build names none.
		if p, err := c.interpolate(doc.Services[name].Platform); err == nil && p != "" && len(d.platforms) == 0 {
			d.platforms = []string{p}
		}
		if err == nil {
			d.command = c.command(doc.Services[name].Command)
			out = append(out, d)
		}
	}
	return out, nil
}

// command reads what a service runs instead of CMD: a list of words, or a text
// that Compose cuts into words as a shell does. It is nil where the service
// does not say, and where a variable is not known.
func (c *composing) command(v any) []string {
	var words []string
	switch x := v.(type) {
	case string:
		words, _ = shlex.Split(x) // what cannot be cut, Compose refuses
	case []any:
		for _, item := range x {
			words = append(words, fmt.Sprint(item))
		}
	}
	for i, w := range words {
		var err error
		if words[i], err = c.interpolate(w); err != nil {
			return nil
		}
	}
	return words
}

// fill reads a build section. Its only error is errUnknown.
func (c *composing) fill(d *definition, b map[string]any) error {
	word := func(key string) (string, error) {
		s, _ := b[key].(string)
		return c.interpolate(s)
	}
	var errs [4]error
	d.context, errs[0] = word("context")
	d.dockerfile, errs[1] = word("dockerfile")
	d.target, errs[2] = word("target")
	if text, ok := b["dockerfile_inline"].(string); ok {
		d.inline, errs[3] = c.inline(d.name, text)
	}
	d.args = map[string]string{}
	add := func(name, value string) {
		if v, err := c.interpolate(value); err == nil {
			d.args[name] = v
		}
	}
	switch args := b["args"].(type) {
	case map[string]any:
		for name, v := range args {
			if v != nil { // without a value it is the environment's
				add(name, fmt.Sprint(v))
			} else if v, ok := c.env[name]; ok {
				d.args[name] = v
			}
		}
	case []any:
		for _, item := range args {
			s, _ := item.(string)
			if name, value, ok := strings.Cut(s, "="); ok {
				add(name, value)
			} else if v, ok := c.env[name]; ok {
				d.args[name] = v
			}
		}
	}
	switch contexts := b["additional_contexts"].(type) {
	case map[string]any:
		d.contexts = slices.AppendSeq(d.contexts, maps.Keys(contexts))
	case []any:
		for _, item := range contexts {
			s, _ := item.(string)
			if name, _, ok := strings.Cut(s, "="); ok {
				d.contexts = append(d.contexts, name)
			}
		}
	}
	if list, ok := b["platforms"].([]any); ok {
		for _, item := range list {
			s, _ := item.(string)
			p, err := c.interpolate(s)
			if err != nil {
				d.platforms = nil
				break
			}
			d.platforms = append(d.platforms, p)
		}
	}
	return cmp.Or(errs[:]...)
}

// inline finds where the Dockerfile of a service stands.
func (c *composing) inline(service, text string) (*embedded.Block, error) {
	filled, err := c.interpolate(text)
	if err != nil {
		return nil, err
	}
	n := &c.root
	if n.Kind == yaml.DocumentNode {
		n = n.Content[0]
	}
	for _, key := range []string{"services", service, "build", "dockerfile_inline"} {
		if n = child(n, key, 0); n == nil {
			return nil, errUnknown
		}
	}
	b := &embedded.Block{First: n.Line, Last: n.Line, Text: []byte(filled), Escapes: []string{"$", "$$"}}
	if n.Style&yaml.LiteralStyle != 0 {
		b.First++
		b.Last += len(lines(text))
		b.Indent = -1 // to be seen in the file
	}
	return b, nil
}

// maxAliases bounds how far aliases of YAML lead.
const maxAliases = 16

// child is the value that a key has in a mapping, what it merges included, nil
// where it has none.
func child(n *yaml.Node, key string, depth int) *yaml.Node {
	for n != nil && n.Kind == yaml.AliasNode && depth < maxAliases {
		n, depth = n.Alias, depth+1
	}
	if n == nil || n.Kind != yaml.MappingNode || depth >= maxAliases {
		return nil
	}
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		switch value := n.Content[i+1]; {
		case n.Content[i].Value == key:
			for value.Kind == yaml.AliasNode && depth < maxAliases {
				value, depth = value.Alias, depth+1
			}
			return value
		case n.Content[i].Value == "<<" && value.Kind == yaml.SequenceNode:
			merged = append(merged, value.Content...)
		case n.Content[i].Value == "<<":
			merged = append(merged, value)
		}
	}
	for _, m := range merged {
		if found := child(m, key, depth+1); found != nil {
			return found
		}
	}
	return nil
}

// maxEnv is the largest .env that is read, in bytes.
const maxEnv = 1 << 20

// environment reads the file that Compose fills variables in from. One that cannot be
// read is as good as none.
func environment(file string) map[string]string {
	f, err := os.Open(file)
	if err != nil {
		return nil
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	env, err := dotenv.Parse(io.LimitReader(f, maxEnv))
	if err != nil {
		return nil
	}
	return env
}

// variable is a variable in a Compose file: $NAME, ${NAME}, ${NAME:-word} and
// its kin, and $$ for a dollar.
var variable = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\$(?:(\$)|\{([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-+?])([^{}]*))?\}|([A-Za-z_][A-Za-z0-9_]*))`)
})

// interpolate fills variables in as if none was set but those of .env. One
// without a value or a word of its own makes the text unknown.
func (c *composing) interpolate(s string) (string, error) {
	if !strings.Contains(s, "$") {
		return s, nil
	}
	known := true
	out := variable().ReplaceAllStringFunc(s, func(match string) string {
		m := variable().FindStringSubmatch(match)
		value, set := c.env[m[2]+m[5]]
		switch {
		case m[1] != "":
			return "$"
		case m[3] == "+" && set, m[3] == ":+" && value != "":
			return m[4]
		case strings.HasSuffix(m[3], "+"):
			return ""
		case m[3] == ":-" && value == "", m[3] == "-" && !set:
			return m[4]
		}
		known = known && set
		return value
	})
	if !known || strings.Contains(variable().ReplaceAllString(s, ""), "$") {
		return "", errUnknown
	}
	return out, nil
}
