package image

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// A Difference is one way in which two plans differ. From is "" for what only
// the second has, To for what only the first has.
type Difference struct {
	Kind string `json:"kind"` // file, mode, owner, content, link, reason, config, package, component
	Name string `json:"name"` // path, or the field of the configuration, or a package
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
}

// Diff compares two plans: files with mode, owner, content, link target and
// reason, the configuration field by field, packages and components. What is
// said of them is not compared. Equal plans have no differences. Contents of
// files that come from a tree are compared by size alone, since a plan does not
// hold them.
func Diff(a, b *Plan) []Difference {
	var out []Difference
	note := func(kind, name, from, to string) {
		if from != to {
			out = append(out, Difference{kind, name, from, to})
		}
	}
	entries(a.Entries, b.Entries, note)
	configs(a, b, note)
	lists("package", packageList(a), packageList(b), note)
	lists("component", componentList(a), componentList(b), note)
	slices.SortStableFunc(out, func(x, y Difference) int {
		return cmp.Or(cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Name, y.Name))
	})
	return out
}

// entries walks both lists, which are in the order of paths, side by side.
func entries(a, b []Entry, note func(kind, name, from, to string)) {
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].Path < b[0].Path:
			note("file", a[0].Path, described(a[0]), "")
			a = a[1:]
		case len(a) == 0 || b[0].Path < a[0].Path:
			note("file", b[0].Path, "", described(b[0]))
			b = b[1:]
		default:
			entry(a[0], b[0], note)
			a, b = a[1:], b[1:]
		}
	}
}

func described(e Entry) string {
	return fmt.Sprintf("%s %s %d:%d %d bytes", e.Type, Octal(e.Mode), e.UID, e.GID, e.Size)
}

func entry(a, b Entry, note func(kind, name, from, to string)) {
	if a.Type != b.Type {
		note("file", a.Path, described(a), described(b))
		return
	}
	note("mode", a.Path, Octal(a.Mode), Octal(b.Mode))
	note("owner", a.Path, fmt.Sprintf("%d:%d", a.UID, a.GID), fmt.Sprintf("%d:%d", b.UID, b.GID))
	note("link", a.Path, a.Linkname, b.Linkname)
	note("reason", a.Path, a.Reason, b.Reason)
	from, to := fmt.Sprintf("%d bytes", a.Size), fmt.Sprintf("%d bytes", b.Size)
	if from == to && !bytes.Equal(a.Data, b.Data) {
		to += ", other ones"
	}
	note("content", a.Path, from, to)
}

// configs compares the configurations as the fields of their JSON, which are
// those of the OCI image specification.
func configs(a, b *Plan, note func(kind, name, from, to string)) {
	from, to := fields(a), fields(b)
	for name, v := range from {
		note("config", name, v, to[name])
	}
	for name, v := range to {
		if _, ok := from[name]; !ok {
			note("config", name, "", v)
		}
	}
}

func fields(p *Plan) map[string]string {
	out := map[string]string{}
	data, err := json.Marshal(p.Config)
	if err != nil {
		return out // strings, lists and maps of them always marshal
	}
	var all map[string]json.RawMessage
	if json.Unmarshal(data, &all) != nil {
		return out
	}
	for name, v := range all {
		if s := string(v); s != "null" && s != `""` {
			out[name] = s
		}
	}
	return out
}

func packageList(p *Plan) map[string]string {
	out := map[string]string{}
	for _, x := range p.Packages {
		out[strings.TrimSuffix(x.Origin+":"+x.Name+":"+x.Arch, ":")] = x.Version
	}
	return out
}

func componentList(p *Plan) map[string]string {
	out := map[string]string{}
	for _, x := range p.Components {
		out[x.Type+":"+x.Name+" of "+x.Program] = x.Version
	}
	return out
}

// lists compares versions by name.
func lists(kind string, a, b map[string]string, note func(kind, name, from, to string)) {
	for name, v := range a {
		w, ok := b[name]
		if ok {
			note(kind, name, v, w)
			continue
		}
		note(kind, name, cmp.Or(v, "no version"), "")
	}
	for name, w := range b {
		if _, ok := a[name]; !ok {
			note(kind, name, "", cmp.Or(w, "no version"))
		}
	}
}
