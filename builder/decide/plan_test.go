package decide_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/decide"
	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
	"github.com/whittle-oci/whittle/builder/probe"
	"github.com/whittle-oci/whittle/builder/tree"
)

// app is a base image with a shell and root's account, and a stage that puts a
// static program on it.
func app() (base, built, changed *tree.Memory) {
	fill := func(t *tree.Memory) {
		t.File("/bin/sh", 0o755, elftest.File{}.Bytes())
		t.File("/bin/mkdir", 0o755, elftest.File{}.Bytes())
		t.File("/etc/passwd", 0o644, []byte("root:x:0:0:root:/root:/bin/sh\napp:x:4711:4712:App:/home/app:/bin/sh\n"))
		t.File("/etc/group", 0o644, []byte("root:x:0:\napp:x:4712:\nvideo:x:44:app\n"))
	}
	base, built, changed = &tree.Memory{}, &tree.Memory{}, &tree.Memory{}
	fill(base)
	fill(built)
	for _, t := range []*tree.Memory{built, changed} {
		t.File("/app", 0o755, elftest.File{}.Bytes())
	}
	return base, built, changed
}

func config(entrypoint ...string) dockerspec.DockerOCIImageConfig {
	c := dockerspec.DockerOCIImageConfig{}
	c.Entrypoint = entrypoint
	c.Env = []string{"PATH=/usr/local/bin:/bin"}
	return c
}

// show writes the plan's files as "mode uid:gid path".
func show(p *image.Plan) []string {
	out := []string{}
	for _, e := range p.Entries {
		s := fmt.Sprintf("%s %d:%d %s", e.ModeText, e.UID, e.GID, e.Path)
		if e.Type == image.Dir {
			s += "/"
		}
		if e.Linkname != "" {
			s += " -> " + e.Linkname
		}
		out = append(out, s)
	}
	return out
}

func TestPlan(t *testing.T) {
	for _, tc := range []struct {
		name    string
		change  func(built, changed *tree.Memory)
		config  func(*dockerspec.DockerOCIImageConfig)
		options decide.Options
		compile []string
		want    []string
		user    string
		env     string
		command string
	}{
		{name: "a static program needs nothing else", want: []string{"0755 0:0 /app"}, user: "65532:65532"},
		{
			name: "files of the stage stay, sources of its language do not",
			change: func(b, c *tree.Memory) {
				for _, t := range []*tree.Memory{b, c} {
					t.File("/src/main.go", 0o644, []byte("package main"))
					t.File("/src/go.mod", 0o644, []byte("module x"))
					t.File("/src/pages/a.html", 0o640, []byte("a"))
					t.File("/src/Dockerfile", 0o644, []byte("FROM x"))
					t.Dir("/var/empty", 0o755)
				}
			},
			compile: []string{"go"},
			want:    []string{"0755 0:0 /app", "0755 0:0 /src/", "0755 0:0 /src/pages/", "0644 0:0 /src/pages/a.html", "0755 0:0 /var/", "0755 0:0 /var/empty/"},
			user:    "65532:65532",
		},
		{
			name: "secrets and version control stay out",
			change: func(b, c *tree.Memory) {
				for _, t := range []*tree.Memory{b, c} {
					t.File("/srv/.env", 0o600, []byte("A=1"))
					t.File("/srv/.env.example", 0o644, []byte("A="))
					t.File("/srv/tls.key", 0o600, []byte("-----BEGIN PRIVATE KEY-----\n"))
					t.File("/srv/pub.key", 0o644, []byte("-----BEGIN PUBLIC KEY-----\n"))
					t.File("/srv/.git/config", 0o644, nil)
				}
			},
			want: []string{"0755 0:0 /app", "0755 0:0 /srv/", "0644 0:0 /srv/.env.example", "0644 0:0 /srv/pub.key"},
			user: "65532:65532",
		},
		{
			name: "a named user becomes its number and keeps what is its own",
			change: func(b, c *tree.Memory) {
				for _, t := range []*tree.Memory{b, c} {
					t.Add("/data", tree.Entry{Mode: 0o750 | 1<<31, UID: 4711, GID: 4712}, nil)
				}
			},
			config: func(c *dockerspec.DockerOCIImageConfig) {
				c.User, c.WorkingDir = "app", "/wd"
				c.Volumes = map[string]struct{}{"/cache": {}}
			},
			want: []string{"0755 0:0 /app", "0775 4711:0 /cache/", "0770 4711:0 /data/", "0755 0:0 /etc/", "0644 0:0 /etc/group", "0644 0:0 /etc/passwd", "0755 0:0 /home/", "0775 4711:0 /home/app/", "0775 4711:0 /wd/"},
			user: "4711:4712",
		},
		{name: "user: keep", options: decide.Options{User: "keep"}, want: []string{"0755 0:0 /app"}},
		{name: "user: a number", options: decide.Options{User: "10001:0", Writable: []string{"/data"}}, want: []string{"0755 0:0 /app", "0775 10001:0 /data/"}, user: "10001:0"},
		{
			name: "a plain shell form needs no shell",
			config: func(c *dockerspec.DockerOCIImageConfig) {
				c.Entrypoint = []string{"/bin/sh", "-c", "exec /app --port 80"}
			},
			want: []string{"0755 0:0 /app"}, user: "65532:65532", command: `["/app","--port","80"]`,
		},
		{
			name: "one that is not carries the shell and its commands",
			config: func(c *dockerspec.DockerOCIImageConfig) {
				c.Entrypoint = []string{"/bin/sh", "-c", "mkdir -p /x && /app"}
			},
			want: []string{"0755 0:0 /app", "0755 0:0 /bin/", "0755 0:0 /bin/mkdir", "0755 0:0 /bin/sh", "1777 0:0 /tmp/"},
			user: "65532:65532", env: "PATH=/bin", command: `["/bin/sh","-c","mkdir -p /x \u0026\u0026 /app"]`,
		},
		{
			name: "variables of the build go",
			config: func(c *dockerspec.DockerOCIImageConfig) {
				c.Env = []string{"GOPATH=/go", "LANG=C.UTF-8", "PATH=/nowhere"}
			},
			want: []string{"0755 0:0 /app"}, user: "65532:65532", env: "LANG=C.UTF-8",
		},
		{
			name: "include and exclude decide in the end",
			change: func(b, c *tree.Memory) {
				b.File("/usr/share/extra/x", 0o644, nil)
				for _, t := range []*tree.Memory{b, c} {
					t.File("/docs/a.md", 0o644, nil)
				}
			},
			options: decide.Options{Include: []string{"/usr/share/extra"}, Exclude: []string{"/docs"}},
			want:    []string{"0755 0:0 /app", "0755 0:0 /usr/", "0755 0:0 /usr/share/", "0755 0:0 /usr/share/extra/", "0644 0:0 /usr/share/extra/x"},
			user:    "65532:65532",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			base, built, changed := app()
			if tc.change != nil {
				tc.change(built, changed)
			}
			c := config("/app")
			if tc.config != nil {
				tc.config(&c)
			}
			in := decide.Input{Tree: built, Changed: changed, Base: base, Config: c, Options: tc.options, Compiles: tc.compile}
			p, err := decide.Decide(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tc.want, show(p)); d != "" {
				t.Errorf("files (-want +got):\n%s", d)
			}
			if p.Config.User != tc.user {
				t.Errorf("user %q, want %q", p.Config.User, tc.user)
			}
			if got := strings.Join(p.Config.Env, " "); got != tc.env {
				t.Errorf("environment %q, want %q", got, tc.env)
			}
			if got, _ := json.Marshal(p.Config.Entrypoint); tc.command != "" && string(got) != tc.command {
				t.Errorf("entrypoint %s, want %s", got, tc.command)
			}
			for range 24 {
				again, err := decide.Decide(t.Context(), in)
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(mustJSON(t, p), mustJSON(t, again)); d != "" {
					t.Fatalf("the same input gave another plan:\n%s", d)
				}
			}
		})
	}
}

func mustJSON(t *testing.T, p *image.Plan) string {
	t.Helper()
	dt, err := json.MarshalIndent(p, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(dt)
}

func TestRefusals(t *testing.T) {
	for _, tc := range []struct {
		name    string
		config  dockerspec.DockerOCIImageConfig
		change  func(*tree.Memory)
		options decide.Options
		want    string
	}{
		{name: "nothing to run", want: "nothing to run"},
		{name: "no such program", config: config("/gone"), want: "ENTRYPOINT: /gone is not in the built image"},
		{name: "not along PATH", config: config("gone"), want: "ENTRYPOINT: gone is not along PATH (/usr/local/bin:/bin)"},
		{name: "not executable", config: config("/etc/passwd"), want: "ENTRYPOINT: /etc/passwd is not executable"},
		{name: "a directory", config: config("/etc"), want: "ENTRYPOINT: /etc is not in the built image"},
		{name: "a loop", config: config("/loop"), change: func(t *tree.Memory) { t.Symlink("/loop", "loop") }, want: "ENTRYPOINT: /loop is not in the built image"},
		{name: "neither ELF nor script", config: config("/text"), change: func(t *tree.Memory) { t.File("/text", 0o755, []byte("hello")) }, want: "ENTRYPOINT: /text is neither an ELF file nor a script"},
		{name: "no interpreter", config: config("/run"), change: func(t *tree.Memory) { t.File("/run", 0o755, []byte("#!/bin/zsh\n")) }, want: "ENTRYPOINT: /run begins with #!/bin/zsh, which is not in the built image"},
		{name: "a shell that is not wanted", config: config("/bin/sh", "-c", "a && b"), options: decide.Options{NoShell: true}, want: "ENTRYPOINT needs a shell (/bin/sh), and no-shell is set"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			base, built, changed := app()
			if tc.change != nil {
				tc.change(built)
			}
			_, err := decide.Decide(t.Context(), decide.Input{Tree: built, Changed: changed, Base: base, Config: tc.config, Options: tc.options})
			if !errors.As(err, new(*image.RefusedError)) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}

func TestUnknownRuntime(t *testing.T) {
	base, built, changed := app()
	built.File("/bin/lua5.4", 0o755, elftest.File{}.Bytes())
	built.Symlink("/bin/lua", "lua5.4")
	_, err := decide.Decide(t.Context(), decide.Input{Tree: built, Changed: changed, Base: base, Config: config("lua", "app.lua")})
	if u, ok := errors.AsType[*image.UnsupportedError](err); !ok || u.Runtime != "lua5.4" {
		t.Errorf("error %v", err)
	}
}

// TestProbe lets the probe stand for the tools that a health check starts, and
// for nothing else.
func TestProbe(t *testing.T) {
	for _, tc := range []struct {
		test []string
		want []string // without its path; nil for a check that stays
		bad  string
	}{
		{test: []string{"CMD", "curl", "-f", "http://localhost/"}, want: []string{"http://localhost/"}},
		{test: []string{"CMD-SHELL", "curl -fsS http://localhost:80/ >/dev/null 2>&1 || exit 1"}, want: []string{"http://localhost:80/"}},
		{test: []string{"CMD-SHELL", "wget -q --spider http://localhost:80/ > /dev/null || exit 1"}, want: []string{"http://localhost:80/"}},
		{test: []string{"CMD", "/bin/sh", "-c", "nc -z localhost 80"}, want: []string{"tcp://localhost:80"}},
		{test: []string{"CMD-SHELL", "/app -check || exit 1"}},
		{test: []string{"NONE"}},
		{test: []string{"CMD-SHELL", "curl -f http://localhost:$PORT/"}, bad: "more than one plain command"},
		{test: []string{"CMD-SHELL", "/app -check && curl -f http://localhost/"}, bad: "more than one plain command"},
		{test: []string{"CMD", "curl", "-f", "https://localhost/"}, bad: "https"},
	} {
		base, built, changed := app()
		c := config("/app")
		c.Healthcheck = &dockerspec.HealthcheckConfig{Test: tc.test, Retries: 3}
		p, err := decide.Decide(t.Context(), decide.Input{Tree: built, Changed: changed, Base: base, Config: c, Options: decide.Options{Probe: []byte("probe")}})
		if tc.bad != "" {
			bad, ok := errors.AsType[*image.RefusedError](err)
			if !ok || bad.Instruction != "HEALTHCHECK" || !strings.Contains(bad.Message, tc.bad) {
				t.Errorf("%q: %v, want %q", tc.test, err, tc.bad)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", tc.test, err)
			continue
		}
		e, added := p.Find(probe.Path)
		if added != (tc.want != nil) {
			t.Errorf("%q: the probe is there: %v", tc.test, added)
		}
		if !added {
			continue
		}
		if d := cmp.Diff(append([]string{"CMD", probe.Path}, tc.want...), p.Config.Healthcheck.Test); d != "" || p.Config.Healthcheck.Retries != 3 {
			t.Errorf("%q: %s", tc.test, d)
		}
		if string(e.Data) != "probe" || e.ModeText != "0755" || e.UID != 0 {
			t.Errorf("%q: %+v", tc.test, e)
		}
	}
}

func TestHealthcheck(t *testing.T) {
	base, built, changed := app()
	c := config("/app")
	c.Healthcheck = &dockerspec.HealthcheckConfig{Test: []string{"CMD-SHELL", "/app -check || exit 1"}}
	c.ExposedPorts = map[string]struct{}{"80/tcp": {}}
	c.StopSignal = "SIGQUIT"
	p, err := decide.Decide(t.Context(), decide.Input{Tree: built, Changed: changed, Base: base, Config: c})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"CMD", "/app", "-check"}, p.Config.Healthcheck.Test); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(ocispecs.ImageConfig{User: "65532:65532", ExposedPorts: c.ExposedPorts, Entrypoint: []string{"/app"}, StopSignal: "SIGQUIT"}, p.Config.ImageConfig); d != "" {
		t.Error(d)
	}
	if len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0].Message, "port 80/tcp is below 1024") {
		t.Errorf("warnings %v", p.Warnings)
	}
}

// TestTrees holds what a sink may copy whole to what the plan says file by
// file.
func TestTrees(t *testing.T) {
	base, built, changed := app()
	for _, x := range []*tree.Memory{built, changed} {
		for i := range 8 {
			x.File(fmt.Sprintf("/srv/www/%d.html", i), 0o644, []byte("x"))
		}
		x.File("/srv/www/private", 0o600, []byte("x"))
		x.File("/srv/www/.env", 0o644, []byte("x"))
		x.File("/srv/www/gone/.env", 0o644, []byte("x"))
	}
	p, err := decide.Decide(t.Context(), decide.Input{Tree: built, Changed: changed, Base: base, Config: config("/app")})
	if err != nil {
		t.Fatal(err)
	}
	if len(copies(p)) != 1 || copies(p)[0].Root != "/srv" {
		t.Fatalf("trees %+v", copies(p))
	}
	if d := cmp.Diff([]string{"www/.env", "www/gone", "www/private"}, copies(p)[0].Exclude); d != "" {
		t.Errorf("excluded (-want +got):\n%s", d)
	}
	if e, ok := p.Find("/srv/www/private"); !ok || e.ModeText != "0600" || e.UID != 65532 {
		t.Errorf("private is %+v", e)
	}
}

// TestTreesInTrees copies directories one by one where too much of what they
// lie in stays behind.
func TestTreesInTrees(t *testing.T) {
	base, built, changed := app()
	for _, x := range []*tree.Memory{built, changed} {
		for i := range 300 {
			x.File(fmt.Sprintf("/srv/keys/%d.pem", i), 0o644, []byte("-----BEGIN PRIVATE KEY-----"))
			x.File(fmt.Sprintf("/srv/www/%d.html", i), 0o644, []byte("x"))
		}
		x.File("/srv/keys/public.pem", 0o644, []byte("-----BEGIN CERTIFICATE-----"))
	}
	p, err := decide.Decide(t.Context(), decide.Input{Tree: built, Changed: changed, Base: base, Config: config("/app")})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, x := range copies(p) {
		got = append(got, fmt.Sprintf("%s %d of %d", x.Root, len(x.Members), len(x.Members)+len(x.Exclude)))
	}
	if d := cmp.Diff([]string{"/srv/www 300 of 300"}, got); d != "" {
		t.Errorf("trees (-want +got):\n%s", d)
	}
}
