package java

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/elf"
	"github.com/whittle-oci/whittle/builder/tree"
	"github.com/whittle-oci/whittle/lint/command"
)

// temporary is the way out where /tmp has to be writable.
const temporary = "on a read-only root file system mount a tmpfs at /tmp, in Kubernetes an emptyDir"

// Settle implements need.Settler: what the archives and classes in the image
// are seen to use.
func (r *Runtime) Settle(ctx context.Context, env *need.Env, s *need.Set) (need.Found, error) {
	var out need.Found
	homes := slices.DeleteFunc(r.installations(), func(h *home) bool { return !s.Holds(h.dir) })
	if len(homes) == 0 {
		return out, nil
	}
	outside := func(name string) bool {
		return !slices.ContainsFunc(homes, func(h *home) bool { return need.Below(name, h.above) })
	}
	g := &gathered{r: r, env: env, homes: homes, out: &out, known: map[string]string{}, natives: map[string]native{}}
	var archives []string
	dirs := map[string]bool{}
	files, timed := 0, r.started.archives
	for _, f := range s.Files() {
		if !f.Entry.IsRegular() || !outside(f.Path) {
			continue
		}
		switch ext := path.Ext(f.Path); {
		case isArchive(f.Path):
			archives = append(archives, f.Path)
			c, err := r.scan(ctx, env.Tree, f.Path, f.Entry.Size)
			if err != nil {
				return out, err
			}
			g.add(f.Path, c)
			if c.nested {
				out.Facts = append(out.Facts, need.Fact{Kind: need.JavaNested, Subject: f.Path})
			}
		case ext == ".class":
			dirs[path.Dir(f.Path)] = true
			if f.Entry.Size > maxClass || files >= maxFiles || loader(f.Path) {
				continue
			}
			files++
			c, err := r.classFile(ctx, env.Tree, f.Path)
			if err != nil {
				return out, err
			}
			g.add(f.Path, c)
		case ext == ".jsa" || ext == ".aot":
			timed = true
		}
	}
	if timed {
		for _, name := range archives {
			out.Facts = append(out.Facts, need.Fact{Kind: need.KeepTime, Subject: name, Reason: "an archive of classes is not read when it changes"})
		}
	}
	out.Facts = append(out.Facts, r.linkable(homes, append(archives, topmost(dirs)...))...)
	for _, step := range []func(context.Context) error{g.libraries, g.drawing, g.inside, g.used} {
		if err := step(ctx); err != nil {
			return out, err
		}
	}
	return out, nil
}

// linkable are the facts that jlink(1) makes a smaller installation by.
func (r *Runtime) linkable(homes []*home, classes []string) []need.Fact {
	var out []need.Fact
	for _, h := range homes {
		out = append(out, need.Fact{Kind: need.JavaHome, Subject: h.dir})
	}
	for _, name := range classes {
		out = append(out, need.Fact{Kind: need.JavaClasses, Subject: name})
	}
	for _, option := range r.started.options {
		out = append(out, need.Fact{Kind: need.JavaOption, Subject: option})
	}
	return out
}

// topmost gives those of several directories that lie in none of the others,
// sorted.
func topmost(dirs map[string]bool) []string {
	var out []string
	for _, dir := range slices.Sorted(maps.Keys(dirs)) {
		if !slices.ContainsFunc(out, func(top string) bool { return need.Below(dir, top) }) {
			out = append(out, dir)
		}
	}
	return out
}

// loader reports whether a class in a directory belongs to one of the loaders.
func loader(name string) bool {
	return slices.ContainsFunc(loaders, func(l string) bool { return strings.Contains(name, "/"+l) })
}

// classFile reads a class in a directory, once.
func (r *Runtime) classFile(ctx context.Context, t tree.Tree, real string) (*contents, error) {
	if c, ok := r.seen[real]; ok {
		return c, nil
	}
	c := &contents{known: map[string]bool{}}
	r.seen[real] = c
	data, err := tree.ReadOptional(ctx, t, real, maxClass)
	if err != nil {
		return nil, err
	}
	c.use(strings.TrimPrefix(strings.TrimSuffix(real, ".class"), "/"), data)
	return c, nil
}

// gathered is what all archives and classes show.
type gathered struct {
	r       *Runtime
	env     *need.Env
	homes   []*home
	out     *need.Found
	known   map[string]string // known libraries, and an archive that has each
	natives map[string]native // libraries in archives, by their names
	usages  []located
	unread  []string
}

// located is a usage with the file that has the class.
type located struct {
	usage
	file string
}

// where names the class for people.
func (l located) where() string { return l.class + " in " + l.file }

func (g *gathered) add(file string, c *contents) {
	for _, name := range names(c.known) {
		if _, ok := g.known[name]; !ok {
			g.known[name] = file
		}
	}
	for _, n := range c.natives {
		g.natives[n.name] = n
	}
	for _, u := range c.usages {
		g.usages = append(g.usages, located{u, file})
	}
	g.out.Components = append(g.out.Components, c.components...)
	if c.unread != "" {
		g.out.Warnings = append(g.out.Warnings, image.NewWarning("", fmt.Sprintf("%s was not read to its end: it %s, so that what its classes use may be missing", file, c.unread), "include: what they use"))
	}
}

func (g *gathered) warn(message, hint string) {
	g.out.Warnings = append(g.out.Warnings, image.NewWarning("", message, hint))
}

// libraries asks for what known libraries use.
func (g *gathered) libraries(ctx context.Context) error {
	for _, name := range slices.Sorted(maps.Keys(g.known)) {
		k, by := knownAs(name), g.known[name]
		if k.temp != "" {
			g.warn(fmt.Sprintf("%s, in %s, makes %s in /tmp when it starts, so /tmp has to be writable", name, by, k.temp), temporary)
		}
		for _, p := range k.programs {
			found, ok, err := g.env.LookPath(ctx, p)
			if err != nil {
				return err
			}
			if ok {
				g.out.Needs = append(g.out.Needs, need.Need{Kind: need.Program, Path: found, By: by, Reason: name + " starts it", Strength: need.Expected, Droppable: true})
			}
		}
		for _, o := range k.opens {
			if err := g.load(ctx, by, name+" opens it", o); err != nil {
				return err
			}
		}
	}
	return nil
}

// finder looks libraries up as the virtual machine does with dlopen(3).
func (g *gathered) finder(ctx context.Context) (*elf.Finder, error) {
	return elf.NewFinder(ctx, g.env.Tree, path.Join(g.homes[0].server, "libjvm.so"), elf.Options{LibraryPath: g.env.LibraryPath(), Files: g.r.elf})
}

// nativeDirs are where the virtual machine looks for libraries besides those of
// the loader (java.library.path of OpenJDK on Linux, and Debian's addition).
var nativeDirs = []string{"/usr/java/packages/lib", "/usr/lib/x86_64-linux-gnu/jni", "/usr/lib/aarch64-linux-gnu/jni", "/usr/lib/jni"}

// load asks for a library that a program opens by its name, without lib and
// .so, wherever it is.
func (g *gathered) load(ctx context.Context, by, reason, name string) error {
	for _, dir := range nativeDirs {
		at := path.Join(dir, "lib"+name+".so")
		if _, ok, err := tree.FindFile(ctx, g.env.Tree, at); err != nil {
			return err
		} else if ok {
			g.out.Needs = append(g.out.Needs, need.Need{Kind: need.Module, Path: at, By: by, Reason: reason, Strength: need.Expected})
			return nil
		}
	}
	finder, err := g.finder(ctx)
	if err != nil {
		return err
	}
	found, err := finder.Find("lib" + name + ".so")
	if err != nil {
		return err
	}
	if found == "" { // installed without what programs are compiled with
		cached, err := elf.CachedLibraries(ctx, g.env.Tree)
		if err != nil {
			return err
		}
		for _, so := range slices.Sorted(maps.Keys(cached)) {
			if strings.HasPrefix(so, "lib"+name+".so.") {
				found = cached[so]
			}
		}
	}
	if found != "" {
		g.out.Needs = append(g.out.Needs, need.Need{Kind: need.Module, Path: found, By: by, Reason: reason, Strength: need.Expected})
	}
	return nil
}

// fontDirs are where fonts and the settings of fontconfig are.
var fontDirs = []string{"/etc/fonts", "/usr/share/fontconfig", "/usr/share/fonts", "/usr/local/share/fonts"}

// drawing asks for fonts where something draws text.
func (g *gathered) drawing(ctx context.Context) error {
	by := ""
	for _, name := range slices.Sorted(maps.Keys(g.known)) {
		if knownAs(name).fonts {
			by = name + ", in " + g.known[name] + ","
			break
		}
	}
	for _, u := range g.usages {
		if u.fonts && by == "" {
			by = u.where()
		}
		if u.windows {
			g.ask(ctx, u.file, "libawt_xawt.so", u.where()+" makes windows")
			g.ask(ctx, u.file, "libsplashscreen.so", u.where()+" makes windows")
		}
		if u.sound {
			g.ask(ctx, u.file, "libjsound.so", u.where()+" plays sound")
		}
	}
	if by == "" {
		return nil
	}
	finder, err := g.finder(ctx)
	if err != nil {
		return err
	}
	at, err := finder.Find("libfontconfig.so.1")
	if err != nil {
		return err
	}
	if at != "" {
		g.out.Needs = append(g.out.Needs, need.Need{Kind: need.Module, Path: at, By: by, Reason: "Java asks it for fonts, as " + strings.TrimSuffix(by, ",") + " draws text", Strength: need.Expected})
	}
	fonts := 0
	for _, dir := range fontDirs {
		n, err := g.below(ctx, dir, by)
		if err != nil {
			return err
		}
		fonts += n
	}
	if at == "" || fonts == 0 {
		what := "no fontconfig"
		if at != "" {
			what = "no font"
		}
		g.warn(fmt.Sprintf("%s draws text, and the built image has %s", by, what), "install fontconfig and a font, such as fonts-dejavu-core, in the final stage")
	}
	return nil
}

// ask asks for a library of the installation that is otherwise left behind.
func (g *gathered) ask(ctx context.Context, by, name, reason string) {
	at := path.Join(g.homes[0].lib, name)
	if _, ok, err := tree.FindFile(ctx, g.env.Tree, at); err == nil && ok {
		g.out.Needs = append(g.out.Needs, need.Need{Kind: need.Module, Path: at, By: by, Reason: reason, Strength: need.Expected, Droppable: true})
	}
}

// below asks for what fontconfig reads below a directory, and counts fonts.
func (g *gathered) below(ctx context.Context, dir, by string) (fonts int, err error) {
	res, ok, err := tree.Find(ctx, g.env.Tree, dir)
	if err != nil || !ok || !res.Entry.IsDir() {
		return 0, err
	}
	err = tree.Walk(ctx, g.env.Tree, res.Path, func(name string, e tree.Entry) error {
		n := need.Need{Kind: need.Data, Path: name, By: by, Reason: "fonts, for " + strings.TrimSuffix(by, ","), Strength: need.Expected, Entry: &e}
		switch {
		case e.IsDir():
			return nil
		case e.IsSymlink():
			n.Entry = nil
			if _, ok, err := tree.Find(ctx, g.env.Tree, name); err != nil || !ok {
				return err
			}
		}
		if slices.Contains([]string{".ttf", ".otf", ".ttc", ".pfb", ".pcf", ".gz"}, strings.ToLower(path.Ext(name))) {
			fonts++
		}
		g.out.Needs = append(g.out.Needs, n)
		return nil
	})
	return fonts, err
}

// inside asks for what libraries in archives link: programs unpack them when
// they start, and the loader looks for the rest.
func (g *gathered) inside(ctx context.Context) error {
	if len(g.natives) == 0 {
		return nil
	}
	finder, err := g.finder(ctx)
	if err != nil {
		return err
	}
	machine, err := g.r.elf.Info(ctx, g.env.Tree, path.Join(g.homes[0].server, "libjvm.so"))
	if err != nil {
		return nil // what is wrong with it is the affair of others
	}
	var first string
	for _, name := range slices.Sorted(maps.Keys(g.natives)) {
		n := g.natives[name]
		if n.info.Machine != machine.Machine || n.info.Class != machine.Class {
			continue
		}
		var needs []need.Need
		lacks := ""
		for _, lib := range n.info.Needed {
			at, err := finder.Find(lib)
			if err != nil {
				return err
			}
			if at == "" {
				if _, ok, err := tree.FindFile(ctx, g.env.Tree, path.Join(g.homes[0].server, lib)); err != nil {
					return err
				} else if ok || slices.ContainsFunc(slices.Collect(maps.Keys(g.natives)), func(o string) bool { return path.Base(o) == lib }) {
					continue // loaded before, or out of the same archive
				}
				lacks = lib
				break
			}
			needs = append(needs, need.Need{Kind: need.Module, Path: at, By: fileOf(name), Reason: name + " links it", Strength: need.Expected})
		}
		if lacks != "" {
			if !foreign(lacks) {
				g.warn(fmt.Sprintf("%s links %s, which is not in the built image, so that it cannot be loaded", name, lacks), "install the package that has it in the final stage, or leave it when the program does without")
			}
			continue
		}
		if first == "" {
			first = name
		}
		g.out.Needs = append(g.out.Needs, needs...)
	}
	if first != "" {
		g.out.Facts = append(g.out.Facts, need.Fact{Kind: need.TempPrograms, Reason: first + " is unpacked and loaded"})
		g.warn(first+" is unpacked to /tmp and loaded from there, so /tmp has to be writable and to allow programs", temporary+"; without noexec")
	}
	return nil
}

// fileOf is the outermost file of an entry of an archive.
func fileOf(name string) string {
	file, _, _ := strings.Cut(name, "!/")
	return file
}

// foreign reports whether a library is the C library of another system, whose
// programs are in the same archive.
func foreign(lib string) bool {
	return strings.HasPrefix(lib, "libc.musl-") || lib == "libc.so" || lib == "libc.so.6" || strings.HasPrefix(lib, "ld-") || lib == "liblog.so" || lib == "libandroid.so"
}

// programName matches what may be the name of a program.
func programName(s string) bool {
	if s == "" || len(s) > 200 || strings.ContainsAny(s, "\n\t{}()<>\"'`$%&;|*?=,!") {
		return false
	}
	return !strings.HasSuffix(s, "/") && !strings.HasPrefix(s, "-")
}

// used asks for what the application's own classes start, load and name.
func (g *gathered) used(ctx context.Context) error {
	for _, u := range g.usages {
		if u.starts != "" {
			if err := g.starts(ctx, u); err != nil {
				return err
			}
		}
		if u.loads {
			for _, s := range u.strings {
				if programName(s) && !strings.ContainsAny(s, "/ :") {
					if err := g.load(ctx, u.file, u.where()+" loads "+s, strings.TrimSuffix(strings.TrimPrefix(s, "lib"), ".so")); err != nil {
						return err
					}
				}
			}
		}
		for _, p := range u.paths {
			g.out.Needs = append(g.out.Needs, need.Need{Kind: need.Named, Path: path.Clean(p), By: u.file, Reason: "named in " + u.where(), Strength: need.Optional, Droppable: true})
		}
	}
	return nil
}

// executable reports whether a program that was found may be executed.
func (g *gathered) executable(ctx context.Context, found string, ok bool) (bool, error) {
	if !ok {
		return false, nil
	}
	res, err := tree.Resolve(ctx, g.env.Tree, found)
	if need.Missing(err) {
		return false, nil
	}
	return err == nil && res.Entry.Mode&0o111 != 0, err
}

// starts asks for the programs that a class starts: those among its constants
// that are programs along PATH or of the installation.
func (g *gathered) starts(ctx context.Context, u located) error {
	some := false
	for _, s := range u.strings {
		words := strings.Fields(s)
		if len(words) == 0 || !programName(words[0]) || strings.Contains(words[0], "/") && !path.IsAbs(words[0]) {
			continue
		}
		name := words[0]
		found, ok, err := g.env.LookPath(ctx, name)
		if err == nil && !ok {
			found, err = g.r.tool(ctx, g.env.Tree, name)
			ok = found != ""
		}
		if err != nil {
			return err
		}
		// A constant may name any file: one that nobody can execute is data.
		if ok, err = g.executable(ctx, found, ok); err != nil {
			return err
		}
		if !ok {
			continue
		}
		some = true
		n := need.Need{Kind: need.Program, Path: found, By: u.file, Reason: u.where() + " starts " + name, Strength: need.Expected, Droppable: true}
		if command.IsShell(name) {
			n.Shell = true
			g.warn(fmt.Sprintf("%s starts commands by %s, which is in the image for that", u.where(), name), "include: the programs that those commands run, where they are not in the image; or start them without a shell")
		}
		g.out.Needs = append(g.out.Needs, n)
	}
	if !some {
		g.warn(fmt.Sprintf("%s starts programs by %s, and which cannot be seen", u.where(), u.starts), "include: them, or leave it when it does not come to that")
	}
	return nil
}
