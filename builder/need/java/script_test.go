package java

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	whittleelf "github.com/whittle-oci/whittle/builder/need/elf"
	"github.com/whittle-oci/whittle/builder/tree"
)

// Parts of start scripts, in the forms that the tools write.
const (
	gradleHead = `#!/bin/sh
APP_HOME=$( cd -P "${APP_HOME:-./}.." > /dev/null && printf '%s\n' "$PWD" ) || exit
DEFAULT_JVM_OPTS='"-Xmx64m" "-Dhome=$APP_HOME/conf"'
`
	gradleTail = `
if [ -n "$JAVA_HOME" ] ; then
    JAVACMD=$JAVA_HOME/bin/java
else
    JAVACMD=java
fi
if "$cygwin" ; then CLASSPATH=$( cygpath --path --mixed "$CLASSPATH" ) ; fi
set -- \
        -classpath "$CLASSPATH" \
        com.example.Direct \
        "$@"
eval "set -- $( printf '%s\n' "$DEFAULT_JVM_OPTS $JAVA_OPTS $SHOP_OPTS" | xargs -n1 | sed 's~x~y~' | tr '\n' ' ' )" '"$@"'
exec "$JAVACMD" "$@"
`
	gradle6 = `#!/usr/bin/env sh
APP_HOME="` + "`pwd -P`" + `"
DEFAULT_JVM_OPTS=""
CLASSPATH=$APP_HOME/classes
JAVACMD="$JAVA_HOME/bin/java"
CLASSPATH=` + "`cygpath --path --mixed \"$CLASSPATH\"`" + `
APP_ARGS=$(save "$@")
eval set -- $DEFAULT_JVM_OPTS $JAVA_OPTS $SHOP_OPTS -classpath "\"$CLASSPATH\"" com.example.Direct "$APP_ARGS"
exec "$JAVACMD" "$@"
`
	gradleModule = `#!/bin/sh
APP_HOME=$( pwd -P )
DEFAULT_JVM_OPTS=''
MODULE_PATH=$APP_HOME/lib
JAVACMD=java
set -- \
        --module-path "$MODULE_PATH" \
        --module shop/com.example.shop.Util \
        "$@"
exec "$JAVACMD" "$@"
`
	appassembler = `#!/bin/sh
BASEDIR=` + "`cd \"$PRGDIR/..\" >/dev/null; pwd`" + `
if [ -z "$REPO" ]
then
  REPO="$BASEDIR"/lib
fi
CLASSPATH="$BASEDIR"/classes:"$REPO"/a.jar
ENDORSED_DIR=
if [ -n "$ENDORSED_DIR" ] ; then
  CLASSPATH=$BASEDIR/$ENDORSED_DIR/*:$CLASSPATH
fi
if [ -n "$CLASSPATH_PREFIX" ] ; then
  CLASSPATH=$CLASSPATH_PREFIX:$CLASSPATH
fi
EXTRA_JVM_ARGUMENTS="-Xmx64m -Dx='a b'"
if $cygwin; then
  [ -n "$CLASSPATH" ] && CLASSPATH=` + "`cygpath --path --windows \"$CLASSPATH\"`" + `
fi
exec "$JAVACMD" $JAVA_OPTS $EXTRA_JVM_ARGUMENTS \
  -classpath "$CLASSPATH" \
  -Dapp.name="shop" \
  -Dapp.pid="$$" \
  -Dapp.repo="$REPO" \
  -Dapp.home="$BASEDIR" \
  -Dbasedir="$BASEDIR" \
  com.example.Direct \
  "$@"
`
	catalina = `#!/bin/sh
[ -z "$CATALINA_HOME" ] && CATALINA_HOME=` + "`cd \"$PRGDIR/..\" >/dev/null; pwd`" + `
CATALINA_BASE="$CATALINA_HOME"
JSSE_OPTS="-Djdk.tls.ephemeralDHKeySize=2048"
JAVA_OPTS="$JAVA_OPTS -Djava.protocol.handler.pkgs=org.apache.catalina.webresources"
JDK_JAVA_OPTIONS="$JDK_JAVA_OPTIONS --add-opens=java.base/java.lang=ALL-UNNAMED"
JDK_JAVA_OPTIONS="$JDK_JAVA_OPTIONS --add-opens=java.base/java.io=ALL-UNNAMED"
eval exec "\"$_RUNJAVA\"" org.apache.catalina.startup.Bootstrap "$@" start
`
)

func TestScripts(t *testing.T) {
	gradle := gradleHead + "CLASSPATH=$APP_HOME/classes:$APP_HOME/lib/a.jar\n" + gradleTail
	for _, c := range []struct {
		name   string
		script string
		argv   []string // behind the script
		more   []string // of CMD
		vars   []string
		fixed  bool
		file   string // "" for /app/bin/shop
		change func(*tree.Memory)
		want   string // the command line, in words
		error  string
	}{
		{name: "gradle", script: gradle, want: "java -Xmx64m -Dhome=/app/conf -classpath /app/classes:/app/lib/a.jar com.example.Direct"},
		{name: "gradle with CMD", script: gradle, argv: []string{"a"}, more: []string{"b c"}, want: "java -Xmx64m -Dhome=/app/conf -classpath /app/classes:/app/lib/a.jar com.example.Direct a"},
		{name: "gradle with variables", script: gradle, vars: []string{"JAVA_HOME=/opt/java/openjdk", `JAVA_OPTS=-Da="b c" -Dd=e`, "SHOP_OPTS=-Df"}, want: "/opt/java/openjdk/bin/java -Xmx64m -Dhome=/app/conf -Da=b c -Dd=e -Df -classpath /app/classes:/app/lib/a.jar com.example.Direct"},
		{name: "gradle with a variable that a shell evaluates", script: gradle, vars: []string{"JAVA_OPTS=-Dx=$(hostname)"}, error: `with JAVA_OPTS="-Dx=$(hostname)", which a shell has to read`},
		{name: "gradle with an evaluated class path", script: gradleHead + "CLASSPATH=$(find $APP_HOME/lib -name '*.jar' | tr '\\n' ':')\n" + gradleTail, error: `CMD starts /app/bin/shop, a start script of Gradle whose CLASSPATH is computed: $(find $APP_HOME/lib`},
		{name: "gradle with a class path of somebody's", script: gradleHead + "CLASSPATH=$EXTRA:$APP_HOME/classes\n" + gradleTail, error: "whose CLASSPATH is computed: $EXTRA:$APP_HOME/classes"},
		{name: "gradle with evaluated options", script: strings.Replace(gradle, `-Xmx64m`, "$(nproc)", 1), error: "whose DEFAULT_JVM_OPTS are computed"},
		{name: "gradle without a class", script: strings.Replace(gradle, "com.example.Direct", "$MAIN", 1), error: "whose main class was not found"},
		{name: "gradle with a missing class", script: strings.Replace(gradle, "com.example.Direct", "com.example.Gone", 1), error: "java starts the class com.example.Gone"},
		{name: "gradle 6", script: gradle6, vars: []string{"JAVA_HOME=/opt/java/openjdk"}, want: "/opt/java/openjdk/bin/java -classpath /app/classes com.example.Direct"},
		{name: "gradle with modules", script: gradleModule, want: "java --module-path /app/lib --module shop/com.example.shop.Util"},
		{name: "gradle behind a script", script: gradle, fixed: true, want: "/app/bin/shop"},
		{name: "gradle's wrapper", script: gradle + "# org.gradle.wrapper.GradleWrapperMain\n", want: "/app/bin/shop"},
		{name: "gradle that does not parse", script: gradle + "if then fi (", error: "a start script of Gradle that does not parse"},
		{name: "appassembler", script: appassembler, vars: []string{"JAVA_OPTS=-Xss1m"}, want: "java -Xss1m -Xmx64m -Dx=a b -classpath /app/classes:/app/lib/a.jar -Dapp.name=shop -Dapp.pid=1 -Dapp.repo=/app/lib -Dapp.home=/app -Dbasedir=/app com.example.Direct"},
		{name: "appassembler with a prefix", script: appassembler, vars: []string{"CLASSPATH_PREFIX=/app/x.jar"}, want: "java -Xmx64m -Dx=a b -classpath /app/x.jar:/app/classes:/app/lib/a.jar -Dapp.name=shop -Dapp.pid=1 -Dapp.repo=/app/lib -Dapp.home=/app -Dbasedir=/app com.example.Direct"},
		{name: "appassembler with an evaluated class path", script: strings.Replace(appassembler, `"$BASEDIR"/classes:"$REPO"/a.jar`, `$(echo lib/*.jar)`, 1), error: "a start script of Appassembler whose CLASSPATH is computed: $(echo lib/*.jar)"},
		{name: "appassembler with an evaluated argument", script: strings.Replace(appassembler, `"shop"`, `$(hostname)`, 1), error: "which computes an argument: -Dapp.name=$(hostname)"},
		{
			name: "tomcat", script: catalina, argv: []string{"run"}, vars: []string{"CATALINA_OPTS=-Xmx1g"}, change: func(m *tree.Memory) { tomcat(t, m) },
			want: "java -Djava.util.logging.config.file=/app/conf/logging.properties -Djava.util.logging.manager=org.apache.juli.ClassLoaderLogManager -Djdk.tls.ephemeralDHKeySize=2048 -Djava.protocol.handler.pkgs=org.apache.catalina.webresources --add-opens=java.base/java.io=ALL-UNNAMED --add-opens=java.base/java.lang=ALL-UNNAMED -Xmx1g -classpath /app/bin/bootstrap.jar:/app/bin/tomcat-juli.jar -Dcatalina.base=/app -Dcatalina.home=/app -Djava.io.tmpdir=/app/temp org.apache.catalina.startup.Bootstrap start",
		},
		{name: "tomcat in the background", script: catalina, argv: []string{"start"}, error: "a start script of Tomcat with other arguments than run"},
		{name: "tomcat with a script of its own", script: catalina, argv: []string{"run"}, change: func(m *tree.Memory) { tomcat(t, m); m.File("/app/bin/setenv.sh", 0o755, nil) }, error: "which runs /app/bin/setenv.sh"},
		{name: "spring, executable", script: "#!/bin/bash\nexit\n" + string(jar(t, "META-INF/MANIFEST.MF", "Main-Class: A\n", "A.class", "")), argv: []string{"x"}, file: "/app/shop.jar", want: "java -jar /app/shop.jar x"},
		{name: "spring, executable with settings", script: "#!/bin/bash\nexit\n" + string(jar(t, "META-INF/MANIFEST.MF", "Main-Class: A\n", "A.class", "")), file: "/app/shop.jar", change: func(m *tree.Memory) { m.File("/app/shop.conf", 0o644, nil) }, error: "a start script of Spring Boot which reads /app/shop.conf"},
		{name: "sbt", script: "#!/usr/bin/env bash\naddJava () { :; }\ndeclare -r app_classpath=\"$lib_dir/a.jar\"\ndeclare -a app_mainclass=(a.B)\n", error: "a start script of sbt which computes the command line"},
		{name: "another script", script: "#!/bin/sh\nexec java -jar /app/app.jar\n", want: "/app/bin/shop"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := official(t)
			name := cmp.Or(c.file, "/app/bin/shop")
			m.File(name, 0o755, []byte(c.script))
			if c.change != nil {
				c.change(m)
			}
			command := need.Command{Argv: append([]string{name}, c.argv...), More: c.more, Instruction: "CMD", Reason: "CMD", Fixed: c.fixed}
			got, err := need.Launch(t.Context(), environment(m, c.vars...), command, launchers(New(whittleelf.NewFiles())))
			if c.error != "" {
				if err == nil || !strings.Contains(err.Error(), c.error) {
					t.Fatalf("error %v, want %q", err, c.error)
				}
				if u, ok := errors.AsType[*image.UnsupportedError](err); ok && !strings.HasSuffix(u.Error(), "name java and the class itself") && !strings.Contains(u.Why, "name java and the class itself") {
					t.Errorf("%v names no way out", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if line := strings.Join(got.Argv, " "); line != strings.TrimSpace(c.want+" "+strings.Join(whenKept(c.want, c.argv), " ")) {
				t.Errorf("%q\nwant %q", line, c.want)
			}
			if rewritten := len(got.Changes) > 0; rewritten != got.Appends || rewritten == strings.HasPrefix(c.want, "/app/bin") {
				t.Errorf("rewritten %t, takes CMD %t", rewritten, got.Appends)
			}
		})
	}
}

// whenKept are the arguments that follow a script which stays as it is.
func whenKept(want string, argv []string) []string {
	if strings.HasPrefix(want, "/app/bin") {
		return argv
	}
	return nil
}

// tomcat puts the archives and settings of Tomcat below /app.
func tomcat(t *testing.T, m *tree.Memory) {
	t.Helper()
	m.File("/app/bin/bootstrap.jar", 0o644, jar(t, "org/apache/catalina/startup/Bootstrap.class", ""))
	m.File("/app/bin/tomcat-juli.jar", 0o644, emptyJar)
	m.File("/app/conf/logging.properties", 0o644, nil)
	m.File("/app/lib/catalina.jar", 0o644, emptyJar)
}

// TestFixedScript starts java behind a script that stays.
func TestFixedScript(t *testing.T) {
	m := official(t)
	m.File("/app/bin/shop", 0o755, []byte(gradleHead+"CLASSPATH=$APP_HOME/classes\n"+gradleTail))
	got, err := need.Launch(t.Context(), environment(m), need.Command{Argv: []string{"/app/bin/shop"}, Instruction: "CMD", Reason: "CMD", Fixed: true}, launchers(New(whittleelf.NewFiles())))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"/app/bin/shop", "/opt/java/openjdk/bin/java", "/app/classes/com/example/Direct.class"} {
		if !slices.Contains(paths(got.Needs), want) {
			t.Errorf("%s is not asked for: %v", want, paths(got.Needs))
		}
	}
}

func TestSplitArguments(t *testing.T) {
	for text, want := range map[string][]string{
		"":                                nil,
		"a  b\tc\nd":                      {"a", "b", "c", "d"},
		"# all\na # rest\nb#c":            {"a", "b#c"},
		`"a b" 'c "d"' e"f g"`:            {"a b", `c "d"`, "ef g"},
		`"a\tb\\c\"d"`:                    {"a\tb\\c\"d"},
		"\"a\\\n   b\"":                   {"ab"},
		`C:\dir ""`:                       {`C:\dir`, ""},
		"'open":                           {"open"},
		"\"ends in a backslash\\":         {`ends in a backslash\`},
		"-cp \"x;y\" @more --class-path=": {"-cp", "x;y", "@more", "--class-path="},
	} {
		if got := splitArguments(text); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
