package decide_test

import (
	"io/fs"
	"strings"
	"testing"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/decide"
	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
	"github.com/whittle-oci/whittle/builder/tree"
)

func user(name string) func(*dockerspec.DockerOCIImageConfig) {
	return func(c *dockerspec.DockerOCIImageConfig) { c.User = name }
}

// accounts adds a user of the Dockerfile's.
func accounts(t *tree.Memory) {
	t.File("/etc/passwd", 0o644, []byte("root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1::/usr/bin:/sbin/nologin\napp:x:4711:4712:App:/home/app:/bin/sh\nother:x:4800:4800::/srv/other:/bin/sh\n"))
	t.File("/etc/group", 0o644, []byte("root:x:0:\ndaemon:x:1:\napp:x:4712:\nvideo:x:44:app\nother:x:4800:\n"))
}

func passwd(text string) func(*tree.Memory) {
	return func(t *tree.Memory) { t.File("/etc/passwd", 0o644, []byte(text+"\n")) }
}

func content(name, want string) func(*testing.T, *image.Plan) {
	return func(t *testing.T, p *image.Plan) {
		t.Helper()
		e, ok := p.Find(name)
		if !ok || string(e.Data) != want {
			t.Errorf("%s holds\n%s\nwant\n%s", name, e.Data, want)
		}
	}
}

// TestUsers holds USER and what settings say to the user of the image.
func TestUsers(t *testing.T) {
	run(t, []stage{
		{name: "none", base: debian, files: []string{}, user: "65532:65532", changes: []string{"user USER: root -> 65532:65532"}, quiet: true},
		{name: "root by name", base: debian, config: user("root"), files: []string{}, user: "65532:65532"},
		{name: "root by number", base: debian, config: user("0:0"), files: []string{}, user: "65532:65532"},
		{
			name: "by name", base: debian, change: accounts, config: user("app"), user: "4711:4712",
			files:   []string{"0644 0:0 /etc/passwd", "0644 0:0 /etc/group", "0775 4711:0 /home/app/"},
			changes: []string{"user USER: app -> 4711:4712"},
			warns:   []string{"USER: app is a member of 1 more groups"},
			check: func(t *testing.T, p *image.Plan) {
				// Its own entries, those of other accounts that the Dockerfile
				// made, and root's.
				content("/etc/passwd", "root:x:0:0:root:/root:/sbin/nologin\nother:x:4800:4800::/srv/other:/bin/sh\napp:x:4711:4712:App:/home/app:/bin/sh\n")(t, p)
				content("/etc/group", "root:x:0:\napp:x:4712:\nother:x:4800:\n")(t, p)
			},
		},
		{name: "by name and group", base: debian, change: accounts, config: user("app:video"), user: "4711:44", quiet: true, check: content("/etc/group", "root:x:0:\napp:x:4712:\nother:x:4800:\nvideo:x:44:\n")},
		{name: "a number alone has group 0", base: debian, config: user("1001"), files: []string{}, user: "1001:0"},
		{name: "a number with an account", base: debian, change: accounts, config: user("4711"), user: "4711:4712"},
		{name: "one that is not there", base: debian, config: user("gone"), refused: "USER: the user gone is not in /etc/passwd"},
		{name: "a group that is not there", base: debian, config: user("1:gone"), refused: "USER: the group gone is not in /etc/group"},
		{name: "a short line", base: debian, change: passwd("app:x:1000:1001"), config: user("app"), user: "1000:1001", check: content("/etc/passwd", "root:x:0:0:root:/root:/sbin/nologin\napp:x:1000:1001:::\n")},
		{name: "a line without a group", base: debian, change: passwd("app:x:1000"), config: user("app"), user: "1000:0"},
		{name: "a long line", base: debian, change: passwd("app:x:1000:1001:a:/srv:/bin/sh:more"), config: user("app"), user: "1000:1001"},
		{name: "a line that only runtimes can read", base: debian, change: passwd("+app:x:1000:1001::/srv:"), config: user("+app"), user: "1000:1001"},
		{name: "a number that is no number", base: debian, change: passwd("app:x:one:1001::/srv:"), config: user("app"), user: "65532:65532"},
		{name: "a name that looks like a number", base: debian, change: passwd("1000:x:1:1::/:\nb:x:1000:7::/:"), config: user("1000"), user: "1000:7"},
		{name: "a number that is too high", base: debian, config: user("2147483648"), refused: "uids and gids must be in range"},
		{name: "a home of the system's", base: debian, config: user("daemon"), files: []string{"0644 0:0 /etc/passwd", "0644 0:0 /etc/group"}, hasNot: []string{"/usr/bin"}, user: "1:1"},
		{name: "a home that is not there", base: debian, config: user("www"), hasNot: []string{"/var/www"}, user: "33:33"},
		{name: "user: keep", base: debian, options: decide.Options{User: "keep"}, files: []string{}, quiet: true},
		{name: "user: keep of another", base: debian, change: accounts, config: user("app"), options: decide.Options{User: "keep"}, user: "4711:4712"},
		{name: "user: a number", base: debian, options: decide.Options{User: "10001:0"}, files: []string{}, user: "10001:0"},
		{name: "user: a name", base: debian, options: decide.Options{User: "www"}, user: "33:33"},
		{name: "user: what is neither", base: debian, options: decide.Options{User: "gone"}, refused: "user: the user gone is not in /etc/passwd; write UID:GID"},
		{
			name: "low ports", base: debian, config: func(c *dockerspec.DockerOCIImageConfig) {
				c.ExposedPorts = map[string]struct{}{"80/tcp": {}, "443": {}, "8080/tcp": {}}
			},
			warns: []string{"EXPOSE: port 443, 80/tcp is below 1024"},
		},
		{name: "low ports of root", base: debian, options: decide.Options{User: "keep"}, config: func(c *dockerspec.DockerOCIImageConfig) { c.ExposedPorts = map[string]struct{}{"80/tcp": {}} }, quiet: true},
	})
}

// TestRootStays holds images whose programs change who runs.
func TestRootStays(t *testing.T) {
	change := func(t *tree.Memory) {
		accounts(t)
		t.File("/entry.sh", 0o755, []byte("#!/bin/sh\nchown app /data\nexec gosu app /app\n"))
		owned(t, "/data", 0o700|fs.ModeDir, 4711, 4712)
		owned(t, "/data/db", 0o600, 4711, 4712)
		owned(t, "/srv/own", 0o755, 4711, 4712)
	}
	run(t, []stage{
		{
			name: "accounts and owners stay with root", base: debian, change: change, config: entrypoint("/entry.sh"),
			has:   []string{"0700 4711:4712 /data/", "0600 4711:4712 /data/db", "0755 0:0 /usr/bin/gosu", "0755 0:0 /entry.sh"},
			warns: []string{"USER: /entry.sh runs chown, gosu, which needs root, so the image runs as root"},
			check: func(t *testing.T, p *image.Plan) {
				if p.Config.User != "" {
					t.Errorf("user %q", p.Config.User)
				}
				content("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1::/usr/bin:/sbin/nologin\napp:x:4711:4712:App:/home/app:/bin/sh\nother:x:4800:4800::/srv/other:/bin/sh\n")(t, p)
				content("/etc/group", "root:x:0:\ndaemon:x:1:\napp:x:4712:\nvideo:x:44:app\nother:x:4800:\n")(t, p)
			},
		},
		{
			name: "jobs of tables that the Dockerfile wrote", base: both(debian, func(t *tree.Memory) {
				for _, n := range []string{"sbin/cron", "bin/tidy", "bin/tee", "bin/bash", "bin/run-parts", "bin/never", "bin/report", "bin/fields"} {
					t.File("/usr/"+n, 0o755, elfBytes)
				}
			}), config: entrypoint("cron", "-f"),
			change: func(t *tree.Memory) {
				t.File("/etc/cron.d/tidy", 0o644, []byte("SHELL=/usr/bin/bash\n# 1 2 3 4 5 root never\n*/5 * * * *\troot  tidy --at 10\\%% | never\n"))
				t.File("/var/spool/cron/crontabs/app", 0o600, []byte("@reboot report && /usr/bin/fields\nshort line\n"))
				t.File("/etc/cron.daily/clean", 0o755, []byte("#!/bin/sh\ntee /tmp/x\n"))
				t.File("/etc/crontab", 0o644, []byte("17 * * * * root cd / && run-parts /etc/cron.daily\n"))
			},
			has:    []string{"0755 0:0 /usr/bin/tidy", "0755 0:0 /usr/bin/bash", "0755 0:0 /usr/bin/report", "0755 0:0 /usr/bin/fields", "0755 0:0 /usr/bin/run-parts", "0755 0:0 /etc/cron.daily/clean", "0755 0:0 /usr/bin/tee", "0755 0:0 /usr/bin/sh"},
			hasNot: []string{"/usr/bin/never"},
		},
		{
			name: "programs of supervisord", base: both(debian, func(t *tree.Memory) {
				for _, n := range []string{"bin/supervisord", "sbin/web", "bin/worker", "bin/head", "bin/never"} {
					t.File("/usr/"+n, 0o755, elfBytes)
				}
			}), config: entrypoint("supervisord", "-n"),
			change: func(t *tree.Memory) {
				t.File("/etc/supervisor/conf.d/web.conf", 0o644, []byte("[program:web]\ncommand=/usr/sbin/web -g 'daemon off;' ; in front\n;command=never\n[program:work]\ncommand = start.sh --at %(process_num)02d\nuser=daemon\n[unix_http_server]\ncommand=never\n"))
				t.File("/usr/local/bin/start.sh", 0o755, []byte("#!/bin/sh\nhead -1\nexec worker\n"))
			},
			has: []string{"0755 0:0 /usr/sbin/web", "0755 0:0 /usr/bin/sh", "0755 0:0 /usr/bin/head", "0755 0:0 /usr/bin/worker"}, hasNot: []string{"/usr/bin/never"},
			check: func(t *testing.T, p *image.Plan) {
				if !strings.HasPrefix(p.Config.User, "0") && p.Config.User != "root" && p.Config.User != "" {
					t.Errorf("USER %s", p.Config.User)
				}
			},
		},
		{
			name: "scripts that a web server starts", base: both(debian, func(t *tree.Memory) {
				for _, n := range []string{"web", "head", "tail"} {
					t.File("/usr/bin/"+n, 0o755, elfBytes)
				}
			}), config: entrypoint("/usr/bin/web"),
			change: func(t *tree.Memory) {
				t.File("/srv/cgi-bin/who", 0o755, []byte("#!/bin/sh\nhead -1\n"))
				t.File("/srv/bin/who", 0o755, []byte("#!/bin/sh\ntail -1\n"))
			},
			has: []string{"0755 0:0 /usr/bin/sh", "0755 0:0 /usr/bin/head"}, hasNot: []string{"/usr/bin/tail"},
		},
		{
			name: "tables without who reads them", base: debian,
			change: func(t *tree.Memory) {
				t.File("/app", 0o755, elfBytes)
				t.File("/etc/cron.d/tidy", 0o644, []byte("* * * * * root tidy\n"))
			},
			hasNot: []string{"/usr/bin/sh"},
		},
		{
			name: "daemons that only root can start", base: both(debian, func(t *tree.Memory) { t.File("/usr/sbin/cron", 0o755, elfBytes) }), config: entrypoint("cron", "-f"),
			warns: []string{"USER: ENTRYPOINT runs cron, which needs root, so the image runs as root"}, has: []string{"0644 0:0 /etc/passwd"},
		},
		{
			name: "programs that change who they are and never ask", base: debian, change: calls("initgroups", "setuid"), config: entrypoint("/app"),
			warns: []string{"USER: /app calls initgroups and never asks who runs it, which needs root, so the image runs as root"},
		},
		{name: "not those that ask before", base: debian, change: calls("geteuid", "initgroups", "setuid"), config: entrypoint("/app"), user: "65532:65532"},
		{
			name: "unless they are told to by an argument", base: debian, change: calls("geteuid", "setuid"), config: entrypoint("/app", "-u", "daemon"),
			warns: []string{"USER: /app calls setuid, and is given -u daemon, which needs root, so the image runs as root"},
		},
		{name: "of an account that there is", base: debian, change: calls("geteuid", "setuid"), config: entrypoint("/app", "-u", "nobody-knows"), user: "65532:65532"},
		{
			name: "or by a configuration", base: debian, change: both(calls("geteuid", "chroot"), func(t *tree.Memory) {
				t.File("/etc/shop.cfg", 0o644, []byte("# user daemon\nglobal\n\tuser nobody-knows\n\tchroot /var/lib/shop\n"))
			}), config: entrypoint("/app", "-f", "/etc/shop.cfg"),
			warns: []string{`USER: /app calls chroot, and /etc/shop.cfg says "chroot /var/lib/shop", which needs root, so the image runs as root`},
		},
		{
			name: "that it has by its name", base: debian, change: both(calls("geteuid", "setuid"), func(t *tree.Memory) { t.File("/etc/app/app.conf", 0o644, []byte("user = \"daemon\"\n")) }), config: entrypoint("/app"),
			warns: []string{`USER: /app calls setuid, and /etc/app/app.conf says "user = \"daemon\"", which needs root, so the image runs as root`},
		},
		{
			name: "but for programs that are known to go on", base: both(debian, func(t *tree.Memory) {
				t.File("/usr/sbin/nginx", 0o755, program(elftest.File{Imports: []string{"geteuid", "initgroups", "setuid"}}))
				t.File("/lib64/ld-linux-x86-64.so.2", 0o755, elftest.File{Library: true, SoName: "ld-linux-x86-64.so.2"}.Bytes())
				t.File("/etc/nginx/nginx.conf", 0o644, []byte("user daemon;\n"))
			}), config: entrypoint("nginx"), user: "65532:65532",
		},
		{name: "but not where a user is named", base: both(debian, func(t *tree.Memory) { t.File("/usr/sbin/sshd", 0o755, elfBytes) }), change: change, config: func(c *dockerspec.DockerOCIImageConfig) { c.User, c.Entrypoint = "app", []string{"sshd", "-D"} }, user: "4711:4712"},
		{name: "unless a user is set", base: debian, change: change, config: entrypoint("/entry.sh"), options: decide.Options{User: "4711:4712"}, user: "4711:4712", has: []string{"0700 4711:4712 /data/", "0600 4711:4712 /data/db"}},
		{name: "or the Dockerfile names one", base: debian, change: change, config: func(c *dockerspec.DockerOCIImageConfig) { c.User, c.Entrypoint = "app", []string{"/entry.sh"} }, user: "4711:4712"},
	})
}

// TestOwners holds modes and owners to the rules, and to the report.
func TestOwners(t *testing.T) {
	run(t, []stage{
		{
			name: "programs are root's and not writable", base: debian, change: func(t *tree.Memory) {
				accounts(t)
				t.Add("/app", tree.Entry{Mode: 0o775 | fs.ModeSetuid, UID: 4711, GID: 4712}, elfBytes)
			},
			config: user("app"), has: []string{"0755 0:0 /app"},
			changes: []string{"mode /app: 4775 -> 0755", "owner /app: 4711:4712 -> 0:0"},
		},
		{
			name: "what the Dockerfile gave to its user", base: debian, config: user("app"), change: func(t *tree.Memory) {
				accounts(t)
				owned(t, "/data", 0o750|fs.ModeDir, 4711, 4712)
				owned(t, "/data/file", 0o640, 4711, 4712)
				owned(t, "/data/run", 0o755, 4711, 4712)
				owned(t, "/group", 0o775|fs.ModeDir, 0, 4712)
				owned(t, "/video/file", 0o664, 0, 44)
				owned(t, "/open", 0o777|fs.ModeDir, 0, 0)
				owned(t, "/others", 0o770|fs.ModeDir|fs.ModeSetgid, 4800, 4800)
				owned(t, "/plain/file", 0o664, 0, 0)
			},
			has: []string{
				"0770 4711:0 /data/", "0660 4711:0 /data/file", "0775 4711:0 /data/run", "0775 4711:0 /group/", "0664 4711:0 /video/file", "0777 4711:0 /open/",
				"0755 0:0 /others/", "0664 0:0 /plain/file",
			},
			changes: []string{"mode /data: 0750 -> 0770", "owner /data: 4711:4712 -> 4711:0", "owner /others: 4800:4800 -> 0:0", "mode /others: 2770 -> 0755"},
		},
		{
			name: "directories that are the user's by themselves", base: debian, change: func(t *tree.Memory) {
				t.File("/wd/file", 0o644, nil)
				t.Symlink("/current", "/srv/real")
				t.Dir("/srv/real", 0o755)
			},
			config: func(c *dockerspec.DockerOCIImageConfig) {
				c.WorkingDir = "/wd"
				c.Volumes = map[string]struct{}{"/var/run/app": {}, "/current/data": {}}
			},
			options: decide.Options{Writable: []string{"/var/lib/app", "/etc/app"}},
			has: []string{
				"0775 65532:0 /wd/", "0644 0:0 /wd/file", "0775 65532:0 /run/app/", "0777 0:0 /var/run -> /run", "0775 65532:0 /srv/real/data/", "0777 0:0 /current -> /srv/real",
				"0775 65532:0 /var/lib/app/", "0775 65532:0 /etc/app/", "0755 0:0 /etc/",
			},
		},
		{
			name: "writable: takes what is in it", base: debian, options: decide.Options{Writable: []string{"/srv"}}, change: func(t *tree.Memory) {
				t.File("/srv/a/file", 0o444, []byte("x"))
			},
			has: []string{"0775 65532:0 /srv/", "0775 65532:0 /srv/a/", "0664 65532:0 /srv/a/file"},
		},
		{
			name: "WORKDIR where programs are", base: debian, config: func(c *dockerspec.DockerOCIImageConfig) { c.WorkingDir = "/usr/bin" },
			has: []string{"0755 0:0 /usr/bin/"},
		},
		{name: "WORKDIR through a link", base: debian, config: func(c *dockerspec.DockerOCIImageConfig) { c.WorkingDir = "/var/run/app" }, has: []string{"0775 65532:0 /run/app/", "0777 0:0 /var/run -> /run"}},
		{
			name: "a directory of the base image that is the user's", config: user("www"),
			base:   func(t *tree.Memory) { debian(t); owned(t, "/var/www", 0o755|fs.ModeDir, 33, 33) },
			change: func(t *tree.Memory) { t.File("/var/www/html/index.html", 0o644, []byte("x")) },
			has:    []string{"0775 33:0 /var/www/", "0644 0:0 /var/www/html/index.html"},
		},
		{
			name: "what the user could not read", base: debian, change: func(t *tree.Memory) {
				t.File("/srv/conf/a", 0o600, []byte("x"))
				owned(t, "/srv/conf", 0o700|fs.ModeDir, 0, 0)
				for _, n := range []string{"1", "2", "3", "4"} {
					t.File("/srv/many/"+n, 0o640, []byte("x"))
				}
				t.File("/srv/script", 0o711, []byte("x"))
			},
			has:     []string{"0600 65532:0 /srv/conf/a", "0700 65532:0 /srv/conf/", "0755 0:0 /srv/script", "0644 0:0 /srv/many/1"},
			changes: []string{"owner /srv/conf: 0:0 -> 65532:0", "owner /srv/conf/a: 0:0 -> 65532:0", "mode 4 files in /srv/many: 0640 -> 0644", "mode /srv/script: 0711 -> 0755"},
		},
		{
			name: "sticky directories stay as they are", base: debian, change: func(t *tree.Memory) { t.File("/tmp/x", 0o644, []byte("x")) },
			has: []string{"1777 0:0 /tmp/"},
		},
		{
			name: "bits that directories inherit by", base: debian, change: func(t *tree.Memory) { owned(t, "/srv/g", 0o755|fs.ModeDir|fs.ModeSetgid, 0, 0) },
			has: []string{"2775 65532:0 /srv/g/"},
		},
	})
}

var elfBytes = elftest.File{}.Bytes()

// TestManyChanges counts files that change alike rather than listing them.
func TestManyChanges(t *testing.T) {
	in := stage{base: debian, change: func(t *tree.Memory) {
		for _, n := range strings.Split("abcdefghij", "") {
			t.File("/srv/"+n, 0o640, []byte("x"))
		}
	}}.input()
	p, err := decide.Decide(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, c := range p.Changes {
		if c.Kind == "mode" {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d changes of mode: %+v", n, p.Changes)
	}
}
