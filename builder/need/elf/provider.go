package elf

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/tree"
)

// A Provider answers for ELF programs and libraries: what the loader opens for
// them, and what their symbols and texts show that they use.
type Provider struct {
	files      *Files
	interprets func(name string) bool
}

// New returns a provider that reads files through what others have read.
// interprets tells programs of which it is known what they run: that they could
// run commands shows nothing of those.
func New(files *Files, interprets func(name string) bool) Provider {
	return Provider{files, interprets}
}

const magic = "\x7fELF"

// Claims implements need.Provider. A program that is neither a script nor an
// ELF file is claimed too: it could not run.
func (Provider) Claims(v need.Visit) bool {
	switch v.Need.Kind {
	case need.Program:
		return !strings.HasPrefix(string(v.Head), "#!")
	case need.Module:
		return strings.HasPrefix(string(v.Head), magic)
	case need.Library:
		return true
	}
	return false
}

// Asks implements need.Asker: the report says who uses a library.
func (Provider) Asks(v need.Visit) bool { return v.Need.Kind == need.Library }

// Needs implements need.Provider.
func (p Provider) Needs(ctx context.Context, env *need.Env, v need.Visit) (need.Found, error) {
	if v.Need.Kind == need.Library {
		return libraryFacts(v), nil
	}
	o := Options{LibraryPath: env.LibraryPath(), Preload: env.Preload(), Files: p.files}
	if v.Need.Kind == need.Module {
		o.Loaded = func() ([]string, error) { return machineDirs(ctx, env, v.Path) }
	}
	deps, info, err := Closure(ctx, env.Tree, v.Path, o)
	if err != nil {
		if v.Need.Kind == need.Module {
			if other, bad := p.foreign(ctx, env, v.Path, err); other || bad != nil {
				return need.Found{}, bad
			}
		}
		return need.Found{}, refused(v, err)
	}
	found, err := p.evidence(ctx, env, v.Path, info)
	if err != nil {
		return found, err
	}
	for _, d := range deps {
		found.Needs = append(found.Needs, need.Need{Kind: need.Library, Path: d.Path, By: d.NeededBy, Reason: d.Reason, Strength: need.Required})
	}
	for _, dir := range slices.Concat(info.RPath, info.RunPath) {
		dir = strings.NewReplacer("${ORIGIN}", path.Dir(v.Path), "$ORIGIN", path.Dir(v.Path)).Replace(dir)
		if path.IsAbs(dir) {
			found.Facts = append(found.Facts, need.Fact{Kind: need.SearchDir, Subject: path.Clean(dir), Reason: v.Path + " looks for libraries there"})
		}
	}
	if asks := info.Asks(); asks != "" {
		found.Facts = append(found.Facts, need.Fact{Kind: need.Home, Reason: v.Path + " " + asks})
	}
	if info.Go != nil {
		if len(deps) > 0 {
			found.Facts = append(found.Facts, need.Fact{Kind: need.GoDynamic, Subject: v.Path, Reason: "it has libraries"})
		}
		found.Components = modules(v.Path, info)
	}
	return found, nil
}

// foreign reports whether a module lacks a library since it is for another
// system: the tree has no C library that could load it. Packages of languages
// bring the same module for several.
func (p Provider) foreign(ctx context.Context, env *need.Env, real string, err error) (bool, error) {
	if !errors.As(err, new(*MissingError)) {
		return false, nil
	}
	info, err := p.files.Info(ctx, env.Tree, real)
	if err != nil {
		return false, err
	}
	finder, err := NewFinder(ctx, env.Tree, real, Options{LibraryPath: env.LibraryPath(), Files: p.files})
	if err != nil {
		return false, err
	}
	for _, lib := range info.Needed {
		if !libc(lib) {
			continue
		}
		if found, err := finder.Find(lib); found == "" || err != nil {
			return err == nil, err
		}
	}
	return false, nil
}

// libc reports whether a library is the C library of a system, by its name:
// that of glibc, of musl, of Android or its loader.
func libc(lib string) bool {
	return lib == "libc.so.6" || lib == "libc.so" || strings.HasPrefix(lib, "libc.musl-") || strings.HasPrefix(lib, "ld-")
}

// refused turns what the closure says into a refusal.
func refused(v need.Visit, err error) error {
	bad := &image.RefusedError{Instruction: v.Need.Instruction, Message: err.Error(), Err: err}
	switch {
	case errors.As(err, new(*MissingError)):
		bad.Hint = "install the package that has it in the final stage, or link statically"
	case errors.As(err, new(*VersionError)):
		bad.Hint = "build on the same distribution release as the final stage's base, or an older one"
	case errors.Is(err, ErrNotELF):
		bad.Message = v.Path + " is neither an ELF file nor a script that begins with #!"
		bad.Hint = "name its interpreter in a #! line"
	case errors.Is(err, ErrBroken):
		bad.Hint = "build or copy it once more, the file is damaged or cut short"
	default:
		return err
	}
	return bad
}

// libraryFacts is what the name of a library shows of who loads it.
func libraryFacts(v need.Visit) need.Found {
	var out need.Found
	base := path.Base(v.Path)
	if strings.HasPrefix(base, "libssl.so") || strings.HasPrefix(base, "libgnutls.so") {
		out.Facts = append(out.Facts, need.Fact{Kind: need.Certificates, Reason: v.Need.By + " uses " + base})
	}
	if strings.HasPrefix(base, "libssl") {
		out.Facts = append(out.Facts, need.Fact{Kind: need.OpenSSL, Reason: v.Need.By + " uses " + base})
	}
	if strings.HasPrefix(base, "libnss_files") {
		out.Facts = append(out.Facts, need.Fact{Kind: need.NameService, Reason: v.Need.Reason})
	}
	return out
}

// evidence is what a program's headers show that it uses.
func (p Provider) evidence(ctx context.Context, env *need.Env, real string, info *Info) (need.Found, error) {
	var out need.Found
	if env.NoEvidence {
		return out, nil
	}
	ev := info.Evidence()
	for _, f := range []struct {
		kind   need.FactKind
		reason string
	}{
		{need.Certificates, ev.Certificates}, {need.Zones, ev.Zones}, {need.Accounts, ev.Users}, {need.Accounts, ev.Groups}, {need.Names, ev.Names}, {need.Temp, ev.Temp},
	} {
		if f.reason != "" {
			out.Facts = append(out.Facts, need.Fact{Kind: f.kind, Reason: real + " " + f.reason})
		}
	}
	if info.Go != nil && ev.Zones != "" {
		out.Facts = append(out.Facts, need.Fact{Kind: need.GoZones, Reason: real + " " + ev.Zones})
	}
	if info.Unknown != "" {
		out.Warnings = append(out.Warnings, image.NewWarning("", fmt.Sprintf("%s %s, so what it needs cannot be seen: certificates, time zones, accounts, tables of /etc and /tmp are carried where the built image or whittle has them", real, info.Unknown), "include: what else it reads; or build it without that"))
		out.Facts = append(out.Facts, need.Fact{Kind: need.GoZones, Reason: real + " " + info.Unknown})
		if info.Go == nil {
			out.Facts = append(out.Facts, need.Fact{Kind: need.OpenSSL, Reason: real + " " + info.Unknown})
		}
	}
	if !p.interprets(real) {
		if err := commandShell(ctx, env, &out, real, ev.Shell, info.Unknown != ""); err != nil {
			return out, err
		}
	}
	if ev.Run != "" {
		switch res, err := tree.Resolve(ctx, env.Tree, "/var/run"); {
		case need.Missing(err), err == nil && !res.Entry.IsDir():
		case err != nil:
			return out, err
		default:
			out.Facts = append(out.Facts, need.Fact{Kind: need.State, Subject: "/var/run", Reason: real + " " + ev.Run})
		}
	}
	for _, t := range []struct {
		reason string
		names  []string
	}{{ev.MIME, mimeTables}, {ev.Services, []string{"/etc/services"}}, {ev.Protocols, []string{"/etc/protocols"}}} {
		if t.reason == "" {
			continue
		}
		n, err := table(ctx, env, t.names)
		if err != nil {
			return out, err
		}
		if n.Path != "" {
			n.By, n.Reason = real, real+" "+t.reason
			out.Needs = append(out.Needs, n)
		}
	}
	return out, nil
}

// commandShell asks for the shell of system(3) and popen(3).
func commandShell(ctx context.Context, env *need.Env, out *need.Found, real, shows string, unknown bool) error {
	if shows == "" || unknown && env.NoShell {
		return nil
	}
	n := need.Need{Kind: need.Program, Path: "/bin/sh", By: real, Reason: real + " " + shows, Strength: need.Required, Shell: true}
	if unknown {
		n.Strength = need.Optional
	}
	_, err := tree.Resolve(ctx, env.Tree, n.Path)
	switch {
	case need.Missing(err) && unknown:
		return nil
	case need.Missing(err):
		out.Warnings = append(out.Warnings, image.NewWarning("", n.Reason+", and the built image has no /bin/sh", ""))
		return nil
	}
	out.Needs = append(out.Needs, n)
	return err
}

// mimeTables are where Go's mime package looks, in order (mime/type_unix.go).
var mimeTables = []string{"/usr/local/share/mime/globs2", "/usr/share/mime/globs2", "/etc/mime.types"}

// table asks for the first of several tables that the tree has.
func table(ctx context.Context, env *need.Env, names []string) (need.Need, error) {
	for _, name := range names {
		res, err := tree.Resolve(ctx, env.Tree, name)
		if need.Missing(err) || err == nil && !res.Entry.IsRegular() {
			continue
		}
		return need.Need{Kind: need.Data, Path: name, Strength: need.Expected}, err
	}
	return need.Need{}, nil
}

// Settle implements need.Settler: an executable or library that is only kept
// brings its own libraries, so that what the program starts or loads works too.
func (Provider) Settle(ctx context.Context, env *need.Env, s *need.Set) (need.Found, error) {
	var out need.Found
	for _, f := range s.Files() {
		if f.Program || f.Library || !f.Kept && !f.Read || !f.Entry.IsRegular() || f.Entry.Size == 0 {
			continue
		}
		if f.Entry.Mode&0o111 == 0 && !strings.Contains(path.Base(f.Path), ".so") {
			continue
		}
		out.Needs = append(out.Needs, need.Need{Kind: need.Module, Path: f.Path, By: f.Path, Reason: f.Reason, Strength: need.Expected, Entry: &f.Entry, Droppable: f.Droppable, Shell: f.Shell})
	}
	return out, nil
}

// modules are the Go modules of a program.
func modules(real string, info *Info) []image.Component {
	if info.Go.BuildInfo == nil {
		return nil
	}
	var out []image.Component
	add := func(p, v, sum string) {
		out = append(out, image.Component{Type: "golang", Name: p, Version: v, Sum: sum, Program: real})
	}
	add("stdlib", strings.TrimPrefix(info.Go.Version, "go"), "")
	if bi := info.Go.BuildInfo; bi.Main.Path != "" {
		add(bi.Main.Path, bi.Main.Version, bi.Main.Sum)
	}
	for _, d := range info.Go.BuildInfo.Deps {
		if d.Replace != nil {
			d = d.Replace
		}
		add(d.Path, d.Version, d.Sum)
	}
	return out
}
