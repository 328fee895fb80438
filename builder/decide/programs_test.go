package decide_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/decide"
	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
	"github.com/whittle-oci/whittle/builder/tree"
)

// command sets ENTRYPOINT and CMD; a string is a shell form.
func command(entry, cmd any) func(*dockerspec.DockerOCIImageConfig) {
	argv := func(v any) []string {
		switch x := v.(type) {
		case string:
			return []string{"/bin/sh", "-c", x}
		case []string:
			return x
		}
		return nil
	}
	return func(c *dockerspec.DockerOCIImageConfig) { c.Entrypoint, c.Cmd = argv(entry), argv(cmd) }
}

// runsAs checks the command line that the image gets.
func runsAs(entry, cmd string) func(*testing.T, *image.Plan) {
	return func(t *testing.T, p *image.Plan) {
		t.Helper()
		for _, x := range []struct {
			name, want string
			got        []string
		}{{"ENTRYPOINT", entry, p.Config.Entrypoint}, {"CMD", cmd, p.Config.Cmd}} {
			dt, err := json.Marshal(x.got)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.TrimPrefix(string(dt), "null"); got != x.want {
				t.Errorf("%s %s, want %s", x.name, got, x.want)
			}
		}
	}
}

func noShell(t *testing.T, p *image.Plan) {
	t.Helper()
	if p.Shell != "" {
		t.Errorf("the image has the shell %s", p.Shell)
	}
}

// TestCommands holds the forms of ENTRYPOINT and CMD to what the image runs.
func TestCommands(t *testing.T) {
	script := func(text string) func(*tree.Memory) {
		return func(t *tree.Memory) { t.File("/entry.sh", 0o755, []byte("#!/bin/sh\n"+text)) }
	}
	run(t, []stage{
		{
			name: "a plain shell form", base: debian, config: command("exec /app --port 80", nil),
			files: []string{}, quiet: true, changes: []string{`command ENTRYPOINT: exec /app --port 80 -> ["/app","--port","80"]`},
			check: func(t *testing.T, p *image.Plan) { noShell(t, p); runsAs(`["/app","--port","80"]`, "")(t, p) },
		},
		{
			name: "a shell-form ENTRYPOINT does not read CMD", base: debian, config: command("/app", []string{"--flag"}),
			files: []string{}, changes: []string{`command CMD: ["--flag"] -> `}, check: runsAs(`["/app"]`, ""),
		},
		{
			name: "what needs a shell says what it costs", base: debian, config: command("mkdir -p /x && /app", nil),
			has:   []string{"0755 0:0 /usr/bin/sh", "0755 0:0 /usr/bin/mkdir", "1777 0:0 /tmp/"},
			warns: []string{"ENTRYPOINT: ENTRYPOINT needs a shell, so the image has /bin/sh, which with the commands that are run costs 1.36 kB in 2 files"},
			check: runsAs(`["/bin/sh","-c","mkdir -p /x \u0026\u0026 /app"]`, ""),
		},
		{name: "variables need a shell", base: debian, config: command(nil, "/app --port $PORT"), has: []string{"0755 0:0 /usr/bin/sh"}, check: runsAs("", `["/bin/sh","-c","/app --port $PORT"]`)},
		{name: "a builtin that is no program", base: debian, config: command(nil, "echo hello"), has: []string{"0755 0:0 /usr/bin/sh"}, check: runsAs("", `["/bin/sh","-c","echo hello"]`)},
		{
			name: "a script with arguments of its own", base: debian,
			config: func(c *dockerspec.DockerOCIImageConfig) {
				c.Entrypoint, c.Cmd = []string{"sh", "-c", `exec "$@"`, "--"}, []string{"sed", "x"}
			},
			has: []string{"0755 0:0 /usr/bin/sh", "0755 0:0 /usr/bin/sed"}, warns: []string{"ENTRYPOINT needs a shell"}, check: runsAs(`["sh","-c","exec \"$@\"","--"]`, `["sed","x"]`),
		},
		{name: "a bare shell", base: debian, config: command(nil, []string{"sh"}), has: []string{"0755 0:0 /usr/bin/sh"}, warns: []string{"CMD needs a shell, so the image has /usr/bin/sh"}},
		{name: "a bare shell that is not wanted", base: debian, config: command(nil, []string{"sh"}), options: decide.Options{NoShell: true}, refused: "CMD needs a shell (/usr/bin/sh), and no-shell is set"},
		{name: "a script that is not wanted", base: debian, change: script("exec /app\n"), config: entrypoint("/entry.sh"), options: decide.Options{NoShell: true}, refused: "/entry.sh needs a shell (/bin/sh), and no-shell is set"},
		{name: "a shell with options", base: debian, config: func(c *dockerspec.DockerOCIImageConfig) {
			c.Entrypoint = []string{"/bin/sh", "-e", "-o", "pipefail", "-c", "/app | sed x"}
		}, has: []string{"0755 0:0 /usr/bin/sed"}},
		{
			name: "an entrypoint that runs its arguments", base: debian, change: script("set -e\nexec \"$@\"\n"), config: command([]string{"/entry.sh"}, []string{"sed", "-n", "/app"}),
			has: []string{"0755 0:0 /usr/bin/sed", "0755 0:0 /app", "0755 0:0 /entry.sh"},
		},
		{
			name: "an entrypoint whose script runs its arguments", base: debian,
			change: func(t *tree.Memory) {
				script("exec tini -- /inner.sh \"$@\"\n")(t)
				t.File("/inner.sh", 0o755, []byte("#!/bin/sh\nexec \"$@\"\n"))
			},
			config: command([]string{"/entry.sh"}, []string{"gosu", "www", "sed"}),
			has:    []string{"0755 0:0 /usr/bin/sed", "0755 0:0 /usr/bin/gosu", "0755 0:0 /inner.sh"}, warns: []string{"USER: CMD runs gosu, which needs root"}, check: runsAs(`["/entry.sh"]`, `["gosu","www","sed"]`),
		},
		{
			name: "a script that runs its arguments, and is given others", base: debian,
			change: func(t *tree.Memory) {
				script("/inner.sh /app\n")(t)
				t.File("/inner.sh", 0o755, []byte("#!/bin/sh\nexec \"$@\"\n"))
			},
			config: command([]string{"/entry.sh"}, []string{"serve"}), has: []string{"0755 0:0 /inner.sh"},
		},
		{
			name: "a script whose scripts run nothing of theirs", base: debian, change: script("exec /app \"$@\"\n"),
			config: command([]string{"/entry.sh"}, []string{"sed"}), hasNot: []string{"/usr/bin/sed"},
		},
		{
			name: "a script that reads in one that runs its arguments", base: debian,
			change: func(t *tree.Memory) {
				script(". /inner.sh\n")(t)
				t.File("/inner.sh", 0o644, []byte("exec \"$@\"\n"))
			},
			config: command([]string{"/entry.sh"}, []string{"sed"}), has: []string{"0755 0:0 /usr/bin/sed"},
		},
		{name: "and has some already", base: debian, change: script("exec \"$@\"\n"), config: entrypoint("/entry.sh", "sed", "x"), has: []string{"0755 0:0 /usr/bin/sed"}},
		{name: "and one that names nothing", base: debian, change: script("exec \"$@\"\n"), config: command([]string{"/entry.sh"}, []string{"serve", "/app"}), has: []string{"0755 0:0 /app"}},
		{
			name: "a CMD in shell form that a script runs stays one", base: debian, change: script("exec \"$@\"\n"), config: command([]string{"/entry.sh"}, "sed x"),
			has: []string{"0755 0:0 /usr/bin/sed"}, check: runsAs(`["/entry.sh"]`, `["/bin/sh","-c","sed x"]`),
		},
		{
			name: "an init before everything", base: debian, config: command([]string{"tini", "-s", "--"}, "sed x"),
			has: []string{"0755 0:0 /usr/bin/tini", "0755 0:0 /usr/bin/sed"}, check: func(t *testing.T, p *image.Plan) { noShell(t, p); runsAs(`["tini","-s","--"]`, `["sed","x"]`)(t, p) },
		},
		{name: "wrappers in wrappers", base: debian, config: entrypoint("tini", "--", "gosu", "www", "sed"), has: []string{"0755 0:0 /usr/bin/gosu", "0755 0:0 /usr/bin/sed"}, warns: []string{"ENTRYPOINT runs gosu, which needs root"}},
		{name: "a wrapper that starts nothing that is there", base: debian, config: entrypoint("tini", "--", "gone"), warns: []string{"tini starts gone, which is not in the built image"}},
		{
			name: "a file that is not executable does not hide one that is", base: debian, config: entrypoint("sed"),
			change: func(t *tree.Memory) { t.File("/usr/local/bin/sed", 0o644, []byte("x")) }, has: []string{"0755 0:0 /usr/bin/sed"},
		},
		{
			name: "a relative command is WORKDIR's", base: debian, change: func(t *tree.Memory) { t.File("/srv/run", 0o755, elftest.File{}.Bytes()) },
			config: func(c *dockerspec.DockerOCIImageConfig) { c.WorkingDir, c.Entrypoint = "/srv", []string{"./run"} }, has: []string{"0755 0:0 /srv/run"},
		},
		{
			name: "data files that are executable by accident", base: debian, config: entrypoint("/app", "--config=/etc/app.yaml", "/etc/more.yaml"),
			change: func(t *tree.Memory) {
				t.File("/etc/app.yaml", 0o755, []byte("a: b"))
				t.File("/etc/more.yaml", 0o777, []byte("a: b"))
			},
			has: []string{"0755 0:0 /etc/app.yaml", "0777 65532:0 /etc/more.yaml"}, quiet: true,
		},
		{
			name: "a library that an argument names", base: debian, config: entrypoint("/app", "--plugin=/srv/a.so"), change: func(t *tree.Memory) {
				t.File("/srv/a.so", 0o644, elftest.File{Library: true, Needed: []string{"libb.so"}}.Bytes())
				t.File("/usr/lib/libb.so", 0o644, elftest.File{Library: true}.Bytes())
			},
			has: []string{"0644 0:0 /srv/a.so", "0644 0:0 /usr/lib/libb.so"},
			check: func(t *testing.T, p *image.Plan) {
				if e, _ := p.Find("/usr/lib/libb.so"); !strings.HasPrefix(e.Reason, "library libb.so of /srv/a.so") {
					t.Errorf("%s is there as %s", e.Path, e.Reason)
				}
			},
		},
		{
			name: "a file of the base image that an argument names", config: entrypoint("/app", "--config=/etc/app.yaml"),
			base: func(t *tree.Memory) { debian(t); t.File("/etc/app.yaml", 0o644, []byte("x")) }, has: []string{"0644 0:0 /etc/app.yaml"},
		},
	})
}

// TestScripts holds entrypoint scripts to the commands that they bring along.
func TestScripts(t *testing.T) {
	entry := entrypoint("/entry.sh")
	run(t, []stage{
		{
			name: "what a script reads in defines and runs for it", base: debian, config: entry,
			change: func(t *tree.Memory) {
				t.File("/entry.sh", 0o755, []byte("#!/bin/sh\nLIB=/opt/lib\n. \"$LIB/log.sh\"\nlog start\nexec /app\n"))
				t.File("/opt/lib/log.sh", 0o644, []byte(". /opt/lib/more.sh\nlog() { sed x; more; }\n"))
				t.File("/opt/lib/more.sh", 0o644, []byte("more() { mkdir -p x; }\n. /opt/lib/log.sh\n"))
			},
			has:   []string{"0755 0:0 /usr/bin/sed", "0755 0:0 /usr/bin/mkdir"},
			check: func(t *testing.T, p *image.Plan) { warnings(t, p, 1) },
		},
		{
			name: "a flag that makes a command", base: debian, config: entry,
			change: func(t *tree.Memory) {
				t.File("/entry.sh", 0o755, []byte("#!/bin/sh\n[ \"${1#-}\" = \"$1\" ] || set -- sed \"$@\"\nexec \"$@\"\n"))
			},
			has: []string{"0755 0:0 /usr/bin/sed"},
		},
		{
			name: "variables of the image", base: debian,
			config: func(c *dockerspec.DockerOCIImageConfig) {
				c.Entrypoint, c.Env = []string{"/entry.sh"}, append(c.Env, "SERVER=sed")
			},
			change: func(t *tree.Memory) { t.File("/entry.sh", 0o755, []byte("#!/bin/sh\nexec $SERVER \"$@\"\n")) },
			has:    []string{"0755 0:0 /usr/bin/sed"},
		},
		{
			name: "a default in an assignment", config: entry,
			base: func(t *tree.Memory) {
				debian(t)
				t.File("/etc/app.conf", 0o644, []byte("x\n"))
			},
			change: func(t *tree.Memory) {
				t.File("/entry.sh", 0o755, []byte("#!/bin/sh\nHTTPD=${APACHE_HTTPD:-/usr/bin/sed}\n: \"${CONF:=/etc/app.conf}\"\n$HTTPD -t\nexec $HTTPD -k start\n"))
			},
			has: []string{"0755 0:0 /usr/bin/sed", "0644 0:0 /etc/app.conf"}, check: func(t *testing.T, p *image.Plan) { warnings(t, p, 1) },
		},
		{
			name: "a path in a variable, one message a variable", base: debian, config: entry,
			change: func(t *tree.Memory) {
				t.File("/entry.sh", 0o755, []byte("#!/bin/sh\nif [ -n \"$1\" ]; then RUN=/usr/bin/sed; else RUN=/usr/bin/mkdir; fi\n$RUN a\n$RUN b\nexec \"$RUN\"\n"))
			},
			has: []string{"0755 0:0 /usr/bin/sed", "0755 0:0 /usr/bin/mkdir"}, warns: []string{"/entry.sh computes the name of a command, line 3: $RUN (and 2 more of this variable)"},
			check: func(t *testing.T, p *image.Plan) { warnings(t, p, 2) },
		},
		{
			name: "scripts in a directory that the script names", base: debian, config: entry,
			change: func(t *tree.Memory) {
				t.File("/entry.sh", 0o755, []byte("#!/bin/sh\nfor f in /init.d/*.sh; do \"$f\"; done\nexec /app\n"))
				t.File("/init.d/10.sh", 0o755, []byte("#!/bin/sh\nsed x\n"))
				t.File("/src/dev.sh", 0o755, []byte("#!/bin/sh\nmkdir x\nnpm run build\n"))
			},
			has: []string{"0755 0:0 /usr/bin/sed"}, hasNot: []string{"/usr/bin/mkdir"}, warns: []string{`/entry.sh computes the name of a command, line 2: "$f"`},
		},
		{
			name: "one warning a script", base: debian, config: entry,
			change: func(t *tree.Memory) {
				t.File("/entry.sh", 0o755, []byte("#!/bin/sh\njq .\nyq .\n$A x\n$B x\n$C x\n$D x\nexec /app\n"))
			},
			warns: []string{"/entry.sh runs jq, yq, which are not in the built image", "/entry.sh computes the name of a command, line 4: $A, line 5: $B, line 6: $C, and 1 more"},
			check: func(t *testing.T, p *image.Plan) { warnings(t, p, 3) },
		},
		{
			name: "a command that is nowhere, or cannot run", config: entry,
			base: func(t *tree.Memory) {
				debian(t)
				t.File("/usr/bin/broken", 0o755, elftest.File{Interp: loader, Needed: []string{"libgone.so"}}.Bytes())
			},
			change: func(t *tree.Memory) { t.File("/entry.sh", 0o755, []byte("#!/bin/sh\njq .\nbroken\nexec /app\n")) },
			warns:  []string{"/entry.sh runs jq, which is not in the built image", "/usr/bin/broken, command of /entry.sh, could not run"},
		},
		{
			name: "a script that looks at accounts", base: debian, config: entry, change: func(t *tree.Memory) { t.File("/entry.sh", 0o755, []byte("#!/bin/sh\nsed x /etc/passwd /etc/hosts\n")) },
			hasNot: []string{"/etc/hosts"}, check: content("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1::/usr/bin:/sbin/nologin\nwww:x:33:33::/var/www:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n"),
		},
		{name: "one that does not parse", base: debian, config: entry, change: func(t *tree.Memory) { t.File("/entry.sh", 0o755, []byte("#!/bin/sh\nif\n")) }, warns: []string{"/entry.sh could not be parsed"}},
		{name: "env finds the shell", base: debian, config: entry, change: func(t *tree.Memory) {
			t.File("/usr/bin/env", 0o755, elftest.File{}.Bytes())
			t.File("/entry.sh", 0o755, []byte("#!/usr/bin/env sh\nsed x\n"))
		}, has: []string{"0755 0:0 /usr/bin/env", "0755 0:0 /usr/bin/sh", "0755 0:0 /usr/bin/sed"}},
		{name: "env finds nothing", base: debian, config: entry, change: func(t *tree.Memory) {
			t.File("/usr/bin/env", 0o755, elftest.File{}.Bytes())
			t.File("/entry.sh", 0o755, []byte("#!/usr/bin/env zsh\n"))
		}, refused: "/entry.sh asks env for zsh, which is not along PATH"},
		{name: "a language that is not known", base: debian, config: entry, change: func(t *tree.Memory) {
			t.File("/usr/bin/lua", 0o755, elftest.File{}.Bytes())
			t.File("/entry.sh", 0o755, []byte("#!/usr/bin/lua\n"))
		}, unknown: "lua"},
		{name: "a program with an interpreter inside", base: debian, config: entrypoint("/srv/embedded"), change: func(t *tree.Memory) {
			t.File(loader, 0o755, elftest.File{Library: true}.Bytes())
			t.File("/lib/libtcl8.6.so", 0o644, elftest.File{Library: true}.Bytes())
			t.File("/srv/embedded", 0o755, elftest.File{Interp: loader, Needed: []string{"libtcl8.6.so"}}.Bytes())
		}, unknown: "libtcl8.6.so"},
		{name: "an included script in a language that is not known is a warning", options: decide.Options{Include: []string{"/srv/tool.lua"}}, base: func(t *tree.Memory) {
			debian(t)
			t.File("/usr/bin/lua", 0o755, elftest.File{}.Bytes())
		}, change: func(t *tree.Memory) { t.File("/srv/tool.lua", 0o755, []byte("#!/usr/bin/lua\n")) }, has: []string{"0755 0:0 /srv/tool.lua"}, warns: []string{"runs on lua"}},
	})
}

func warnings(t *testing.T, p *image.Plan, n int) {
	t.Helper()
	if len(p.Warnings) != n {
		t.Errorf("%d warnings, want %d: %+v", len(p.Warnings), n, p.Warnings)
	}
}

// TestHealthchecks holds HEALTHCHECK to what it becomes.
func TestHealthchecks(t *testing.T) {
	for _, tc := range []struct {
		name        string
		test, shell []string
		want        []string
	}{
		{"exec form", []string{"CMD", "sed", "x"}, nil, []string{"CMD", "sed", "x"}},
		{"plain", []string{"CMD-SHELL", "sed x || exit 1"}, nil, []string{"CMD", "sed", "x"}},
		{"another code", []string{"CMD-SHELL", "sed x||exit 2 "}, nil, []string{"CMD", "sed", "x"}},
		{"exit 0 means healthy", []string{"CMD-SHELL", "sed x || exit 0"}, nil, []string{"CMD-SHELL", "sed x || exit 0"}},
		{"shell", []string{"CMD-SHELL", "sed x | mkdir y"}, nil, []string{"CMD-SHELL", "sed x | mkdir y"}},
		{"the shell of SHELL", []string{"CMD-SHELL", "sed x | mkdir y"}, []string{"/usr/bin/sh", "-ec"}, []string{"CMD", "/usr/bin/sh", "-ec", "sed x | mkdir y"}},
		{"none", []string{"NONE"}, nil, []string{"NONE"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := stage{base: debian}.input()
			in.Config.Healthcheck = &dockerspec.HealthcheckConfig{Test: tc.test}
			in.Config.Shell = tc.shell
			p, err := decide.Decide(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tc.want, p.Config.Healthcheck.Test); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if _, ok := p.Find("/usr/bin/sed"); ok != (tc.name != "none") {
				t.Errorf("sed is in the image: %v", ok)
			}
		})
	}
}

// TestFurtherCommands starts the image with more than CMD.
func TestFurtherCommands(t *testing.T) {
	two := func(t *tree.Memory) { t.File("/worker", 0o755, elftest.File{}.Bytes()) }
	run(t, []stage{
		{
			name: "they come along", base: debian, change: two, config: command(nil, []string{"/app"}), options: decide.Options{Commands: [][]string{{"/worker"}, {"/bin/sh", "-c", "sed x | sed y"}}},
			has: []string{"0755 0:0 /worker", "0755 0:0 /usr/bin/sed"},
		},
		{
			name: "behind an ENTRYPOINT that runs its arguments", base: debian,
			change:  func(t *tree.Memory) { two(t); t.File("/entry.sh", 0o755, []byte("#!/bin/sh\nexec \"$@\"\n")) },
			config:  command([]string{"/entry.sh"}, []string{"/app"}),
			options: decide.Options{Commands: [][]string{{"/worker"}}},
			has:     []string{"0755 0:0 /worker", "0755 0:0 /entry.sh", "0755 0:0 /app"},
		},
		{
			name: "behind one that is a program they are arguments", base: debian, change: two,
			options: decide.Options{Commands: [][]string{{"--config=/etc/shells"}}},
			has:     []string{"0755 0:0 /app"},
		},
		{
			name: "one that is nowhere", base: debian, config: command(nil, []string{"/app"}),
			options: decide.Options{Commands: [][]string{{"gone"}}}, refused: "commands: gone is not along PATH",
		},
	})
}
