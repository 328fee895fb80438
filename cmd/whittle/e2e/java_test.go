//go:build linux

package e2e

import (
	"path/filepath"
	"slices"
	"testing"
)

// javaGone is what no image of Java needs.
var javaGone = []string{"/bin/sh", "/usr/bin/env", "/__cacert_entrypoint.sh", "/opt/java/openjdk/bin/javac", "/opt/java/openjdk/bin/keytool", "/opt/java/openjdk/jmods", "/opt/java/openjdk/lib/ct.sym", "/opt/java/openjdk/lib/server/classes_nocoops.jsa", "/opt/java/openjdk/lib/libawt_xawt.so"}

// javaEntrypoint is what the entrypoint script of the official images runs.
var javaEntrypoint = []difference{{"/usr/bin/bash", "script"}, {"/usr/bin/env", "script"}, {"/usr/lib/*/libtinfo.so*", "of bash"}}

// gradleScript is what the start script of Gradle runs besides.
var gradleScript = append(slices.Concat(shimOnly, javaEntrypoint), difference{"/usr/bin/xargs", "script"})

var javaApps = []interpretedApp{
	{
		name: "java-jar", scan: true, probe: "curl -sf -m 10 http://127.0.0.1:8080/", want: `hello, that is 19\.90 €\n`,
		argv: []string{"java", "-Xshare:on", "-XX:SharedArchiveFile=shop.jsa", "-jar", "shop.jar"}, gone: javaGone, more: javaEntrypoint, quiet: true, ci: true,
	},
	{
		name: "java-gradle-script", want: `3 rows of the month in /data, heap 6[0-9]\n`, more: gradleScript,
		argv: []string{"/opt/java/openjdk/bin/java", "-Xmx64m", "-Dreport.name=the month", "-classpath", "/opt/report/lib/report.jar", "com.example.report.Main", "--rows", "3"}, gone: append([]string{"/opt/report/bin/report"}, javaGone...), quiet: true, heavy: true,
	},
	{name: "java-checklist", want: `(?m)^all [0-9]+ checks pass$`, argv: []string{"java", "@options", "check.Check"}, gone: []string{"/bin/sh", "/usr/bin/perl"}, quiet: true, heavy: true},
	{name: "java-fonts", want: `drawn in DejaVu Sans, wide: true, png: true, jpeg: true`, argv: []string{"java", "-Djava.awt.headless=true", "com.example.charts.Chart"}, gone: javaGone, more: append(slices.Clone(javaEntrypoint), difference{"/etc/locale.alias", "gettext looks for translations by it"}), quiet: true, heavy: true},
	{name: "java-native", want: `native: 128 bits`, argv: []string{"java", "-jar", "/opt/native.jar"}, gone: javaGone, more: javaEntrypoint, warns: []string{"/opt/native.jar!/linux-x86_64/libshop.so is unpacked to /tmp"}, heavy: true},
	{
		name: "java-tomcat", probe: "curl -sf -m 10 http://127.0.0.1:8080/", want: `hello from tomcat, true`, gone: javaGone, more: javaEntrypoint, heavy: true,
		warns: []string{"makes a directory of its own in /tmp when it starts"},
	},
}

// maxJRE is the most that an image with a whole class library may be to pull, at
// BuildKit's best level of zstd, in MB.
const maxJRE = 51

// TestJava builds applications of Java as [TestNode] does those of Node.js.
func TestJava(t *testing.T) {
	for _, a := range javaApps {
		t.Run(a.name, func(t *testing.T) {
			a.due(t)
			a.test(t)
		})
	}
	t.Run("size", func(t *testing.T) {
		interpretedApp{heavy: true}.due(t)
		out := filepath.Join(t.TempDir(), "layout")
		res := whittle(t, shared(), "build", filepath.Join(world.root, "testdata", "apps", "java-jar"), "-o", "type=oci,tar=false,compression=zstd,compression-level=22,force-compression=true,dest="+out, "--progress", "quiet")
		if res.code != 0 {
			t.Fatalf("exit %d\n%s", res.code, res.stderr)
		}
		layers, err := onlyImage(t, out).Layers()
		if err != nil {
			t.Fatal(err)
		}
		pulled := int64(0)
		for _, l := range layers {
			n, err := l.Size()
			if err != nil {
				t.Fatal(err)
			}
			pulled += n
		}
		t.Logf("java-jar on a JRE: %.1f MB to pull, at most %d", float64(pulled)/1e6, maxJRE)
		if pulled > maxJRE*1e6 {
			t.Errorf("%d bytes", pulled)
		}
	})
}
