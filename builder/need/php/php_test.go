package php

import (
	"debug/elf"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	whittleelf "github.com/whittle-oci/whittle/builder/need/elf"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
	"github.com/whittle-oci/whittle/builder/need/shell"
	"github.com/whittle-oci/whittle/builder/need/wrapper"
	"github.com/whittle-oci/whittle/builder/tree"
)

// program is an ELF file with texts.
func program(texts ...string) []byte {
	return elftest.File{Machine: elf.EM_X86_64, Text: "\x00" + strings.Join(texts, "\x00") + "\x00"}.Bytes()
}

const api = "/usr/local/lib/php/extensions/no-debug-non-zts-20230831/"

// official is a tree in the layout of the official images, with an application.
func official(t testing.TB) *tree.Memory {
	t.Helper()
	var m tree.Memory
	m.File("/usr/local/bin/php", 0o755, program("/usr/local/etc/php", "/usr/local/etc/php/conf.d", strings.TrimSuffix(api, "/")))
	m.File("/usr/local/sbin/php-fpm", 0o755, program())
	m.File("/bin/sh", 0o755, program())
	for _, name := range []string{"opcache.so", "pdo_mysql.so", "sodium.so", "unused.so"} {
		m.File(api+name, 0o755, elftest.File{Library: true, SoName: name}.Bytes())
	}
	m.File("/usr/local/etc/php/php.ini", 0o644, []byte("; comment\n[PHP]\nmemory_limit = 128M ; more\nauto_prepend_file = \"/app/before.php\"\nextension=pdo_mysql\n"))
	m.File("/usr/local/etc/php/php.ini-production", 0o644, []byte("extension=never\n"))
	m.File("/usr/local/etc/php/conf.d/docker-php-ext-sodium.ini", 0o644, []byte("extension=sodium.so\n"))
	m.File("/usr/local/etc/php/conf.d/docker-php-ext-opcache.ini", 0o644, []byte("zend_extension="+api+"opcache.so\n"))
	m.File("/usr/local/etc/php-fpm.conf", 0o644, []byte("[global]\n;pid = run/php-fpm.pid\nerror_log = /proc/self/fd/2\ninclude=etc/php-fpm.d/*.conf\n"))
	m.File("/usr/local/etc/php-fpm.d/www.conf", 0o644, []byte("[www]\nuser = www-data\nlisten = 127.0.0.1:9000\nslowlog = log/$pool.log.slow\n"))
	m.File("/usr/local/etc/php-fpm.d/zz-docker.conf", 0o644, []byte("[www]\nlisten = 9000\naccess.log = /var/log/fpm/access.log\n"))
	for _, name := range []string{"include/php/main/php.h", "lib/php/build/Makefile.global", "lib/php/PEAR.php", "lib/php/pearcmd.php", "bin/phpize", "bin/pecl", "bin/docker-php-ext-install", "bin/docker-php-entrypoint", "bin/phpdbg"} {
		m.File("/usr/local/"+name, 0o755, []byte("#!/bin/sh\n"))
	}
	m.File("/usr/src/php.tar.xz", 0o644, []byte("x"))
	m.File("/app/before.php", 0o644, []byte("<?php\n"))
	m.File("/app/index.php", 0o644, []byte("<?php\n"))
	m.File("/app/public/index.php", 0o644, []byte("<?php\n"))
	m.File("/app/artisan", 0o755, []byte("#!/usr/bin/env php\n<?php\nrequire __DIR__.'/vendor/autoload.php';\n"))
	m.Dir("/app/storage", 0o755)
	m.Dir("/app/bootstrap/cache", 0o755)
	m.File("/usr/bin/env", 0o755, program())
	m.File("/usr/bin/tini", 0o755, program())
	return &m
}

// debian is a tree in the layout of Debian.
func debian(t testing.TB) *tree.Memory {
	t.Helper()
	var m tree.Memory
	m.File("/usr/bin/php8.2", 0o755, program("/etc/php/8.2/cli", "/etc/php/8.2/cli/conf.d", "/usr/lib/php/20220829"))
	m.Symlink("/usr/bin/php", "/etc/alternatives/php")
	m.Symlink("/etc/alternatives/php", "/usr/bin/php8.2")
	m.File("/usr/sbin/php-fpm8.2", 0o755, program("/etc/php/8.2/fpm", "/etc/php/8.2/fpm/conf.d", "/usr/lib/php/20220829"))
	m.File("/usr/lib/apache2/modules/libphp8.2.so", 0o644, elftest.File{Library: true}.Bytes())
	m.File("/etc/php/8.2/mods-available/pdo.ini", 0o644, []byte("; priority=10\nextension=pdo.so\n"))
	m.File("/etc/php/8.2/mods-available/gone.ini", 0o644, []byte("extension=gone.so\n"))
	for _, server := range []string{"cli", "fpm", "apache2"} {
		m.File("/etc/php/8.2/"+server+"/php.ini", 0o644, nil)
		m.Symlink("/etc/php/8.2/"+server+"/conf.d/10-pdo.ini", "/etc/php/8.2/mods-available/pdo.ini")
	}
	m.Symlink("/etc/php/8.2/fpm/conf.d/20-gone.ini", "/etc/php/8.2/mods-available/gone.ini")
	m.File("/usr/lib/php/20220829/pdo.so", 0o644, elftest.File{Library: true}.Bytes())
	m.File("/etc/php/8.2/fpm/php-fpm.conf", 0o644, []byte("[global]\npid = /run/php/php8.2-fpm.pid\nerror_log = /var/log/php8.2-fpm.log\ninclude=/etc/php/8.2/fpm/pool.d/*.conf\n"))
	m.File("/etc/php/8.2/fpm/pool.d/www.conf", 0o644, []byte("[www]\nlisten = /run/php/php8.2-fpm.sock\nlisten.owner = www-data\n"))
	m.Dir("/var/lib/php/sessions", 0o733)
	m.File("/app/index.php", 0o644, []byte("<?php\n"))
	return &m
}

func environment(m *tree.Memory, vars ...string) *need.Env {
	return &need.Env{Tree: m, Dir: "/app", Vars: append([]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/bin"}, vars...)}
}

func launchers() []need.Launcher {
	return []need.Launcher{wrapper.Launcher{}, New(whittleelf.NewFiles()), shell.New(), need.Lookup{}, need.Execute{}}
}

func TestLaunch(t *testing.T) {
	for _, c := range []struct {
		name   string
		tree   func(testing.TB) *tree.Memory
		change func(*tree.Memory)
		argv   []string
		vars   []string
		want   []string // command line of the image, when it is another
		asks   []string // paths that are asked for
		not    []string // paths that are not
		facts  []string // subjects or parts of reasons
		warns  string
		error  string
	}{
		{name: "file", argv: []string{"php", "index.php", "--x"}, asks: []string{"/app/index.php", "/usr/local/bin/php", api + "pdo_mysql.so", api + "sodium.so", api + "opcache.so", "/app/before.php", "/usr/local/etc/php/php.ini"}, not: []string{api + "unused.so", "/usr/local/etc/php/php.ini-production"}},
		{name: "file behind options", argv: []string{"php", "-d", "memory_limit=1G", "-dextension=unused", "-f", "index.php"}, asks: []string{"/app/index.php", api + "unused.so"}},
		{name: "without settings", argv: []string{"php", "-n", "index.php"}, asks: []string{"/app/index.php"}, not: []string{api + "sodium.so"}},
		{name: "settings of one's own", change: func(m *tree.Memory) { m.File("/app/own.ini", 0o644, []byte("extension=unused\n")) }, argv: []string{"php", "-c", "own.ini", "--", "index.php"}, asks: []string{"/app/own.ini", api + "unused.so", "/app/index.php"}, not: []string{"/usr/local/etc/php/php.ini"}},
		{name: "directory of settings", vars: []string{"PHP_INI_SCAN_DIR=:/app/conf"}, change: func(m *tree.Memory) { m.File("/app/conf/a.ini", 0o644, []byte("extension=unused\n")) }, argv: []string{"php", "index.php"}, asks: []string{"/app/conf/a.ini", api + "unused.so", api + "sodium.so"}},
		{name: "missing file", argv: []string{"php", "main.php"}, error: "CMD starts main.php, and /app/main.php is not in the built image"},
		{name: "unknown extension", change: func(m *tree.Memory) {
			m.File("/usr/local/etc/php/conf.d/x.ini", 0o644, []byte("\nextension=redis\n"))
		}, argv: []string{"php", "index.php"}, warns: "/usr/local/etc/php/conf.d/x.ini:2 enables the extension redis, which is not in /usr/local/lib/php/extensions/no-debug-non-zts-20230831"},
		{name: "missing file of settings", change: func(m *tree.Memory) { m.Remove("/app/before.php") }, argv: []string{"php", "index.php"}, warns: "/usr/local/etc/php/php.ini:4 has auto_prepend_file name /app/before.php"},
		{name: "code", argv: []string{"php", "-r", "system('true | cat');"}, asks: []string{"/bin/sh"}},
		{name: "server", argv: []string{"php", "-S", "0.0.0.0:8080", "-t", "public", "public/index.php"}, asks: []string{"/app/public/index.php"}},
		{name: "server of a directory that is not there", argv: []string{"php", "-S", "0.0.0.0:8080", "-t", "web"}, error: "CMD serves the directory /app/web, which is not in the built image"},
		{name: "server without its router", argv: []string{"php", "-S", "0.0.0.0:8080", "router.php"}, error: "/app/router.php is not in the built image"},
		{name: "script", argv: []string{"./artisan", "queue:work"}, want: []string{"/usr/local/bin/php", "/app/artisan", "queue:work"}, asks: []string{"/app/artisan"}, not: []string{"/usr/bin/env"}},
		{name: "script behind an init", argv: []string{"tini", "--", "/app/artisan"}, want: []string{"tini", "--", "/usr/local/bin/php", "/app/artisan"}},
		{name: "manager", argv: []string{"php-fpm"}, asks: []string{"/usr/local/etc/php-fpm.conf", "/usr/local/etc/php-fpm.d/www.conf", "/usr/local/etc/php-fpm.d/zz-docker.conf"}, facts: []string{"/var/log/fpm", "/usr/local/var/log"}},
		{name: "manager without its configuration", change: func(m *tree.Memory) { m.Remove("/usr/local/etc/php-fpm.conf") }, argv: []string{"php-fpm", "-F"}, error: "its configuration php-fpm.conf is not in the built image"},
		{name: "manager with another configuration", argv: []string{"php-fpm", "-y", "/etc/fpm.conf"}, error: "has PHP-FPM read /etc/fpm.conf"},
		{name: "manager without a pool", change: func(m *tree.Memory) { m.File("/usr/local/etc/php-fpm.conf", 0o644, []byte("[global]\n")) }, argv: []string{"php-fpm"}, error: "/usr/local/etc/php-fpm.conf has no pool"},
		{name: "configuration that includes itself", change: func(m *tree.Memory) {
			m.File("/usr/local/etc/php-fpm.conf", 0o644, []byte("[www]\nlisten=9000\ninclude=/usr/local/etc/php-fpm.conf\n"))
		}, argv: []string{"php-fpm"}, asks: []string{"/usr/local/etc/php-fpm.conf"}},

		{name: "Debian", tree: debian, argv: []string{"php", "index.php"}, asks: []string{"/usr/lib/php/20220829/pdo.so", "/etc/php/8.2/cli/conf.d/10-pdo.ini"}, facts: []string{"/var/lib/php/sessions"}},
		{name: "manager of Debian", tree: debian, argv: []string{"php-fpm8.2", "-F"}, asks: []string{"/etc/php/8.2/fpm/php-fpm.conf", "/etc/php/8.2/fpm/pool.d/www.conf"}, facts: []string{"/run/php", "/var/log", "gives its socket /run/php/php8.2-fpm.sock to www-data"}, warns: "/etc/php/8.2/fpm/conf.d/20-gone.ini:1 enables the extension gone.so"},
	} {
		t.Run(c.name, func(t *testing.T) {
			of := c.tree
			if of == nil {
				of = official
			}
			m := of(t)
			if c.change != nil {
				c.change(m)
			}
			got, err := need.Launch(t.Context(), environment(m, c.vars...), need.Command{Argv: c.argv, Instruction: "CMD"}, launchers())
			if c.error != "" {
				if err == nil || !strings.Contains(err.Error(), c.error) || !errors.As(err, new(*image.RefusedError)) {
					t.Fatalf("%v, want %q", err, c.error)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := c.want
			if want == nil {
				want = c.argv
			}
			if !slices.Equal(got.Argv, want) {
				t.Errorf("%q, want %q", got.Argv, want)
			}
			check(t, got.Found, c.asks, c.not, c.facts, c.warns)
		})
	}
}

// check holds what was found to what is expected of it.
func check(t *testing.T, found need.Found, asks, not, facts []string, warns string) {
	t.Helper()
	var paths []string
	for _, n := range found.Needs {
		paths = append(paths, n.Path)
	}
	for _, a := range asks {
		if !slices.Contains(paths, a) {
			t.Errorf("%s is not asked for: %q", a, paths)
		}
	}
	for _, n := range not {
		if slices.Contains(paths, n) {
			t.Errorf("%s is asked for", n)
		}
	}
	for _, part := range facts {
		if !slices.ContainsFunc(found.Facts, func(f need.Fact) bool { return f.Subject == part || strings.Contains(f.Reason, part) }) {
			t.Errorf("no fact has %s: %+v", part, found.Facts)
		}
	}
	if warns != "" && !slices.ContainsFunc(found.Warnings, func(w image.Warning) bool { return strings.Contains(w.Message, warns) }) {
		t.Errorf("no warning says %q: %+v", warns, found.Warnings)
	}
	if warns == "" && len(found.Warnings) > 0 {
		t.Errorf("%+v", found.Warnings)
	}
}

func TestPrunes(t *testing.T) {
	m := official(t)
	r := New(whittleelf.NewFiles())
	got, err := r.Prunes(t.Context(), environment(m), []string{"/usr/local/bin/php"})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"/usr/local/include/php", "/usr/local/lib/php/build", "/usr/local/lib/php/pearcmd.php", "/usr/local/bin/phpize", "/usr/local/bin/pecl", "/usr/local/bin/docker-php-ext-install", "/usr/local/bin/docker-php-entrypoint", "/usr/local/bin/phpdbg", "/usr/src/php.tar.xz", api + "unused.so"} {
		if got[name] == "" {
			t.Errorf("%s stays", name)
		}
	}
	for _, name := range []string{"/usr/local/bin/php", "/usr/local/lib/php/PEAR.php", api + "sodium.so", api + "opcache.so", api + "pdo_mysql.so"} {
		if got[name] != "" {
			t.Errorf("%s goes", name)
		}
	}
}

// close follows everything that a command line needs.
func closure(t *testing.T, m *tree.Memory, argv ...string) *need.Set {
	t.Helper()
	files := whittleelf.NewFiles()
	r := New(files)
	sh := shell.New()
	env := environment(m)
	launched, err := need.Launch(t.Context(), env, need.Command{Argv: argv, Instruction: "CMD"}, []need.Launcher{r, sh, need.Lookup{}, need.Execute{}})
	if err != nil {
		t.Fatal(err)
	}
	found := launched.Found
	for name, e := range all(t, m, "/app") {
		found.Needs = append(found.Needs, need.Need{Kind: need.Data, Path: name, By: "Dockerfile", Reason: "it is there", Entry: &e})
	}
	set, err := need.Close(t.Context(), env, found, []need.Provider{r, sh, whittleelf.New(files, Interprets)})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func all(t *testing.T, m *tree.Memory, dir string) map[string]tree.Entry {
	t.Helper()
	out := map[string]tree.Entry{}
	if err := tree.Walk(t.Context(), m, dir, func(name string, e tree.Entry) error {
		if e.IsRegular() {
			out[name] = e
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSettle(t *testing.T) {
	m := official(t)
	m.File("/usr/bin/jq", 0o755, program())
	m.File("/usr/bin/git", 0o755, program())
	m.File("/app/src/a.php", 0o644, []byte("<?php\nexec('jq . | cat');\n$x->exec('no');\nmail('a', 'b', 'c');\ndl('unused.so');\nexec('convert ' . $y);\n"))
	m.File("/app/vendor/x/y/b.php", 0o644, []byte("<?php exec('git status');"))
	m.File("/app/vendor/composer/installed.json", 0o644, []byte(`{"packages": [{"name": "symfony/process", "version": "v7.1.0"}, {"name": "bad"}], "dev": false}`))
	m.File("/app/old/vendor/composer/installed.json", 0o644, []byte(`[{"name": "a/b", "version": "1.0"}]`))
	m.File("/app/broken/composer/installed.json", 0o644, []byte(`{"packages": [`))
	set := closure(t, m, "php", "artisan")
	for _, name := range []string{"/usr/bin/jq", "/bin/sh", api + "unused.so"} {
		if set.File(name) == nil {
			t.Errorf("%s is not there", name)
		}
	}
	if set.File("/usr/bin/git") != nil {
		t.Error("what a package starts is known by its name alone")
	}
	got := fmt.Sprint(set.Components)
	for _, part := range []string{"symfony/process v7.1.0", "a/b 1.0"} {
		if !strings.Contains(got, part) {
			t.Errorf("%s lacks %s", got, part)
		}
	}
	if dirs := set.Subjects(need.State); !slices.Contains(dirs, "/app/storage") || !slices.Contains(dirs, "/app/bootstrap/cache") {
		t.Errorf("%q", dirs)
	}
	var said []string
	for _, w := range set.Warnings {
		said = append(said, w.Message)
	}
	all := strings.Join(said, "\n")
	for _, part := range []string{"/app/src/a.php:4 sends mail by /usr/sbin/sendmail, which is not in the built image", "/app/artisan:3 requires /app/vendor/autoload.php, which is not in the built image"} {
		if !strings.Contains(all, part) {
			t.Errorf("nothing says %q in\n%s", part, all)
		}
	}
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		server string
		args   []string
		want   options
	}{
		{"cli", []string{"-n", "a.php", "-n"}, options{none: true, file: "a.php", rest: []string{"-n"}}},
		{"cli", []string{"--define", "a=b", "--file=a.php"}, options{defines: []string{"a=b"}, file: "a.php"}},
		{"cli", []string{"-r", "echo 1;", "--", "x"}, options{code: "echo 1;\n", rest: []string{"x"}}},
		{"cli", []string{"-S", "localhost:1", "-t", "d", "r.php"}, options{serve: true, root: "d", file: "r.php"}},
		{"fpm", []string{"-F", "-R", "-y", "x.conf", "-d", "a=1", "-t"}, options{conf: "x.conf", defines: []string{"a=1"}}},
		{"cli", []string{"-d"}, options{defines: []string{""}}},
	} {
		got := parse(c.args, c.server)
		if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", c.want) && fmt.Sprintf("%q", got.rest) != "[]" {
			t.Errorf("%q: %+v, want %+v", c.args, got, c.want)
		}
		if got.file != c.want.file || got.code != c.want.code || got.conf != c.want.conf || !slices.Equal(got.defines, c.want.defines) || !slices.Equal(got.rest, c.want.rest) {
			t.Errorf("%q: %+v, want %+v", c.args, got, c.want)
		}
	}
}

// FuzzSettings holds the parser to values that are in the text, and lines that
// it has.
func FuzzSettings(f *testing.F) {
	f.Add("a=b\n[x]\nextension = \"c ; d\"\n;e=f\ng='h")
	f.Fuzz(func(t *testing.T, text string) {
		for _, x := range parseSettings(text, "f") {
			if !strings.Contains(text, x.value) || !strings.Contains(text, x.key) {
				t.Fatalf("%+v is not in %q", x, text)
			}
		}
	})
}
