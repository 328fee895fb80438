package source

import (
	"context"
	"fmt"
	"slices"

	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/tree"
)

// Own reads an application's own sources, each once. It is for one tree.
type Own struct{ read map[string]*need.Found } // by path

// NewOwn returns one that has read nothing yet.
func NewOwn() *Own { return &Own{map[string]*need.Found{}} }

// Settle adds to out what the files of an image need that is says are the
// application's own sources, within the limits of this package. uses says what
// the text of one needs.
func (o *Own) Settle(ctx context.Context, env *need.Env, s *need.Set, is func(*need.File) bool, uses func(ctx context.Context, env *need.Env, where, text string, out *need.Found) error, out *need.Found) error {
	files, total := 0, int64(0)
	for _, f := range s.Files() {
		if !is(f) || files == MaxFiles || total+f.Entry.Size > MaxTotal {
			continue
		}
		files, total = files+1, total+f.Entry.Size
		found, ok := o.read[f.Path]
		if !ok {
			text, err := tree.ReadOptional(ctx, env.Tree, f.Path, MaxFile)
			if err != nil {
				return fmt.Errorf("reading the source %s: %w", f.Path, err)
			}
			found = &need.Found{}
			if err := uses(ctx, env, f.Path, string(text), found); err != nil {
				return err
			}
			o.read[f.Path] = found
		}
		out.Needs = append(out.Needs, found.Needs...)
		out.Facts = append(out.Facts, found.Facts...)
		out.Warnings = append(out.Warnings, found.Warnings...)
	}
	return nil
}

// Interpreters lists the programs of a language, which is tells by their names,
// that an image starts: by themselves or as the interpreters of scripts.
func Interpreters(ctx context.Context, env *need.Env, programs []string, is func(name string) bool) ([]string, error) {
	all := slices.Clone(programs)
	for _, name := range programs {
		s, at, err := ScriptOf(ctx, env, name, is)
		if err != nil {
			return nil, fmt.Errorf("reading the script %s: %w", name, err)
		}
		if s != nil {
			all = append(all, at)
		}
	}
	var out []string
	for _, name := range all {
		if is(name) && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out, nil
}
