package node

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path"
	"sort"
	"strconv"
	"strings"

	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/tree"
)

// maxManifest is the largest package.json that is read, in bytes.
const maxManifest = 1 << 20

// A manifest is a package.json, as far as it matters. A field of another type
// than it should have is as good as none.
type manifest struct {
	path    string // as it was asked for
	name    string
	version string
	main    string
	scripts map[string]string
	bin     map[string]string
	direct  map[string]bool // names of dependencies and optionalDependencies
	dev     map[string]bool // names of devDependencies
	manager string          // packageManager, such as "pnpm@9.1.0"
	fields  map[string]json.RawMessage
}

// parseManifest reads a package.json. The error is that of the JSON.
func parseManifest(text []byte) (*manifest, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff")) // npm and node take it off, too
	m := &manifest{}
	if err := json.Unmarshal(text, &m.fields); err != nil {
		return nil, err
	}
	field(m.fields["name"], &m.name)
	field(m.fields["version"], &m.version)
	field(m.fields["main"], &m.main)
	field(m.fields["packageManager"], &m.manager)
	m.scripts = texts(m.fields["scripts"])
	m.direct, m.dev = map[string]bool{}, map[string]bool{}
	for _, f := range []string{"dependencies", "optionalDependencies"} {
		for name := range texts(m.fields[f]) {
			m.direct[name] = true
		}
	}
	for name := range texts(m.fields["devDependencies"]) {
		m.dev[name] = !m.direct[name]
	}
	var file string
	if field(m.fields["bin"], &file); file != "" {
		m.bin = map[string]string{path.Base(m.name): file}
	} else {
		m.bin = texts(m.fields["bin"])
	}
	return m, nil
}

func field(raw json.RawMessage, into *string) {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		*into = s
	}
}

// texts reads an object of strings; what is no string is left out.
func texts(raw json.RawMessage) map[string]string {
	var all map[string]json.RawMessage
	if json.Unmarshal(raw, &all) != nil {
		return nil
	}
	out := make(map[string]string, len(all))
	for k, v := range all {
		var s string
		if json.Unmarshal(v, &s) == nil {
			out[k] = s
		}
	}
	return out
}

// variables are the fields that npm gives to scripts as npm_package_NAME, up to
// a bound: name, version, bin, config and engines since npm 7, all fields
// before (docs.npmjs.com/cli/v10/using-npm/scripts).
func (m *manifest) variables() map[string]string {
	out := map[string]string{"npm_package_json": m.path}
	var add func(name string, raw json.RawMessage, depth int)
	add = func(name string, raw json.RawMessage, depth int) {
		if len(out) > maxVariables || depth > 4 {
			return
		}
		var value any
		if json.Unmarshal(raw, &value) != nil {
			return
		}
		switch v := value.(type) {
		case string:
			out[name] = v
		case bool:
			out[name] = strconv.FormatBool(v)
		case float64:
			out[name] = strconv.FormatFloat(v, 'f', -1, 64)
		case map[string]any:
			var inner map[string]json.RawMessage
			_ = json.Unmarshal(raw, &inner) // it was an object a line ago
			for _, k := range keys(inner) {
				add(name+"_"+variable(k), inner[k], depth+1)
			}
		}
	}
	for _, k := range keys(m.fields) {
		add("npm_package_"+variable(k), m.fields[k], 0)
	}
	return out
}

// maxVariables bounds the fields of one package.json that are looked at.
const maxVariables = 1000

// variable makes a field's name one of a variable: what is no letter or digit
// becomes an underscore.
func variable(field string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, field)
}

func keys(m map[string]json.RawMessage) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

// A badManifest is a package.json that cannot be read.
type badManifest struct {
	path string
	err  error
}

// Error implements error.
func (e *badManifest) Error() string { return fmt.Sprintf("%s is not valid JSON: %v", e.path, e.err) }

// manifest reads the package.json of a directory; nil where there is none. The
// error is *badManifest where it is no JSON.
func (r *Runtime) manifest(ctx context.Context, env *need.Env, dir string) (*manifest, error) {
	name := path.Join(dir, "package.json")
	if m, ok := r.manifests[name]; ok {
		return m, nil
	}
	res, ok, err := tree.Find(ctx, env.Tree, name)
	if err != nil {
		return nil, err
	}
	if !ok || !res.Entry.IsRegular() {
		r.manifests[name] = nil
		return nil, nil
	}
	if res.Entry.Size > maxManifest {
		return nil, &badManifest{name, fmt.Errorf("it has %d bytes, more than the %d that are read", res.Entry.Size, maxManifest)}
	}
	text, err := tree.ReadFile(ctx, env.Tree, res.Path, maxManifest)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	m, err := parseManifest(text)
	if err != nil {
		return nil, &badManifest{name, err}
	}
	m.path = name
	r.manifests[name] = m
	return m, nil
}

// nearest finds the directory of the package that a directory belongs to: the
// first, upwards, that has a package.json. ok is false where there is none.
func (r *Runtime) nearest(ctx context.Context, env *need.Env, dir string) (string, bool, error) {
	for ; ; dir = path.Dir(dir) {
		res, ok, err := tree.Find(ctx, env.Tree, path.Join(dir, "package.json"))
		if err != nil {
			return "", false, err
		}
		if ok && res.Entry.IsRegular() {
			return dir, true, nil
		}
		if dir == "/" {
			return "", false, nil
		}
	}
}
