package command_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whittle-oci/whittle/lint/command"
)

func TestShebang(t *testing.T) {
	for head, want := range map[string]command.Script{
		"#!/bin/sh\necho":                 {Interpreter: "/bin/sh"},
		"#! /bin/bash -e -u\n":            {Interpreter: "/bin/bash", Arg: "-e -u"},
		"#!/usr/bin/env python3\n":        {Interpreter: "/usr/bin/env", Arg: "python3", Env: "python3"},
		"#!/usr/bin/env -S node --flag\n": {Interpreter: "/usr/bin/env", Arg: "-S node --flag", Env: "node", Split: true},
		"#!/bin/sh\r\n":                   {Interpreter: "/bin/sh"},
		"#!" + strings.Repeat("x", 400):   {Interpreter: strings.Repeat("x", 254)},
	} {
		got, ok := command.Shebang([]byte(head))
		if d := cmp.Diff(want, got); !ok || d != "" {
			t.Errorf("%.20q: %v (-want +got):\n%s", head, ok, d)
		}
	}
	for _, head := range []string{"", "#", "#!", "#!\n/bin/sh", "\x7fELF"} {
		if s, ok := command.Shebang([]byte(head)); ok {
			t.Errorf("%q was taken for %v", head, s)
		}
	}
}

func TestPlain(t *testing.T) {
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
		argv, ok := command.Plain(line)
		if got := strings.Join(command.Argv(argv), "|"); got != want || ok != (want != "") {
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
		"sudo A=1 -u root B=2 app C=3":   "app C=3",
		"sudo --list app":                "no wrapper",
		"doas -nu app server":            "server",
		"doas -s":                        "no wrapper",
		"time -f %e -o /log app":         "app",
		"command -p app -v":              "app -v",
		"command -v app":                 "no wrapper",
		"builtin cd /x":                  "cd /x",
		"/bin/busybox wget -O- x":        "wget -O- x",
		"busybox --install -s /bin":      "no wrapper",
		"fakeroot -s /state -- make":     "make",
		"eatmydata apt-get update":       "apt-get update",
		"chronic -v app":                 "app",
		"env --help":                     "no wrapper",
	} {
		inner, ok := command.Wrapped(strings.Fields(line))
		got := strings.Join(inner, " ")
		if !ok {
			got = "no wrapper"
		}
		if got != want {
			t.Errorf("%q starts %q, want %q", line, got, want)
		}
	}
}

func TestSplit(t *testing.T) {
	args := strings.Fields("-u app A=1 B=$X server C=3")
	in, ok := command.Split("/usr/bin/sudo", args)
	if d := cmp.Diff(command.Inner{Command: 4, Assigns: []int{2, 3}}, in); !ok || d != "" {
		t.Errorf("%v (-want +got):\n%s", ok, d)
	}
	if in, ok = command.Split("nice", []string{"A=1", "x"}); !ok || in.Command != 0 || in.Assigns != nil {
		t.Errorf("nice starts a program named A=1, not %v, %v", in, ok)
	}
}

func TestScriptCommand(t *testing.T) {
	for line, want := range map[string]string{
		"#!/bin/sh":                         "/bin/sh",
		"#!/bin/bash -e -u":                 "/bin/bash|-e|-u",
		"#!/usr/bin/env bash":               "bash",
		"#!/usr/bin/env -S A=1 bash -eu\nx": "bash|-eu",
		"#!/usr/bin/env -i":                 "/usr/bin/env|-i",
		"#!/bin/busybox sh":                 "/bin/busybox|sh",
	} {
		s, ok := command.Shebang([]byte(line))
		if got := strings.Join(s.Command(), "|"); !ok || got != want {
			t.Errorf("%q is read by %q, want %q", line, got, want)
		}
	}
}

func TestShells(t *testing.T) {
	for name, want := range map[string]bool{
		"sh": true, "/bin/dash": true, "/usr/local/bin/bash": true, "mksh": true, "zsh": true,
		"fish": false, "pwsh": false, "busybox": false, "sh.exe": false, "": false,
	} {
		if got := command.IsShell(name); got != want {
			t.Errorf("%q is a shell: %v", name, got)
		}
	}
	for _, tc := range []struct {
		name, shell    string
		builtin, alone bool // alone: no program does the same
	}{
		{"cd", "sh", true, true}, {".", "dash", true, true}, {"echo", "/bin/sh", true, false}, {"[", "ash", true, false},
		{"kill", "sh", true, true}, {"source", "bash", true, true}, {"source", "sh", false, true}, {"mapfile", "/bin/bash", true, true},
		{"nginx", "bash", false, false}, {"/bin/cd", "sh", false, false},
	} {
		if got := command.IsBuiltin(tc.name, tc.shell); got != tc.builtin {
			t.Errorf("%s is built into %s: %v", tc.name, tc.shell, got)
		}
		if got := command.ShellOnly(tc.name); got != tc.alone {
			t.Errorf("%s only a shell can run: %v", tc.name, got)
		}
	}
	if !command.IsMulticall("/bin/busybox") || command.IsMulticall("sh") || !command.IsWrapper("/sbin/tini") || command.IsWrapper("nginx") {
		t.Error("programs are taken for what they are not")
	}
}

func FuzzCommand(f *testing.F) {
	f.Add("#!/usr/bin/env -S a b", "exec env A=1 'x y'")
	f.Add("#!/bin/sh", `sudo -u a -- b\ c`)
	f.Fuzz(func(t *testing.T, head, line string) {
		if s, ok := command.Shebang([]byte(head)); ok && len(s.Command()) == 0 {
			t.Errorf("%q is read by nothing", head)
		}
		words, ok := command.Plain(line)
		if ok != (len(words) > 0) {
			t.Fatalf("%q: %v, %v", line, words, ok)
		}
		end := 0
		for _, w := range words {
			if w.Start < end || w.End <= w.Start || w.End > len(line) {
				t.Fatalf("%q: the word %q is at %d to %d", line, w.Text, w.Start, w.End)
			}
			end = w.End
		}
		argv := strings.Fields(line)
		for inner, ok := command.Wrapped(argv); ok; inner, ok = command.Wrapped(argv) {
			if len(inner) >= len(argv) {
				t.Fatalf("%q starts %q", argv, inner)
			}
			argv = inner
		}
	})
}
