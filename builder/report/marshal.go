package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Marshal gives the report as JSON of at most limit bytes. What does not fit
// is left out: the files first, then entries of the other lists from their
// ends, warnings last. The report says so itself.
func (r *Report) Marshal(limit int) ([]byte, error) {
	encode := func(r *Report) ([]byte, error) { return compact(r) }
	if dt, err := encode(r); err != nil || len(dt) <= limit {
		return dt, err
	}
	short := *r
	short.Files, short.Truncated = nil, true
	_, dt, err := short.within(limit, encode)
	return dt, err
}

// maxText is the length, in bytes, to which texts are cut in a report that is
// too large. least is the same where even that is too much.
const maxText, least = 1 << 10, 64

// within encodes the report, with as much left out of its lists as limit, in
// bytes, demands, and gives that report too. The report itself stays as it is.
func (r *Report) within(limit int, encode func(*Report) ([]byte, error)) (*Report, []byte, error) {
	dt, err := encode(r)
	if err != nil || len(dt) <= limit {
		return r, dt, err
	}
	short := r.clipped(maxText)
	for _, l := range lists {
		if dt, err = encode(short); err != nil || len(dt) <= limit {
			return short, dt, err
		}
		short, err = short.without(l, len(dt)+len(`,"omitted":{"programs":12345678}`)-limit)
		if err != nil {
			return nil, nil, err
		}
	}
	if dt, err = encode(short); err != nil || len(dt) <= limit {
		return short, dt, err
	}
	short = short.clipped(least)
	if dt, err = encode(short); err == nil && len(dt) > limit {
		return nil, nil, fmt.Errorf("the report does not fit into %d bytes", limit)
	}
	return short, dt, err
}

// A list is one of the report's that may be cut short.
type list struct {
	name  string
	items func(*Report) []any
	cut   func(*Report, int)
}

// lists are in the order in which they go.
var lists = []list{
	{"left", func(r *Report) []any { return items(r.Left) }, func(r *Report, n int) { r.Left = r.Left[:n] }},
	{"changes", func(r *Report) []any { return items(r.Changes) }, func(r *Report, n int) { r.Changes = r.Changes[:n] }},
	{"cgo", func(r *Report) []any { return items(r.Static.cgo()) }, func(r *Report, n int) { s := *r.Static; s.Cgo = s.Cgo[:n]; r.Static = &s }},
	{"programs", func(r *Report) []any { return items(r.Programs) }, func(r *Report, n int) { r.Programs = r.Programs[:n] }},
	{"warnings", func(r *Report) []any { return items(r.Warnings) }, func(r *Report, n int) { r.Warnings = r.Warnings[:n] }},
}

func items[T any](list []T) []any {
	out := make([]any, len(list))
	for i, x := range list {
		out[i] = x
	}
	return out
}

func (s *Static) cgo() []string {
	if s == nil {
		return nil
	}
	return s.Cgo
}

// without gives the report with so many entries less at the end of a list that
// it is shorter by n bytes, or with none of them.
func (r *Report) without(l list, n int) (*Report, error) {
	all := l.items(r)
	keep := len(all)
	for ; keep > 0 && n > 0; keep-- {
		dt, err := compact(all[keep-1])
		if err != nil {
			return nil, err
		}
		n -= len(dt) + len(",")
	}
	if keep == len(all) {
		return r, nil
	}
	out := *r
	l.cut(&out, keep)
	if out.Omitted = maps.Clone(r.Omitted); out.Omitted == nil {
		out.Omitted = map[string]int{}
	}
	out.Omitted[l.name] = len(all) - keep
	return &out, nil
}

// clipped gives the report with no text longer than n bytes, but for the paths
// of files.
func (r *Report) clipped(n int) *Report {
	out := *r
	for _, s := range []*string{&out.Platform, &out.Before.User, &out.Before.Shell, &out.Before.Unknown, &out.After.User, &out.After.Shell} {
		*s = clip(*s, n)
	}
	out.Programs = slices.Clone(r.Programs)
	clipAll(out.Programs, n)
	if r.Static != nil {
		s := *r.Static
		s.Why, s.Set, s.Cgo = clip(s.Why, n), slices.Clone(s.Set), slices.Clone(s.Cgo)
		clipAll(s.Set, n)
		clipAll(s.Cgo, n)
		out.Static = &s
	}
	out.Changes = slices.Clone(r.Changes)
	for i := range out.Changes {
		c := &out.Changes[i]
		c.Kind, c.Name, c.From, c.To, c.Why = clip(c.Kind, n), clip(c.Name, n), clip(c.From, n), clip(c.To, n), clip(c.Why, n)
	}
	out.Left = slices.Clone(r.Left)
	for i := range out.Left {
		out.Left[i].Path, out.Left[i].Why = clip(out.Left[i].Path, n), clip(out.Left[i].Why, n)
	}
	out.Warnings = slices.Clone(r.Warnings)
	for i := range out.Warnings {
		w := &out.Warnings[i]
		w.Instruction, w.Message, w.Hint = clip(w.Instruction, n), clip(w.Message, n), clip(w.Hint, n)
	}
	return &out
}

func clipAll(list []string, n int) {
	for i := range list {
		list[i] = clip(list[i], n)
	}
}

// clip cuts a text to n bytes, between characters.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

// compact is JSON as short as it gets, without escapes for HTML.
func compact(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
