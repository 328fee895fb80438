// Package shell knows what shell scripts need: their interpreter, the commands
// that they are seen to run, the files that they name. Scripts of other
// interpreters are told apart by their #! line.
package shell

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/tree"
	"github.com/whittle-oci/whittle/lint/command"
)

// Limits on the scripts that are read for their commands.
const (
	maxScript  = 1 << 20 // bytes of one
	maxSourced = 64      // files that one script reads in, and those in turn
)

// A Provider answers for #! scripts and for shells, and launches what they
// start. It keeps what it has read, and is for one tree and environment.
type Provider struct {
	scripts map[string]*script // by real path; nil for what is no shell script
	heads   map[string]*command.Script
	sourced map[dialect]parsed // files that scripts read in
}

// dialect is a file that a shell reads in.
type dialect struct{ path, shell string }

type parsed struct {
	Commands
	err error
}

// New returns a provider that has read nothing yet.
func New() *Provider {
	return &Provider{scripts: map[string]*script{}, heads: map[string]*command.Script{}, sourced: map[dialect]parsed{}}
}

// script is a shell script and what it needs.
type script struct {
	found    need.Found
	execArgs bool // it runs its own arguments
}

// Claims implements need.Provider.
func (p *Provider) Claims(v need.Visit) bool {
	return v.Need.Kind == need.Program && (strings.HasPrefix(string(v.Head), "#!") || command.IsShell(v.Need.Path))
}

// Asks implements need.Asker: the report says who needs a shell.
func (p *Provider) Asks(v need.Visit) bool { return !strings.HasPrefix(string(v.Head), "#!") }

// Needs implements need.Provider.
func (p *Provider) Needs(ctx context.Context, env *need.Env, v need.Visit) (need.Found, error) {
	if s, ok := command.Shebang(v.Head); ok {
		return p.scriptNeeds(ctx, env, v, s)
	}
	why, hint := v.Need.By+" needs a shell", "use the exec form with a program that needs none, or set no-shell to make this an error"
	if strings.HasPrefix(v.Need.Reason, v.Need.By+" ") { // says itself what needs it
		why, hint = v.Need.Reason, "include: the commands it runs"
	}
	if env.NoShell {
		return need.Found{}, &image.RefusedError{
			Instruction: v.Need.Instruction,
			Message:     fmt.Sprintf("%s (%s), and no-shell is set", why, v.Need.Path),
			Hint:        `use the exec form with a program that needs none: ["program", "argument"]`,
		}
	}
	return need.Found{
		Facts:  []need.Fact{{Kind: need.Temp, Reason: "a shell keeps here-documents in /tmp"}},
		Shells: []need.ShellUse{{Instruction: v.Need.Instruction, Why: why, Shell: v.Need.Path, Hint: hint}},
	}, nil
}

// scriptNeeds gives the interpreter of a script and, for a shell script, the
// commands it is seen to run.
func (p *Provider) scriptNeeds(ctx context.Context, env *need.Env, v need.Visit, s command.Script) (need.Found, error) {
	if _, err := tree.Resolve(ctx, env.Tree, s.Interpreter); need.Missing(err) {
		return need.Found{}, &image.RefusedError{
			Instruction: v.Need.Instruction,
			Message:     fmt.Sprintf("%s begins with #!%s, which is not in the built image", v.Path, s.Interpreter),
			Hint:        "install that interpreter in the final stage, or rewrite the script for one that is there",
		}
	}
	program := s.Interpreter
	if s.Env != "" {
		name, ok, err := env.LookPath(ctx, s.Env)
		if err != nil {
			return need.Found{}, err
		}
		if !ok {
			return need.Found{}, &image.RefusedError{
				Instruction: v.Need.Instruction,
				Message:     fmt.Sprintf("%s asks env for %s, which is not along PATH (%s)", v.Path, s.Env, strings.Join(env.SearchPath(), ":")),
				Hint:        "install that interpreter in the final stage",
			}
		}
		program = name
	}
	var out need.Found
	for _, name := range slices.Compact([]string{s.Interpreter, program}) {
		out.Needs = append(out.Needs, need.Need{Kind: need.Program, Path: name, By: v.Path, Reason: "interpreter of " + v.Path, Strength: need.Required, Shell: command.IsShell(name)})
	}
	sh, err := p.read(ctx, env, v.Path)
	if err != nil || sh == nil {
		return out, err
	}
	out.Needs = append(out.Needs, sh.found.Needs...)
	out.Facts, out.Warnings = sh.found.Facts, slices.Clone(sh.found.Warnings)
	for i := range out.Warnings {
		out.Warnings[i].Instruction = v.Need.Instruction
	}
	if sh.execArgs {
		runArgs(env, v, &out)
	}
	return out, nil
}

// runArgs adds what a script may run that runs its arguments, and is given
// those of the script that starts it: the image's commands of the same kind.
// The launch has followed a script that an instruction names, and where it goes
// on from there only the scripts know.
func runArgs(env *need.Env, v need.Visit, out *need.Found) {
	starts := slices.Contains(need.Starts, v.Need.Instruction)
	for _, c := range env.Commands {
		if by := c.Final.Instruction; by != v.Need.Instruction && !(starts && slices.Contains(need.Starts, by)) {
			continue
		}
		for _, n := range c.Needs {
			n.Strength = min(n.Strength, need.Expected)
			out.Needs = append(out.Needs, n)
		}
		out.Facts = append(out.Facts, c.Facts...)
		out.Shells = append(out.Shells, c.Shells...)
		out.Warnings = append(out.Warnings, c.Warnings...)
	}
}

// read reads the shell script at a path; nil when it is none.
func (p *Provider) read(ctx context.Context, env *need.Env, name string) (*script, error) {
	res, err := tree.Resolve(ctx, env.Tree, name)
	if need.Missing(err) || err == nil && !res.Entry.IsRegular() {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if s, ok := p.scripts[res.Path]; ok {
		return s, nil
	}
	p.scripts[res.Path] = nil
	head, err := env.Head(ctx, res.Path)
	if err != nil {
		return nil, err
	}
	sheb, ok := command.Shebang(head)
	if !ok {
		return nil, nil
	}
	program := sheb.Command()[0]
	if !command.IsShell(program) {
		return nil, nil
	}
	src, err := tree.ReadFile(ctx, env.Tree, res.Path, maxScript)
	if err != nil {
		return nil, fmt.Errorf("reading the script %s: %w", res.Path, err)
	}
	found, execArgs, err := p.commands(ctx, env, res.Path, program, src)
	if err != nil {
		return nil, err
	}
	for i := range found.Needs {
		found.Needs[i].Shell = true
	}
	p.scripts[res.Path] = &script{found, execArgs}
	return p.scripts[res.Path], nil
}

// commands gives what a shell script is seen to run and to name, and whether it
// runs its arguments. where names the script in reasons and warnings.
func (p *Provider) commands(ctx context.Context, env *need.Env, where, shell string, src []byte) (need.Found, bool, error) {
	var out need.Found
	scripts, err := p.sources(ctx, env, &out, where, shell, src)
	if err != nil || len(scripts) == 0 {
		return out, false, err
	}
	functions := map[string]bool{}
	for _, s := range scripts {
		for _, f := range s.Functions {
			functions[f] = true
		}
	}
	for _, s := range scripts {
		if err := s.needs(ctx, env, &out, functions); err != nil {
			return out, false, err
		}
	}
	return out, slices.ContainsFunc(scripts, func(s sourced) bool { return s.ExecArgs }), nil
}

// sourced is a script, or a file that it reads in, and what it runs.
type sourced struct {
	Commands
	where string
}

// sources reads a script and the files it reads in, which run and define what
// it would by itself.
func (p *Provider) sources(ctx context.Context, env *need.Env, found *need.Found, where, shell string, src []byte) ([]sourced, error) {
	var out []sourced
	add := func(where string, cmds Commands, err error) {
		if err != nil {
			found.Warnings = append(found.Warnings, image.NewWarning("", fmt.Sprintf("%s could not be parsed, so its commands are not known: %v", where, err), "name them with include:"))
			return
		}
		out = append(out, sourced{cmds, where})
	}
	place := Place{Getenv: known(env), Dir: env.Abs(""), Resolve: follow(ctx, env)}
	if path.IsAbs(where) {
		place.Zero, place.Self = where, where
	}
	cmds, err := ReadCommands(src, path.Base(shell), place)
	add(where, cmds, err)
	seen := map[string]bool{}
	for i := 0; i < len(out) && len(seen) < maxSourced; i++ {
		names := out[i].Sourced
		if out[i].Finds {
			more, err := scriptsIn(ctx, env, out[i].Paths)
			if err != nil {
				return nil, err
			}
			names = slices.Concat(names, more)
		}
		for _, name := range names {
			name = env.Abs(name)
			if seen[name] || len(seen) >= maxSourced {
				continue
			}
			seen[name] = true
			d, ok := p.sourced[dialect{name, path.Base(shell)}]
			if !ok {
				data, err := tree.ReadFile(ctx, env.Tree, name, maxScript)
				if err != nil {
					if ctx.Err() != nil {
						return nil, ctx.Err()
					}
					continue // it may be there at run time only
				}
				place := place // $0 is that of whoever reads it in
				place.Zero, place.Self = "", name
				d.Commands, d.err = ReadCommands(data, path.Base(shell), place)
				p.sourced[dialect{name, path.Base(shell)}] = d
			}
			found.Needs = append(found.Needs, need.Need{Kind: need.Named, Path: name, By: out[i].where, Reason: "read by " + out[i].where, Strength: need.Expected})
			add(name, d.Commands, d.err)
		}
	}
	return out, nil
}

// scriptsIn lists the shell scripts that a script may read in: those in the
// directories that it names, and those that its patterns match.
func scriptsIn(ctx context.Context, env *need.Env, names []string) ([]string, error) {
	var out []string
	for _, name := range names {
		dir, pattern := name, "*"
		if strings.ContainsAny(name, "*?[") {
			dir, pattern = path.Split(name)
		}
		res, ok, err := tree.Find(ctx, env.Tree, path.Clean(dir))
		if err != nil {
			return nil, err
		}
		if !ok || !res.Entry.IsDir() {
			continue
		}
		entries, err := env.Tree.ReadDir(ctx, res.Path)
		if err != nil {
			return nil, fmt.Errorf("looking for scripts in %s: %w", res.Path, err)
		}
		for _, e := range entries {
			if matched, err := path.Match(pattern, e.Name); err != nil || !matched || len(out) >= maxSourced {
				continue
			}
			if slices.Contains([]string{".sh", ".bash", ".ash", ".envsh", ".env"}, path.Ext(e.Name)) {
				out = append(out, path.Join(res.Path, e.Name))
			}
		}
	}
	return out, nil
}

// follow resolves the links of a path, as far as it is there.
func follow(ctx context.Context, env *need.Env) func(string) string {
	return func(name string) string {
		if res, err := tree.Resolve(ctx, env.Tree, name); err == nil {
			return res.Path
		}
		return name
	}
}

// known gives the variables of the image to scripts. An empty one tells as
// little as one that is not set.
func known(env *need.Env) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, _ := env.Getenv(name)
		return v, v != ""
	}
}

// needs gives the commands of one script. A command that is nowhere is a
// warning: it may be on a path that is never taken.
func (s sourced) needs(ctx context.Context, env *need.Env, out *need.Found, functions map[string]bool) error {
	var nowhere []string
	for _, name := range slices.Concat(s.Names, s.Maybe) {
		if functions[name] {
			continue
		}
		found, ok, err := env.LookPath(ctx, name)
		if err != nil {
			return err
		}
		switch {
		case ok:
			out.Needs = append(out.Needs, need.Need{Kind: need.Program, Path: found, By: s.where, Reason: "command of " + s.where, Strength: need.Expected})
		case slices.Contains(s.Names, name):
			nowhere = append(nowhere, name)
		}
	}
	switch len(nowhere) {
	case 0:
	case 1:
		out.Warnings = append(out.Warnings, image.NewWarning("", fmt.Sprintf("%s runs %s, which is not in the built image", s.where, nowhere[0]), ""))
	default:
		out.Warnings = append(out.Warnings, image.NewWarning("", fmt.Sprintf("%s runs %s, which are not in the built image", s.where, strings.Join(nowhere, ", ")), ""))
	}
	for _, name := range s.Given {
		found, ok, err := env.LookPath(ctx, name)
		if err != nil {
			return err
		}
		if ok && !functions[name] {
			out.Needs = append(out.Needs, need.Need{Kind: need.Program, Path: found, By: s.where, Reason: s.where + " gives it to a command as one to run", Strength: need.Optional, Droppable: true})
		}
	}
	for _, name := range s.Paths {
		if i := strings.IndexAny(name, "*?["); i >= 0 {
			out.Facts = append(out.Facts, need.Fact{Kind: need.ScriptDir, Subject: path.Dir(name[:i] + "x"), Reason: "named in " + s.where})
			continue
		}
		out.Facts = append(out.Facts, need.Fact{Kind: need.ScriptDir, Subject: name, Reason: "named in " + s.where})
		out.Needs = append(out.Needs, need.Need{Kind: need.Named, Path: name, By: s.where, Reason: "named in " + s.where, Strength: need.Expected})
	}
	for _, name := range s.Assigned {
		if !strings.ContainsAny(name, "*?[:") {
			out.Needs = append(out.Needs, need.Need{Kind: need.Named, Path: name, By: s.where, Reason: "named in " + s.where, Strength: need.Expected})
		}
	}
	if len(s.Unknown) > 0 {
		out.Warnings = append(out.Warnings, computes(s.where, s.Unknown))
	}
	if len(s.Root) > 0 {
		out.Facts = append(out.Facts, need.Fact{Kind: need.Root, Reason: fmt.Sprintf("%s runs %s", s.where, strings.Join(s.Root, ", "))})
	}
	return nil
}

// maxComputed is how many computed names of one script a warning shows.
const maxComputed = 3

// computes is one warning for all names of commands that a script computes.
func computes(where string, list []Computed) image.Warning {
	message := where + " computes the name of a command"
	for _, c := range list[:min(len(list), maxComputed)] {
		message += fmt.Sprintf(", line %d: %s", c.Line, c.Word)
		if c.More > 0 {
			message += fmt.Sprintf(" (and %d more of this variable)", c.More)
		}
	}
	if n := len(list) - maxComputed; n > 0 {
		message += fmt.Sprintf(", and %d more", n)
	}
	return image.NewWarning("", message, "name it with include: when it must be in the image")
}

// Settle implements need.Settler: it looks at kept scripts that nothing names.
// Where its interpreter is in the image anyway, a script in a directory that
// another script names is run: entrypoints often run what lies in one. A shell
// script that a package has among its programs brings the shell.
func (p *Provider) Settle(ctx context.Context, env *need.Env, s *need.Set) (need.Found, error) {
	var out need.Found
	dirs := s.Subjects(need.ScriptDir)
	without := map[string][]string{} // scripts by the interpreter that they lack
	for _, f := range s.Files() {
		helper := f.Read && !f.Kept && libexec(f.Path)
		if !f.Kept && !helper || f.Program || !f.Entry.IsRegular() || f.Entry.Size == 0 || f.Entry.Mode&0o111 == 0 {
			continue
		}
		line, err := p.shebang(ctx, env, f.Path)
		if err != nil {
			return out, err
		}
		if line == nil || !path.IsAbs(line.Interpreter) {
			continue // "#!KAMAILIO" begins a configuration
		}
		program := line.Interpreter
		if line.Env != "" {
			if program, _, err = env.LookPath(ctx, line.Env); err != nil {
				return out, err
			}
		}
		res, err := tree.Resolve(ctx, env.Tree, program)
		if err != nil && !need.Missing(err) {
			return out, err
		}
		i := s.File(res.Path)
		there := err == nil && i != nil && i.Program
		switch {
		case (helper && command.IsShell(program) || cgi(f.Path)) && err == nil && !(env.NoShell && command.IsShell(program)):
			out.Needs = append(out.Needs, need.Need{Kind: need.Program, Path: f.Path, By: f.Path, Reason: f.Reason, Strength: need.Optional, Droppable: f.Droppable})
		case !there && f.Droppable && !installed(f.Path): // what somebody asks for is read rather than run
			name := line.Interpreter
			if line.Env != "" {
				name = line.Env
			}
			without[name] = append(without[name], f.Path)
		case slices.ContainsFunc(dirs, func(dir string) bool { return need.Below(f.Path, dir) }):
			out.Needs = append(out.Needs, need.Need{Kind: need.Program, Path: f.Path, By: f.Path, Reason: f.Reason, Strength: need.Optional, Droppable: f.Droppable})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(without)) {
		out.Warnings = append(out.Warnings, withoutInterpreter(name, without[name]))
	}
	if err := p.jobs(ctx, env, s, &out); err != nil {
		return out, err
	}
	err := p.supervised(ctx, env, s, &out)
	return out, err
}

// cgi reports whether a web server starts a file by its place or its name
// (RFC 3875, and the settings that servers come with).
func cgi(name string) bool {
	return strings.Contains(path.Dir(name)+"/", "/cgi-bin/") || path.Ext(name) == ".cgi"
}

// installed reports whether a file belongs to a package of a language, which
// bring scripts to develop and to compile them with.
func installed(name string) bool {
	return strings.Contains(name, "/node_modules/") || strings.Contains(name, "/site-packages/") || strings.Contains(name, "/dist-packages/")
}

// libexec reports whether a file lies where packages have programs that other
// programs start (Filesystem Hierarchy Standard 3.0, 4.6 and 4.7).
func libexec(name string) bool {
	return slices.ContainsFunc([]string{"/usr/lib/", "/usr/libexec/", "/lib/"}, func(dir string) bool { return strings.HasPrefix(name, dir) })
}

// withoutInterpreter is one warning for all scripts of an interpreter.
func withoutInterpreter(interpreter string, scripts []string) image.Warning {
	const hint = "exclude: it, or include: it as well when the program runs it"
	if len(scripts) == 1 {
		return image.NewWarning("", scripts[0]+" is a script that is kept without its interpreter", hint)
	}
	return image.NewWarning("", fmt.Sprintf("%d scripts are kept without their interpreter %s, %s among them", len(scripts), interpreter, scripts[0]), "exclude: them, or include: the interpreter as well when the program runs one")
}

// shebang reads the #! line of a file once.
func (p *Provider) shebang(ctx context.Context, env *need.Env, real string) (*command.Script, error) {
	if line, ok := p.heads[real]; ok {
		return line, nil
	}
	head, err := env.Head(ctx, real)
	if err != nil {
		return nil, err
	}
	var line *command.Script
	if s, ok := command.Shebang(head); ok {
		line = &s
	}
	p.heads[real] = line
	return line, nil
}
