package java

import (
	"archive/zip"
	"cmp"
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

// Resolve implements need.Launcher: java starts a class of an archive, of a
// class path or of a module; a start script starts java.
func (r *Runtime) Resolve(ctx context.Context, env *need.Env, c need.Command) (need.Step, bool, error) {
	if c.Program == "" || len(c.Argv) == 0 {
		return need.Step{}, false, nil
	}
	is, err := isJava(ctx, env, c.Program)
	if err != nil {
		return need.Step{}, false, err
	}
	if is {
		return r.java(ctx, env, c)
	}
	return r.script(ctx, env, c)
}

// java follows a command line of java to the class that it starts.
func (r *Runtime) java(ctx context.Context, env *need.Env, c need.Command) (need.Step, bool, error) {
	step := need.Step{}
	step.Needs = []need.Need{{Kind: need.Program, Path: c.Program, By: c.Instruction, Reason: c.Reason, Strength: need.Required, Instruction: c.Instruction}}
	line, err := parse(ctx, env, c.Line()[1:])
	if need.Missing(err) {
		return step, false, refuse(c, "copy it in the final stage, or correct the path or WORKDIR", "%s: %v", c.Instruction, err)
	}
	if err != nil {
		return step, false, err
	}
	w := &walk{r: r, env: env, c: c, out: &step.Found, seen: map[string]bool{}}
	if err := w.options(ctx, line); err != nil {
		return step, false, err
	}
	if err := w.program(ctx, line); err != nil {
		return step, false, err
	}
	r.started.options = append(r.started.options, line.options...)
	r.started.archives = r.started.archives || len(line.archives) > 0
	step.Needs = append(step.Needs, need.Arguments(need.Command{Argv: append([]string{""}, line.rest...), Instruction: c.Instruction})...)
	return step, true, nil
}

// A walk goes along the class path of one command line.
type walk struct {
	r    *Runtime
	env  *need.Env
	c    need.Command
	out  *need.Found
	seen map[string]bool // paths that were looked at

	archives []found  // along the path, in order
	dirs     []string // real paths of directories of classes
	missing  []string // entries that are not there
}

// found is an archive along a class path.
type found struct {
	path, real string
	size       int64
	manifest   manifest
}

// maxAlong is how many archives a class path may have.
const maxAlong = 10_000

func (w *walk) need(kind need.Kind, name, reason string, s need.Strength) {
	w.out.Needs = append(w.out.Needs, need.Need{Kind: kind, Path: name, By: w.c.Instruction, Reason: reason, Strength: s, Instruction: w.c.Instruction})
}

func (w *walk) warn(hint, format string, args ...any) {
	w.out.Warnings = append(w.out.Warnings, image.NewWarning(w.c.Instruction, fmt.Sprintf(format, args...), hint))
}

// options asks for what options name besides the program.
func (w *walk) options(ctx context.Context, l commandLine) error {
	for _, name := range l.argFiles {
		w.need(need.Data, name, "arguments of java", need.Required)
	}
	for _, a := range l.agents {
		at := w.env.Abs(a)
		if _, ok, err := tree.FindFile(ctx, w.env.Tree, at); err != nil {
			return err
		} else if !ok {
			return refuse(w.c, "copy it in the final stage, or leave the option out: java does not start without it", "-javaagent names %s, which is not in the built image", at)
		}
		w.need(need.Data, at, "agent of java", need.Required)
		if err := w.add(ctx, at, true, false); err != nil {
			return err
		}
	}
	for _, a := range l.agentPaths {
		w.need(need.Module, w.env.Abs(a), "agent of java", need.Required)
	}
	for _, a := range l.archives {
		at := w.env.Abs(a)
		if _, ok, err := tree.FindFile(ctx, w.env.Tree, at); err != nil {
			return err
		} else if !ok {
			w.warn("make it in the build, or leave the option out", "%s is not in the built image, so that java starts without that archive of classes", at)
			continue
		}
		w.need(need.Data, at, "archive of classes of java", need.Expected)
	}
	for _, dir := range l.libraryPath {
		if err := w.libraries(ctx, w.env.Abs(dir)); err != nil {
			return err
		}
	}
	for _, f := range l.files {
		w.need(need.Named, w.env.Abs(f), "named by an option of java", need.Optional)
	}
	return w.agentLibraries(ctx, l)
}

// libraries asks for those of a directory of java.library.path.
func (w *walk) libraries(ctx context.Context, dir string) error {
	entries, err := readDir(ctx, w.env.Tree, dir)
	for _, e := range entries {
		if strings.Contains(e.Name, ".so") && !e.IsDir() {
			w.need(need.Module, path.Join(dir, e.Name), "in java.library.path", need.Expected)
		}
	}
	return err
}

// agentLibraries asks for agents by their names: those of the installation,
// which are asked for in any case but for pruned ones, else of java.library.path.
func (w *walk) agentLibraries(ctx context.Context, l commandLine) error {
	if len(l.agentLibs) == 0 {
		return nil
	}
	res, err := tree.Resolve(ctx, w.env.Tree, w.c.Program)
	if err != nil {
		return err
	}
	h, err := w.r.find(ctx, w.env.Tree, res.Path)
	if err != nil || h == nil {
		return err
	}
	for _, name := range l.agentLibs {
		at := path.Join(h.lib, "lib"+name+".so")
		if _, ok, err := tree.FindFile(ctx, w.env.Tree, at); err != nil {
			return err
		} else if ok {
			w.need(need.Module, at, "agent of java", need.Expected)
		}
	}
	return nil
}

// program asks for the program: an archive, a class, a module or a source.
func (w *walk) program(ctx context.Context, l commandLine) error {
	for _, entry := range l.modulePath {
		if err := w.modules(ctx, w.env.Abs(entry)); err != nil {
			return err
		}
	}
	if l.jar != "" {
		return w.jar(ctx, l)
	}
	entries := l.classPath
	if v, _ := w.env.Getenv("CLASSPATH"); !l.hasClassPath && v != "" {
		entries = strings.Split(v, ":")
	} else if !l.hasClassPath {
		entries = nil
		if l.main != "" {
			entries = []string{"."}
		}
	}
	for _, entry := range entries {
		if err := w.entry(ctx, entry); err != nil {
			return err
		}
	}
	switch {
	case l.source != "":
		at := w.env.Abs(l.source)
		if _, ok, err := tree.FindFile(ctx, w.env.Tree, at); err != nil {
			return err
		} else if !ok {
			return w.lacks(at)
		}
		w.need(need.Data, at, "main file of "+w.c.Instruction, need.Required)
	case l.module != "":
		_, main, _ := strings.Cut(l.module, "/")
		return w.inModules(ctx, l, main)
	case l.main != "":
		if err := w.class(ctx, l.main); err != nil {
			return err
		}
		if len(w.missing) > 0 {
			w.warn("copy it in the final stage, or leave it out: java passes it over", "the class path of %s names what is not in the built image: %s", w.c.Instruction, list(w.missing))
		}
	}
	return nil
}

func (w *walk) lacks(at string) error {
	return refuse(w.c, "copy or build it in the final stage, or correct the path or WORKDIR", "%s starts %s, which is not in the built image", path.Base(w.c.Argv[0]), at)
}

// jar asks for the archive that -jar names, whose manifest says the rest.
func (w *walk) jar(ctx context.Context, l commandLine) error {
	at := w.env.Abs(l.jar)
	res, ok, err := tree.FindFile(ctx, w.env.Tree, at)
	if err != nil {
		return err
	}
	if !ok {
		return w.lacks(at)
	}
	w.need(need.Data, at, "archive that "+w.c.Instruction+" starts", need.Required)
	if err := w.add(ctx, at, true, true); err != nil {
		return err
	}
	i := slices.IndexFunc(w.archives, func(f found) bool { return f.real == res.Path })
	if i < 0 {
		return refuse(w.c, "build or copy it once more: java does not start it either", "%s is no archive of classes", at)
	}
	first := w.archives[i]
	if first.manifest == nil {
		return nil // too large to be read
	}
	main := first.manifest.main()
	if main == "" {
		return refuse(w.c, "have the build write Main-Class, or start the class by its name: java -cp "+l.jar+" CLASS", "the manifest of %s names no Main-Class, so java -jar does not start it", at)
	}
	if len(w.missing) > 0 {
		w.warn("copy them beside it, or leave them out of Class-Path", "the manifest of %s names in its Class-Path what is not in the built image: %s", at, list(w.missing))
		w.missing = nil
	}
	if agent := first.manifest.get("Launcher-Agent-Class"); agent != "" {
		w.r.started.mains = append(w.r.started.mains, agent)
	}
	if err := w.beside(ctx, first); err != nil {
		return err
	}
	if err := w.class(ctx, main); err != nil {
		return err
	}
	w.r.started.mains = append(w.r.started.mains, first.manifest.application())
	return nil
}

// beside asks for the directories that an archive of that layout reads without
// naming them: Quarkus (quarkus.io/guides/maven-tooling, fast-jar).
func (w *walk) beside(ctx context.Context, jar found) error {
	if !strings.HasPrefix(jar.manifest.main(), "io.quarkus.bootstrap.runner.") {
		return nil
	}
	for _, dir := range []string{"app", "lib", "quarkus"} {
		at := path.Join(path.Dir(jar.path), dir)
		res, ok, err := tree.Find(ctx, w.env.Tree, at)
		if err != nil {
			return err
		}
		if !ok || !res.Entry.IsDir() {
			return refuse(w.c, "copy all of quarkus-app, not its jar alone", "%s reads %s, which is not in the built image", jar.path, at)
		}
		if err := w.below(ctx, res.Path, func(string) bool { return true }); err != nil {
			return err
		}
		if dir == "app" {
			w.r.started.whole = append(w.r.started.whole, res.Path)
		}
	}
	return nil
}

// below asks for files below a directory.
func (w *walk) below(ctx context.Context, real string, wanted func(name string) bool) error {
	return tree.Walk(ctx, w.env.Tree, real, func(name string, e tree.Entry) error {
		if !wanted(name) {
			return nil
		}
		switch {
		case e.IsRegular():
			w.out.Needs = append(w.out.Needs, need.Need{Kind: need.Data, Path: name, By: w.c.Instruction, Reason: "along the class path of " + w.c.Instruction, Strength: need.Expected, Instruction: w.c.Instruction, Entry: &e})
			if isArchive(name) {
				w.r.started.paths = append(w.r.started.paths, name)
			}
		case e.IsSymlink():
			w.need(need.KeptLink, name, "along the class path of "+w.c.Instruction, need.Expected)
		}
		return nil
	})
}

// entry looks at one entry of a class path: an archive, a directory, or all
// archives of a directory.
func (w *walk) entry(ctx context.Context, entry string) error {
	if dir, ok := strings.CutSuffix(entry, "*"); ok && (dir == "" || strings.HasSuffix(dir, "/")) {
		return w.every(ctx, w.env.Abs(cmp.Or(dir, ".")), entry)
	}
	return w.add(ctx, w.env.Abs(cmp.Or(entry, ".")), true, false)
}

// every adds the archives of a directory.
func (w *walk) every(ctx context.Context, dir, entry string) error {
	entries, err := readDir(ctx, w.env.Tree, dir)
	if err != nil {
		return err
	}
	any := false
	for _, e := range entries {
		if strings.EqualFold(path.Ext(e.Name), ".jar") {
			any = true
			if err := w.add(ctx, path.Join(dir, e.Name), true, false); err != nil {
				return err
			}
		}
	}
	if !any {
		w.missing = append(w.missing, entry)
	}
	return nil
}

// add adds an archive or directory, and what an archive's manifest names. told
// says that it is to be told when it is not there, further the same of what the
// manifest names: manifests of libraries name much that nobody has.
func (w *walk) add(ctx context.Context, at string, told, further bool) error {
	if w.seen[at] || len(w.archives) >= maxAlong {
		return nil
	}
	w.seen[at] = true
	res, ok, err := tree.Find(ctx, w.env.Tree, at)
	if err != nil {
		return err
	}
	switch {
	case !ok:
		if told {
			w.missing = append(w.missing, at)
		}
		return nil
	case res.Entry.IsDir():
		w.dirs = append(w.dirs, res.Path)
		if system(res.Path) {
			return nil // what the Dockerfile put there comes by itself
		}
		return w.below(ctx, res.Path, ofClasses)
	case !res.Entry.IsRegular():
		return nil
	}
	w.need(need.Data, at, "along the class path of "+w.c.Instruction, need.Expected)
	w.r.started.paths = append(w.r.started.paths, res.Path)
	a, err := w.r.open(ctx, w.env.Tree, res.Path, res.Entry.Size)
	if errors.Is(err, errNotZip) {
		return nil // nor does java find a class in it
	}
	f := found{path: at, real: res.Path, size: res.Entry.Size}
	if errors.Is(err, errMuch) {
		w.archives = append(w.archives, f)
		return nil
	}
	if err != nil {
		return err
	}
	f.manifest = manifest{}
	if m := a.manifest(); m != nil {
		data, err := a.read(m, maxManifest)
		if err != nil && !unreadable(err) {
			return err
		}
		f.manifest = parseManifest(data)
	}
	w.archives = append(w.archives, f)
	for _, next := range f.manifest.classPath(at) {
		if err := w.add(ctx, next, further, false); err != nil {
			return err
		}
	}
	return nil
}

// manifest gives the entry of the manifest, whose name may be in any case.
func (a *archive) manifest() *zip.File {
	for _, f := range a.File {
		if strings.EqualFold(f.Name, manifestName) {
			return f
		}
	}
	return nil
}

// system reports whether a directory holds the system's own files rather than
// classes, such as the root where there is no WORKDIR.
func system(dir string) bool {
	return dir == "/" || slices.Contains([]string{"/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib64", "/media", "/mnt", "/opt", "/proc", "/root", "/run", "/sbin", "/srv", "/sys", "/tmp", "/usr", "/var", "/usr/lib", "/usr/local", "/usr/share", "/usr/bin", "/usr/local/bin", "/var/lib"}, dir)
}

// ofClasses reports whether a file in a directory of classes is one that
// programs look for along their class path.
func ofClasses(name string) bool {
	return slices.Contains([]string{".class", ".jar", ".properties", ".xml", ".json", ".yml", ".yaml", ".idx"}, strings.ToLower(path.Ext(name))) || strings.Contains(name, "/META-INF/")
}

// modules adds an entry of a module path: an archive, or a directory that is a
// module or has some.
func (w *walk) modules(ctx context.Context, at string) error {
	if err := w.add(ctx, at, true, false); err != nil {
		return err
	}
	entries, err := readDir(ctx, w.env.Tree, at)
	for _, e := range entries {
		if err != nil {
			break
		}
		switch name := path.Join(at, e.Name); {
		case strings.EqualFold(path.Ext(e.Name), ".jar"):
			err = w.add(ctx, name, false, false)
		case e.IsDir():
			if _, ok, ferr := tree.FindFile(ctx, w.env.Tree, path.Join(name, "module-info.class")); ferr != nil || ok {
				err = cmp.Or(ferr, w.add(ctx, name, false, false))
			}
		}
	}
	return err
}

// inModules looks for the main class of a module along the module path. A
// module of the installation is not looked for.
func (w *walk) inModules(ctx context.Context, l commandLine, main string) error {
	if main == "" || len(l.modulePath) == 0 {
		return nil
	}
	return w.class(ctx, main)
}

// platform reports whether a class may be one of the installation.
func platform(main string) bool {
	return slices.ContainsFunc([]string{"java.", "javax.", "jdk.", "sun.", "com.sun.", "org.graalvm."}, func(p string) bool { return strings.HasPrefix(main, p) })
}

// class looks for the class that is started, and refuses where it is in none of
// the archives and directories.
func (w *walk) class(ctx context.Context, main string) error {
	w.r.started.mains = append(w.r.started.mains, main)
	file := strings.ReplaceAll(main, ".", "/") + ".class"
	for _, dir := range w.dirs {
		at := path.Join(dir, file)
		if _, ok, err := tree.FindFile(ctx, w.env.Tree, at); err != nil {
			return err
		} else if ok {
			w.need(need.Data, at, "main class of "+w.c.Instruction, need.Required)
			return nil
		}
	}
	for _, f := range w.archives {
		if f.manifest == nil {
			return nil // one that is not read may have it
		}
		has, err := w.has(ctx, f, file)
		if err != nil || has {
			return err
		}
	}
	if platform(main) {
		return nil
	}
	var looked []string
	for _, f := range w.archives {
		looked = append(looked, f.path)
	}
	looked = append(looked, w.dirs...)
	where := "along an empty class path"
	if len(looked) > 0 {
		where = "in " + list(looked)
	}
	if len(w.missing) > 0 {
		where += "; of its class path the built image lacks " + list(w.missing)
	}
	return refuse(w.c, "copy or build it in the final stage, or correct the class path or WORKDIR", "%s starts the class %s, which is not %s", path.Base(w.c.Argv[0]), main, where)
}

// has reports whether an archive has a file.
func (w *walk) has(ctx context.Context, f found, file string) (bool, error) {
	a, err := w.r.open(ctx, w.env.Tree, f.real, f.size)
	if unreadable(err) {
		return true, nil // as it was readable before, the budget is spent: it may have it
	}
	if err != nil {
		return false, err
	}
	return a.find(file) != nil, nil
}
