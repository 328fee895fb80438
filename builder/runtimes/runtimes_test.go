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
	for _, tc := range []struct {
		name, script, dialect string
		want                  runtimes.Commands
	}{
		{"entrypoint", "#!/bin/sh\nset -e\n. /etc/defaults\nmkdir -p /run/app\nexec \"$@\"\n", "sh", runtimes.Commands{
			Names: []string{"mkdir"}, Sourced: []string{"/etc/defaults"}, ExecArgs: true, Paths: []string{"/etc/defaults", "/run/app"},
		}},
		{"functions are not commands", "log() { echo \"$1\"; }\nlog x | tee /tmp/log\n", "sh", runtimes.Commands{Names: []string{"tee"}, Paths: []string{"/tmp/log"}}},
		{"root", "chown -R app /data\nexec gosu app server\n", "bash", runtimes.Commands{Names: []string{"chown", "gosu", "server"}, Root: []string{"chown", "gosu"}, Paths: []string{"/data"}}},
		{"wrappers", "env A=1 nice -n 5 cmd1\nfind . -exec cmd2 {} \\;\nls | xargs -n1 cmd3\ntimeout 5 cmd4\n", "sh", runtimes.Commands{Names: []string{"cmd1", "cmd2", "cmd3", "cmd4", "env", "find", "ls", "nice", "timeout", "xargs"}}},
		{"inner shells", "sh -c 'curl x && jq .'\n", "sh", runtimes.Commands{Names: []string{"curl", "jq", "sh"}}},
		{"computed", "$CMD x\n", "sh", runtimes.Commands{Unknown: []string{"line 1: $CMD"}}},
		{"asking is not running", "command -v jq >/dev/null || true\n", "sh", runtimes.Commands{}},
		{"substitution", "x=$(hostname -f)\n", "sh", runtimes.Commands{Names: []string{"hostname"}}},
		{"bash has more built in", "mapfile -t a\nshopt -s x\n", "bash", runtimes.Commands{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := runtimes.ShellCommands([]byte(tc.script), tc.dialect)
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
	} {
		argv, ok := runtimes.PlainCommand(line)
		if got := strings.Join(argv, "|"); got != want || ok != (want != "") {
			t.Errorf("%q became %q, %v; want %q", line, got, ok, want)
		}
	}
}

func FuzzShell(f *testing.F) {
	f.Add([]byte("#!/bin/sh\nexec \"$@\"\n"))
	f.Add([]byte("sh -c 'sh -c \"sh -c x\"'"))
	f.Fuzz(func(_ *testing.T, b []byte) {
		runtimes.Shebang(b)
		_, _ = runtimes.ShellCommands(b, "bash")
		runtimes.PlainCommand(string(b))
	})
}
