package node

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/shell"
	"github.com/whittle-oci/whittle/builder/tree"
)

// own asks for what the files of the application are seen to use: a shell,
// programs, directories to write to.
func (r *Runtime) own(ctx context.Context, env *need.Env, s *need.Set, have *contents, out *need.Found) error {
	said := map[string]place{}
	for _, f := range have.sources {
		uses, err := r.source(ctx, env, f.Path, f.Entry.Size)
		if err != nil {
			return err
		}
		for _, u := range uses {
			at := fmt.Sprintf("%s:%d", f.Path, u.line)
			if err := r.use(ctx, env, s, u, at, said, out); err != nil {
				return err
			}
		}
	}
	out.Warnings = append(out.Warnings, told(said)...)
	return nil
}

// place is where something is seen first, and how often besides.
type place struct {
	message, hint string
	more          int
}

// note takes down what is to be said once.
func note(said map[string]place, key, message, hint string) {
	p, ok := said[key]
	if ok {
		p.more++
	} else {
		p = place{message: message, hint: hint}
	}
	said[key] = p
}

func told(said map[string]place) []image.Warning {
	var out []image.Warning
	for _, p := range said {
		message := p.message
		if p.more > 0 {
			message += fmt.Sprintf(" (and %d more)", p.more)
		}
		out = append(out, image.NewWarning("", message, p.hint))
	}
	return out
}

const temporary = "on a read-only root file system mount a tmpfs or an emptyDir at /tmp"

// use asks for what one place of a file uses.
func (r *Runtime) use(ctx context.Context, env *need.Env, s *need.Set, u use, at string, said map[string]place, out *need.Found) error {
	switch u.kind {
	case runsShell:
		return r.shellCommand(ctx, env, u, at, said, out)
	case runsProgram:
		if u.name == "" {
			note(said, "program", at+" starts a program whose name is computed", "include: the program when it is not in the image")
			return nil
		}
		return r.start(ctx, env, u.name, at, false, said, out)
	case usesTemp:
		out.Facts = append(out.Facts, need.Fact{Kind: need.Temp, Reason: at + " uses the directory for temporary files"})
		note(said, "temp", at+" uses the directory for temporary files, /tmp", temporary)
	case usesHome:
		out.Facts = append(out.Facts, need.Fact{Kind: need.Home, Reason: at + " asks for the home directory"})
	case writesTo:
		return r.writes(ctx, env, s, u.name, at, said, out)
	}
	return nil
}

// shellCommand asks for the shell that runs a command line, and for what that
// names.
func (r *Runtime) shellCommand(ctx context.Context, env *need.Env, u use, at string, said map[string]place, out *need.Found) error {
	message := at + " runs a command line by a shell"
	_, ok, err := tree.FindFile(ctx, env.Tree, "/bin/sh")
	if err != nil {
		return err
	}
	if !ok {
		note(said, "shell", message+", and the built image has no /bin/sh", "use spawn or execFile with a program and its arguments, which need no shell")
	} else { // the report says what that costs
		out.Needs = append(out.Needs, need.Need{Kind: need.Program, Path: "/bin/sh", By: at, Reason: message, Strength: need.Expected, Shell: true})
	}
	if u.name == "" {
		note(said, "line", at+" computes a command line, so its programs are not known", "include: those that are not in the image")
		return nil
	}
	text := u.name
	if !u.whole { // the first word is known where another follows
		first, rest, ok := strings.Cut(strings.TrimSpace(text), " ")
		if !ok || first == "" {
			note(said, "line", at+" computes a command line, so its programs are not known", "include: those that are not in the image")
			return nil
		}
		text = first
		if commands, err := shell.ReadCommands([]byte(first+" "+rest), "sh", shell.Place{}); err == nil && len(commands.Names) > 0 {
			for _, name := range commands.Names {
				if err := r.start(ctx, env, name, at, true, said, out); err != nil {
					return err
				}
			}
			return nil
		}
		return r.start(ctx, env, first, at, true, said, out)
	}
	commands, err := shell.ReadCommands([]byte(text), "sh", shell.Place{})
	if err != nil {
		return nil
	}
	for _, name := range commands.Names {
		if err := r.start(ctx, env, name, at, true, said, out); err != nil {
			return err
		}
	}
	return nil
}

// start asks for a program that is started by its name.
func (r *Runtime) start(ctx context.Context, env *need.Env, name, at string, byShell bool, said map[string]place, out *need.Found) error {
	if strings.ContainsAny(name, " \t\n") || isName(name) || byShell && name == "cd" {
		return nil
	}
	found, ok, err := env.LookPath(ctx, name)
	if err != nil {
		return err
	}
	if !ok && !strings.Contains(name, "/") {
		file, _, _ := strings.Cut(at, ":")
		if found, ok, err = r.bin(ctx, env, path.Dir(file), name); err != nil {
			return err
		}
	}
	if !ok {
		note(said, "missing "+name, fmt.Sprintf("%s starts %s, which is not in the built image", at, name), "install it in the final stage when it is used there")
		return nil
	}
	out.Needs = append(out.Needs, need.Need{Kind: need.Program, Path: found, By: at, Reason: at + " starts it", Strength: need.Expected, Shell: byShell})
	return nil
}

// writes makes a directory that a file of the application writes to one that
// the user of the image may write to, and says so: it was made by root.
func (r *Runtime) writes(ctx context.Context, env *need.Env, s *need.Set, name, at string, said map[string]place, out *need.Found) error {
	dir := env.Abs(name)
	if need.Below(dir, "/tmp") {
		out.Facts = append(out.Facts, need.Fact{Kind: need.Temp, Reason: at + " writes there"})
		note(said, "temp", at+" uses the directory for temporary files, /tmp", temporary)
		return nil
	}
	if need.Below(dir, "/dev") || need.Below(dir, "/proc") || need.Below(dir, "/sys") {
		return nil
	}
	res, ok, err := tree.Find(ctx, env.Tree, dir)
	if err != nil {
		return err
	}
	if !ok || !res.Entry.IsDir() {
		if path.Ext(dir) != "" {
			dir = path.Dir(dir)
		}
		if res, ok, err = tree.Find(ctx, env.Tree, dir); err != nil {
			return err
		}
	}
	workdir := env.Abs(".")
	message := fmt.Sprintf("%s writes to %s, which has to be writable", at, dir)
	hint := "on a read-only root file system mount a volume there"
	switch {
	case dir == workdir, dir == "/":
	case ok && !res.Entry.IsDir():
		return nil
	case ok && code(s, res.Path):
		message += ", and holds programs"
		hint = "write somewhere else, or set writable: " + dir
	case systemDir(dir), has(systemTrees, dir):
		message += ", and belongs to the system"
		hint = "write somewhere else, or set writable: " + dir
	default:
		out.Facts = append(out.Facts, need.Fact{Kind: need.State, Subject: dir, Reason: at + " writes there"})
	}
	note(said, "write "+dir, message, hint)
	return nil
}

// systemTrees are directories that no application should be able to write to.
var systemTrees = []string{"/bin", "/sbin", "/lib", "/lib64", "/etc", "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/share", "/usr/local/bin", "/usr/local/sbin", "/usr/local/lib", "/usr/local/share", "/boot", "/root"}

// code reports whether a directory holds files that node could load.
func code(s *need.Set, dir string) bool {
	if dir == "/" {
		return true
	}
	for _, f := range s.Files() {
		if need.Below(f.Path, dir) && (slices.Contains(languages, path.Ext(f.Path)) || path.Ext(f.Path) == ".node") {
			return true
		}
	}
	return false
}
