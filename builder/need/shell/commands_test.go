package shell_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whittle-oci/whittle/builder/need/shell"
)

func TestReadCommands(t *testing.T) {
	env := func(name string) (string, bool) { return "/opt/java", name == "JAVA_HOME" }
	for _, tc := range []struct {
		name, script, dialect string
		want                  shell.Commands
	}{
		{"entrypoint", "#!/bin/sh\nset -e\n. /etc/defaults\nmkdir -p /run/app\nexec \"$@\"\n", "sh", shell.Commands{
			Names: []string{"mkdir"}, Sourced: []string{"/etc/defaults"}, ExecArgs: true, Paths: []string{"/etc/defaults", "/run/app"},
		}},
		{"functions are not commands", "log() { echo \"$1\"; }\nlog x | tee /tmp/log\n", "sh", shell.Commands{Names: []string{"tee"}, Functions: []string{"log"}, Paths: []string{"/tmp/log"}}},
		{"root", "chown -R app /data\nexec gosu app server\n", "bash", shell.Commands{Names: []string{"chown", "gosu", "server"}, Root: []string{"chown", "gosu"}, Paths: []string{"/data"}}},
		{"wrappers", "env A=1 nice -n 5 cmd1\nfind . -exec cmd2 {} \\;\nls | xargs -n1 cmd3\ntimeout 5 cmd4\n", "sh", shell.Commands{Names: []string{"cmd1", "cmd2", "cmd3", "cmd4", "env", "find", "ls", "nice", "timeout", "xargs"}}},
		{"command lines in arguments", "tmux new -d 'sleep 3; top -b' && logger 'find out' && watch ls\n", "sh", shell.Commands{Names: []string{"logger", "tmux", "watch"}, Given: []string{"sleep", "top"}}},
		{"a command behind --", "secrets run --env prod -- server --port 1\nexec dbus-run-session -- app\n", "sh", shell.Commands{Names: []string{"app", "dbus-run-session", "secrets"}, Given: []string{"server"}}},
		{"what it finds", "for f in /etc/start.d/*.sh; do . \"$f\"; done\n", "sh", shell.Commands{Finds: true, Unknown: []shell.Computed{{Line: 1, Word: ". \"$f\""}}, Paths: []string{"/etc/start.d/*.sh"}}},
		{"a command of several values", "run=\"$(dirname \"$0\")/run14\"\ntest -x \"$run\" || run=run13\nexec \"$run\" x\n", "sh", shell.Commands{Names: []string{"dirname"}, Maybe: []string{"run13", "run14"}, Unknown: []shell.Computed{{Line: 3, Word: "\"$run\""}}}},
		{"beside something that is computed", "\"$(pwd)/bin/run\"\n", "sh", shell.Commands{Maybe: []string{"run"}, Unknown: []shell.Computed{{Line: 1, Word: "\"$(pwd)/bin/run\""}}}},
		{"what tar starts", "tar -xf x\n", "sh", shell.Commands{Names: []string{"tar"}, Given: []string{"bzip2", "gzip", "lzip", "lzma", "lzop", "xz", "zstd"}}},
		{"inner shells", "sh -c 'curl x && jq .'\n", "sh", shell.Commands{Names: []string{"curl", "jq", "sh"}}},
		{"computed", "$CMD x\n", "sh", shell.Commands{Unknown: []shell.Computed{{Line: 1, Word: "$CMD"}}}},
		{"asking is not running", "command -v jq >/dev/null || true\n", "sh", shell.Commands{}},
		{"init scripts by the name of a service", "X=web\nservice $X start\ninvoke-rc.d db restart\nservice --status-all\n", "sh", shell.Commands{Names: []string{"invoke-rc.d", "service"}, Root: []string{"invoke-rc.d", "service"}, Paths: []string{"/etc/init.d/db", "/etc/init.d/web"}}},
		{"substitution", "x=$(hostname -f)\n", "sh", shell.Commands{Names: []string{"hostname"}}},
		{"a flag before the command", "if [ \"${1#-}\" != \"$1\" ]; then set -- server \"$@\"; fi\nexec \"$@\"\n", "sh", shell.Commands{Maybe: []string{"server"}, ExecArgs: true}},
		{"set without a command", "set -- --flag \"$@\"; set -e\n", "sh", shell.Commands{}},
		{"variables of the script", "DIR=/opt/app\n. \"$DIR/env.sh\"\n$DIR/bin/run --once\n", "sh", shell.Commands{Names: []string{"/opt/app/bin/run"}, Sourced: []string{"/opt/app/env.sh"}, Paths: []string{"/opt/app/env.sh"}, Assigned: []string{"/opt/app"}}},
		{"variables of the image", "exec \"$JAVA_HOME/bin/java\" -version\n", "sh", shell.Commands{Names: []string{"/opt/java/bin/java"}, Paths: []string{"/opt/java/bin/java"}}},
		{"a default", "exec ${SERVER:-/bin/server}\n", "sh", shell.Commands{Names: []string{"/bin/server"}, Paths: []string{"/bin/server"}}},
		{"a variable of two values", "X=a\nif b; then X=c; fi\n$X\n", "sh", shell.Commands{Names: []string{"b"}, Maybe: []string{"a", "c"}, Unknown: []shell.Computed{{Line: 3, Word: "$X"}}}},
		{"a loop's variable", "for f in /etc/init/*; do \"$f\"; done\n", "sh", shell.Commands{Unknown: []shell.Computed{{Line: 1, Word: "\"$f\""}}, Paths: []string{"/etc/init/*"}}},
		{"traps", "trap 'cleanup; rm -f /run/x' EXIT\n", "sh", shell.Commands{Names: []string{"cleanup", "rm"}, Paths: []string{"/run/x"}}},
		{"su", "su -s /bin/sh -c 'exec server --x' app\n", "sh", shell.Commands{Names: []string{"/bin/sh", "server", "su"}, Root: []string{"su"}, Paths: []string{"/bin/sh"}}},
		{"a user named as a command", "exec gosu mysql mysqld\n", "sh", shell.Commands{Names: []string{"gosu", "mysqld"}, Root: []string{"gosu"}}},
		{"the script itself", "exec gosu app \"$0\" \"$@\"\n", "sh", shell.Commands{Names: []string{"gosu"}, Root: []string{"gosu"}}},
		{"redirections", "while read -r l; do echo $l; done </etc/list >/dev/null\n", "sh", shell.Commands{Paths: []string{"/etc/list"}}},
		{"a default in an assignment", "HTTPD=${APACHE_HTTPD:-/usr/sbin/apache2}\n$HTTPD -k start\nexec \"$HTTPD\"\n", "sh", shell.Commands{Names: []string{"/usr/sbin/apache2"}, Paths: []string{"/usr/sbin/apache2"}, Assigned: []string{"/usr/sbin/apache2"}}},
		{"a default that the image replaces", ": \"${JAVA_HOME:=/usr/lib/jvm}\"\n$JAVA_HOME/bin/java\n", "sh", shell.Commands{Names: []string{"/opt/java/bin/java"}, Paths: []string{"/opt/java"}}},
		{"a default that is assigned", ": ${BIN:=/opt/bin}\nRUN=$BIN/run\n\"$RUN\"\n", "sh", shell.Commands{Names: []string{"/opt/bin/run"}, Paths: []string{"/opt/bin"}, Assigned: []string{"/opt/bin/run"}}},
		{"a variable with itself as default", "X=${X:-/bin/x}\nexport X\n$X\n", "sh", shell.Commands{Names: []string{"/bin/x"}, Assigned: []string{"/bin/x"}}},
		{"a default of a variable", "D=/opt\nexec ${SERVER:-$D/server}\n", "sh", shell.Commands{Names: []string{"/opt/server"}, Paths: []string{"/opt/server"}, Assigned: []string{"/opt"}}},
		{"variables in a circle", "A=$B\nB=$A\n$A\n", "sh", shell.Commands{Unknown: []shell.Computed{{Line: 3, Word: "$A"}}}},
		{"computed after all", "X=${Y:-$(id)}\n$X\n", "sh", shell.Commands{Names: []string{"id"}, Unknown: []shell.Computed{{Line: 2, Word: "$X"}}}},
		{"one of two", "if a; then X=/bin/b; else X=/bin/c; fi\n$X 1\n\"$X\" 2\n$X/d\n$Y\n", "sh", shell.Commands{
			Names: []string{"a"}, Maybe: []string{"/bin/b", "/bin/c", "d"}, Unknown: []shell.Computed{{Line: 2, Word: "$X", More: 2}, {Line: 5, Word: "$Y"}}, Assigned: []string{"/bin/b", "/bin/c"},
		}},
		{"a command in a variable", "RUN='nice -n 5 server --x'\n$RUN --y\n", "sh", shell.Commands{Names: []string{"nice", "server"}}},
		{"a prefix that is empty", "SUDO=\n$SUDO ls\n", "sh", shell.Commands{Names: []string{"ls"}}},
		{"paths in an array", "F=(/etc/a /etc/b)\nlocal G=/etc/c\n", "bash", shell.Commands{Assigned: []string{"/etc/a", "/etc/b", "/etc/c"}}},
		{"bash has more built in", "mapfile -t a\nshopt -s x\n", "bash", shell.Commands{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := shell.ReadCommands([]byte(tc.script), tc.dialect, shell.Place{Getenv: env})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// TestPlace reads scripts that look for things from where they lie, where they
// start and where they go.
func TestPlace(t *testing.T) {
	place := shell.Place{Zero: "/usr/local/bin/run", Self: "/usr/local/bin/run", Dir: "/srv", Resolve: func(name string) string {
		return map[string]string{"/usr/local/bin/run": "/opt/app/bin/run.sh", "/srv/link": "/data"}[name]
	}}
	for _, tc := range []struct {
		name, script string
		want         shell.Commands
	}{
		{"beside the script", `. "$(dirname "$0")/lib.sh"`, shell.Commands{Names: []string{"dirname"}, Sourced: []string{"/usr/local/bin/lib.sh"}, Paths: []string{"/usr/local/bin/lib.sh"}}},
		{"through its links", `here=$(dirname -- "$(readlink -f -- "$0")")` + "\n" + `. "$here/../lib/x.sh"`, shell.Commands{Names: []string{"dirname", "readlink"}, Sourced: []string{"/opt/app/bin/../lib/x.sh"}, Paths: []string{"/opt/app/bin/run.sh", "/opt/app/lib/x.sh"}, Assigned: []string{"/opt/app/bin"}}},
		{"by cd and pwd", `D="$( cd -- "$(dirname "${BASH_SOURCE[0]}")" >/dev/null 2>&1 && pwd -P )"` + "\n" + `"$D/../sbin/server"`, shell.Commands{Names: []string{"/usr/local/bin/../sbin/server", "dirname"}}},
		{"by what bash cuts off", `D=${BASH_SOURCE%/*}; "${D%/*}/sbin/a"; echo "${0##*/}"`, shell.Commands{Names: []string{"/usr/local/sbin/a"}}},
		{"from where cd went", "cd /app\n./server\nsource conf/env\n(cd sub && ./one)\n./two\ncd \"$1\"\n./three", shell.Commands{
			Names: []string{"./three", "/app/server", "/app/sub/one", "/app/two"}, Maybe: []string{"./one", "./server", "./two"}, Sourced: []string{"/app/conf/env", "conf/env"}, Paths: []string{"/app"},
		}},
		{"in a substitution, which goes nowhere", `X=$(cd /app && ./a); ./b`, shell.Commands{Names: []string{"./b", "/app/a"}, Maybe: []string{"./a"}, Paths: []string{"/app"}}},
		{"from the working directory", `. "$(pwd)/env"; exec "$(realpath link)/run"`, shell.Commands{Names: []string{"/data/run", "realpath"}, Sourced: []string{"/srv/env"}, Paths: []string{"/data/run", "/srv/env"}}},
		{"what others start is no builtin", `xargs -n1 echo; find . -exec test -f {} \;; exec printf x; nice kill 1; command echo a; builtin echo`, shell.Commands{Names: []string{"echo", "find", "kill", "nice", "printf", "test", "xargs"}}},
		{"the name of the script", `echo "usage: $(basename "$0" .sh) FILE" && cd "$(dirname "$0")"`, shell.Commands{Names: []string{"basename", "dirname"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := shell.ReadCommands([]byte(tc.script), "bash", place)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func FuzzReadCommands(f *testing.F) {
	f.Add([]byte("#!/bin/sh\nexec \"$@\"\n"))
	f.Add([]byte("sh -c 'sh -c \"sh -c x\"'"))
	f.Add([]byte("exec ${X:-/bin/x}; nohup env"))
	f.Fuzz(func(_ *testing.T, b []byte) {
		_, _ = shell.ReadCommands(b, "bash", shell.Place{Zero: "/a/b", Self: "/a/b", Dir: "/c"})
	})
}

// TestReadCommandsBounded reads variables that grow with every step, and more
// of them in a chain than are followed.
func TestReadCommandsBounded(t *testing.T) {
	var grows, chain strings.Builder
	grows.WriteString("X0=aaaaaaaaaaaaaaaa\n")
	for i := range 1000 {
		fmt.Fprintf(&grows, "X%d=$X%d$X%d\n", i+1, i, i)
		fmt.Fprintf(&chain, "Y%d=$Y%d\n", i, i+1)
	}
	grows.WriteString("$X1000\n")
	chain.WriteString("Y1000=/bin/x\n$Y0\n")
	for script, want := range map[string]shell.Computed{grows.String(): {Line: 1002, Word: "$X1000"}, chain.String(): {Line: 1002, Word: "$Y0"}} {
		got, err := shell.ReadCommands([]byte(script), "sh", shell.Place{})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]shell.Computed{want}, got.Unknown); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	}
}
