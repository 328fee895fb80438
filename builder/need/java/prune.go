package java

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/elf"
	"github.com/whittle-oci/whittle/builder/tree"
)

// A pruned row is a part of an installation that no program needs to run.
type pruned struct {
	// pattern is a path below java.home, in the form of path.Match.
	pattern string
	bytes   int64 // of OpenJDK 17.0.15 for amd64 as Debian 12 builds it; 0 where that has none
	why     string
	source  string
}

// prunedTable is what stays behind. What a command line or a class of the image
// asks for comes all the same. Read in 2026-11.
var prunedTable = []pruned{
	{"jmods", 78_003_500, "is what jlink makes installations of", "jlink(1)"},
	{"lib/ct.sym", 8_264_052, "is what javac compiles for older releases with", "javac(1), --release"},
	{"lib/src.zip", 0, "is the source of the class library", "JDK file structure, docs.oracle.com"},
	{"src.zip", 0, "is the source of the class library", "JDK file structure, docs.oracle.com"},
	{"lib/server/classes_nocoops.jsa", 12_378_112, "is read with heaps of 32 GB and more, or without compressed pointers, which start a little slower then", "JEP 350; src/hotspot/share/cds of OpenJDK"},
	{"lib/server/classes_nocoops_coh.jsa", 0, "is read with heaps of 32 GB and more, or without compressed pointers", "JEP 450"},
	{"lib/classlist", 71_272, "is what the archive of the class library is made of", "java(1), -Xshare:dump"},
	{"lib/jrt-fs.jar", 110_486, "is for tools that run on another installation", "JEP 220"},
	{"lib/libawt_xawt.so", 576_288, "makes windows by X11", "chisel and distroless have none"},
	{"lib/libsplashscreen.so", 57_800, "makes windows by X11", "chisel has none"},
	{"lib/libjawt.so", 15_440, "is for libraries that draw into windows", "chisel has none"},
	{"lib/libatk-wrapper.so", 0, "is for windows that are read aloud", "openjdk-17-jre of Debian"},
	{"lib/libjsound.so", 81_120, "plays sound by ALSA", "chisel has none"},
	{"lib/libsaproc.so", 74_552, "is for jhsdb, which looks into a process that hangs", "jhsdb(1)"},
	{"lib/libjavafx*", 0, "makes windows", "openjfx.io"},
	{"lib/psfont*", 3_793, "is for printing", "openjdk-17-jre-headless of Debian"},
	{"lib/jar.binfmt", 63, "is for systems that run archives as programs", "binfmt_misc of Linux"},
	{"include", 181_000, "is what native code is compiled with", "JNI specification"},
	{"demo", 0, "are examples", "JDK file structure, docs.oracle.com"},
	{"sample", 0, "are examples", "JDK file structure, docs.oracle.com"},
	{"man", 250_000, "is documentation", "hier(7)"},
	{"docs", 0, "is documentation", "hier(7)"},
	{"bin/*", 394_000, "are tools; those that a command line, a script or a class names come along", "JDK tools, docs.oracle.com"},
	{"lib/missioncontrol", 0, "is a program with windows", "JDK 8"},
	{"lib/visualvm", 0, "is a program with windows", "JDK 8"},
}

// keptTable is what looks as if it could go and cannot.
var keptTable = []pruned{
	{"lib/modules", 128_651_445, "is the class library; what of it a program loads by a computed name cannot be told, and jlink makes a smaller one of those modules that one names", "JEP 220"},
	{"lib/server/classes.jsa", 13_549_568, "programs start slower without", "JEP 341"},
	{"lib/jspawnhelper", 18_560, "starts every process that a program starts, and has to be executable", "distroless tests it; odc#1958"},
	{"lib/tzdb.dat", 101_803, "are the time zones; those of the system are not read", "java.time.zone"},
	{"lib/security", 0, "certificate authorities, which Debian has below /etc/ssl/certs/java, and what is blocked of them", "keytool(1)"},
	{"conf", 0, "settings of security, networks and logging, which Debian has below /etc/java-17-openjdk; the virtual machine does not start without some", "chisel-releases, openjdk-21-jre-headless"},
	{"lib/libfontmanager.so, libawt*.so", 1_017_000, "draw charts, captchas and documents on servers", "distroless#321"},
	{"lib/libattach.so, libjdwp.so, libdt_socket.so", 342_000, "are asked for by jcmd and debuggers from outside", "distroless#350"},
	{"lib/libinstrument.so, libmanagement*.so, libjfr", 0, "agents and monitoring load them by name", "java.lang.instrument"},
	{"lib/jfr, lib/jvm.cfg, release", 0, "are read by name", "java(1)"},
	{"legal", 0, "are the licences", "GPL-2.0 with classpath exception, 1"},
	{"libraries and data in archives", 0, "programs unpack them when they start", "JAR File Specification"},
}

// Table lists for the manual what of Java stays behind, and what does not.
func Table() string {
	size := func(n int64) string {
		switch {
		case n == 0:
			return ""
		case n < 1e6:
			return fmt.Sprintf("%.2f kB", float64(n)/1e3)
		}
		return fmt.Sprintf("%.2f MB", float64(n)/1e6)
	}
	var b strings.Builder
	b.WriteString("| left behind, below java.home | bytes | it | source |\n| --- | --- | --- | --- |\n")
	for _, row := range prunedTable {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", row.pattern, size(row.bytes), row.why, row.source)
	}
	b.WriteString("\n| stays, although it looks as if it could go | bytes | because | source |\n| --- | --- | --- | --- |\n")
	for _, row := range keptTable {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", row.pattern, size(row.bytes), row.why, row.source)
	}
	return b.String()
}

// prunes says why a path below java.home stays behind, "" when it does not.
func prunes(rel string) string {
	if rel == "bin/java" {
		return ""
	}
	for _, row := range prunedTable {
		if ok, _ := path.Match(row.pattern, rel); ok {
			return row.why
		}
	}
	return ""
}

// Prunes implements need.Pruner: what of the installations that an image starts
// no program needs to run.
func (r *Runtime) Prunes(ctx context.Context, env *need.Env, programs []string) (map[string]string, error) {
	candidates := slices.Clone(programs)
	for _, line := range env.Lines {
		for _, word := range line[:min(len(line), 6)] {
			if strings.Contains(word, "/") && IsProgram(word) {
				candidates = append(candidates, env.Abs(word))
			}
		}
	}
	out := map[string]string{}
	for _, name := range r.started.scripts {
		out[name] = "a start script, in whose place java is started"
	}
	for _, name := range candidates {
		is, err := isJava(ctx, env, name)
		if err != nil {
			return nil, err
		}
		if !is {
			continue
		}
		res, err := tree.Resolve(ctx, env.Tree, name)
		if err != nil {
			return nil, err
		}
		h, err := r.find(ctx, env.Tree, res.Path)
		if err != nil {
			return nil, err
		}
		if h == nil {
			continue
		}
		more, err := r.prunable(ctx, env, h)
		if err != nil {
			return nil, err
		}
		maps.Copy(out, more)
		if _, ok, err := tree.FindFile(ctx, env.Tree, officialEntrypoint); err != nil {
			return nil, err
		} else if ok {
			out[officialEntrypoint] = "the entrypoint script of the official image"
		}
	}
	return out, nil
}

// officialEntrypoint is the script that the images of Eclipse Temurin start
// (adoptium/containers).
const officialEntrypoint = "/__cacert_entrypoint.sh"

// unloadable adds the libraries of an installation that could not be loaded in
// the built tree either, for want of one that they link: smart cards, printers.
func (r *Runtime) unloadable(ctx context.Context, env *need.Env, h *home, out map[string]string) error {
	o := elf.Options{LibraryPath: env.LibraryPath(), Files: r.elf, Loaded: func() ([]string, error) {
		return []string{h.lib, h.server, path.Join(h.lib, "jli"), path.Join(h.lib, "default")}, nil
	}}
	for _, dir := range []string{h.lib, h.server} {
		entries, err := readDir(ctx, env.Tree, dir)
		if err != nil {
			return err
		}
		for _, e := range entries {
			name := path.Join(dir, e.Name)
			if !e.IsRegular() || !strings.HasSuffix(e.Name, ".so") || e.Name == "libjvm.so" || out[name] != "" {
				continue
			}
			_, _, err := elf.Closure(ctx, env.Tree, name, o)
			if lacks, ok := errors.AsType[*elf.MissingError](err); ok {
				out[name] = "needs " + lacks.Library + ", which is not in the built image, so that it could not be loaded there either"
			} else if err != nil && !errors.Is(err, elf.ErrNotELF) && !errors.Is(err, elf.ErrBroken) && !errors.As(err, new(*elf.VersionError)) {
				return err
			}
		}
	}
	return nil
}

// prunable gives what of an installation stays behind, once for each.
func (r *Runtime) prunable(ctx context.Context, env *need.Env, h *home) (map[string]string, error) {
	if h.left != nil {
		return h.left, nil
	}
	out, t := map[string]string{}, env.Tree
	for _, root := range slices.Compact([]string{h.above, h.dir}) {
		for _, dir := range []string{"", "lib", "lib/server", "bin", h.lib, h.server} {
			at := path.Join(root, dir)
			if path.IsAbs(dir) {
				at = dir
			}
			entries, err := readDir(ctx, t, at)
			if err != nil {
				return nil, err
			}
			for _, e := range entries {
				name := path.Join(at, e.Name)
				if why := h.leaves(root, name); why != "" {
					out[name] = why
				}
			}
		}
	}
	if err := r.unloadable(ctx, env, h, out); err != nil {
		return nil, err
	}
	h.left = out
	return out, nil
}

// leaves says why a file of an installation stays behind, "" when it does not.
// Libraries of JDK 8 lie in a directory of the machine's.
func (h *home) leaves(root, name string) string {
	rel := strings.TrimPrefix(name, root+"/")
	if need.Below(name, h.lib) {
		rel = path.Join("lib", strings.TrimPrefix(name, h.lib+"/"))
	}
	return cmp.Or(prunes(rel), h.older(root, rel))
}

// older says why a file of a JDK 8 stays behind: beside jre, all but the
// licences and the libraries that programs of it load.
func (h *home) older(root, rel string) string {
	if h.eight && root == h.above && root != h.dir && rel == "db" {
		return "is a database to develop with"
	}
	return ""
}
