// Package java knows Java: how programs are started, by java itself and by the
// start scripts that build tools write; what of an installation a program can
// ask for; and what classes and archives are seen to use.
//
// An installation is kept but for a published list. What is in an application
// is kept whole, since a program loads classes by computed names.
//
// Sources: java(1) of JDK 8, 17 and 21; the JAR and class file specifications
// (docs.oracle.com/javase/specs); the start scripts of Gradle 6 to 8, of
// MojoHaus Appassembler 2 and of Apache Tomcat 9 and 10; read in 2026.
package java

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/elf"
	"github.com/whittle-oci/whittle/builder/tree"
)

// A Runtime launches programs of Java and answers for what they need. It keeps
// what it has read, and is for one tree and environment.
type Runtime struct {
	elf     *elf.Files
	homes   map[string]*home // by the real path of a program or library
	started started
	seen    map[string]*contents // what archives and classes show, by real path
	budget  budget               // what may still be read of them
	classes int                  // that were read of the application
	natives int                  // libraries in archives that were read
}

// started is what command lines say of the programs that an image starts.
type started struct {
	mains    []string // names of classes, with dots
	archives bool     // one is told to read an archive of classes, which compares times
	options  []string // of the virtual machine
	scripts  []string // real paths of start scripts, in whose place java is started
	whole    []string // real paths of directories whose archives are the application's own
	paths    []string // real paths of the archives along class and module paths
}

// New returns a runtime that has read nothing yet. It reads ELF files through
// what others have read.
func New(files *elf.Files) *Runtime {
	return &Runtime{elf: files, homes: map[string]*home{}, seen: map[string]*contents{}, budget: newBudget()}
}

// Interprets reports whether a file, by its name, runs programs of Java: the
// launcher, or a library of the virtual machine.
func Interprets(name string) bool {
	return IsProgram(name) || slices.Contains([]string{"libjvm.so", "jspawnhelper", "jexec"}, path.Base(name)) || libraryOfHome(name)
}

// IsProgram reports whether a path has the name of Java's launcher.
func IsProgram(name string) bool { return path.Base(name) == "java" }

// libraryOfHome reports whether a library lies where installations have theirs.
func libraryOfHome(name string) bool {
	if !strings.Contains(path.Base(name), ".so") {
		return false
	}
	dir := path.Dir(name)
	for _, place := range []string{"/usr/lib/jvm/", "/opt/java/", "/opt/jdk", "/opt/jre", "/opt/openjdk", "/opt/graalvm", "/usr/local/openjdk", "/usr/java/"} {
		if strings.HasPrefix(name, place) {
			return true
		}
	}
	return path.Base(dir) == "server" && path.Base(path.Dir(dir)) == "lib"
}

// A home is an installation of Java.
type home struct {
	dir    string            // real path of java.home
	lib    string            // where the libraries lie
	server string            // where libjvm.so lies
	eight  bool              // of JDK 8: rt.jar instead of modules
	left   map[string]string // what of it stays behind and why, once that was asked
	above  string            // of a JDK 8, whose jre directory dir is, the JDK; else dir
}

// find finds the installation that a launcher or a libjvm.so at a real path
// belongs to, nil where there is none: the directory above bin, or above the
// directories of libraries, that has lib/modules or, before JDK 9, lib/rt.jar.
func (r *Runtime) find(ctx context.Context, t tree.Tree, real string) (*home, error) {
	if h, ok := r.homes[real]; ok {
		return h, nil
	}
	var out *home
	dir := path.Dir(real)
	for range 4 {
		h, err := homeAt(ctx, t, dir)
		if err != nil {
			return nil, err
		}
		if h != nil {
			out = h
			break
		}
		if dir == "/" {
			break
		}
		dir = path.Dir(dir)
	}
	r.homes[real] = out
	return out, nil
}

// homeAt reads the installation in a directory, nil where there is none.
func homeAt(ctx context.Context, t tree.Tree, dir string) (*home, error) {
	for _, try := range []struct {
		dir, mark string
		eight     bool
	}{{dir, "lib/modules", false}, {path.Join(dir, "jre"), "lib/rt.jar", true}, {dir, "lib/rt.jar", true}} {
		res, ok, err := tree.FindFile(ctx, t, path.Join(try.dir, try.mark))
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		h := &home{dir: path.Dir(path.Dir(res.Path)), eight: try.eight}
		h.above = h.dir
		if try.eight && path.Base(h.dir) == "jre" {
			h.above = path.Dir(h.dir)
		}
		libs := []string{path.Join(h.dir, "lib")}
		if try.eight {
			libs = []string{path.Join(h.dir, "lib/amd64"), path.Join(h.dir, "lib/aarch64"), libs[0]}
		}
		for _, lib := range libs {
			for _, variant := range []string{"server", "j9vm", "client", "zero", "minimal"} {
				at := path.Join(lib, variant)
				if _, ok, err := tree.FindFile(ctx, t, path.Join(at, "libjvm.so")); err != nil {
					return nil, err
				} else if ok {
					h.lib, h.server = lib, at
					return h, nil
				}
			}
		}
	}
	return nil, nil
}

// isJava reports whether the program at a path is Java's launcher: an ELF file
// of that name.
func isJava(ctx context.Context, env *need.Env, name string) (bool, error) {
	res, ok, err := tree.FindFile(ctx, env.Tree, name)
	if err != nil || !ok || !IsProgram(name) && !IsProgram(res.Path) {
		return false, err
	}
	head, err := env.Head(ctx, res.Path)
	return strings.HasPrefix(string(head), "\x7fELF"), err
}

// refuse is the error for a command line that cannot start.
func refuse(c need.Command, hint, format string, args ...any) error {
	return &image.RefusedError{Instruction: c.Instruction, Message: fmt.Sprintf(format, args...), Hint: hint}
}

// readDir lists a directory; one that is not there is empty.
func readDir(ctx context.Context, t tree.Tree, name string) ([]tree.Entry, error) {
	res, ok, err := tree.Find(ctx, t, name)
	if err != nil || !ok || !res.Entry.IsDir() {
		return nil, err
	}
	return t.ReadDir(ctx, res.Path)
}

// list writes a few of several names.
func list(names []string) string {
	const some = 3
	if len(names) <= some {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:some], ", "), len(names)-some)
}

// isArchive reports whether a name is that of an archive of classes.
func isArchive(name string) bool {
	return slices.Contains([]string{".jar", ".war", ".ear"}, strings.ToLower(path.Ext(name)))
}
