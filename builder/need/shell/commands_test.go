package shell_test

import (
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
		{"inner shells", "sh -c 'curl x && jq .'\n", "sh", shell.Commands{Names: []string{"curl", "jq", "sh"}}},
		{"computed", "$CMD x\n", "sh", shell.Commands{Unknown: []string{"line 1: $CMD"}}},
		{"asking is not running", "command -v jq >/dev/null || true\n", "sh", shell.Commands{}},
		{"substitution", "x=$(hostname -f)\n", "sh", shell.Commands{Names: []string{"hostname"}}},
		{"a flag before the command", "if [ \"${1#-}\" != \"$1\" ]; then set -- server \"$@\"; fi\nexec \"$@\"\n", "sh", shell.Commands{Maybe: []string{"server"}, ExecArgs: true}},
		{"set without a command", "set -- --flag \"$@\"; set -e\n", "sh", shell.Commands{}},
		{"variables of the script", "DIR=/opt/app\n. \"$DIR/env.sh\"\n$DIR/bin/run --once\n", "sh", shell.Commands{Names: []string{"/opt/app/bin/run"}, Sourced: []string{"/opt/app/env.sh"}, Paths: []string{"/opt/app/env.sh"}}},
		{"variables of the image", "exec \"$JAVA_HOME/bin/java\" -version\n", "sh", shell.Commands{Names: []string{"/opt/java/bin/java"}, Paths: []string{"/opt/java/bin/java"}}},
		{"a default", "exec ${SERVER:-/bin/server}\n", "sh", shell.Commands{Names: []string{"/bin/server"}, Paths: []string{"/bin/server"}}},
		{"a variable of two values", "X=a\nif b; then X=c; fi\n$X\n", "sh", shell.Commands{Names: []string{"b"}, Unknown: []string{"line 3: $X"}}},
		{"a loop's variable", "for f in /etc/init/*; do \"$f\"; done\n", "sh", shell.Commands{Unknown: []string{"line 1: \"$f\""}, Paths: []string{"/etc/init/*"}}},
		{"traps", "trap 'cleanup; rm -f /run/x' EXIT\n", "sh", shell.Commands{Names: []string{"cleanup", "rm"}, Paths: []string{"/run/x"}}},
		{"su", "su -s /bin/sh -c 'exec server --x' app\n", "sh", shell.Commands{Names: []string{"/bin/sh", "server", "su"}, Root: []string{"su"}, Paths: []string{"/bin/sh"}}},
		{"a user named as a command", "exec gosu mysql mysqld\n", "sh", shell.Commands{Names: []string{"gosu", "mysqld"}, Root: []string{"gosu"}}},
		{"the script itself", "exec gosu app \"$0\" \"$@\"\n", "sh", shell.Commands{Names: []string{"gosu"}, Root: []string{"gosu"}}},
		{"redirections", "while read -r l; do echo $l; done </etc/list >/dev/null\n", "sh", shell.Commands{Paths: []string{"/etc/list"}}},
		{"bash has more built in", "mapfile -t a\nshopt -s x\n", "bash", shell.Commands{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := shell.ReadCommands([]byte(tc.script), tc.dialect, env)
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
		_, _ = shell.ReadCommands(b, "bash", nil)
	})
}
