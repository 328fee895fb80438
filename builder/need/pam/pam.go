// Package pam knows what programs need that authenticate by PAM: the
// configuration of their service, what it includes, the modules that its lines
// name, and what these read (pam.d(5)).
package pam

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/elf"
	"github.com/whittle-oci/whittle/builder/tree"
)

// A Provider answers for programs that call pam_start(3), and for the
// configuration of services.
type Provider struct{ elf *elf.Files }

// New returns a provider that reads files through what others have read.
func New(files *elf.Files) Provider { return Provider{files} }

const (
	services   = "/etc/pam.d"
	fallback   = "other" // the service of who has none
	maxService = 64 << 10
	minName    = 3 // of a service at the end of a text, in bytes
)

// Claims implements need.Provider.
func (Provider) Claims(v need.Visit) bool {
	switch v.Need.Kind {
	case need.Program, need.Module:
		return strings.HasPrefix(string(v.Head), "\x7fELF")
	case need.Library:
		return true
	case need.Config:
		return path.Dir(v.Path) == services && v.Entry.Size <= maxService
	}
	return false
}

// Needs implements need.Provider.
func (p Provider) Needs(ctx context.Context, env *need.Env, v need.Visit) (need.Found, error) {
	if v.Need.Kind == need.Config {
		return p.service(ctx, env, v)
	}
	var out need.Found
	info, err := p.elf.Info(ctx, env.Tree, v.Path)
	if errors.Is(err, elf.ErrNotELF) || errors.Is(err, elf.ErrBroken) {
		return out, nil
	}
	if err != nil || info.Calls("pam_start", "pam_start_confdir") == "" {
		return out, err
	}
	known, err := list(ctx, env, services)
	if err != nil || len(known) == 0 {
		return out, err
	}
	text, err := p.elf.Text(ctx, env.Tree, v.Path)
	if err != nil {
		return out, err
	}
	names, _ := text.Has(known)
	// A linker may have made a name the end of a longer text.
	for _, n := range known {
		if len(n) >= minName && !slices.Contains(names, n) && slices.ContainsFunc(text.Strings, func(s string) bool { return strings.HasSuffix(s, n) }) {
			names = append(names, n)
		}
	}
	for _, n := range []string{path.Base(v.Need.Path), path.Base(v.Path)} {
		if slices.Contains(known, n) && !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	if len(slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == fallback })) == 0 {
		names = known // the name of the service is computed
	}
	if slices.Contains(known, fallback) && !slices.Contains(names, fallback) {
		names = append(names, fallback)
	}
	for _, n := range names {
		out.Needs = append(out.Needs, need.Need{Kind: need.Config, Path: path.Join(services, n), By: v.Path, Reason: fmt.Sprintf("PAM service of %s, which calls pam_start", v.Path), Strength: need.Expected})
	}
	out.Facts = append(out.Facts, need.Fact{Kind: need.Accounts, Reason: v.Path + " calls pam_start"}, need.Fact{Kind: need.Names, Reason: v.Path + " calls pam_start"})
	return out, nil
}

// moduleDirs are where modules are that a service names without a path.
var moduleDirs = []string{"/lib/security", "/lib64/security", "/usr/lib/security", "/usr/lib64/security", "/usr/local/lib/security"}

// reads are the files and programs of modules, which the modules' own manual
// pages name (Linux-PAM 1.5).
var reads = map[string][]string{
	"pam_access":    {"/etc/security/access.conf", "/etc/security/access.d/"},
	"pam_env":       {"/etc/security/pam_env.conf", "/etc/environment"},
	"pam_faillock":  {"/etc/security/faillock.conf"},
	"pam_group":     {"/etc/security/group.conf"},
	"pam_limits":    {"/etc/security/limits.conf", "/etc/security/limits.d/"},
	"pam_namespace": {"/etc/security/namespace.conf", "/etc/security/namespace.init", "/etc/security/namespace.d/"},
	"pam_pwhistory": {"/etc/security/pwhistory.conf"},
	"pam_pwquality": {"/etc/security/pwquality.conf", "/etc/security/pwquality.conf.d/"},
	"pam_securetty": {"/etc/securetty"},
	"pam_shells":    {"/etc/shells"},
	"pam_time":      {"/etc/security/time.conf"},
	"pam_umask":     {"/etc/login.defs"},
	"pam_unix":      {"/etc/login.defs", "/sbin/unix_chkpwd", "/usr/sbin/unix_chkpwd"},
}

// service asks for what a service's configuration names.
func (p Provider) service(ctx context.Context, env *need.Env, v need.Visit) (need.Found, error) {
	var out need.Found
	data, err := tree.ReadFile(ctx, env.Tree, v.Path, maxService)
	if err != nil {
		return out, fmt.Errorf("reading the PAM service %s: %w", v.Path, err)
	}
	config := func(name, reason string) {
		out.Needs = append(out.Needs, need.Need{Kind: need.Config, Path: name, By: v.Path, Reason: reason, Strength: need.Expected})
	}
	dirs, err := securityDirs(ctx, env)
	if err != nil {
		return out, err
	}
	for _, line := range lines(string(data)) {
		for _, included := range line.includes {
			config(path.Join(services, included), "included by "+v.Path)
		}
		if line.module == "" {
			continue
		}
		at, err := find(ctx, env, line.module, dirs)
		if err != nil {
			return out, err
		}
		if at == "" {
			if !line.optional {
				out.Warnings = append(out.Warnings, image.NewWarning("", fmt.Sprintf("%s names the PAM module %s, which is not in the built image", v.Path, line.module), "install the package that has it in the final stage"))
			}
			continue
		}
		out.Needs = append(out.Needs, need.Need{Kind: need.Config, Path: at, By: v.Path, Reason: "PAM module of " + v.Path, Strength: need.Expected})
		if strings.HasPrefix(path.Base(line.module), "pam_unix") {
			out.Facts = append(out.Facts, need.Fact{Kind: need.Passwords, Reason: v.Path + " names " + line.module})
		}
		for _, name := range reads[strings.TrimSuffix(path.Base(line.module), ".so")] {
			if dir, ok := strings.CutSuffix(name, "/"); ok {
				below, err := list(ctx, env, dir)
				if err != nil {
					return out, err
				}
				for _, b := range below {
					config(path.Join(dir, b), "read by "+line.module)
				}
				continue
			}
			out.Needs = append(out.Needs, need.Need{Kind: need.Named, Path: name, By: at, Reason: "used by " + line.module, Strength: need.Expected})
		}
		for _, a := range line.args {
			if _, value, ok := strings.Cut(a, "="); ok && path.IsAbs(value) {
				out.Needs = append(out.Needs, need.Need{Kind: need.Named, Path: value, By: v.Path, Reason: "named in " + v.Path, Strength: need.Expected})
			} else if path.IsAbs(a) {
				out.Needs = append(out.Needs, need.Need{Kind: need.Named, Path: a, By: v.Path, Reason: "named in " + v.Path, Strength: need.Expected})
			}
		}
	}
	return out, nil
}

// A rule is one line of a service.
type rule struct {
	includes []string
	module   string
	args     []string
	optional bool // a missing module is no fault
}

// lines reads the rules of a service (pam.d(5)): type, control, module and
// arguments; @include of Debian; a backslash at the end goes on with the next.
func lines(data string) []rule {
	var out []rule
	data = strings.ReplaceAll(data, "\\\n", " ")
	for text := range strings.Lines(data) {
		text, _, _ = strings.Cut(text, "#")
		words := fields(text)
		if len(words) == 2 && words[0] == "@include" {
			out = append(out, rule{includes: []string{path.Base(words[1])}})
			continue
		}
		if len(words) < 3 {
			continue
		}
		r := rule{optional: strings.HasPrefix(words[0], "-")}
		if words[1] == "include" || words[1] == "substack" {
			r.includes = []string{path.Base(words[2])}
		} else {
			r.module, r.args = words[2], words[3:]
		}
		out = append(out, r)
	}
	return out
}

// fields splits a line at blanks outside of brackets, in which a control or an
// argument may have some.
func fields(line string) []string {
	var out []string
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimSpace(line) {
		end := strings.IndexAny(line, " \t")
		if line[0] == '[' {
			if i := strings.IndexByte(line, ']'); i >= 0 {
				out = append(out, line[1:i])
				line = line[i+1:]
				continue
			}
		}
		if end < 0 {
			end = len(line)
		}
		out = append(out, line[:end])
		line = line[end:]
	}
	return out
}

// securityDirs lists the directories of modules that the tree has.
func securityDirs(ctx context.Context, env *need.Env) ([]string, error) {
	var out []string
	for _, lib := range []string{"/lib", "/usr/lib"} {
		names, err := list(ctx, env, lib)
		if err != nil {
			return nil, err
		}
		for _, n := range names {
			if strings.Contains(n, "-linux-") {
				out = append(out, path.Join(lib, n, "security"))
			}
		}
	}
	return append(out, moduleDirs...), nil
}

// find gives the path of a module, "" when it is nowhere.
func find(ctx context.Context, env *need.Env, module string, dirs []string) (string, error) {
	tries := []string{module}
	if !path.IsAbs(module) {
		tries = nil
		for _, d := range dirs {
			tries = append(tries, path.Join(d, module))
		}
	}
	for _, t := range tries {
		res, err := tree.Resolve(ctx, env.Tree, t)
		if need.Missing(err) || err == nil && !res.Entry.IsRegular() {
			continue
		}
		return t, err
	}
	return "", nil
}

// list gives the names in a directory, none where it is not there.
func list(ctx context.Context, env *need.Env, dir string) ([]string, error) {
	res, err := tree.Resolve(ctx, env.Tree, dir)
	if need.Missing(err) || err == nil && !res.Entry.IsDir() {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	entries, err := env.Tree.ReadDir(ctx, res.Path)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if !e.IsDir() || dir != services {
			out = append(out, e.Name)
		}
	}
	return out, nil
}
