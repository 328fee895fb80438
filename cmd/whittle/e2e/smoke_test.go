//go:build linux

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// site is a web server that answers at /index.html, as a user that may write
// to /data.
const site = `FROM muslbox:1
RUN mkdir -p /srv/www /data && echo hello > /srv/www/index.html && echo '-----BEGIN PRIVATE KEY-----' > /srv/tls.key
ENV GREETING=hello
WORKDIR /srv
CMD ["/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/srv/www"]
`

// TestSmoke tries images before they are shipped: what passes is, what fails is
// refused with what the plan knows of it, and leaves nothing.
func TestSmoke(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		smoke      string
		args       []string
		want       []string // what is printed; a failure has code 1
		code       int
	}{
		{"a command", site, `/bin/busybox true`, nil, []string{`smoke: ["/bin/busybox","true"]: ended with exit code 0`}, 0},
		{"as the image runs", site, `["/bin/busybox","sh","-c","test $(id -u) = 65532 && test $PWD = /srv && test $GREETING = hello && cat index.html 2>/dev/null; cat www/index.html"]`, nil, []string{"exit code 0"}, 0},
		{"a place that may be written to", site, `/bin/busybox touch /data/x`, []string{"--writable", "/data"}, []string{"exit code 0", "--tmpfs /data"}, 0},
		{"one that may not", site, `/bin/busybox touch /srv/x`, nil, []string{
			`smoke: ["/bin/busybox","touch","/srv/x"]: ended with exit code 1; it printed last`, "| touch: /srv/x: Read-only file system", "writable: /srv adds /srv",
		}, 1},
		{"a file that was left out", site, `/bin/busybox cat /srv/tls.key`, nil, []string{"can't open '/srv/tls.key'", "left out: /srv/tls.key, which is a private key; include: /srv/tls.key carries it"}, 1},
		{"a file that nothing showed", "FROM muslbox:1\nCMD [\"/bin/busybox\"]\n", `/bin/busybox cat /etc/apk/repositories /etc/nothing`, nil, []string{"/etc/nothing is not in the built image either"}, 1},
		{"a command that is not there", site, `curl http://127.0.0.1:8080/`, nil, []string{`could not be started: exec: "curl": executable file not found in $PATH`}, 1},
		{"no network", site, `/bin/busybox nc -w 2 REGISTRY`, nil, []string{"ended with exit code 1", "can't connect to remote host"}, 1},
		{"a signal", site, `/bin/busybox sh -c 'kill -9 $$'`, nil, []string{"was ended by the signal killed"}, 1},
		{"a request", site, `http: GET /index.html on 8080 within 20s`, nil, []string{"smoke: http: GET /index.html on 8080 within 20s: answered with status 200"}, 0},
		{"another status", site, `http: HEAD /other on 8080 within 1s`, nil, []string{"Dockerfile:5", "the last answer within 1s had status 404"}, 1},
		{"nobody answers", site, `http: GET / on 8081 within 1s`, nil, []string{"no answer within 1s", "connection refused"}, 1},
		{"a command that ends", "FROM muslbox:1\nCMD [\"/bin/busybox\", \"echo\", \"good bye\"]\n", `http: GET / on 8080 within 1s`, nil, []string{"the image's command ended with exit code 0 before it answered", "| good bye"}, 1},
		{"nothing to start", "FROM scratch\nCOPY Dockerfile /\n", `http: GET / on 8080 within 1s`, nil, []string{"neither ENTRYPOINT nor CMD"}, 1},
		{"as written", "FROM muslbox:1 AS a\nCMD [\"/bin/busybox\"]\nFROM scratch\n", `/bin/busybox touch /x`, []string{"--target", "a"}, []string{"built as written"}, 0},
		{"as written and fails", "FROM muslbox:1 AS a\nCMD [\"/bin/busybox\"]\nFROM scratch\n", `/bin/busybox false`, []string{"--target", "a"}, []string{"ended with exit code 1"}, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "image.tar")
			smoke := strings.ReplaceAll(tc.smoke, "REGISTRY", strings.Replace(world.registry.Addr, ":", " ", 1))
			res := whittle(t, shared(), append([]string{"build", dockerfile(t, tc.text), "-o", "type=oci,dest=" + out, "--progress", "plain", "--smoke", smoke}, tc.args...)...)
			if res.code != tc.code {
				t.Errorf("exit %d, want %d\n%s", res.code, tc.code, res.stderr)
			}
			for _, want := range tc.want {
				if !strings.Contains(res.stderr, want) {
					t.Errorf("want %q in\n%s", want, res.stderr)
				}
			}
			if _, err := os.Stat(out); (err == nil) != (tc.code == 0) {
				t.Errorf("the image: %v", err)
			}
		})
	}
}

// TestSmokeAgain holds a trial to the cache: one that went well is not run
// again, with --no-cache it is.
func TestSmokeAgain(t *testing.T) {
	dir := dockerfile(t, site)
	args := []string{"build", dir, "-o", "type=oci,dest=" + filepath.Join(t.TempDir(), "image.tar"), "--progress", "plain", "--smoke", "/bin/busybox echo ran"}
	for i, tc := range []struct {
		more []string
		runs bool
	}{{nil, true}, {nil, false}, {[]string{"--no-cache"}, true}} {
		res := whittle(t, shared(), append(args, tc.more...)...)
		if res.code != 0 || !strings.Contains(res.stderr, "echo\",\"ran\"]: ended with exit code 0") {
			t.Fatalf("exit %d\n%s", res.code, res.stderr)
		}
		if ran := strings.Contains(res.stderr, " ran\n"); ran != tc.runs {
			t.Errorf("build %d: the command ran: %v\n%s", i, ran, res.stderr)
		}
	}
}

// TestSmokePlatforms tries what runs here and says so of the rest.
func TestSmokePlatforms(t *testing.T) {
	out := filepath.Join(t.TempDir(), "image.tar")
	res := whittle(t, shared(), "build", "testdata/apps/multiplatform", "--platform", "linux/amd64,linux/s390x", "-o", "type=oci,dest="+out, "--progress", "quiet", "--smoke", "/hello")
	for _, want := range []string{
		"smoke: the image for linux/s390x was not tried: this builder cannot run programs for linux/s390x",
		`smoke: ["/hello"]: ended with exit code 0`, `smoke: ["/hello"]: not tried`,
	} {
		if res.code != 0 || !strings.Contains(res.stderr, want) {
			t.Errorf("exit %d, want %q in\n%s", res.code, want, res.stderr)
		}
	}
	res = whittle(t, shared(), "build", "testdata/apps/multiplatform", "--platform", "linux/s390x", "-o", "type=oci,dest="+out+"2", "--progress", "quiet", "--smoke", "/hello")
	if res.code != 3 || !strings.Contains(res.stderr, "smoke: the image could not be tried: this builder cannot run programs for linux/s390x; install an emulator") {
		t.Errorf("no other platform: exit %d\n%s", res.code, res.stderr)
	}
	if _, err := os.Stat(out + "2"); err == nil {
		t.Error("an image that could not be tried was written")
	}
}

// TestSmokeService tries a service of Go, with the setting from a file.
func TestSmokeService(t *testing.T) {
	config := filepath.Join(t.TempDir(), "config.yaml")
	for check, want := range map[string]string{
		"http: GET /healthz on 8080 within 20 s":       "answered with status 200",
		"\n    http: GET /nothing on 8080 within 1 s":  "the last answer within 1s had status 404",
		"[/usr/local/bin/web, -addr, 127.0.0.1:70000]": "invalid port",
	} {
		if strings.HasPrefix(check, "http") {
			check = "'" + check + "'"
		}
		if err := os.WriteFile(config, []byte("build:\n  smoke: "+check+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		res := whittle(t, shared(), "build", "testdata/apps/web", "--config", config, "--progress", "plain")
		if !strings.Contains(res.stderr, want) || (res.code == 0) != strings.Contains(want, "200") {
			t.Errorf("%s: exit %d, want %q in\n%s", check, res.code, want, res.stderr)
		}
	}
}

// TestSmokeFrontend tries images through the frontend image, which is then the
// program that watches.
func TestSmokeFrontend(t *testing.T) {
	address, frontend := daemon(t), frontendImage(t)
	dir := dockerfile(t, site)
	build := func(smoke string) (string, error) {
		out := filepath.Join(t.TempDir(), "image.tar")
		cmd := exec.CommandContext(t.Context(), tool(t, "buildctl"), "--addr", address, "build", "--frontend", "gateway.v0", "--opt", "source="+frontend,
			"--local", "context="+dir, "--local", "dockerfile="+dir, "--opt", "build-arg:WHITTLE_SMOKE="+smoke, "--output", "type=oci,dest="+out, "--progress", "plain")
		text, err := cmd.CombinedOutput()
		if image, gone := os.ReadFile(out); gone != nil || (len(image) > 0) != (err == nil) { // buildctl makes the file before it builds
			t.Errorf("%s: the image has %d bytes (%v)", smoke, len(image), gone)
		}
		return string(text), err
	}
	if text, err := build("http: GET /index.html on 8080 within 20s"); err != nil {
		t.Errorf("%v\n%s", err, text)
	}
	text, err := build(`["/bin/busybox","cat","/srv/tls.key"]`)
	if err == nil || !strings.Contains(text, "left out: /srv/tls.key, which is a private key") {
		t.Errorf("%v\n%s", err, text)
	}
}
