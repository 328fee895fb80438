package frontend

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/system"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/tree"
	"github.com/whittle-oci/whittle/lint/suggest"
)

// moduleName matches the names of modules (JLS 7.7).
var moduleName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[\p{L}_$][\p{L}\p{N}_$]*(\.[\p{L}_$][\p{L}\p{N}_$]*)*$`)
})

// unseen are the modules that programs reach without naming a class of them:
// by service loaders, system properties and reflection. Each is added where the
// JDK has it and, if option is set, where an option of the virtual machine
// contains that. Read in 2026-11.
var unseen = []struct{ module, option, why, source string }{
	{"jdk.crypto.ec", "", "TLS with elliptic curves, before JDK 22", "adoptium/containers#520"},
	{"jdk.unsupported", "", "sun.misc.Unsafe, which libraries look up by name", "JEP 260"},
	{"jdk.localedata", "", "every locale but that of the United States", "java.util.spi"},
	{"jdk.charsets", "", "encodings of text besides those of Unicode and ISO 8859-1", "java.nio.charset.spi"},
	{"jdk.zipfs", "", "file systems in archives", "java.nio.file.spi"},
	{"jdk.net", "", "options of sockets that an operating system has", "sun.net.ext.ExtendedSocketOptions"},
	{"jdk.naming.dns", "", "dns: addresses of JNDI", "javax.naming.spi"},
	{"java.management", "", "the beans by which programs look at themselves", "java.lang.management"},
	{"jdk.management", "", "the beans of this virtual machine", "com.sun.management"},
	{"jdk.management.agent", "com.sun.management", "monitoring from outside", "-Dcom.sun.management.jmxremote"},
	{"jdk.jfr", "FlightRecord", "the flight recorder", "-XX:StartFlightRecording"},
	{"jdk.jdwp.agent", "jdwp", "debuggers from outside", "-agentlib:jdwp"},
	{"java.instrument", "-javaagent", "agents", "java.lang.instrument"},
}

// jlinkLibraries are the libraries of the modules of OpenJDK 11 to 25, without
// lib and .so: those that a smaller installation has no module for go.
var jlinkLibraries = []string{
	"attach", "awt", "awt_headless", "awt_xawt", "dt_socket", "extnet", "fontmanager", "freetype", "harfbuzz", "instrument", "j2gss", "j2pcsc", "j2pkcs11", "jaas", "java",
	"javajpeg", "jawt", "jdwp", "jimage", "jli", "jsig", "jsound", "jsvml", "lcms", "le", "management", "management_agent", "management_ext", "mlib_image", "net", "nio", "prefs",
	"rmi", "saproc", "sctp", "simdsort", "splashscreen", "syslookup", "unpack", "verify", "zip",
}

// jlinkDir is where the step works: /dev is a file system of its own in a
// container, so that nothing of it becomes the image's.
const jlinkDir = "/dev/.whittle"

// jlinkScript makes an installation of Java one of fewer modules, in its place.
// Arguments are java.home, modules to add, libraries of the JDK, and then the
// archives and directories of classes; those that begin with nested: hold
// further ones. jdeps finds what they use; where it cannot, every module whose
// name begins with java. stays. Settings and certificates stay as they are;
// line numbers of the class library go, which are a tenth of the download.
const jlinkScript = `
set -eu
home=$1 add=$2 libraries=$3
shift 3
cd ` + jlinkDir + `
. "$home/release"
version=${JAVA_VERSION%%[.+-]*}
all=" $(echo $("$home/bin/java" --list-modules)) "
n=0
for name in "$@"; do
  shift
  case $name in
  nested:*)
    name=${name#nested:} n=$((n+1))
    mkdir $n
    (cd $n && "$home/bin/jar" xf "$name" BOOT-INF WEB-INF)
    for inner in $n/*-INF/lib*/*.jar $n/*-INF/classes; do
      if [ -e "$inner" ]; then set -- "$@" "$inner"; fi
    done;;
  esac
  set -- "$@" "$name"
done
modules=
keep() {
  for word in $1; do
    m=${word%%[/@]*}
    case $all in *" $m@"*|*" $m "*) modules=$modules,$m;; esac
  done
}
deps() { "$home/bin/jdeps" --list-deps --ignore-missing-deps --multi-release "$version" "$@" 2>/dev/null; }
if [ $# -gt 0 ]; then
  if found=$(deps "$@"); then keep "$found"; else
    for name in "$@"; do
      if found=$(deps "$name"); then keep "$found"; else
        for word in $all; do case $word in java.*) keep "$word";; esac; done
      fi
    done
  fi
fi
keep "java.base $add"
strip=--strip-java-debug-attributes
case $version in 9|1[0-2]) strip=--strip-debug;; esac
"$home/bin/jlink" --add-modules "${modules#,}" $strip --no-header-files --no-man-pages --output java
for dir in conf lib/security; do
  if [ -e "$home/$dir" ]; then
    rm -rf "java/$dir"
    mkdir "java/$dir"
    cp -RPp "$home/$dir/." "java/$dir/"
  fi
done
(cd "$home" && rm -rf bin jmods include man legal conf lib/modules lib/server lib/client lib/security lib/jfr)
for name in $libraries; do rm -f "$home/lib/lib$name.so"; done
cp -RPp java/. "$home/"
`

// linked gives a stage whose installation of Java has only the modules that the
// image uses, made by jlink(1) of that stage in a step behind it; nil where the
// image has no Java that runs on modules. A stage that cannot is an error.
func (b *build) linked(ctx context.Context, s *stage, made *image.Plan, p *ocispecs.Platform) (*stage, error) {
	j := made.Java
	if j == nil {
		return nil, nil
	}
	if _, ok, err := tree.FindFile(ctx, s.tree, path.Join(j.Home, "lib/modules")); err != nil || !ok {
		return nil, err
	}
	for _, tool := range []string{path.Join(j.Home, "bin/jlink"), path.Join(j.Home, "bin/jdeps"), "/bin/sh"} {
		if _, ok, err := tree.FindFile(ctx, s.tree, tool); err != nil {
			return nil, err
		} else if !ok {
			return nil, &image.RefusedError{Instruction: "FROM", Message: fmt.Sprintf("java: jlink needs %s, which the final stage has not", tool), Hint: "begin the final stage from an image with a JDK, whose tools stay behind, or leave java: jlink out"}
		}
	}
	for _, o := range j.Options {
		if slices.ContainsFunc([]string{"-Xshare:on", "-XX:SharedArchiveFile=", "-XX:AOTCache="}, func(s string) bool { return strings.HasPrefix(o, s) }) {
			return nil, &image.RefusedError{Message: o + " asks for an archive of classes (CDS), which is one of the installation that java: jlink replaces", Hint: "leave the option out, or java: jlink"}
		}
	}
	has, err := modulesOf(ctx, s, j.Home)
	if err != nil {
		return nil, err
	}
	for _, name := range b.config.JavaModules {
		if len(has) > 0 && !slices.Contains(has, name) {
			return nil, &image.RefusedError{Message: fmt.Sprintf("java-modules: the JDK in %s has no module %s", j.Home, name), Hint: suggest.Hint(name, has)}
		}
	}
	if !runs(b.client.BuildOpts().Workers, p) {
		return nil, &image.RefusedError{Instruction: "FROM", Message: "java: jlink runs the JDK of the final stage, and this builder cannot run programs for that platform", Hint: "install an emulator (binfmt_misc, qemu-user-static), or leave java: jlink out"}
	}
	args := []string{"/bin/sh", "-c", strings.TrimSpace(jlinkScript), "jlink", j.Home, strings.Join(b.modules(j), " "), strings.Join(jlinkLibraries, " ")}
	for _, name := range j.Classes {
		if slices.Contains(j.Nested, name) {
			name = "nested:" + name
		}
		args = append(args, name)
	}
	opts := []llb.RunOption{
		llb.Args(args), llb.Network(pb.NetMode_NONE), llb.AddMount(jlinkDir, llb.Scratch(), llb.Tmpfs()), llb.AddEnv("PATH", system.DefaultPathEnvUnix), llb.AddEnv("LC_ALL", "C.UTF-8"),
		llb.WithCustomName("[whittle] jlink: an installation of Java with the modules that the image uses"),
	}
	constraints := []llb.ConstraintsOpt{llb.WithCaps(b.client.BuildOpts().LLBCaps)}
	if p != nil {
		constraints = append(constraints, llb.Platform(*p))
	}
	def, err := s.state.Dir("/").User("0").Run(opts...).Root().Marshal(ctx, constraints...)
	if err != nil {
		return nil, fmt.Errorf("marshalling the step of jlink: %w", err)
	}
	out, err := b.stage(ctx, def.ToPB())
	if err == nil {
		return out, nil
	}
	// What BuildKit executed is a script that nobody who reads this wrote.
	if _, why, ok := strings.Cut(err.Error(), "did not complete successfully: "); ok {
		return nil, &image.RefusedError{Message: "java: jlink: making the installation of Java failed with " + why, Hint: "what it printed stands above; java: whole does without"}
	}
	return nil, err
}

// modules are those that are kept besides what classes name.
func (b *build) modules(j *image.Java) []string {
	out := slices.Clone(b.config.JavaModules)
	options := strings.Join(j.Options, " ")
	for _, u := range unseen {
		if strings.Contains(options, u.option) {
			out = append(out, u.module)
		}
	}
	for _, o := range j.Options {
		if names, ok := strings.CutPrefix(o, "--add-modules="); ok {
			for name := range strings.SplitSeq(names, ",") {
				out = append(out, map[string]string{"ALL-SYSTEM": "java.se", "ALL-DEFAULT": "java.se"}[name], name)
			}
		}
	}
	return slices.DeleteFunc(out, func(name string) bool { return !moduleName().MatchString(name) })
}

// modulesOf gives the modules that an installation of Java says it has, nil
// where it says nothing (JEP 220, the file release).
func modulesOf(ctx context.Context, s *stage, home string) ([]string, error) {
	release, err := tree.ReadOptional(ctx, s.tree, path.Join(home, "release"), 1<<20)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(release)) {
		if names, ok := strings.CutPrefix(strings.TrimSpace(line), "MODULES="); ok {
			return strings.Fields(strings.Trim(names, `"`)), nil
		}
	}
	return nil, nil
}

// told adds to a plan which modules its installation of Java has.
func told(ctx context.Context, s *stage, made *image.Plan) error {
	if made.Java == nil {
		return nil
	}
	has, err := modulesOf(ctx, s, made.Java.Home)
	if err != nil || len(has) == 0 {
		return err
	}
	made.Changes = append(made.Changes, image.Change{Kind: "java", Name: made.Java.Home, To: strings.Join(has, " "), Why: "java: jlink; a class of another module that a program looks up by a computed name is not found, and java-modules: adds modules"})
	return nil
}
