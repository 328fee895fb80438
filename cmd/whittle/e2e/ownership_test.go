//go:build linux

package e2e

import (
	"archive/tar"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// probe is a program that does what its arguments say and fails where it
// cannot: home writes into the home, write:PATH a file, and private:PATH holds a
// path to what sshd and PostgreSQL ask of theirs.
const probe = `package main

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
)

func main() {
	for _, arg := range os.Args[1:] {
		verb, name, _ := strings.Cut(arg, ":")
		var err error
		switch verb {
		case "home":
			var home string
			if home, err = os.UserHomeDir(); err == nil {
				err = os.MkdirAll(filepath.Join(home, ".cache", "app"), 0o700)
			}
		case "name":
			var u *user.User
			if u, err = user.Current(); err == nil {
				fmt.Println("I am", u.Username)
			}
		case "write":
			err = os.WriteFile(name, []byte("x"), 0o600)
		case "private":
			err = private(name)
		}
		if err != nil {
			fmt.Println(arg, err)
			os.Exit(1)
		}
	}
	fmt.Println("all is well")
}

func private(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if s := info.Sys().(*syscall.Stat_t); info.Mode().Perm()&0o077 != 0 || int(s.Uid) != os.Getuid() {
		return fmt.Errorf("is %s and of %d", info.Mode(), s.Uid)
	}
	f, err := os.Open(name)
	if err == nil {
		f.Close()
	}
	return err
}
`

// probed builds a final stage that has the probe along PATH.
func probed(t *testing.T, stage string, args ...string) (v1.Image, string) {
	t.Helper()
	dir := dockerfile(t, "FROM golang:1.26 AS build\nWORKDIR /src\nCOPY main.go go.mod ./\nRUN go build -o /probe .\nFROM debian:12-slim\nCOPY --from=build /probe /usr/local/bin/probe\n"+stage+"ENTRYPOINT [\"probe\"]\n")
	for name, text := range map[string]string{"main.go": probe, "go.mod": "module example.test/probe\n\ngo 1.26\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ref := reference("probe")
	res := whittle(t, shared(), append([]string{"build", dir, "-t", ref, "--push", "--progress", "plain", "-v"}, args...)...)
	if res.code != 0 {
		t.Fatalf("exit %d\n%s", res.code, res.stderr)
	}
	return pull(t, ref), res.stderr
}

// does runs the probe on a root that can be written to.
func does(t *testing.T, img v1.Image, user string, args ...string) {
	t.Helper()
	c := unpack(t, img)
	c.writable = true
	if out := c.output(t, user, append([]string{"/usr/local/bin/probe"}, args...)...); !strings.Contains(out, "all is well") {
		t.Errorf("as %q: %s", user, out)
	}
}

// owners gives type, mode and owner of every path.
func owners(t *testing.T, img v1.Image) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, h := range headers(t, img) {
		if h.Typeflag != tar.TypeSymlink {
			out["/"+strings.TrimSuffix(h.Name, "/")] = fmt.Sprintf("%04o %d:%d", h.Mode, h.Uid, h.Gid)
		}
	}
	return out
}

// TestWritten runs a program that writes where root could: to its home, to a
// directory that the stage made, to WORKDIR, to a volume.
func TestWritten(t *testing.T) {
	img, _ := probed(t, "WORKDIR /srv/app\nRUN mkdir cache && mkdir -p /var/lib/probe/a\nVOLUME /vol\n")
	for _, user := range []string{ownUser, randomUser} {
		does(t, img, user, "home", "write:cache/x", "write:x", "write:/vol/x", "write:/var/lib/probe/x", "write:/var/lib/probe/a/x")
	}
	does(t, img, ownUser, "name")
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if env := strings.Join(config.Config.Env, " "); !strings.Contains(env, "HOME=/home/nonroot") {
		t.Errorf("environment %s", env)
	}
	bare, _ := probed(t, "", "--no-identity")
	if have := owners(t, bare); have["/etc/passwd"] != "" || have["/home/nonroot"] != "" {
		t.Errorf("with --no-identity: %v", have)
	}
}

// TestNamedHome runs a program of a named user, whose home is private.
func TestNamedHome(t *testing.T) {
	img, _ := probed(t, "RUN useradd -m -u 1500 app && chmod 0700 /home/app && echo abc > /home/app/.cookie && chown app /home/app/.cookie && chmod 0400 /home/app/.cookie\nUSER app\n")
	does(t, img, ownUser, "home", "name", "private:/home/app/.cookie")
	does(t, img, randomUser, "home")
	if have := owners(t, img)["/home/app/.cookie"]; have != "0400 1500:0" {
		t.Errorf("the cookie is %s", have)
	}
}

// TestPrivateData keeps what PostgreSQL wants of its data: a directory of its
// own with mode 0700.
func TestPrivateData(t *testing.T) {
	img, _ := probed(t, "RUN useradd -u 1500 app && install -d -o app -g app -m 0700 /srv/pg/base && chown app:app /srv/pg && chmod 0700 /srv/pg && echo 15 > /srv/pg/PG_VERSION && chown app:app /srv/pg/PG_VERSION && chmod 0600 /srv/pg/PG_VERSION\nUSER app\nVOLUME /srv/pg\n")
	does(t, img, ownUser, "private:/srv/pg", "private:/srv/pg/base", "private:/srv/pg/PG_VERSION", "write:/srv/pg/x")
	// As root's, it becomes the user's.
	img, report := probed(t, "RUN install -d -m 0700 /srv/db && echo 1 > /srv/db/x && chmod 0600 /srv/db/x\n")
	does(t, img, ownUser, "private:/srv/db", "private:/srv/db/x", "write:/srv/db/x")
	if want := "owner /srv/db/x: 0:0 -> 65532:0"; !strings.Contains(report, want) {
		t.Errorf("%q is not in the report\n%s", want, report)
	}
}

// TestHostKey leaves a key out unless it is named, and keeps it private then,
// as sshd wants it.
func TestHostKey(t *testing.T) {
	stage := "RUN useradd -m -u 1500 dev && mkdir -p /home/dev/etc && printf -- '-----BEGIN OPENSSH PRIVATE KEY-----\\nb3Bl\\n' > /home/dev/etc/host && chown -R dev /home/dev && chmod 0600 /home/dev/etc/host\nUSER dev\n"
	img, report := probed(t, stage)
	if want := "/home/dev/etc/host was left out: it is a private key; include: /home/dev/etc/host would carry it"; !strings.Contains(report, want) || owners(t, img)["/home/dev/etc/host"] != "" {
		t.Errorf("%q is not in the report, or the key in the image\n%s", want, report)
	}
	img, _ = probed(t, stage, "--include", "/home/dev/etc/host")
	does(t, img, ownUser, "private:/home/dev/etc/host")
}

// TestSetID drops the bit of a program that would start as another than it
// did.
func TestSetID(t *testing.T) {
	img, report := probed(t, "COPY --from=build --chown=1000:1000 --chmod=4755 /probe /opt/helper\nCOPY --from=build --chmod=4755 /probe /opt/root\n")
	have := owners(t, img)
	if have["/opt/helper"] != "0755 0:0" || have["/opt/root"] != "4755 0:0" {
		t.Errorf("helpers are %s and %s", have["/opt/helper"], have["/opt/root"])
	}
	if want := "its set-id bit stood for 1000:1000"; !strings.Contains(report, want) {
		t.Errorf("%q is not in the report\n%s", want, report)
	}
}
