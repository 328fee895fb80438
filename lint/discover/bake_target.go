package discover

import (
	"bytes"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/whittle-oci/whittle/lint/embedded"
)

// definitions gives the ways in which a target is built: one, or those of its
// matrix.
func (b *baking) definitions(name string) []definition {
	var out []definition
	for _, eval := range b.matrix(name) {
		d := definition{name: name, args: map[string]string{}}
		if b.fill(&d, name, eval, nil) == nil {
			out = append(out, d)
		}
	}
	return out
}

// maxMatrix bounds how many ways a matrix is followed.
const maxMatrix = 64

// matrix gives the variables of each way of a target.
func (b *baking) matrix(name string) []*hcl.EvalContext {
	attr := b.targets[name]["matrix"]
	if attr == nil {
		return []*hcl.EvalContext{b.eval}
	}
	v, diags := attr.Expr.Value(b.eval)
	if diags.HasErrors() || !v.IsWhollyKnown() || v.IsNull() || !v.CanIterateElements() {
		return nil
	}
	ways := []map[string]cty.Value{{}}
	for it := v.ElementIterator(); it.Next(); {
		key, list := it.Element()
		if key.Type() != cty.String || list.IsNull() || !list.CanIterateElements() {
			return nil
		}
		var next []map[string]cty.Value
		for _, way := range ways {
			for values := list.ElementIterator(); values.Next() && len(next) < maxMatrix; {
				_, value := values.Element()
				more := map[string]cty.Value{key.AsString(): value}
				for k, v := range way {
					more[k] = v
				}
				next = append(next, more)
			}
		}
		ways = next
	}
	out := make([]*hcl.EvalContext, len(ways))
	for i, way := range ways {
		out[i] = b.eval.NewChild()
		out[i].Variables = way
	}
	return out
}

// fill reads a target over those that it inherits from. Its only error is
// errUnknown.
func (b *baking) fill(d *definition, name string, eval *hcl.EvalContext, from []string) error {
	attrs, ok := b.targets[name]
	if !ok || slices.Contains(from, name) || len(from) > maxRounds {
		return errUnknown
	}
	if a := attrs["inherits"]; a != nil {
		parents := list(a.Expr, eval)
		if parents == nil {
			return errUnknown
		}
		for _, parent := range parents {
			if err := b.fill(d, parent, eval, append(from, name)); err != nil {
				return err
			}
		}
	}
	for key, to := range map[string]*string{"context": &d.context, "dockerfile": &d.dockerfile, "target": &d.target} {
		if a := attrs[key]; a != nil {
			v, diags := a.Expr.Value(eval)
			text, err := words(v)
			if diags.HasErrors() || err != nil {
				return errUnknown
			}
			*to = text
		}
	}
	if a := attrs["dockerfile-inline"]; a != nil {
		v, diags := a.Expr.Value(eval)
		text, err := words(v)
		if diags.HasErrors() || err != nil {
			return errUnknown
		}
		d.inline = b.inline(a.Expr.Range(), text)
	}
	if a := attrs["platforms"]; a != nil {
		d.platforms = list(a.Expr, eval)
	}
	if a := attrs["args"]; a != nil {
		maps.Copy(d.args, pairs(a.Expr, eval, words))
	}
	if a := attrs["contexts"]; a != nil {
		// What is in one need not be known.
		d.contexts = slices.AppendSeq(d.contexts, maps.Keys(pairs(a.Expr, eval, func(cty.Value) (string, error) { return "", nil })))
	}
	return nil
}

// inline finds where a Dockerfile stands: in a heredoc it has lines of its own
// (github.com/hashicorp/hcl, hclsyntax/spec.md, template expressions).
func (b *baking) inline(at hcl.Range, text string) *embedded.Block {
	out := &embedded.Block{First: at.Start.Line, Last: at.Start.Line, Text: []byte(text), Escapes: []string{"${", "$${", "%{", "%%{"}}
	if bytes.HasPrefix(b.data[at.Start.Byte:], []byte("<<")) {
		out.First++
		out.Last += len(lines(text))
		out.Indent = -1 // to be seen in the file
	}
	return out
}

// pairs reads a map entry by entry, so that one that is not known does not hide
// the others.
func pairs(expr hcl.Expression, eval *hcl.EvalContext, read func(cty.Value) (string, error)) map[string]string {
	out := map[string]string{}
	list, diags := hcl.ExprMap(expr)
	if diags.HasErrors() {
		return out
	}
	for _, p := range list {
		k, diags := p.Key.Value(eval)
		v, _ := p.Value.Value(eval) // what cannot be computed is not known
		name, nameErr := words(k)
		text, err := read(v)
		if !diags.HasErrors() && nameErr == nil && err == nil {
			out[name] = text
		}
	}
	return out
}

// list gives the texts of a list, nil where one of them is not known.
func list(expr hcl.Expression, eval *hcl.EvalContext) []string {
	v, diags := expr.Value(eval)
	if diags.HasErrors() || !v.IsWhollyKnown() || v.IsNull() || !v.CanIterateElements() {
		return nil
	}
	out := []string{}
	for it := v.ElementIterator(); it.Next(); {
		_, item := it.Element()
		text, err := words(item)
		if err != nil {
			return nil
		}
		out = append(out, text)
	}
	return out
}

// words is a value as text.
func words(v cty.Value) (string, error) {
	if !v.IsWhollyKnown() || v.IsNull() {
		return "", errUnknown
	}
	s, err := convert.Convert(v, cty.String)
	if err != nil || s.IsNull() {
		return "", errUnknown
	}
	return s.AsString(), nil
}
