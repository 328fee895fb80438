package named

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/distribution"
	"github.com/whittle-oci/whittle/builder/tree"
	"github.com/whittle-oci/whittle/lint/command"
)

// compilers are programs that need headers and libraries of the whole system,
// so that to carry them is to carry that.
var compilers = []string{"gcc", "g++", "cc", "c++", "c89", "c99", "cpp", "clang", "clang++", "tcc", "ld", "as", "make", "cmake", "ninja", "go", "rustc", "cargo", "javac", "gfortran"}

// unmistakable are the programs of the base system whose names stand for
// nothing else in a program's text, so that a bare word is evidence. Names that
// are words of the language, such as date, find or test, are none: options and
// keys have them, too (Debian 12 and Alpine 3.20; 2026-11).
var unmistakable = strings.Fields("tar gzip gunzip zcat bzip2 bunzip2 xz unxz zstd cpio hostname mktemp chmod chown chgrp mkfifo mknod umount sha1sum sha256sum sha512sum md5sum useradd userdel usermod groupadd chpasswd runuser nsenter unshare setpriv flock lsblk blkid findmnt mkswap swapon losetup dmesg getent iconv ldconfig localedef nproc readlink realpath rm cp mv ln ls mkdir rmdir sed awk mawk grep egrep xargs stty setsid ionice taskset prlimit logger pidof sysctl dpkg dpkg-query apt-get apk update-ca-certificates")

// shellFlag is what a program gives a shell that is to run a command.
const shellFlag = "-c"

// counts reports whether a bare word is evidence for a program of a package
// that nobody asked for.
func counts(name string, flag bool) bool {
	return slices.Contains(unmistakable, name) || flag && command.IsShell(name)
}

// owner is the package that a program along PATH belongs to.
type owner struct {
	name   string // "" for none
	base   bool   // it belongs to the base system
	wanted bool   // the final stage asked for it by name, or for what depends on it
}

// starts asks for the programs that a file names and starts. A bare word is
// evidence where the Dockerfile asked for the program's package by name, or
// where the file is the user's own; a command line, for any program.
func (p *Provider) starts(ctx context.Context, env *need.Env, f *file, out *need.Found) error {
	if f.starts == "" && f.command == "" || distribution.OfToolchain(f.path) {
		return nil // a compiler's parts come together
	}
	if err := p.list(ctx, env); err != nil {
		return err
	}
	if err := p.arguments(ctx, env, f, out); err != nil {
		return err
	}
	words := map[string]string{} // program to how it is named
	if f.info.Unknown != "" {
		for name := range p.onPath {
			words[name] = "cannot be read, and may start " + name
		}
		return p.programsOf(ctx, env, f, out, words, func(_ string, o owner) bool { return o.wanted && !o.base })
	}
	if f.text.Unended() {
		all := make([]string, 0, len(p.onPath))
		for name, at := range p.onPath {
			o, err := p.owner(ctx, env, at)
			if err != nil {
				return err
			}
			if o.wanted || !f.owned {
				all = append(all, name)
			}
		}
		slices.Sort(all)
		found, sure := f.text.Has(append(all, shellFlag))
		flag := slices.Contains(found, shellFlag)
		for _, name := range found {
			words[name] = "names " + name + " and starts programs"
		}
		if err := p.programsOf(ctx, env, f, out, words, func(name string, o owner) bool {
			return o.wanted && !o.base || sure && !f.owned && counts(name, flag)
		}); err != nil || f.owned || !flag || !slices.ContainsFunc(found, command.IsShell) {
			return err
		}
		// It gives a shell what to run.
		return p.programsOf(ctx, env, f, out, commandLines(f.text.Lines()), always)
	}
	paths := map[string]bool{} // those that are named by a whole path
	_, flag := slices.BinarySearch(f.text.Strings, shellFlag)
	for _, s := range f.text.Strings {
		name := s
		if dir := path.Dir(s); path.IsAbs(s) && slices.Contains(distribution.ProgramDirs, dir) {
			words[path.Base(s)], paths[path.Base(s)] = "names "+s, true
			continue
		}
		if _, ok := p.onPath[name]; ok && f.starts != "" {
			words[name] = fmt.Sprintf("names %s and %s", name, f.starts)
		}
	}
	if err := p.ends(ctx, env, f, words); err != nil {
		return err
	}
	if err := p.programsOf(ctx, env, f, out, words, func(name string, o owner) bool {
		return o.wanted && !o.base || !f.owned && !f.static && (paths[name] || o.name == "" || counts(name, flag))
	}); err != nil {
		return err
	}
	if f.static || f.command == "" && (f.owned || f.starts == "") {
		return nil
	}
	return p.programsOf(ctx, env, f, out, commandLines(f.text.Strings), always)
}

// commandLines gives the programs that texts start which are command lines, and
// how each is named.
func commandLines(texts []string) map[string]string {
	out := map[string]string{}
	for _, s := range texts {
		for _, name := range commandLine(s) {
			out[name] = fmt.Sprintf("names the command line %q", shorten(s))
		}
	}
	return out
}

// maxSiblings is how much the other programs of a package may be that come along
// unnamed, in bytes.
const maxSiblings = 4 << 20

// siblings asks for the other programs of a package whose program the image
// starts, and which starts programs itself: those stages and helpers may be
// named in its data or put together at work, as groff's are in the descriptions
// of devices.
func (p *Provider) siblings(ctx context.Context, env *need.Env, f *file, out *need.Found) error {
	if !f.owned || f.static || f.starts == "" || distribution.Helper(f.path) {
		return nil
	}
	pkg, owned, err := p.db.Owner(ctx, f.path)
	if err != nil || !owned {
		return err
	}
	names, err := p.db.Files(ctx, *pkg)
	if err != nil {
		return fmt.Errorf("listing the files of %s: %w", pkg.Name, err)
	}
	var found []need.Need
	var size int64
	for _, name := range names {
		if !slices.Contains(distribution.ProgramDirs, path.Dir(name)) || slices.Contains(compilers, path.Base(name)) || command.IsShell(name) {
			continue
		}
		res, ok, err := tree.FindFile(ctx, env.Tree, name)
		if err != nil {
			return err
		}
		if !ok || res.Path == f.path {
			continue
		}
		head, err := env.Head(ctx, res.Path)
		if err != nil {
			return err
		}
		if !strings.HasPrefix(string(head), magic) {
			continue
		}
		size += res.Entry.Size
		found = append(found, need.Need{Kind: need.Program, Path: name, By: f.path, Reason: fmt.Sprintf("of the package of %s, which %s", f.path, f.starts), Strength: need.Optional, Droppable: true})
	}
	if size <= maxSiblings {
		out.Needs = append(out.Needs, found...)
	}
	return nil
}

// minEnd is the shortest name of a program that counts at the end of a longer
// text, in bytes.
const minEnd = 3

// ends adds the programs of packages that were asked for whose names are the
// ends of texts: linkers let a string share the end of a longer one (section
// merging with SHF_STRINGS, System V ABI).
func (p *Provider) ends(ctx context.Context, env *need.Env, f *file, words map[string]string) error {
	if f.starts == "" {
		return nil
	}
	if p.wantedNames == nil {
		p.wantedNames = map[string]bool{}
		for name, at := range p.onPath {
			o, err := p.owner(ctx, env, at)
			if err != nil {
				return err
			}
			if o.wanted && !o.base && len(name) >= minEnd {
				p.wantedNames[name] = true
				if !slices.Contains(p.lengths, len(name)) {
					p.lengths = append(p.lengths, len(name))
				}
			}
		}
	}
	for _, s := range f.text.Strings {
		for _, n := range p.lengths {
			if len(s) <= n {
				continue
			}
			if name := s[len(s)-n:]; p.wantedNames[name] {
				words[name] = fmt.Sprintf("has %s at the end of a text and %s", name, f.starts)
			}
		}
	}
	return nil
}

// arguments asks for the programs that a command line of the image names as
// arguments of a program which starts others, as faketime and its like do.
func (p *Provider) arguments(ctx context.Context, env *need.Env, f *file, out *need.Found) error {
	if f.starts == "" || f.info.Go != nil {
		return nil
	}
	words := map[string]string{}
	for _, line := range env.Lines {
		if len(line) < 2 {
			continue
		}
		at, ok, err := env.LookPath(ctx, line[0])
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		res, ok, err := tree.Find(ctx, env.Tree, at)
		if err != nil {
			return err
		}
		if !ok || res.Path != f.path {
			continue
		}
		for _, a := range line[1:] {
			words[a] = "is given the argument " + a + " and starts programs"
			if first, _, more := strings.Cut(a, " "); more { // a command line for a shell
				words[first] = words[a]
			}
		}
	}
	return p.programsOf(ctx, env, f, out, words, always)
}

func always(string, owner) bool { return true }

// programsOf asks for programs that a file names, where they count.
func (p *Provider) programsOf(ctx context.Context, env *need.Env, f *file, out *need.Found, words map[string]string, counts func(name string, o owner) bool) error {
	names := make([]string, 0, len(words))
	for name := range words {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		at, ok := p.onPath[name]
		if !ok {
			continue
		}
		o, err := p.owner(ctx, env, at)
		if err != nil {
			return err
		}
		if !counts(name, o) {
			continue
		}
		if slices.Contains(compilers, name) {
			if o.name != "" {
				warn(out, fmt.Sprintf("%s %s, which is a compiler and not in the image", f.path, words[name]), "build the image without whittle when it compiles at work, or include: the compiler, its headers and libraries")
			}
			continue
		}
		n := need.Need{Kind: need.Program, Path: at, By: f.path, Reason: f.path + " " + words[name], Strength: need.Expected, Droppable: true, Shell: command.IsShell(name)}
		if !o.wanted || f.owned {
			// An interpreter that a program of a package may start is no reason
			// to ship the image as it was built.
			n.Strength = need.Optional
		}
		out.Needs = append(out.Needs, n)
	}
	return nil
}

// list reads the directories of PATH once, and what was asked for.
func (p *Provider) list(ctx context.Context, env *need.Env) error {
	if p.onPath != nil {
		return nil
	}
	onPath := map[string]string{}
	for _, dir := range env.SearchPath() {
		res, ok, err := tree.Find(ctx, env.Tree, env.Abs(dir))
		if err != nil {
			return err
		}
		if !ok || !res.Entry.IsDir() {
			continue
		}
		entries, err := env.Tree.ReadDir(ctx, res.Path)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if _, taken := onPath[e.Name]; !taken && (e.IsSymlink() || e.IsRegular() && e.Mode&0o111 != 0) {
				onPath[e.Name] = path.Join(env.Abs(dir), e.Name)
			}
		}
	}
	asked, err := p.asked(ctx)
	if err != nil {
		return err
	}
	wanted := map[string]bool{}
	for queue := slices.Clone(asked); len(queue) > 0; queue = queue[1:] {
		pkg := queue[0]
		if wanted[pkg.Key()] {
			continue
		}
		if base, err := p.db.BaseSystem(ctx, pkg); base || err != nil {
			if err != nil {
				return err
			}
			continue
		}
		wanted[pkg.Key()] = true
		deps, err := p.db.Depends(ctx, pkg)
		if err != nil {
			return err
		}
		queue = append(queue, deps...)
	}
	p.onPath, p.wanted = onPath, wanted
	return nil
}

// owner looks the package of a program up, of a link that of what it leads to.
func (p *Provider) owner(ctx context.Context, env *need.Env, at string) (owner, error) {
	if o, ok := p.programs[at]; ok {
		return o, nil
	}
	var o owner
	res, ok, err := tree.Find(ctx, env.Tree, at)
	if err != nil {
		return o, err
	}
	if ok {
		pkg, owned, err := p.db.Owner(ctx, res.Path)
		if err != nil {
			return o, fmt.Errorf("looking up the package of %s: %w", res.Path, err)
		}
		if owned {
			o.name, o.wanted = pkg.Name, p.wanted[pkg.Key()]
			if o.base, err = p.db.BaseSystem(ctx, *pkg); err != nil {
				return o, err
			}
		}
	}
	p.programs[at] = o
	return o, nil
}

// commandLine gives the programs that a text starts when it is a command line:
// the first word, and those behind separators, exec and the like. Prose is told
// apart by having nothing that only command lines have.
func commandLine(s string) []string {
	if !strings.ContainsAny(s, " \t") || !strings.ContainsAny(s, "|;&>/%$") && !strings.Contains(s, " -") && !strings.HasPrefix(s, "exec ") {
		return nil
	}
	if prose().MatchString(s) || strings.Contains(s, ")->") || strings.Contains(s, ") == ") || strings.Contains(s, " != (") {
		return nil // the last are of assertions in C
	}
	var out []string
	first := true
	for _, w := range strings.FieldsFunc(spaced.Replace(s), func(r rune) bool { return r == ' ' || r == '\t' || r == '\n' }) {
		switch {
		case slices.Contains([]string{"|", ";", "&", "$(", "`", "{", "!"}, w):
			first = true
		case w == "(" || w == ")": // of a subshell, or of a remark in prose
		case slices.Contains([]string{"exec", "then", "do", "else", "if", "while", "nohup", "env", "command", "time"}, w) && first:
		case first && strings.Contains(w, "=") && !strings.HasPrefix(w, "="):
		case first:
			first = false
			// A directory that is filled in stands before a name.
			for w = strings.Trim(w, `"'`); strings.HasPrefix(w, "%s"); {
				w = strings.TrimPrefix(strings.TrimPrefix(w, "%s"), "/")
			}
			if path.IsAbs(w) && slices.Contains(distribution.ProgramDirs, path.Dir(w)) {
				w = path.Base(w)
			}
			if isName(w) {
				out = append(out, w)
			}
		}
	}
	return out
}

// spaced sets the separators of a command line apart.
var spaced = strings.NewReplacer("|", " | ", ";", " ; ", "&", " & ", "$(", " $( ", "(", " ( ", ")", " ) ", "`", " ` ")

// prose matches words of messages, which command lines seldom have.
var prose = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)\b(?:failed|fails|failure|cannot|can't|couldn't|could not|unable|invalid|unexpected|unknown|expected|usage|must be|should be|not (?:found|set|supported|specified|defined)|(?:does|do|is|are|was|were) not|no such|already)\b`)
})

func isName(w string) bool {
	for _, r := range w {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._+-[", r)) {
			return false
		}
	}
	return len(w) > 1 && w[0] != '-'
}

// shorten cuts a text for a message.
func shorten(s string) string {
	if s = strings.Join(strings.Fields(s), " "); len(s) > 60 {
		return strings.ToValidUTF8(s[:60], "") + "…"
	}
	return s
}
