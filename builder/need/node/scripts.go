package node

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/shell"
	"github.com/whittle-oci/whittle/builder/tree"
)

// maxFollowed is how many scripts of one package.json are followed.
const maxFollowed = 64

// follow asks for the commands of scripts that a package manager runs by a
// shell, and of those that these run.
func (r *Runtime) follow(ctx context.Context, env *need.Env, c need.Command, m *manifest, dir string, names []string, out *need.Found) error {
	seen, queue := map[string]bool{}, names
	for len(queue) > 0 && len(seen) < maxFollowed {
		name := queue[0]
		queue = queue[1:]
		text := m.scripts[name]
		if seen[name] || text == "" || len(text) > maxScript {
			continue
		}
		seen[name] = true
		queue = slices.Concat(queue, []string{"pre" + name, "post" + name}, followed(text))
		commands, err := shell.ReadCommands([]byte(text), "sh", shell.Place{})
		if err != nil {
			continue // npm would say so as well
		}
		for _, n := range commands.Names {
			if err := r.ask(ctx, env, c, dir, n, out); err != nil {
				return err
			}
		}
	}
	return nil
}

// ask asks for a command of a script that a shell runs.
func (r *Runtime) ask(ctx context.Context, env *need.Env, c need.Command, dir, name string, out *need.Found) error {
	found, ok, err := r.bin(ctx, env, dir, name)
	if err != nil {
		return err
	}
	if !ok {
		if found, ok, err = env.LookPath(ctx, name); err != nil {
			return err
		}
	}
	if !ok {
		out.Warnings = append(out.Warnings, image.NewWarning(c.Instruction, fmt.Sprintf("a script of %s runs %s, which is not in the built image", path.Join(dir, "package.json"), name), ""))
		return nil
	}
	out.Needs = append(out.Needs, need.Need{Kind: need.Program, Path: found, By: path.Join(dir, "package.json"), Reason: "run by a script of " + path.Join(dir, "package.json"), Strength: need.Expected, Instruction: c.Instruction, Shell: !isName(found)})
	return nil
}

// scripts follows the scripts of package.json that the image's own shell
// scripts and command lines start by a package manager, which launching does
// not look into.
func (r *Runtime) scripts(ctx context.Context, env *need.Env, s *need.Set, have *contents, out *need.Found) error {
	manager := false
	for _, f := range have.programs {
		root, err := r.root(ctx, env, f.Path)
		if err != nil {
			return err
		}
		switch tool := path.Base(root); {
		case tool == "corepack" && f.Program:
			return &image.UnsupportedError{Why: f.Path + " is started, and fetches a package manager when it is first run"}
		case tool == "npm", tool == "pnpm", strings.HasPrefix(tool, "yarn"):
			manager = manager || f.Program
		}
	}
	if !manager {
		return nil
	}
	var names []string
	for _, line := range env.Lines {
		names = append(names, followed(strings.Join(line, " "))...)
	}
	for _, f := range s.Files() {
		if !f.Program || f.Entry.Size > maxScript || strings.Contains(f.Path, "/node_modules/") {
			continue
		}
		if ok, err := shell.IsScript(ctx, env, f.Path); err != nil {
			return err
		} else if !ok {
			continue
		}
		text, err := tree.ReadFile(ctx, env.Tree, f.Path, maxScript)
		if err != nil {
			return fmt.Errorf("reading %s: %w", f.Path, err)
		}
		names = append(names, followed(string(text))...)
	}
	for dir := range r.roots {
		m, err := r.manifest(ctx, env, dir)
		if bad := (*badManifest)(nil); err != nil && !errors.As(err, &bad) {
			return err
		}
		if m == nil {
			continue
		}
		if err := r.follow(ctx, env, need.Command{}, m, dir, names, out); err != nil {
			return err
		}
	}
	return nil
}
