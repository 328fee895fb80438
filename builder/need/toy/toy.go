// Package toy is the smallest runtime that there can be, an example for who
// writes another and a test of what it takes: one folder, and one line in
// builder/decide.
//
// A program of the language toy is a text file NAME.toy that /usr/bin/toy
// interprets. Its lines "use NAME" load /usr/lib/toy/NAME.toy.
package toy

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/tree"
)

const (
	interpreter = "/usr/bin/toy"
	library     = "/usr/lib/toy"
	maxProgram  = 1 << 20 // bytes that are read of one program
)

// A Runtime launches programs of the language and knows what they load.
type Runtime struct{}

// Resolve implements need.Launcher: "toy run NAME" starts NAME.toy in WORKDIR.
func (Runtime) Resolve(_ context.Context, env *need.Env, c need.Command) (need.Step, bool, error) {
	if c.Program != interpreter || len(c.Argv) < 3 || c.Argv[1] != "run" {
		return need.Step{}, false, nil
	}
	main := env.Abs(c.Argv[2] + ".toy")
	return need.Step{Found: need.Found{Needs: []need.Need{
		{Kind: need.Program, Path: interpreter, By: c.Instruction, Reason: c.Reason, Strength: need.Required, Instruction: c.Instruction},
		{Kind: need.Config, Path: main, By: interpreter, Reason: "main file of " + c.Instruction, Strength: need.Required, Instruction: c.Instruction},
	}}}, true, nil
}

// Claims implements need.Provider.
func (Runtime) Claims(v need.Visit) bool {
	return v.Need.Kind == need.Config && path.Ext(v.Path) == ".toy"
}

// Needs implements need.Provider: the libraries that a program uses. One that
// is not there keeps it from starting.
func (Runtime) Needs(ctx context.Context, env *need.Env, v need.Visit) (need.Found, error) {
	var out need.Found
	text, err := tree.ReadFile(ctx, env.Tree, v.Path, maxProgram)
	if err != nil {
		return out, fmt.Errorf("reading the program %s: %w", v.Path, err)
	}
	for line := range strings.Lines(string(text)) {
		name, ok := strings.CutPrefix(strings.TrimSpace(line), "use ")
		if !ok {
			continue
		}
		file := path.Join(library, name+".toy")
		out.Needs = append(out.Needs, need.Need{Kind: need.Config, Path: file, By: v.Path, Reason: "used by " + v.Path, Strength: need.Required})
		out.Components = append(out.Components, image.Component{Type: "generic", Name: name, Program: v.Path})
	}
	return out, nil
}
