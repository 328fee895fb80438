//go:build linux

package e2e

import (
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
		name: "java-jlink", want: `ledger: 1\.234,5, true, EC, windows (true|false)\n`, argv: []string{"java", "-jar", "ledger.jar"}, quiet: true, heavy: true,
		gone: append([]string{"/opt/java/openjdk/lib/server/classes.jsa", "/opt/java/openjdk/lib/libfontmanager.so"}, javaGone...),
		more: append(slices.Clone(javaEntrypoint), difference{"/opt/java/openjdk/lib/server/classes.jsa", "an archive of classes of all modules"}, difference{"/opt/java/openjdk/lib/libjsvml.so", "jdk.incubator.vector"}, difference{"/__cacert_entrypoint.sh", "of the base image, none of whose Java is left"}),
	},
	{
		name: "java-tomcat", probe: "curl -sf -m 10 http://127.0.0.1:8080/", want: `hello from tomcat, true`, gone: javaGone, more: javaEntrypoint, heavy: true,
		warns: []string{"makes a directory of its own in /tmp when it starts"},
	},
}

// TestJava builds applications of Java as [TestNode] does those of Node.js.
func TestJava(t *testing.T) {
	for _, a := range javaApps {
		t.Run(a.name, func(t *testing.T) {
			a.due(t)
			a.test(t)
		})
	}
}
