package decide_test

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/decide"
	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
	"github.com/whittle-oci/whittle/builder/tree"
)

// TestIdentity holds what the image's user has to what it needs: a line in
// passwd and group and a home that it may write to, whatever its number.
func TestIdentity(t *testing.T) {
	const passwd, group = "0644 0:0 /etc/passwd", "0644 0:0 /etc/group"
	dynamic := calls("printf")
	line := func(home string) func(*testing.T, *image.Plan) {
		return content("/etc/passwd", "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:"+home+":/sbin/nologin\n")
	}
	run(t, []stage{
		{
			name: "a program that may ask", base: debian, change: dynamic,
			has: []string{passwd, group, "0775 65532:0 /home/nonroot/"}, changes: []string{"environment HOME:  -> /home/nonroot"},
			check: func(t *testing.T, p *image.Plan) { line("/home/nonroot")(t, p); hasEnv("HOME=/home/nonroot")(t, p) },
		},
		{name: "one that provably does not", base: debian, files: []string{}, check: hasEnv("!HOME="), quiet: true},
		{
			name: "one that may, without", base: debian, change: dynamic, options: decide.Options{NoIdentity: true},
			hasNot: []string{"/etc/passwd", "/etc/group", "/home/nonroot"}, check: hasEnv("!HOME="),
		},
		{
			name: "a home that the Dockerfile names", base: debian, change: dynamic, config: env("HOME=/data/home"),
			has: []string{passwd, "0775 65532:0 /data/home/"}, hasNot: []string{"/home/nonroot"}, check: line("/data/home"),
		},
		{
			name: "the old home, where something is in it", base: debian, change: both(dynamic, func(t *tree.Memory) {
				t.File("/root/.config/app/settings", 0o644, []byte("x"))
				t.File("/root/data", 0o644, []byte("x"))
			}),
			has:     []string{passwd, "0770 65532:0 /root/", "0775 65532:0 /root/.config/app/", "0664 65532:0 /root/.config/app/settings", "0644 0:0 /root/data"},
			hasNot:  []string{"/home/nonroot"},
			changes: []string{"environment HOME:  -> /root", "mode /root: 0700 -> 0770"},
			check:   line("/root"),
		},
		{
			name: "a named user's home, private or not", base: debian, change: both(dynamic, accounts, func(t *tree.Memory) {
				owned(t, "/home/app", 0o700|fs.ModeDir, 4711, 4712)
				owned(t, "/home/app/.cookie", 0o400, 4711, 4712)
			}),
			config: user("app"), user: "4711:4712",
			has:   []string{"0770 4711:0 /home/app/", "0400 4711:4712 /home/app/.cookie"},
			check: hasEnv("HOME=/home/app"),
		},
		{
			name: "a user that settings name", base: debian, change: dynamic, options: decide.Options{User: "10001:0"}, user: "10001:0",
			has:   []string{"0775 10001:0 /home/nonroot/"},
			check: content("/etc/passwd", "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:10001:0:nonroot:/home/nonroot:/sbin/nologin\n"),
		},
		{
			name: "a user of the system's that settings name", base: debian, change: dynamic, options: decide.Options{User: "daemon"}, user: "1:1",
			has:   []string{"0775 1:0 /home/nonroot/"},
			check: content("/etc/passwd", "root:x:0:0:root:/root:/sbin/nologin\ndaemon:x:1:1::/home/nonroot:/sbin/nologin\n"),
		},
		{name: "a number of the Dockerfile's", base: debian, change: dynamic, config: user("1001"), user: "1001:0", hasNot: []string{"/etc/passwd"}, check: hasEnv("!HOME=")},
		{
			name: "root that stays root", base: debian, change: dynamic, options: decide.Options{User: "keep"},
			hasNot: []string{"/etc/passwd", "/home/nonroot"}, check: hasEnv("!HOME="),
		},
	})
}

// TestSetID drops bits that stand for an owner whom the file does not keep.
func TestSetID(t *testing.T) {
	setID := func(name string, mode fs.FileMode, uid, gid int) func(*tree.Memory) {
		return func(t *tree.Memory) {
			accounts(t)
			t.Add(name, tree.Entry{Mode: mode, UID: uid, GID: gid}, elftest.File{}.Bytes())
		}
	}
	both := fs.ModeSetuid | fs.ModeSetgid
	run(t, []stage{
		{
			name: "of an ordinary user", base: debian, change: setID("/opt/helper", 0o755|fs.ModeSetuid, 1000, 1000),
			has: []string{"0755 0:0 /opt/helper"}, changes: []string{"mode /opt/helper: 4755 -> 0755", "owner /opt/helper: 1000:1000 -> 0:0"},
			check: func(t *testing.T, p *image.Plan) {
				for _, c := range p.Changes {
					if c.Kind == "mode" && !strings.Contains(c.Why, "stood for 1000:1000") {
						t.Errorf("%+v", c)
					}
				}
			},
		},
		{name: "of root", base: debian, change: setID("/opt/helper", 0o755|fs.ModeSetuid, 0, 0), has: []string{"4755 0:0 /opt/helper"}},
		{name: "of root and a group", base: debian, change: setID("/opt/helper", 0o755|both, 0, 44), has: []string{"4755 0:0 /opt/helper"}},
		{name: "of a group", base: debian, change: setID("/opt/helper", 0o755|fs.ModeSetgid, 0, 44), has: []string{"0755 0:0 /opt/helper"}},
		{name: "of a program", base: debian, change: setID("/app", 0o755|both, 1, 1), has: []string{"0755 0:0 /app"}},
		{name: "of the user, who keeps it", base: debian, change: setID("/opt/helper", 0o700|fs.ModeSetuid, 4711, 4712), config: user("app"), has: []string{"4700 4711:4712 /opt/helper"}},
		{name: "of the user, whose group goes", base: debian, change: setID("/opt/helper", 0o750|both, 4711, 4712), config: user("app"), has: []string{"4770 4711:0 /opt/helper"}},
		{name: "where root stays", base: debian, change: setID("/opt/helper", 0o755|both, 1, 1), options: decide.Options{User: "keep"}, has: []string{"6755 1:1 /opt/helper"}},
		{
			name: "of many in a directory", base: debian, change: func(t *tree.Memory) {
				for i := range 9 {
					t.Add(fmt.Sprintf("/opt/tools/%d", i), tree.Entry{Mode: 0o755 | both, UID: 7, GID: 7}, elftest.File{}.Bytes())
				}
			},
			has: []string{"0755 0:0 /opt/tools/0", "0755 0:0 /opt/tools/8"}, changes: []string{"mode 9 files in /opt/tools: 6755 -> 0755"},
		},
	})
}

// TestPrivate keeps to its owner what only its owner could use.
func TestPrivate(t *testing.T) {
	volume := func(dir string) func(*dockerspec.DockerOCIImageConfig) {
		return func(c *dockerspec.DockerOCIImageConfig) { c.User, c.Volumes = "app", map[string]struct{}{dir: {}} }
	}
	cluster := both(accounts, func(t *tree.Memory) {
		owned(t, "/srv/pg", 0o700|fs.ModeDir, 4711, 4712)
		owned(t, "/srv/pg/base", 0o700|fs.ModeDir, 4711, 4712)
		owned(t, "/srv/pg/base/1", 0o600, 4711, 4712)
	})
	private := []string{"0700 4711:4712 /srv/pg/", "0700 4711:4712 /srv/pg/base/", "0600 4711:4712 /srv/pg/base/1"}
	run(t, []stage{
		{name: "a named user's data", base: debian, change: cluster, config: user("app"), has: private},
		{name: "in a VOLUME", base: debian, change: cluster, config: volume("/srv/pg"), has: private},
		{name: "that writable: names", base: debian, change: cluster, config: user("app"), options: decide.Options{Writable: []string{"/srv/pg"}}, has: []string{"0770 4711:0 /srv/pg/", "0700 4711:4712 /srv/pg/base/", "0600 4711:4712 /srv/pg/base/1"}},
		{
			name: "root's becomes the user's", base: debian, change: func(t *tree.Memory) {
				owned(t, "/srv/a", 0o400, 0, 0)
				owned(t, "/srv/b", 0o200, 0, 0)
				owned(t, "/srv/dir", 0o700|fs.ModeDir, 0, 0)
				owned(t, "/srv/dir/tool", 0o700, 0, 0)
				owned(t, "/etc/app/c", 0o600, 9, 9)
			},
			has:     []string{"0400 65532:0 /srv/a", "0600 65532:0 /srv/b", "0700 65532:0 /srv/dir/", "0700 65532:0 /srv/dir/tool", "0600 65532:0 /etc/app/c", "0755 0:0 /etc/app/"},
			changes: []string{"owner 4 files in /srv: 0:0 -> 65532:0", "owner /etc/app/c: 9:9 -> 65532:0"},
		},
		{
			name: "WORKDIR and VOLUMEs of no named user are for any number", base: debian, change: func(t *tree.Memory) {
				owned(t, "/wd", 0o700|fs.ModeDir, 0, 0)
				owned(t, "/data", 0o700|fs.ModeDir, 0, 0)
			},
			config: func(c *dockerspec.DockerOCIImageConfig) {
				c.WorkingDir, c.Volumes = "/wd", map[string]struct{}{"/data": {}}
			},
			has: []string{"0770 65532:0 /wd/", "0770 65532:0 /data/"},
		},
		{
			name: "what programs lie in", base: debian, config: entrypoint("/opt/app/run"), change: func(t *tree.Memory) {
				owned(t, "/opt/app", 0o700|fs.ModeDir, 0, 0)
				t.File("/opt/app/run", 0o700, elftest.File{}.Bytes())
			},
			has: []string{"0755 0:0 /opt/app/", "0755 0:0 /opt/app/run"},
		},
		{name: "where root stays", base: debian, change: cluster, options: decide.Options{User: "keep"}, has: private},
		{
			name: "what the user may only read stays so", base: debian, config: user("app"), change: both(accounts, func(t *tree.Memory) { owned(t, "/srv/ro", 0o440, 4711, 4712) }),
			has: []string{"0440 4711:0 /srv/ro"},
		},
	})
}

// TestEmptyDirectories gives the user those that the final stage made, but for
// those in which code is looked for.
func TestEmptyDirectories(t *testing.T) {
	made := func(dirs ...string) func(*tree.Memory) {
		return func(t *tree.Memory) {
			for _, d := range dirs {
				t.Dir(d, 0o755)
			}
		}
	}
	run(t, []stage{
		{
			name: "in WORKDIR and elsewhere", base: debian, change: made("/srv/app/cache", "/var/lib/app/a/b", "/data"), config: func(c *dockerspec.DockerOCIImageConfig) { c.WorkingDir = "/srv/app" },
			files: []string{"0775 65532:0 /srv/app/", "0775 65532:0 /srv/app/cache/", "0775 65532:0 /var/lib/app/", "0775 65532:0 /var/lib/app/a/", "0775 65532:0 /var/lib/app/a/b/", "0775 65532:0 /data/"},
		},
		{
			name: "not where code or configuration is looked for", base: both(debian, func(t *tree.Memory) { t.File("/etc/ld.so.conf", 0o644, []byte("/opt/lib\n")) }),
			config: env("PATH=/opt/bin:/usr/bin", "LD_LIBRARY_PATH=/opt/ld", "PYTHONPATH=/opt/py", "GST_PLUGIN_PATH=/opt/gst", "DATA_PATH=/opt/data"),
			change: both(made("/opt/bin", "/opt/bin/more", "/opt/ld", "/opt/lib", "/opt/py", "/opt/gst", "/opt/x/node_modules", "/etc/app", "/usr/share/app", "/usr/local/share/x", "/lib/app", "/var/empty", "/opt/data")),
			files:  []string{"0775 65532:0 /opt/data/"},
		},
		{
			name: "below /usr where WORKDIR is", base: debian, change: made("/usr/src/app/cache", "/usr/src/other"), config: func(c *dockerspec.DockerOCIImageConfig) { c.WorkingDir = "/usr/src/app" },
			files: []string{"0775 65532:0 /usr/src/app/", "0775 65532:0 /usr/src/app/cache/"},
		},
		{
			name: "of a named user", base: debian, config: user("app"), change: both(accounts, made("/data"), func(t *tree.Memory) {
				owned(t, "/others", 0o755|fs.ModeDir, 4800, 4800)
				owned(t, "/own", 0o700|fs.ModeDir, 4711, 4712)
			}),
			has: []string{"0775 4711:0 /data/", "0755 0:0 /others/", "0700 4711:4712 /own/"},
		},
		{
			name: "the directory that a library is looked for in, beside the program", base: debian, change: both(made("/opt/app/lib"), func(t *tree.Memory) {
				t.File(loader, 0o755, elftest.File{Library: true}.Bytes())
				t.File("/opt/app/run", 0o755, elftest.File{Interp: loader, RunPath: "$ORIGIN/lib"}.Bytes())
			}),
			config: entrypoint("/opt/app/run"), has: []string{"0755 0:0 /opt/app/lib/"},
		},
	})
}

// TestCredentials leaves out what lint/credential knows, unless include: names
// it, and takes no program for a key.
func TestCredentials(t *testing.T) {
	const key = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n"
	files := map[string]string{
		"/root/.aws/credentials": "[default]\n", "/root/.kube/config": "x", "/root/.config/gcloud/application_default_credentials.json": "{}",
		"/etc/krb5.keytab": "\x05\x02", "/srv/keystore.p12": "x", "/home/dev/etc/host": key, "/srv/data.bin": key,
	}
	secrets := func(t *tree.Memory) {
		for name, text := range files {
			t.File(name, 0o600, []byte(text))
		}
		t.File("/srv/tls.crt", 0o600, []byte("-----BEGIN CERTIFICATE-----\n"))
		t.File("/srv/id_rsa.pub", 0o644, []byte("ssh-rsa AAAA\n"))
		t.File("/srv/bin/ssh-keygen", 0o755, append(elftest.File{}.Bytes(), []byte("\n"+key)...))
	}
	public := []string{"0600 65532:0 /srv/tls.crt", "0644 0:0 /srv/id_rsa.pub", "0755 0:0 /srv/bin/ssh-keygen"}
	var warns, names []string
	for name := range files {
		warns, names = append(warns, "COPY: "+name+" was left out: it "), append(names, name)
	}
	var included []string
	for name := range files {
		included = append(included, "0600 65532:0 "+name)
	}
	run(t, []stage{
		{
			name: "left out, each with a warning", base: debian, change: secrets, files: public, warns: warns, hasNot: names,
			check: func(t *testing.T, p *image.Plan) {
				for _, w := range p.Warnings {
					name, _, _ := strings.Cut(w.Message, " ")
					if !strings.HasSuffix(w.Message, "; include: "+name+" would carry it") {
						t.Errorf("%+v", w)
					}
				}
			},
		},
		{name: "included by name", base: debian, change: secrets, options: decide.Options{Include: names}, has: append(included, public...), quiet: true},
		{name: "included by a pattern", base: debian, change: secrets, options: decide.Options{Include: []string{"/srv/*", "/root/.aws"}}, has: []string{"0600 65532:0 /srv/data.bin", "0600 65532:0 /srv/keystore.p12", "0600 65532:0 /root/.aws/credentials"}, hasNot: []string{"/root/.kube/config"}},
		{name: "a directory names no key in it", base: debian, change: secrets, options: decide.Options{Include: []string{"/home/dev"}}, hasNot: []string{"/home/dev/etc/host"}, warns: []string{"/home/dev/etc/host was left out: it is a private key"}},
		{
			name: "a bundle with a key in it", base: debian, config: env("SSL_CERT_FILE=/srv/all.pem"),
			change: func(t *tree.Memory) { t.File("/srv/all.pem", 0o644, []byte("-----BEGIN CERTIFICATE-----\n"+key)) },
			hasNot: []string{"/srv/all.pem"}, warns: []string{"/srv/all.pem was left out: it is a private key"},
		},
	})
}
