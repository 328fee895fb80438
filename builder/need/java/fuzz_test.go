package java

import (
	"bytes"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/builder/need"
	whittleelf "github.com/whittle-oci/whittle/builder/need/elf"
	"github.com/whittle-oci/whittle/builder/tree"
)

// FuzzArchive reads archives of anybody: it ends, and reads no more than its
// budget.
func FuzzArchive(f *testing.F) {
	f.Add(jar(f, "META-INF/MANIFEST.MF", mainJar, "com/example/shop/Main.class", classOf([]string{"java/lang/Runtime.exec"}, "sh")))
	f.Add(jar(f, "BOOT-INF/lib/a.jar!", string(jar(f, "org/apache/poi/ss/A.class", "", "x.so", "\x7fELF"))))
	f.Add(append([]byte("#!/bin/bash\nexit\n"), jar(f, "META-INF/maven/a/b/pom.properties", "groupId=a\nartifactId=b\nversion=1\n")...))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := New(whittleelf.NewFiles())
		r.budget = budget{1 << 20, 1 << 20}
		r.started.mains = []string{"com.example.shop.Main"}
		a, err := newArchive(bytes.NewReader(data), int64(len(data)), &r.budget)
		if err != nil {
			return
		}
		c := &contents{known: map[string]bool{}}
		_ = r.look(a, c, "/app.jar", 0)
		if r.budget.raw < 0 || r.budget.inflated < 0 {
			t.Errorf("beyond the budget: %+v", r.budget)
		}
		for _, x := range c.components {
			if strings.ContainsAny(x.Name+x.Version, "\x00\n ") {
				t.Errorf("%+v", x)
			}
		}
	})
}

// FuzzClass reads class files of anybody.
func FuzzClass(f *testing.F) {
	f.Add([]byte(classOf([]string{"java/lang/ProcessBuilder.<init>", "java/awt/Font"}, "sh", "-c")))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parseClass(data)
		if (c == nil) == (err == nil) {
			t.Errorf("%v, %v", c, err)
		}
	})
}

// FuzzCommand reads command lines, files of arguments and start scripts.
func FuzzCommand(f *testing.F) {
	f.Add("-cp a:b/* Main", "-Xmx1g @x", gradleHead+"CLASSPATH=$APP_HOME/a\n"+gradleTail)
	f.Add("@args", "-jar 'a b.jar'", appassembler)
	f.Add("-m x/y --", "--module=x", catalina)
	f.Fuzz(func(t *testing.T, line, args, script string) {
		var m tree.Memory
		m.File("/args", 0o644, []byte(args))
		m.File("/bin/shop", 0o755, []byte(script))
		env := &need.Env{Tree: &m}
		_, _ = parse(t.Context(), env, strings.Fields(line))
		if kind := kindOf([]byte(script)); kind != "" {
			_, _ = readStart(t.Context(), env, kind, "/bin/shop", []byte(script), []string{"run"})
		}
		parseManifest([]byte(args)).classPath("/a.jar")
	})
}
