package discover

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/json"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// bakeSchema is what is read of a Bake file
// (docs.docker.com/build/bake/reference).
var bakeSchema = &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "variable", LabelNames: []string{"name"}}, {Type: "target", LabelNames: []string{"name"}}}}

var targetSchema = &hcl.BodySchema{Attributes: []hcl.AttributeSchema{
	{Name: "context"}, {Name: "dockerfile"}, {Name: "dockerfile-inline"}, {Name: "target"}, {Name: "args"}, {Name: "contexts"}, {Name: "inherits"}, {Name: "matrix"}, {Name: "platforms"},
}}

// A baking is a Bake file with its variables filled in.
type baking struct {
	targets map[string]hcl.Attributes
	names   []string // in the order of the file
	eval    *hcl.EvalContext
	data    []byte // of the file
}

// bake reads the targets of a Bake file. What hangs on an environment, on
// functions of the file itself or on other files is not known.
func bake(file string, data []byte) ([]definition, error) {
	if err := bounded(data); err != nil {
		return nil, err
	}
	parse := hclParse
	if filepath.Ext(file) == ".json" {
		parse = json.Parse
	}
	f, diags := parse(data, filepath.Base(file))
	if diags.HasErrors() {
		return nil, first(diags)
	}
	content, _, diags := f.Body.PartialContent(bakeSchema)
	if diags.HasErrors() {
		return nil, first(diags)
	}
	b := baking{targets: map[string]hcl.Attributes{}, eval: &hcl.EvalContext{Variables: map[string]cty.Value{}, Functions: functions()}, data: data}
	b.variables(content.Blocks)
	for _, block := range content.Blocks {
		if block.Type != "target" {
			continue
		}
		body, _, diags := block.Body.PartialContent(targetSchema)
		if diags.HasErrors() {
			return nil, first(diags)
		}
		name := block.Labels[0]
		if b.targets[name] == nil {
			b.names = append(b.names, name)
		}
		b.targets[name] = body.Attributes
	}
	var out []definition
	for _, name := range b.names {
		out = append(out, b.definitions(name)...)
	}
	return out, nil
}

// The bounds of a Bake file. Its parser calls itself for each level.
const (
	maxBake  = 128 << 10 // bytes
	maxLevel = 200
)

func bounded(data []byte) error {
	if len(data) > maxBake {
		return fmt.Errorf("%d bytes, more than the limit of %d", len(data), maxBake)
	}
	level := 0
	for _, c := range data {
		switch c {
		case '(', '[', '{':
			level++
		case ')', ']', '}':
			level = max(level-1, 0)
		}
		if level > maxLevel {
			return fmt.Errorf("more than %d levels", maxLevel)
		}
	}
	return nil
}

func hclParse(data []byte, name string) (*hcl.File, hcl.Diagnostics) {
	return hclsyntax.ParseConfig(data, name, hcl.InitialPos)
}

// first is the first error among diagnostics.
func first(diags hcl.Diagnostics) error {
	for _, d := range diags {
		if d.Severity == hcl.DiagError {
			if d.Subject != nil {
				return fmt.Errorf("line %d: %s", d.Subject.Start.Line, d.Summary)
			}
			return errors.New(d.Summary)
		}
	}
	return nil
}

// maxRounds bounds how often variables are filled into each other.
const maxRounds = 8

// variables gives the defaults of variables, which may hang on each other.
func (b *baking) variables(blocks hcl.Blocks) {
	schema := &hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "default"}}}
	for range maxRounds {
		changed := false
		for _, block := range blocks {
			if block.Type != "variable" {
				continue
			}
			if _, done := b.eval.Variables[block.Labels[0]]; done {
				continue
			}
			body, _, _ := block.Body.PartialContent(schema)
			if body == nil || body.Attributes["default"] == nil {
				continue
			}
			if v, diags := body.Attributes["default"].Expr.Value(b.eval); !diags.HasErrors() && v.IsWhollyKnown() && !v.IsNull() {
				b.eval.Variables[block.Labels[0]] = v
				changed = true
			}
		}
		if !changed {
			return
		}
	}
}

// functions are those of Bake's that files use most and that hang on nothing
// but their arguments.
func functions() map[string]function.Function {
	return map[string]function.Function{
		"coalesce": stdlib.CoalesceFunc, "concat": stdlib.ConcatFunc, "equal": stdlib.EqualFunc, "format": stdlib.FormatFunc, "join": stdlib.JoinFunc,
		"length": stdlib.LengthFunc, "lower": stdlib.LowerFunc, "merge": stdlib.MergeFunc, "notequal": stdlib.NotEqualFunc, "regex_replace": stdlib.RegexReplaceFunc,
		"replace": stdlib.ReplaceFunc, "split": stdlib.SplitFunc, "trim": stdlib.TrimFunc, "trimprefix": stdlib.TrimPrefixFunc, "trimsuffix": stdlib.TrimSuffixFunc,
		"upper": stdlib.UpperFunc, "and": stdlib.AndFunc, "or": stdlib.OrFunc, "not": stdlib.NotFunc,
	}
}
