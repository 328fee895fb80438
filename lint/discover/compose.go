package discover

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v4"
)

// compose reads the services of a Compose file that are built
// (docs.docker.com/reference/compose-file/build).
func compose(data []byte) ([]definition, error) {
	var doc struct {
		Services map[string]struct {
			Build    any    `yaml:"build"`
			Platform string `yaml:"platform"`
		} `yaml:"services"`
	}
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, err
	}
	var out []definition
	for _, name := range slices.Sorted(maps.Keys(doc.Services)) {
		d := definition{name: name}
		var err error
		switch b := doc.Services[name].Build.(type) {
		case string:
			d.context, err = interpolate(b)
		case map[string]any:
			err = d.fromCompose(b)
		default:
			continue
		}
		// The service's own platform is built for where build names none.
		if p, err := interpolate(doc.Services[name].Platform); err == nil && p != "" && len(d.platforms) == 0 {
			d.platforms = []string{p}
		}
		if err == nil {
			out = append(out, d)
		}
	}
	return out, nil
}

// fromCompose reads a build section. Its only error is errUnknown.
func (d *definition) fromCompose(b map[string]any) error {
	if _, inline := b["dockerfile_inline"]; inline {
		return errUnknown
	}
	word := func(key string) (string, error) {
		s, _ := b[key].(string)
		return interpolate(s)
	}
	var errs [3]error
	d.context, errs[0] = word("context")
	d.dockerfile, errs[1] = word("dockerfile")
	d.target, errs[2] = word("target")
	d.args = map[string]string{}
	add := func(name, value string) {
		if v, err := interpolate(value); err == nil {
			d.args[name] = v
		}
	}
	switch args := b["args"].(type) {
	case map[string]any:
		for name, v := range args {
			if v != nil { // without a value it is the environment's
				add(name, fmt.Sprint(v))
			}
		}
	case []any:
		for _, item := range args {
			s, _ := item.(string)
			if name, value, ok := strings.Cut(s, "="); ok {
				add(name, value)
			}
		}
	}
	if list, ok := b["platforms"].([]any); ok {
		for _, item := range list {
			s, _ := item.(string)
			p, err := interpolate(s)
			if err != nil {
				d.platforms = nil
				break
			}
			d.platforms = append(d.platforms, p)
		}
	}
	return cmp.Or(errs[:]...)
}

// variable is a variable in a Compose file: $NAME, ${NAME}, ${NAME:-word} and
// its kin, and $$ for a dollar.
var variable = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\$(?:(\$)|\{([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-+?])([^{}]*))?\}|([A-Za-z_][A-Za-z0-9_]*))`)
})

// interpolate fills variables in as if none was set. One without a word of its
// own makes the text unknown.
func interpolate(s string) (string, error) {
	if !strings.Contains(s, "$") {
		return s, nil
	}
	known := true
	out := variable().ReplaceAllStringFunc(s, func(match string) string {
		m := variable().FindStringSubmatch(match)
		switch {
		case m[1] != "":
			return "$"
		case strings.HasSuffix(m[3], "-"):
			return m[4]
		case strings.HasSuffix(m[3], "+"):
			return ""
		}
		known = false
		return ""
	})
	if !known || strings.Contains(variable().ReplaceAllString(s, ""), "$") {
		return "", errUnknown
	}
	return out, nil
}
