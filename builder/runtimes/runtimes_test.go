package runtimes_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whittle-oci/whittle/builder/runtimes"
)

func TestShebang(t *testing.T) {
	for head, want := range map[string]runtimes.Script{
		"#!/bin/sh\necho":                 {Interpreter: "/bin/sh"},
		"#! /bin/bash -e -u\n":            {Interpreter: "/bin/bash", Arg: "-e -u"},
		"#!/usr/bin/env python3\n":        {Interpreter: "/usr/bin/env", Arg: "python3", Env: "python3"},
		"#!/usr/bin/env -S node --flag\n": {Interpreter: "/usr/bin/env", Arg: "-S node --flag", Env: "node", Split: true},
		"#!/bin/sh\r\n":                   {Interpreter: "/bin/sh"},
		"#!" + strings.Repeat("x", 400):   {Interpreter: strings.Repeat("x", 254)},
	} {
		got, ok := runtimes.Shebang([]byte(head))
		if d := cmp.Diff(want, got); !ok || d != "" {
			t.Errorf("%.20q: %v (-want +got):\n%s", head, ok, d)
		}
	}
	for _, head := range []string{"", "#", "#!", "#!\n/bin/sh", "\x7fELF"} {
		if s, ok := runtimes.Shebang([]byte(head)); ok {
			t.Errorf("%q was taken for %v", head, s)
		}
	}
}

func TestShellCommands(t *testing.T) {
	env := func(name string) (string, bool) { return "/opt/java", name == "JAVA_HOME" }
	for _, tc := range []struct {
		name, script, dialect string
		want                  runtimes.Commands
	}{
		{"entrypoint", "#!/bin/sh\nset -e\n. /etc/defaults\nmkdir -p /run/app\nexec \"$@\"\n", "sh", runtimes.Commands{
			Names: []string{"mkdir"}, Sourced: []string{"/etc/defaults"}, ExecArgs: true, Paths: []string{"/etc/defaults", "/run/app"},
		}},
		{"functions are not commands", "log() { echo \"$1\"; }\nlog x | tee /tmp/log\n", "sh", runtimes.Commands{Names: []string{"tee"}, Functions: []string{"log"}, Paths: []string{"/tmp/log"}}},
		{"root", "chown -R app /data\nexec gosu app server\n", "bash", runtimes.Commands{Names: []string{"chown", "gosu", "server"}, Root: []string{"chown", "gosu"}, Paths: []string{"/data"}}},
		{"wrappers", "env A=1 nice -n 5 cmd1\nfind . -exec cmd2 {} \\;\nls | xargs -n1 cmd3\ntimeout 5 cmd4\n", "sh", runtimes.Commands{Names: []string{"cmd1", "cmd2", "cmd3", "cmd4", "env", "find", "ls", "nice", "timeout", "xargs"}}},
		{"inner shells", "sh -c 'curl x && jq .'\n", "sh", runtimes.Commands{Names: []string{"curl", "jq", "sh"}}},
		{"computed", "$CMD x\n", "sh", runtimes.Commands{Unknown: []string{"line 1: $CMD"}}},
		{"asking is not running", "command -v jq >/dev/null || true\n", "sh", runtimes.Commands{}},
		{"substitution", "x=$(hostname -f)\n", "sh", runtimes.Commands{Names: []string{"hostname"}}},
		{"a flag before the command", "if [ \"${1#-}\" != \"$1\" ]; then set -- server \"$@\"; fi\nexec \"$@\"\n", "sh", runtimes.Commands{Maybe: []string{"server"}, ExecArgs: true}},
		{"set without a command", "set -- --flag \"$@\"; set -e\n", "sh", runtimes.Commands{}},
		{"variables of the script", "DIR=/opt/app\n. \"$DIR/env.sh\"\n$DIR/bin/run --once\n", "sh", runtimes.Commands{Names: []string{"/opt/app/bin/run"}, Sourced: []string{"/opt/app/env.sh"}, Paths: []string{"/opt/app/env.sh"}}},
		{"variables of the image", "exec \"$JAVA_HOME/bin/java\" -version\n", "sh", runtimes.Commands{Names: []string{"/opt/java/bin/java"}, Paths: []string{"/opt/java/bin/java"}}},
		{"a default", "exec ${SERVER:-/bin/server}\n", "sh", runtimes.Commands{Names: []string{"/bin/server"}, Paths: []string{"/bin/server"}}},
		{"a variable of two values", "X=a\nif b; then X=c; fi\n$X\n", "sh", runtimes.Commands{Names: []string{"b"}, Unknown: []string{"line 3: $X"}}},
		{"a loop's variable", "for f in /etc/init/*; do \"$f\"; done\n", "sh", runtimes.Commands{Unknown: []string{"line 1: \"$f\""}, Paths: []string{"/etc/init/*"}}},
		{"traps", "trap 'cleanup; rm -f /run/x' EXIT\n", "sh", runtimes.Commands{Names: []string{"cleanup", "rm"}, Paths: []string{"/run/x"}}},
		{"su", "su -s /bin/sh -c 'exec server --x' app\n", "sh", runtimes.Commands{Names: []string{"/bin/sh", "server", "su"}, Root: []string{"su"}, Paths: []string{"/bin/sh"}}},
		{"a user named as a command", "exec gosu mysql mysqld\n", "sh", runtimes.Commands{Names: []string{"gosu", "mysqld"}, Root: []string{"gosu"}}},
		{"the script itself", "exec gosu app \"$0\" \"$@\"\n", "sh", runtimes.Commands{Names: []string{"gosu"}, Root: []string{"gosu"}}},
		{"redirections", "while read -r l; do echo $l; done </etc/list >/dev/null\n", "sh", runtimes.Commands{Paths: []string{"/etc/list"}}},
		{"bash has more built in", "mapfile -t a\nshopt -s x\n", "bash", runtimes.Commands{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := runtimes.ShellCommands([]byte(tc.script), tc.dialect, env)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestPlainCommand(t *testing.T) {
	for line, want := range map[string]string{
		"nginx -g 'daemon off;'": "nginx|-g|daemon off;",
		"exec /app --port 80":    "/app|--port|80",
		`/app "a b" c\ d`:        "/app|a b|c d",
		"  /app  ":               "/app",
		"/app $PORT":             "",
		"/app && b":              "",
		"/app > log":             "",
		"A=1 /app":               "",
		"/app *.html":            "",
		"/app ~/x":               "",
		"cd /app":                "",
		"/app `id`":              "",
		"/app &":                 "",
		"":                       "",
		"if":                     "",
		"/app # a comment":       "/app",
		`/app \*.html \~ a\ b`:   "/app|*.html|~|a b",
		`/app \\*`:               "",
		`/app "*" '?' "~"`:       "/app|*|?|~",
		`/app "a\$b" "c\d"`:      `/app|a$b|c\d`,
		"/app $'x'":              "",
		`/app ""`:                "/app|",
		"'' x":                   "",
		"/app {a,b}":             "",
		"/app <<< x":             "",
		"! /app":                 "",
		"(/app)":                 "",
		"/app;":                  "/app",
		"time /app":              "",
		"exec -a x /app":         "",
		"exec":                   "",
		"echo hello":             "echo|hello",
		"echo -n hello":          "",
		`echo 'a\nb'`:            "",
		"kill 1":                 "",
		"/app a=b":               "/app|a=b",
		"/app --x=~/y":           "/app|--x=~/y",
	} {
		argv, ok := runtimes.PlainCommand(line)
		if got := strings.Join(argv, "|"); got != want || ok != (want != "") {
			t.Errorf("%q became %q, %v; want %q", line, got, ok, want)
		}
	}
}

func TestWrapped(t *testing.T) {
	for line, want := range map[string]string{
		"tini -- /app x":                    "/app x",
		"/usr/bin/tini -s -e 143 -- app":    "app",
		"gosu app:app server --flag":        "server --flag",
		"env -i A=1 B=2 nice -n 5 app":      "nice -n 5 app",
		"setpriv --reuid 1 --init-groups a": "a",
		"runuser -u app -- server":          "server",
		"runuser --user app -G x server -h": "server -h",
		"runuser -l app -c server":          "no wrapper", // starts app's shell
		"sudo -h host app -h":               "app -h",
		"sudo -nu app -g app -- server":     "server",
		"sudo -uapp -T 5 A=1 B=2 server":    "server",
		"sudo --role r --user=app server":   "server",
		"sudo -l server":                    "no wrapper",
		"sudo -nv":                          "no wrapper",
		"env -u A -C /x --argv0 b A=1 app":  "app",
		"env - A=1 app B=2":                 "app B=2",
		"setpriv --no-new-privs --pdeathsig keep --ruid 1 --euid=1 app": "app",
		"setpriv -d":                     "no wrapper",
		"nice -10 app":                   "app",
		"stdbuf --output L app":          "app",
		"timeout -k 5 -s9 10 app -k 1":   "app -k 1",
		"xargs -0 -i -n1 -P 4 rm {}":     "rm {}",
		"flock -nE 7 /lock app":          "app",
		"chroot --userspec 1:1 /new app": "app",
		"chpst -u app -/ /new -C / app":  "app",
		"exec -a name app":               "app",
		"ionice -c 2 -n0 app":            "app",
		"ionice -p 1 2":                  "no wrapper",
		"tini -l":                        "no wrapper",
		"gosu app -- server":             "server",
		"dumb-init":                      "",
		"server x":                       "no wrapper",
	} {
		inner, ok := runtimes.Wrapped(strings.Fields(line))
		got := strings.Join(inner, " ")
		if !ok {
			got = "no wrapper"
		}
		if got != want {
			t.Errorf("%q starts %q, want %q", line, got, want)
		}
	}
}

func FuzzShell(f *testing.F) {
	f.Add([]byte("#!/bin/sh\nexec \"$@\"\n"))
	f.Add([]byte("sh -c 'sh -c \"sh -c x\"'"))
	f.Fuzz(func(_ *testing.T, b []byte) {
		runtimes.Shebang(b)
		_, _ = runtimes.ShellCommands(b, "bash", nil)
		runtimes.PlainCommand(string(b))
	})
}
