package need_test

import (
	"context"
	"slices"
	"testing"

	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/wrapper"
	"github.com/whittle-oci/whittle/builder/tree"
)

// runner rewrites "run NAME" to "NAME.bin ARG…" with a variable, unless the
// command line has to stay.
type runner struct{}

func (runner) Resolve(_ context.Context, _ *need.Env, c need.Command) (need.Step, bool, error) {
	line := c.Line()
	if c.Program != "/bin/run" || len(line) < 2 {
		return need.Step{}, false, nil
	}
	argv := append([]string{"/bin/" + line[1]}, line[2:]...)
	s := need.Step{Next: need.Command{Argv: argv, Fixed: c.Fixed}}
	if !c.Fixed {
		s.Rewritten, s.From, s.WithMore, s.Why, s.Env = argv, need.Quote(line), len(c.More) > 0, "run only looks it up", []string{"RUN=" + line[1]}
	}
	return s, true, nil
}

func TestLaunchRewrites(t *testing.T) {
	var root tree.Memory
	for _, name := range []string{"/bin/run", "/bin/app", "/bin/tini"} {
		root.File(name, 0o755, []byte("\x7fELF"))
	}
	launchers := []need.Launcher{wrapper.Launcher{}, need.Lookup{}, runner{}, need.Execute{}}
	for _, c := range []struct {
		name     string
		command  need.Command
		argv     []string
		withMore bool
		vars     []string
	}{
		{"as it is", need.Command{Argv: []string{"app", "x"}}, []string{"app", "x"}, false, nil},
		{"looked up along PATH", need.Command{Argv: []string{"run", "app", "x"}}, []string{"/bin/app", "x"}, false, []string{"RUN=app"}},
		{"behind a wrapper", need.Command{Argv: []string{"tini", "--", "run", "app"}}, []string{"tini", "--", "/bin/app"}, false, []string{"RUN=app"}},
		{"with what the container appends", need.Command{Argv: []string{"tini", "run"}, More: []string{"app", "y"}}, []string{"tini", "/bin/app", "y"}, true, []string{"RUN=app"}},
		{"not where it has to stay", need.Command{Argv: []string{"run", "app"}, Fixed: true}, []string{"run", "app"}, false, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			env := &need.Env{Tree: &root}
			got, err := need.Launch(t.Context(), env, c.command, launchers)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got.Argv, c.argv) || got.WithMore != c.withMore || !slices.Equal(got.Env, c.vars) {
				t.Errorf("argv %q, with more %t, env %q; want %q, %t, %q", got.Argv, got.WithMore, got.Env, c.argv, c.withMore, c.vars)
			}
			if (len(got.Changes) > 0) != (len(c.vars) > 0) {
				t.Errorf("changes: %v", got.Changes)
			}
			if !slices.ContainsFunc(got.Needs, func(n need.Need) bool { return n.Path == "/bin/app" && n.Kind == need.Program }) {
				t.Errorf("the program is not asked for: %v", got.Needs)
			}
		})
	}
}
