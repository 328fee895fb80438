package java

import (
	"archive/zip"
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	whittleelf "github.com/whittle-oci/whittle/builder/need/elf"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
	"github.com/whittle-oci/whittle/builder/need/shell"
	"github.com/whittle-oci/whittle/builder/need/wrapper"
	"github.com/whittle-oci/whittle/builder/tree"
)

// jar packs files: name, content, name, content. Names that end in "!" are
// stored without compression.
func jar(t testing.TB, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		h := &zip.FileHeader{Name: strings.TrimSuffix(files[i], "!"), Method: zip.Deflate}
		if strings.HasSuffix(files[i], "!") {
			h.Method = zip.Store
		}
		f, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(files[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// emptyJar is an archive without files (the end of a central directory alone).
var emptyJar = append([]byte("PK\x05\x06"), make([]byte, 18)...)

// classOf makes a class file whose constant pool has methods CLASS.NAME and
// string constants.
func classOf(calls []string, texts ...string) string {
	var b bytes.Buffer
	n := uint16(1)
	utf := func(s string) uint16 {
		b.WriteByte(1)
		_ = binary.Write(&b, binary.BigEndian, uint16(len(s)))
		b.WriteString(s)
		n++
		return n - 1
	}
	ref := func(tag byte, to ...uint16) uint16 {
		b.WriteByte(tag)
		_ = binary.Write(&b, binary.BigEndian, to)
		n++
		return n - 1
	}
	b.Write([]byte{5, 0, 0, 0, 0, 0, 0, 0, 1}) // a long takes two places
	n += 2
	for _, call := range calls {
		class, name, _ := strings.Cut(call, ".")
		c := ref(7, utf(class))
		if name != "" {
			ref(10, c, ref(12, utf(name), utf("()V")))
		}
	}
	for _, s := range texts {
		ref(8, utf(s))
	}
	head := []byte{0xCA, 0xFE, 0xBA, 0xBE, 0, 0, 0, 61, 0, 0}
	binary.BigEndian.PutUint16(head[8:], n)
	return string(head) + b.String()
}

const mainJar = "Manifest-Version: 1.0\r\nMain-Class: com.example.shop.Ma\r\n in\r\nClass-Path: lib/a.jar lib/b%20c.jar\r\n\r\nName: x/\r\nMain-Class: no\r\n"

// official is a tree in the layout of the official images of Eclipse Temurin,
// with an application.
func official(t testing.TB) *tree.Memory {
	t.Helper()
	var m tree.Memory
	program := elftest.File{Machine: elf.EM_X86_64}.Bytes()
	library := elftest.File{Machine: elf.EM_X86_64, Library: true}.Bytes()
	m.File("/bin/sh", 0o755, program)
	m.File("/usr/bin/tini", 0o755, program)
	for _, name := range []string{"bin/java", "bin/keytool", "bin/javac", "lib/jspawnhelper"} {
		m.File("/opt/java/openjdk/"+name, 0o755, program)
	}
	for _, name := range []string{"lib/server/libjvm.so", "lib/libjava.so", "lib/libawt_xawt.so", "lib/libjsound.so"} {
		m.File("/opt/java/openjdk/"+name, 0o755, library)
	}
	m.File("/opt/java/openjdk/lib/libj2pcsc.so", 0o755, elftest.File{Machine: elf.EM_X86_64, Library: true, Needed: []string{"libjvm.so", "libpcsclite.so.1"}}.Bytes())
	m.File("/__cacert_entrypoint.sh", 0o755, []byte("#!/bin/bash\nexec \"$@\"\n"))
	for _, name := range []string{"lib/modules", "lib/ct.sym", "lib/tzdb.dat", "lib/security/cacerts", "lib/server/classes.jsa", "lib/server/classes_nocoops.jsa", "jmods/java.base.jmod", "include/jni.h", "conf/net.properties", "legal/java.base/LICENSE", "release"} {
		m.File("/opt/java/openjdk/"+name, 0o644, []byte("x"))
	}
	m.File("/usr/lib/locale/C.utf8/LC_CTYPE", 0o644, []byte("x"))
	main := classOf(nil)
	m.File("/app/app.jar", 0o644, jar(t, "META-INF/MANIFEST.MF", mainJar, "com/example/shop/Main.class", main))
	m.File("/app/bare.jar", 0o644, jar(t, "META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n"))
	m.File("/app/no.jar", 0o644, []byte("not a zip"))
	m.File("/app/lib/a.jar", 0o644, jar(t, "com/example/shop/Util.class", main))
	m.File("/app/lib/b c.jar", 0o644, jar(t, "x", "y"))
	m.File("/app/classes/com/example/Direct.class", 0o644, []byte(main))
	m.File("/app/agent.jar", 0o644, jar(t, "META-INF/MANIFEST.MF", "Premain-Class: a.Agent\n"))
	m.File("/app/args", 0o644, []byte("# of the build\n-cp \"/app/lib/*:/app/\\\n   classes\"\n  com.example.Direct\n"))
	m.File("/app/Hello.java", 0o644, []byte("class Hello {}"))
	m.File("/app/native/libx.so", 0o755, library)
	return &m
}

func environment(m *tree.Memory, vars ...string) *need.Env {
	return &need.Env{Tree: m, Dir: "/app", Vars: append([]string{"PATH=/opt/java/openjdk/bin:/usr/bin:/bin"}, vars...)}
}

func launchers(r *Runtime) []need.Launcher {
	return []need.Launcher{wrapper.Launcher{}, r, shell.New(), need.Lookup{}, need.Execute{}}
}

func TestLaunch(t *testing.T) {
	for _, c := range []struct {
		name   string
		argv   []string
		more   []string
		vars   []string
		change func(*tree.Memory)
		want   []string // command line of the image, when it is another
		asks   string   // a path that is asked for
		says   string   // part of a warning
		error  string
	}{
		{name: "archive", argv: []string{"java", "-Xmx1g", "-jar", "app.jar", "-cp", "x"}, asks: "/app/app.jar"},
		{name: "archive of CMD", argv: []string{"java"}, more: []string{"-jar", "/app/app.jar"}, asks: "/app/app.jar"},
		{name: "what its manifest names", argv: []string{"java", "-jar", "app.jar"}, asks: "/app/lib/b c.jar"},
		{name: "what its manifest names and is missing", argv: []string{"java", "-jar", "app.jar"}, change: func(m *tree.Memory) {
			m.File("/app/app.jar", 0o644, jar(t, "META-INF/MANIFEST.MF", "Main-Class: A\nClass-Path: lib/gone.jar\n", "A.class", ""))
		}, says: "Class-Path what is not in the built image: /app/lib/gone.jar"},
		{name: "behind an init", argv: []string{"tini", "--", "java", "-jar", "app.jar"}, asks: "/app/app.jar"},
		{name: "missing archive", argv: []string{"java", "-jar", "target/app.jar"}, error: "CMD: java starts /app/target/app.jar, which is not in the built image"},
		{name: "no archive", argv: []string{"java", "-jar", "no.jar"}, error: "/app/no.jar is no archive of classes"},
		{name: "archive without a main class", argv: []string{"java", "-jar", "bare.jar"}, error: "the manifest of /app/bare.jar names no Main-Class"},
		{name: "archive without its main class", argv: []string{"java", "-jar", "app.jar"}, change: func(m *tree.Memory) {
			m.File("/app/app.jar", 0o644, jar(t, "META-INF/MANIFEST.MF", "Main-Class: com.example.Gone\n"))
		}, error: "java starts the class com.example.Gone, which is not in /app/app.jar"},
		{name: "class path", argv: []string{"java", "-cp", "lib/*:classes", "com.example.Direct"}, asks: "/app/classes/com/example/Direct.class"},
		{name: "class path, other words", argv: []string{"java", "--class-path=classes", "com/example/Direct"}, asks: "/app/classes/com/example/Direct.class"},
		{name: "class of an archive along it", argv: []string{"java", "-classpath", "/app/lib/a.jar", "com.example.shop.Util"}, asks: "/app/lib/a.jar"},
		{name: "class path of the environment", argv: []string{"java", "com.example.Direct"}, vars: []string{"CLASSPATH=/app/classes"}, asks: "/app/classes/com/example/Direct.class"},
		{name: "the working directory", argv: []string{"java", "com.example.Direct"}, error: "is not in /app"},
		{name: "missing class", argv: []string{"java", "-cp", "lib/*:gone.jar", "com.example.Direct"}, error: "which is not in /app/lib/a.jar, /app/lib/b c.jar; of its class path the built image lacks /app/gone.jar"},
		{name: "missing entry", argv: []string{"java", "-cp", "classes:gone.jar:conf/*", "com.example.Direct"}, says: "the class path of CMD names what is not in the built image: /app/gone.jar, conf/*"},
		{name: "class of the platform", argv: []string{"java", "-cp", "classes", "sun.tools.jar.Main"}, asks: "/opt/java/openjdk/bin/java"},
		{name: "argument file", argv: []string{"java", "@args"}, asks: "/app/args"},
		{name: "what it names", argv: []string{"java", "@args"}, asks: "/app/lib/a.jar"},
		{name: "missing argument file", argv: []string{"java", "@gone"}, error: "CMD: reading the arguments in /app/gone"},
		{name: "not an argument file", argv: []string{"java", "-jar", "app.jar", "@gone"}, asks: "/app/app.jar"},
		{name: "options of the environment", argv: []string{"java", "com.example.Direct"}, vars: []string{"JDK_JAVA_OPTIONS=-cp '/app/classes'"}, asks: "/app/classes/com/example/Direct.class"},
		{name: "agent", argv: []string{"java", "-jar", "app.jar"}, vars: []string{"JAVA_TOOL_OPTIONS=-javaagent:/app/agent.jar=x=y"}, asks: "/app/agent.jar"},
		{name: "missing agent", argv: []string{"java", "-javaagent:gone.jar", "-jar", "app.jar"}, error: "-javaagent names /app/gone.jar, which is not in the built image"},
		{name: "library path", argv: []string{"java", "-Djava.library.path=native", "-jar", "app.jar"}, asks: "/app/native/libx.so"},
		{name: "archive of classes", argv: []string{"java", "-XX:SharedArchiveFile=app.jsa", "-jar", "app.jar"}, says: "/app/app.jsa is not in the built image"},
		{name: "module", argv: []string{"java", "-p", "lib", "-m", "shop/com.example.shop.Util"}, asks: "/app/lib/a.jar"},
		{name: "module without its class", argv: []string{"java", "--module-path", "lib", "--module=shop/com.example.shop.Gone"}, error: "java starts the class com.example.shop.Gone"},
		{name: "module of the platform", argv: []string{"java", "-m", "jdk.httpserver"}, asks: "/opt/java/openjdk/bin/java"},
		{name: "source", argv: []string{"java", "Hello.java"}, asks: "/app/Hello.java"},
		{name: "missing source", argv: []string{"java", "Gone.java"}, error: "java starts /app/Gone.java"},
		{name: "version", argv: []string{"java", "-version"}, asks: "/opt/java/openjdk/bin/java"},
		{name: "quarkus without its directories", argv: []string{"java", "-jar", "quarkus-run.jar"}, change: func(m *tree.Memory) {
			m.File("/app/quarkus-run.jar", 0o644, jar(t, "META-INF/MANIFEST.MF", "Main-Class: io.quarkus.bootstrap.runner.QuarkusEntryPoint\n", "io/quarkus/bootstrap/runner/QuarkusEntryPoint.class", ""))
		}, error: "/app/quarkus-run.jar reads /app/app, which is not in the built image"},
		{name: "quarkus", argv: []string{"java", "-jar", "/q/quarkus-run.jar"}, change: func(m *tree.Memory) {
			m.File("/q/quarkus-run.jar", 0o644, jar(t, "META-INF/MANIFEST.MF", "Main-Class: io.quarkus.bootstrap.runner.QuarkusEntryPoint\n", "io/quarkus/bootstrap/runner/QuarkusEntryPoint.class", ""))
			m.File("/q/app/shop.jar", 0o644, jar(t))
			m.File("/q/lib/main/x.jar", 0o644, jar(t))
			m.File("/q/quarkus/quarkus-application.dat", 0o644, []byte("x"))
		}, asks: "/q/quarkus/quarkus-application.dat"},
		{name: "spring, unpacked", argv: []string{"java", "org.springframework.boot.loader.launch.JarLauncher"}, change: func(m *tree.Memory) {
			m.File("/app/org/springframework/boot/loader/launch/JarLauncher.class", 0o644, nil)
			m.File("/app/BOOT-INF/classes/com/example/App.class", 0o644, nil)
		}, asks: "/app/BOOT-INF/classes/com/example/App.class"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := official(t)
			if c.change != nil {
				c.change(m)
			}
			got, err := need.Launch(t.Context(), environment(m, c.vars...), need.Command{Argv: c.argv, More: c.more, Instruction: "CMD", Reason: "CMD"}, launchers(New(whittleelf.NewFiles())))
			if c.error != "" {
				if err == nil || !strings.Contains(err.Error(), c.error) {
					t.Fatalf("error %v, want %q", err, c.error)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if want := c.want; want != nil && !slices.Equal(got.Argv, want) || want == nil && !slices.Equal(got.Argv, c.argv) {
				t.Errorf("command line %q, want %q", got.Argv, want)
			}
			if c.asks != "" && !slices.Contains(paths(got.Needs), c.asks) {
				t.Errorf("%s is not asked for: %v", c.asks, paths(got.Needs))
			}
			if c.says != "" && !slices.ContainsFunc(got.Warnings, func(w image.Warning) bool { return strings.Contains(w.Message, c.says) }) {
				t.Errorf("no warning says %q: %v", c.says, got.Warnings)
			}
			if c.says == "" && len(got.Warnings) > 0 {
				t.Errorf("warnings: %v", got.Warnings)
			}
		})
	}
}

func paths(needs []need.Need) (out []string) {
	for _, n := range needs {
		out = append(out, n.Path)
	}
	return out
}

// close finds the closure of what a command line starts, with the ELF files of
// elftest, and puts the files of the Dockerfile below /app into it.
func closed(t *testing.T, m *tree.Memory, env *need.Env, argv ...string) (*need.Set, []string) {
	t.Helper()
	files := whittleelf.NewFiles()
	r := New(files)
	got, err := need.Launch(t.Context(), env, need.Command{Argv: argv, Instruction: "CMD", Reason: "CMD"}, launchers(r))
	if err != nil {
		t.Fatal(err)
	}
	roots := got.Found
	err = tree.Walk(t.Context(), m, "/app", func(name string, e tree.Entry) error {
		if e.IsRegular() {
			roots.Needs = append(roots.Needs, need.Need{Kind: need.Data, Path: name, By: "Dockerfile", Reason: "kept", Droppable: true})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := need.Close(t.Context(), env, roots, []need.Provider{r, shell.New(), whittleelf.New(files, Interprets)})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range s.Files() {
		names = append(names, f.Path)
	}
	return s, names
}

// TestInstallation keeps an installation but for the table.
func TestInstallation(t *testing.T) {
	m := official(t)
	env := environment(m)
	s, names := closed(t, m, env, "java", "-jar", "app.jar")
	for _, want := range []string{"bin/java", "lib/modules", "lib/jspawnhelper", "lib/libjava.so", "lib/server/libjvm.so", "lib/server/classes.jsa", "lib/security/cacerts", "conf/net.properties", "legal/java.base/LICENSE", "lib/tzdb.dat", "release"} {
		if !slices.Contains(names, "/opt/java/openjdk/"+want) {
			t.Errorf("%s is not kept", want)
		}
	}
	for _, no := range []string{"bin/keytool", "bin/javac", "lib/ct.sym", "jmods/java.base.jmod", "include/jni.h", "lib/server/classes_nocoops.jsa", "lib/libawt_xawt.so", "lib/libjsound.so"} {
		if slices.Contains(names, "/opt/java/openjdk/"+no) {
			t.Errorf("%s is kept", no)
		}
	}
	if f := s.File("/opt/java/openjdk/lib/jspawnhelper"); f == nil || !f.Program {
		t.Error("jspawnhelper is no program")
	}
	if !slices.Contains(names, "/usr/lib/locale/C.utf8/LC_CTYPE") {
		t.Error("LANG names a locale that is not there")
	}
	if !slices.Contains(s.Subjects(need.Variable), "LANG=C.UTF-8") {
		t.Error("LANG is not set")
	}
	if s, _ := closed(t, m, environment(m, "LC_ALL=en_US.UTF-8"), "java", "-jar", "app.jar"); len(s.Subjects(need.Variable)) > 0 {
		t.Error("LANG is set beside LC_ALL")
	}
	pruned, err := New(whittleelf.NewFiles()).Prunes(t.Context(), env, []string{"/opt/java/openjdk/bin/java"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"/__cacert_entrypoint.sh", "/opt/java/openjdk/bin/javac", "/opt/java/openjdk/bin/keytool", "/opt/java/openjdk/include", "/opt/java/openjdk/jmods", "/opt/java/openjdk/lib/ct.sym", "/opt/java/openjdk/lib/libawt_xawt.so", "/opt/java/openjdk/lib/libj2pcsc.so", "/opt/java/openjdk/lib/libjsound.so", "/opt/java/openjdk/lib/server/classes_nocoops.jsa"}
	if got := slices.Sorted(maps.Keys(pruned)); !slices.Equal(got, want) {
		t.Errorf("pruned %q\nwant %q", got, want)
	}
}

// TestOlder finds the installations of JDK 8 and those behind links.
func TestOlder(t *testing.T) {
	program := elftest.File{Machine: elf.EM_X86_64}.Bytes()
	var m tree.Memory
	m.File("/usr/lib/jvm/java-8/bin/java", 0o755, program)
	m.File("/usr/lib/jvm/java-8/lib/tools.jar", 0o644, nil)
	m.File("/usr/lib/jvm/java-8/src.zip", 0o644, nil)
	m.File("/usr/lib/jvm/java-8/jre/bin/java", 0o755, program)
	m.File("/usr/lib/jvm/java-8/jre/lib/rt.jar", 0o644, nil)
	m.File("/usr/lib/jvm/java-8/jre/lib/amd64/server/libjvm.so", 0o755, elftest.File{Library: true}.Bytes())
	m.File("/usr/lib/jvm/java-8/jre/lib/amd64/libawt_xawt.so", 0o755, elftest.File{Library: true, Needed: []string{"libX11.so.6"}}.Bytes())
	m.File("/usr/lib/jvm/java-8/jre/lib/amd64/libjava.so", 0o755, elftest.File{Library: true, Needed: []string{"libjvm.so"}}.Bytes())
	m.Symlink("/usr/bin/java", "/usr/lib/jvm/java-8/jre/bin/java")
	m.File("/app/A.class", 0o644, []byte(classOf(nil)))
	s, names := closed(t, &m, &need.Env{Tree: &m, Dir: "/app"}, "java", "A")
	for _, want := range []string{"/usr/bin/java", "/usr/lib/jvm/java-8/jre/lib/rt.jar", "/usr/lib/jvm/java-8/jre/lib/amd64/libjava.so", "/usr/lib/jvm/java-8/lib/tools.jar"} {
		if !slices.Contains(names, want) {
			t.Errorf("%s is not kept: %v", want, names)
		}
	}
	for _, no := range []string{"/usr/lib/jvm/java-8/src.zip", "/usr/lib/jvm/java-8/jre/lib/amd64/libawt_xawt.so"} {
		if slices.Contains(names, no) {
			t.Errorf("%s is kept", no)
		}
	}
	if len(s.Warnings) > 0 {
		t.Errorf("%v", s.Warnings)
	}
}

// TestNoInstallation builds what runs on a java without its library as written.
func TestNoInstallation(t *testing.T) {
	var m tree.Memory
	m.File("/usr/bin/java", 0o755, elftest.File{}.Bytes())
	_, err := New(whittleelf.NewFiles()).Needs(t.Context(), &need.Env{Tree: &m}, need.Visit{Need: need.Need{Kind: need.Program, Path: "/usr/bin/java", Instruction: "CMD"}, Path: "/usr/bin/java"})
	if u, ok := errors.AsType[*image.UnsupportedError](err); !ok || !strings.Contains(u.Error(), "no class library was found") {
		t.Errorf("%v", err)
	}
}

func TestUses(t *testing.T) {
	program := elftest.File{Machine: elf.EM_X86_64}.Bytes()
	native := func(needed ...string) string {
		return string(elftest.File{Machine: elf.EM_X86_64, Library: true, Needed: needed}.Bytes())
	}
	fonts := func(m *tree.Memory) {
		m.File("/usr/lib/x86_64-linux-gnu/libfontconfig.so.1", 0o644, []byte(native()))
		m.File("/etc/fonts/fonts.conf", 0o644, nil)
		m.File("/usr/share/fonts/truetype/x.ttf", 0o644, nil)
	}
	for _, c := range []struct {
		name   string
		files  []string // of the archive, besides the main class
		main   string   // another main class
		change func(*tree.Memory)
		has    []string
		hasNot []string
		says   string
		comps  []string
	}{
		{name: "draws", files: []string{"com/example/shop/Chart.class", classOf([]string{"java/awt/Font"})}, change: fonts, has: []string{"/usr/lib/x86_64-linux-gnu/libfontconfig.so.1", "/etc/fonts/fonts.conf", "/usr/share/fonts/truetype/x.ttf"}},
		{name: "draws without fonts", files: []string{"com/example/shop/Chart.class", classOf([]string{"java/awt/Graphics2D.drawString"})}, says: "com.example.shop.Chart in /app/app.jar draws text, and the built image has no fontconfig"},
		{name: "draws by a library", files: []string{"org/apache/poi/ss/usermodel/Sheet.class", "x"}, change: fonts, has: []string{"/usr/share/fonts/truetype/x.ttf"}},
		{name: "draws in a library that is not known", files: []string{"org/other/Chart.class", classOf([]string{"java/awt/Font"})}, change: fonts, hasNot: []string{"/usr/share/fonts/truetype/x.ttf"}},
		{name: "plays", files: []string{"com/example/shop/Bell.class", classOf([]string{"javax/sound/sampled/Clip"})}, has: []string{"/opt/java/openjdk/lib/libjsound.so"}},
		{name: "starts a program", files: []string{"com/example/shop/Jobs.class", classOf([]string{"java/lang/ProcessBuilder.<init>"}, "ffmpeg", "-i")}, change: func(m *tree.Memory) { m.File("/usr/bin/ffmpeg", 0o755, program) }, has: []string{"/usr/bin/ffmpeg"}},
		{name: "starts a tool of Java", files: []string{"com/example/shop/Jobs.class", classOf([]string{"java/lang/Runtime.exec"}, "keytool -list")}, has: []string{"/opt/java/openjdk/bin/keytool"}},
		{name: "starts a shell", files: []string{"com/example/shop/Jobs.class", classOf([]string{"java/lang/ProcessBuilder.<init>"}, "/bin/sh", "-c")}, has: []string{"/bin/sh"}, says: "com.example.shop.Jobs in /app/app.jar starts commands by /bin/sh"},
		{name: "names data beside a program that cannot be seen", files: []string{"com/example/shop/Jobs.class", classOf([]string{"java/lang/ProcessBuilder.<init>"}, "/srv/table.csv")}, change: func(m *tree.Memory) { m.File("/srv/table.csv", 0o644, []byte("1,2")) }, says: "starts programs by ProcessBuilder, and which cannot be seen"},
		{name: "starts what cannot be seen", files: []string{"com/example/shop/Jobs.class", classOf([]string{"java/lang/ProcessBuilder.<init>"}, "--all")}, says: "starts programs by ProcessBuilder, and which cannot be seen"},
		{name: "names a file", files: []string{"com/example/shop/Jobs.class", classOf(nil, "/etc/shop.conf")}, change: func(m *tree.Memory) { m.File("/etc/shop.conf", 0o644, nil) }, has: []string{"/etc/shop.conf"}},
		{name: "loads a library", files: []string{"com/example/shop/Jni.class", classOf([]string{"java/lang/System.loadLibrary"}, "shop")}, change: func(m *tree.Memory) { m.File("/usr/lib/jni/libshop.so", 0o644, []byte(native("libjvm.so"))) }, has: []string{"/usr/lib/jni/libshop.so"}},
		{name: "a library inside", files: []string{"linux/libshop.so", native("libz.so.1")}, change: func(m *tree.Memory) { m.File("/lib/x86_64-linux-gnu/libz.so.1", 0o644, []byte(native())) }, has: []string{"/lib/x86_64-linux-gnu/libz.so.1"}, says: "/app/app.jar!/linux/libshop.so is unpacked to /tmp"},
		{name: "a library inside that lacks another", files: []string{"linux/libshop.so", native("libgone.so.3")}, says: "/app/app.jar!/linux/libshop.so links libgone.so.3, which is not in the built image"},
		{name: "a library inside for another system", files: []string{"linux/libshop.so", native("libc.musl-x86_64.so.1"), "arm/libshop.so", string(elftest.File{Machine: elf.EM_AARCH64, Library: true, Needed: []string{"libgone.so.3"}}.Bytes())}},
		{name: "a library inside that links the machine", files: []string{"linux/libshop.so", native("libjvm.so", "liba.so"), "linux/liba.so", native()}, says: "is unpacked to /tmp"},
		{name: "tomcat", files: []string{"BOOT-INF/lib/tomcat-embed-core-10.1.jar!", string(jar(t, "org/apache/catalina/startup/Tomcat.class", ""))}, says: "Tomcat, in /app/app.jar, makes a directory of its own in /tmp when it starts, so /tmp has to be writable"},
		{
			name:   "a nested archive and the classes of spring",
			files:  []string{"BOOT-INF/lib/poi.jar!", string(jar(t, "org/apache/poi/ss/A.class", "", "META-INF/maven/org.apache.poi/poi/pom.properties", "#x\ngroupId=org.apache.poi\nartifactId=poi\nversion=5.2\n")), "BOOT-INF/lib/packed-1.2.jar", string(jar(t, "x", "")), "BOOT-INF/classes/other/Own.class", classOf([]string{"java/lang/Runtime.exec"})},
			change: fonts, has: []string{"/usr/share/fonts/truetype/x.ttf"}, says: "other.Own in /app/app.jar starts programs by Runtime.exec",
			comps: []string{"org.apache.poi/poi@5.2", "packed/packed@1.2"},
		},
		{name: "coordinates of a manifest", files: []string{"x", ""}, change: func(m *tree.Memory) {
			m.File("/app/lib/b c.jar", 0o644, jar(t, "META-INF/MANIFEST.MF", "Bundle-SymbolicName: org.slf4j.api;x=y\nBundle-Version: 2.0.1\nImplementation-Title: slf4j-api\n"))
		}, comps: []string{"org.slf4j/slf4j-api@2.0.1"}},
		{name: "damaged", files: []string{"com/example/shop/Cut.class", "\xca\xfe\xba\xbe\x00\x00\x00\x3d\xff\xff\x07", "BOOT-INF/lib/cut.jar", "PK\x03\x04"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := official(t)
			if c.change != nil {
				c.change(m)
			}
			files := append([]string{"META-INF/MANIFEST.MF", "Main-Class: com.example.shop.Main\n", "com/example/shop/Main.class", classOf(nil)}, c.files...)
			m.File("/app/app.jar", 0o644, jar(t, files...))
			s, names := closed(t, m, environment(m), "java", "-jar", "app.jar")
			for _, want := range c.has {
				if !slices.Contains(names, want) {
					t.Errorf("%s is not in the image: %v", want, names)
				}
			}
			for _, no := range append(c.hasNot, "/opt/java/openjdk/bin/javac") {
				if slices.Contains(names, no) {
					t.Errorf("%s is in the image", no)
				}
			}
			said := slices.ContainsFunc(s.Warnings, func(w image.Warning) bool { return c.says != "" && strings.Contains(w.Message, c.says) })
			if c.says != "" && !said || c.says == "" && len(s.Warnings) > 0 {
				t.Errorf("warnings %v, want %q", s.Warnings, c.says)
			}
			var comps []string
			for _, x := range s.Components {
				comps = append(comps, x.Name+"@"+x.Version)
			}
			for _, want := range c.comps {
				if !slices.Contains(comps, want) {
					t.Errorf("%s is not among %v", want, comps)
				}
			}
		})
	}
}

// TestKeepTimes tells which archives keep their times.
func TestKeepTimes(t *testing.T) {
	for _, c := range []struct {
		name string
		argv []string
		file string
		want int
	}{
		{"none", []string{"java", "-jar", "app.jar"}, "/app/x", 0},
		{"an archive of classes beside", []string{"java", "-jar", "app.jar"}, "/app/app.jsa", 6},
		{"one that an option names", []string{"java", "-XX:AOTCache=cache", "-jar", "app.jar"}, "/app/cache", 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := official(t)
			m.File(c.file, 0o644, []byte("x"))
			s, _ := closed(t, m, environment(m), c.argv...)
			if got := s.Subjects(need.KeepTime); len(got) != c.want {
				t.Errorf("%v", got)
			}
		})
	}
}

// counting is a file that tells how much of it was read.
type counting struct {
	r    *bytes.Reader
	read *int64
}

func (c counting) ReadAt(p []byte, off int64) (int, error) {
	*c.read += int64(len(p))
	return c.r.ReadAt(p, off)
}

// TestBounded holds archives that say what cannot be, or inflate to much, to
// limits, and large ones to what is read of them.
func TestBounded(t *testing.T) {
	read := func(data []byte, size int64) (*archive, int64, error) {
		n := int64(0)
		b := newBudget()
		a, err := newArchive(counting{bytes.NewReader(data), &n}, size, &b)
		return a, n, err
	}
	big := strings.Repeat("\x00", 16<<20)
	bomb := jar(t, "com/example/shop/Bomb.class", big, "META-INF/MANIFEST.MF", "Main-Class: a.B\n", "inner.jar", string(jar(t, "x", big)), "stored.jar!", string(jar(t, "y.class", "z"))+strings.Repeat("x", 40<<20)+string(jar(t, "y.class", "z")))
	a, n, err := read(bomb, int64(len(bomb)))
	if err != nil || n > 2*blockSize {
		t.Fatalf("%d bytes of %d read for the directory, %v", n, len(bomb), err)
	}
	if data, err := a.read(a.find("com/example/shop/Bomb.class"), maxClass); err != nil || len(data) != maxClass {
		t.Errorf("%d bytes, %v", len(data), err)
	}
	if inner, err := a.nested(a.find("stored.jar")); err != nil || len(inner.File) != 1 {
		t.Errorf("a nested archive: %v", err)
	}
	if _, err := a.nested(a.find("inner.jar")); err != nil {
		t.Errorf("a nested archive that is packed: %v", err)
	}
	a.find("inner.jar").UncompressedSize64 = 2 << 30
	if _, err := a.nested(a.find("inner.jar")); !errors.Is(err, errMuch) {
		t.Errorf("a nested archive of 2 GB: %v", err)
	}
	a.find("stored.jar").UncompressedSize64, a.find("stored.jar").CompressedSize64 = 2<<30, 2<<30
	if _, err := a.nested(a.find("stored.jar")); !errors.Is(err, errNotZip) {
		t.Errorf("one that would lie beyond the end: %v", err)
	}
	a.budget.inflated = 10
	if data, err := a.read(a.find("com/example/shop/Bomb.class"), maxClass); err != nil || len(data) != 10 {
		t.Errorf("beyond the budget %d bytes, %v", len(data), err)
	}
	if _, err := a.read(a.find("com/example/shop/Bomb.class"), maxClass); !errors.Is(err, errMuch) {
		t.Errorf("%v", err)
	}
	for _, data := range [][]byte{nil, []byte("PK"), bytes.Repeat([]byte("PK\x05\x06\xff\xff\xff\xff"), 4096), bomb[:20<<20]} {
		if _, _, err := read(data, int64(len(data))); !errors.Is(err, errNotZip) {
			t.Errorf("%d bytes: %v", len(data), err)
		}
	}
	// A directory that is larger than what is read.
	var many []string
	for i := range 20_000 {
		many = append(many, strings.Repeat("long", 250)+string(rune('a'+i%26))+strings.Repeat("x", i%7)+"!", "")
	}
	wide := jar(t, many...)
	if _, n, err := read(wide, int64(len(wide))); !errors.Is(err, errMuch) || n > maxDirectory {
		t.Errorf("a directory of %d bytes: %v after %d", len(wide), err, n)
	}
	// An archive of which nothing but the end is there.
	if _, n, err := read(bomb, 2<<40); err == nil || n > 4*blockSize {
		t.Errorf("%d bytes read: %v", n, err)
	}
}
