package decide_test

import (
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"testing"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/decide"
	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need/asbuilt"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
	"github.com/whittle-oci/whittle/builder/tree"
)

// computes is a script that starts a program whose name it computes, as those
// of interpreters do.
const computes = "#!/bin/sh\nexec \"$ROOT/bin/$NAME\" \"$@\"\n"

// TestInterpretersAreAsBuilt holds every interpreter whose files are not known
// to being named, and its image to being built as written, whether it is a
// program or a script, whatever starts it.
func TestInterpretersAreAsBuilt(t *testing.T) {
	entry := func(text string) func(*tree.Memory) {
		return func(t *tree.Memory) { t.File("/entry.sh", 0o755, []byte(text)) }
	}
	for _, name := range asbuilt.Programs() {
		for _, s := range []stage{
			{name: "exec form", config: entrypoint(name, "main.x")},
			{name: "shell form", config: entrypoint("/bin/sh", "-c", name+" main.x")},
			{name: "shell form with a variable", config: entrypoint("/bin/sh", "-c", name+" main.x --port $PORT")},
			{name: "init", config: entrypoint("tini", "--", name, "main.x")},
			{name: "env", config: entrypoint("/usr/bin/env", "A=b", name, "main.x")},
			{name: "script that runs its arguments", config: entrypoint("/entry.sh", name, "main.x"), change: entry("#!/bin/sh\nset -e\nexec \"$@\"\n")},
			{name: "script that runs it", config: entrypoint("/entry.sh"), change: entry("#!/bin/sh\nset -e\n" + name + " main.x\n")},
			{name: "#! line", config: entrypoint("/entry.sh"), change: entry("#!/usr/bin/env -S " + name + " main.x\n")},
		} {
			for _, text := range []string{"", computes} {
				s := s
				s.unknown = name
				s.base = func(t *tree.Memory) {
					debian(t)
					program := elftest.File{}.Bytes()
					if text != "" {
						program = []byte(text)
					}
					t.File("/usr/local/bin/"+name, 0o755, program)
					t.File("/usr/bin/env", 0o755, elftest.File{}.Bytes())
				}
				in := s.input()
				_, err := decide.Decide(t.Context(), in)
				u, ok := errors.AsType[*image.UnsupportedError](err)
				if !ok || u.Runtime != name || u.Instruction != "ENTRYPOINT" {
					t.Errorf("%s by %s, script: %v: %v", name, s.name, text != "", err)
				}
			}
		}
	}
}

// TestVersions takes a name with a version behind it for the same.
func TestVersions(t *testing.T) {
	for name, want := range map[string]string{"/usr/bin/lua5.4": "lua5.4", "/usr/local/bin/iex": "iex", "/usr/bin/escript": "escript", "/usr/bin/runghc": "runghc", "/usr/lib/dart/bin/dart": "dart", "/usr/bin/R": "r", "/opt/julia-1.10": "julia-1.10", "/usr/bin/tclsh8.6": "tclsh8.6", "/srv/rune": "", "/srv/goods": "", "/srv/maker": "", "/bin/luac": ""} {
		if got := asbuilt.Name(name); got != want {
			t.Errorf("%s is of %q, want %q", name, got, want)
		}
	}
}

// hostMark is what every host of .NET has in its data.
func hostMark() elftest.Section {
	mark := sha256.Sum256([]byte(".net core bundle"))
	return elftest.Section{Name: ".data", Data: append(make([]byte, 8), mark[:]...)}
}

// TestApplicationsAreAsBuilt tells what no name shows: releases of Erlang and
// hosts of .NET.
func TestApplicationsAreAsBuilt(t *testing.T) {
	host := elftest.File{Sections: []elftest.Section{hostMark()}}.Bytes()
	release := func(mark string) func(*tree.Memory) {
		return func(t *tree.Memory) {
			t.File("/opt/shop/bin/shop", 0o755, []byte(computes))
			t.File("/opt/shop/bin/server", 0o755, []byte("#!/bin/sh\ncd -P -- \"$(dirname -- \"$0\")\"\nPHX_SERVER=true exec ./shop start\n"))
			t.File("/opt/shop/"+mark, 0o644, []byte("14.2 0.1.0"))
			t.Symlink("/usr/bin/shop", "/opt/shop/bin/shop")
		}
	}
	run(t, []stage{
		{name: "mix release", base: debian, change: release("releases/start_erl.data"), config: entrypoint("/opt/shop/bin/shop", "start"), unknown: "erlang"},
		{name: "relx release", base: debian, change: release("erts-14.2/bin/beam"), config: entrypoint("/opt/shop/bin/shop", "foreground"), unknown: "erlang"},
		{name: "its server script", base: debian, change: release("releases/RELEASES"), config: entrypoint("/opt/shop/bin/server"), unknown: "erlang"},
		{name: "through a link and an init", base: debian, change: release("releases/start_erl.data"), config: entrypoint("tini", "shop", "start"), unknown: "erlang"},
		{name: "in a script", base: debian, change: func(t *tree.Memory) {
			release("releases/start_erl.data")(t)
			t.File("/entry.sh", 0o755, []byte("#!/bin/sh\n/opt/shop/bin/shop eval 'Shop.migrate()'\nexec /opt/shop/bin/shop start\n"))
		}, config: entrypoint("/entry.sh"), unknown: "erlang"},
		{name: "a script in bin of anything else", base: debian, change: func(t *tree.Memory) {
			t.File("/opt/shop/bin/shop", 0o755, []byte("#!/bin/sh\nexec /app\n"))
			t.File("/opt/shop/releases/notes", 0o644, nil)
		}, config: entrypoint("/opt/shop/bin/shop"), has: []string{"0755 0:0 /opt/shop/bin/shop", "0755 0:0 /app"}},

		{name: "host of .NET", base: debian, change: func(t *tree.Memory) {
			t.File("/srv/shop", 0o755, host)
			t.File("/srv/shop.dll", 0o644, []byte("MZ"))
			t.File("/srv/shop.runtimeconfig.json", 0o644, []byte("{}"))
		}, config: entrypoint("/srv/shop"), unknown: "dotnet"},
		{name: "single file of .NET, in shell form", base: debian, change: func(t *tree.Memory) {
			t.File("/srv/shop", 0o755, append(slices.Clone(host), strings.Repeat("MZ", 100)...))
		}, config: entrypoint("/bin/sh", "-c", "/srv/shop --urls http://*:$PORT"), unknown: "dotnet"},
		{name: "host of .NET that only lies there", base: debian, change: func(t *tree.Memory) { t.File("/srv/tools/helper", 0o755, host) }, has: []string{"0755 0:0 /srv/tools/helper"}},

		{name: "tools that only lie there", base: debian, change: func(t *tree.Memory) {
			t.File("/srv/venv/bin/ninja", 0o755, elftest.File{}.Bytes())
			t.File("/srv/gradlew", 0o755, []byte(computes))
			t.File("/srv/mix", 0o755, []byte(computes))
		}, has: []string{"0755 0:0 /srv/venv/bin/ninja", "0755 0:0 /srv/gradlew"}},
		{name: "carries an application", base: debian, change: func(t *tree.Memory) {
			t.File("/srv/shop", 0o755, append(elftest.File{}.Bytes(), strings.Repeat("console.log(1)", 10)...))
		}, config: entrypoint("/srv/shop"), has: []string{"0755 0:0 /srv/shop", "1777 0:0 /tmp/", "0755 0:0 /usr/bin/sh"},
			warns: []string{"/srv/shop has something attached to its end, such as a script or an archive, so what it needs cannot be seen"}},
	})
}

// TestOfficialImagesOfDenoAndBun reads entrypoints that put the interpreter in
// front of words which are no command, as those of the official images do.
func TestOfficialImagesOfDenoAndBun(t *testing.T) {
	base := func(t *tree.Memory) {
		debian(t)
		t.File("/usr/bin/deno", 0o755, elftest.File{}.Bytes())
		t.File("/usr/local/bin/bun", 0o755, elftest.File{}.Bytes())
		t.Symlink("/usr/local/bin/bunx", "/usr/local/bin/bun")
		t.File("/usr/local/bin/set.sh", 0o755, []byte("#!/bin/sh\nif ! command -v \"$1\" >/dev/null; then\n  set -- /usr/local/bin/bun \"$@\"\nfi\nexec \"$@\"\n"))
		t.File("/usr/local/bin/case.sh", 0o755, []byte("#!/bin/sh\ncase \"$1\" in\nrun|task) exec deno \"$@\";;\nesac\nexec \"$@\"\n"))
	}
	change := func(t *tree.Memory) {
		t.File("/srv/main.ts", 0o644, nil)
		t.File("/srv/package.json", 0o644, []byte(`{"scripts":{"start":"bun run main.ts"}}`))
	}
	starts := func(entry string, cmd ...string) func(*dockerspec.DockerOCIImageConfig) {
		return func(c *dockerspec.DockerOCIImageConfig) {
			c.Entrypoint, c.Cmd, c.WorkingDir = strings.Fields(entry), cmd, "/srv"
		}
	}
	health := func(c *dockerspec.DockerOCIImageConfig) {
		c.Healthcheck = &dockerspec.HealthcheckConfig{Test: []string{"CMD-SHELL", "bun run health.ts || exit 1"}}
	}
	run(t, []stage{
		{name: "a file", base: base, change: change, config: starts("set.sh", "main.ts"), unknown: "bun"},
		{name: "a script of package.json", base: base, change: change, config: starts("tini -- set.sh", "run", "start"), unknown: "bun"},
		{name: "the interpreter itself", base: base, change: change, config: starts("set.sh", "bun", "start"), unknown: "bun"},
		{name: "a command of the interpreter", base: base, change: change, config: starts("tini -- case.sh", "run", "-A", "main.ts"), unknown: "deno"},
		{name: "a task", base: base, change: change, config: starts("case.sh", "deno", "task", "start"), unknown: "deno"},
		{name: "a link to the interpreter", base: base, change: change, config: starts("", "bunx", "serve"), unknown: "bun"},
		{name: "a health check", base: base, config: health, unknown: "bun"},
	})
}
