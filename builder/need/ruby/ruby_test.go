package ruby

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

var program = elftest.File{Machine: elf.EM_X86_64}.Bytes()

const lock = `GIT
  remote: https://example.org/x
  specs:
    fromgit (1.0)

GEM
  remote: https://rubygems.org/
  specs:
    nokogiri (1.15.4-x86_64-linux)
      racc (~> 1.4)
    rack (2.2.8)
    rspec (3.12.0)

DEPENDENCIES
  rack
`

// official is a tree in the layout of the official images, with an application.
func official(t testing.TB) *tree.Memory {
	t.Helper()
	var m tree.Memory
	m.File("/usr/local/bin/ruby", 0o755, program)
	m.File("/bin/sh", 0o755, program)
	m.File("/usr/bin/env", 0o755, program)
	for _, name := range []string{"json.rb", "rdoc.rb", "rdoc/rdoc.rb", "mkmf.rb", "x86_64-linux/psych.so", "bundler/setup.rb"} {
		m.File("/usr/local/lib/ruby/3.3.0/"+name, 0o644, []byte("x"))
	}
	for _, name := range []string{"gems/rbs-3.4.0/lib/rbs.rb", "specifications/rbs-3.4.0.gemspec", "gems/minitest-5.20.0/lib/minitest.rb", "specifications/minitest-5.20.0.gemspec", "specifications/default/json-2.7.1.gemspec"} {
		m.File("/usr/local/lib/ruby/gems/3.3.0/"+name, 0o644, []byte("x"))
	}
	for _, name := range []string{"gems/rack-2.2.8/lib/rack.rb", "specifications/rack-2.2.8.gemspec", "specifications/nokogiri-1.15.4-x86_64-linux.gemspec", "gems/nokogiri-1.15.4-x86_64-linux/lib/nokogiri.so", "gems/nokogiri-1.15.4-x86_64-linux/ext/nokogiri/a.c", "gems/nokogiri-1.15.4-x86_64-linux/ext/nokogiri/extconf.rb", "cache/rack-2.2.8.gem", "gems/puma-6.0.0/bin/puma"} {
		m.File("/usr/local/bundle/"+name, 0o644, []byte("x"))
	}
	m.File("/usr/local/bundle/bin/rackup", 0o755, []byte("#!/usr/bin/env ruby\n"))
	m.File("/usr/local/bin/bundle", 0o755, []byte("#!/usr/local/bin/ruby\n"))
	m.File("/usr/local/bin/foreman", 0o755, []byte("#!/usr/local/bin/ruby\n"))
	m.File("/usr/local/bin/gem", 0o755, []byte("#!/usr/local/bin/ruby\n"))
	m.File("/usr/local/include/ruby-3.3.0/ruby.h", 0o644, nil)
	m.File("/app/app.rb", 0o644, []byte("require 'json'\n"))
	m.File("/app/bin/rails", 0o755, []byte("#!/usr/bin/env ruby\n"))
	m.File("/app/config.ru", 0o644, []byte("run 1\n"))
	m.File("/app/config/application.rb", 0o644, []byte("x = 1\n"))
	m.File("/app/Gemfile", 0o644, []byte("source 'https://rubygems.org'\n\ngem 'rack', '~> 2.2'\ngem \"nokogiri\"\ngem 'tzinfo-data', platforms: %i[windows]\ngroup :test do\n  gem 'rspec'\nend\n"))
	m.File("/app/Gemfile.lock", 0o644, []byte(lock))
	return &m
}

func environment(m *tree.Memory, vars ...string) *need.Env {
	return &need.Env{Tree: m, Dir: "/app", Vars: append([]string{"PATH=/usr/local/bundle/bin:/usr/local/bin:/usr/bin:/bin", "GEM_HOME=/usr/local/bundle"}, vars...)}
}

func TestLaunch(t *testing.T) {
	for _, c := range []struct {
		name    string
		change  func(*tree.Memory)
		argv    []string
		more    []string
		want    []string
		asks    []string
		not     []string
		error   string
		unknown bool
	}{
		{name: "file", argv: []string{"ruby", "-W0", "-I", "lib", "-rjson", "app.rb", "x"}, asks: []string{"/app/app.rb", "/usr/local/bin/ruby"}},
		{name: "missing file", argv: []string{"ruby", "main.rb"}, error: "CMD starts main.rb, and /app/main.rb is not in the built image"},
		{name: "code", argv: []string{"ruby", "-e", "system('ls | wc')"}, asks: []string{"/bin/sh"}},
		{name: "script", argv: []string{"bin/rails", "server"}, want: []string{"/usr/local/bin/ruby", "/app/bin/rails", "server"}, asks: []string{"/app/bin/rails"}, not: []string{"/usr/bin/env"}},
		{name: "script with CMD", argv: []string{"bin/rails"}, more: []string{"server"}, asks: []string{"/app/bin/rails", "/usr/local/bin/ruby"}},
		{name: "Bundler", argv: []string{"bundle", "exec", "ruby", "app.rb"}, asks: []string{"/usr/local/bin/bundle", "/app/app.rb"}},
		{name: "program of a gem", argv: []string{"bundle", "exec", "puma", "-p", "80"}, asks: []string{"/usr/local/bundle/gems/puma-6.0.0/bin/puma"}},
		{name: "no program of a gem", argv: []string{"bundle", "exec", "unicorn"}, error: "CMD has Bundler run unicorn, which is neither along PATH nor a program of a gem"},
		{name: "gem that is not installed", change: func(m *tree.Memory) {
			m.Remove("/usr/local/bundle/specifications/nokogiri-1.15.4-x86_64-linux.gemspec")
		}, argv: []string{"bundle", "exec", "ruby", "app.rb"}, error: "/app/Gemfile.lock:9 asks for the gem nokogiri 1.15.4-x86_64-linux, which is not installed"},
		{name: "gem of another version", change: func(m *tree.Memory) {
			m.Remove("/usr/local/bundle/specifications/rack-2.2.8.gemspec")
			m.File("/usr/local/bundle/specifications/rack-2.2.9.gemspec", 0o644, nil)
		}, argv: []string{"bundle", "exec", "ruby", "app.rb"}, error: "asks for the gem rack 2.2.8, and the built image has 2.2.9"},
		{name: "Gemfile that decides by itself", change: func(m *tree.Memory) {
			m.Remove("/usr/local/bundle/specifications/nokogiri-1.15.4-x86_64-linux.gemspec")
			m.File("/app/Gemfile", 0o644, []byte("if true\ngem 'nokogiri'\nend\n"))
		}, argv: []string{"bundle", "exec", "ruby", "app.rb"}},
		{name: "server", argv: []string{"rackup", "-p", "80"}, want: []string{"/usr/local/bin/ruby", "/usr/local/bundle/bin/rackup", "-p", "80"}},
		{name: "server without an application", change: func(m *tree.Memory) { m.Remove("/app/config.ru") }, argv: []string{"rackup"}, error: "CMD starts rackup, and /app/config.ru is not in the built image"},
		{name: "server of another file", argv: []string{"rackup", "other.ru"}, error: "has rackup serve /app/other.ru, which is not in the built image"},
		{name: "foreman", argv: []string{"foreman", "start"}, error: "starts foreman, which starts the command lines of Procfile by a shell", unknown: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := official(t)
			if c.change != nil {
				c.change(m)
			}
			launchers := []need.Launcher{wrapper.Launcher{}, New(whittleelf.NewFiles()), shell.New(), need.Lookup{}, need.Execute{}}
			got, err := need.Launch(t.Context(), environment(m), need.Command{Argv: c.argv, More: c.more, Instruction: "CMD"}, launchers)
			if c.error != "" {
				if err == nil || !strings.Contains(err.Error(), c.error) || errors.As(err, new(*image.RefusedError)) == c.unknown {
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
			var paths []string
			for _, n := range got.Needs {
				paths = append(paths, n.Path)
			}
			for _, a := range c.asks {
				if !slices.Contains(paths, a) {
					t.Errorf("%s is not asked for: %q", a, paths)
				}
			}
			for _, n := range c.not {
				if slices.Contains(paths, n) {
					t.Errorf("%s is asked for", n)
				}
			}
		})
	}
}

// closure follows everything that a command line needs.
func closure(t *testing.T, m *tree.Memory, argv ...string) *need.Set {
	t.Helper()
	files := whittleelf.NewFiles()
	r, sh, env := New(files), shell.New(), environment(m)
	launched, err := need.Launch(t.Context(), env, need.Command{Argv: argv, Instruction: "CMD"}, []need.Launcher{r, sh, need.Lookup{}, need.Execute{}})
	if err != nil {
		t.Fatal(err)
	}
	found := launched.Found
	if err := tree.Walk(t.Context(), m, "/app", func(name string, e tree.Entry) error {
		if e.IsRegular() {
			found.Needs = append(found.Needs, need.Need{Kind: need.Data, Path: name, By: "Dockerfile", Reason: "it is there", Entry: &e})
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	set, err := need.Close(t.Context(), env, found, []need.Provider{r, sh, whittleelf.New(files, Interprets)})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestClosure(t *testing.T) {
	m := official(t)
	m.File("/usr/bin/jq", 0o755, program)
	m.File("/usr/local/bin/ruby", 0o755, elftest.File{Interp: "/lib/ld.so", Needed: []string{"libc.so.6"}}.Bytes())
	for _, name := range []string{"/lib/ld.so", "/lib/libc.so.6", "/lib/gconv/CP932.so"} {
		m.File(name, 0o755, elftest.File{Library: true}.Bytes())
	}
	m.File("/app/lib/a.rb", 0o644, []byte("require 'rdoc'\nputs `jq . | cat`\nobj.system('git log')\nsystem cmd\n"))
	m.File("/app/spec/b.rb", 0o644, []byte("system('tar x')\n"))
	set := closure(t, m, "ruby", "app.rb")
	for _, name := range []string{"/usr/local/lib/ruby/3.3.0/json.rb", "/usr/local/lib/ruby/3.3.0/rdoc/rdoc.rb", "/usr/local/lib/ruby/3.3.0/bundler/setup.rb", "/usr/local/bundle/gems/rack-2.2.8/lib/rack.rb", "/usr/local/bundle/gems/nokogiri-1.15.4-x86_64-linux/ext/nokogiri/extconf.rb", "/usr/local/lib/ruby/gems/3.3.0/specifications/default/json-2.7.1.gemspec", "/usr/bin/jq", "/bin/sh", "/lib/gconv/CP932.so"} {
		if set.File(name) == nil {
			t.Errorf("%s is not there", name)
		}
	}
	for _, name := range []string{"/usr/local/lib/ruby/3.3.0/mkmf.rb", "/usr/local/lib/ruby/gems/3.3.0/gems/rbs-3.4.0/lib/rbs.rb", "/usr/local/lib/ruby/gems/3.3.0/specifications/rbs-3.4.0.gemspec", "/usr/local/lib/ruby/gems/3.3.0/gems/minitest-5.20.0/lib/minitest.rb", "/usr/local/bundle/cache/rack-2.2.8.gem", "/usr/local/bundle/gems/nokogiri-1.15.4-x86_64-linux/ext/nokogiri/a.c"} {
		if set.File(name) != nil {
			t.Errorf("%s is there", name)
		}
	}
	if got := fmt.Sprint(set.Components); !strings.Contains(got, "gem rack 2.2.8") || !strings.Contains(got, "gem nokogiri 1.15.4 ") || !strings.Contains(got, "gem json 2.7.1") {
		t.Error(got)
	}
	if dirs := set.Subjects(need.State); !slices.Equal(dirs, []string{"/app/log", "/app/tmp"}) {
		t.Errorf("%q", dirs)
	}
	if !slices.ContainsFunc(set.Warnings, func(w image.Warning) bool {
		return strings.Contains(w.Message, "/app/lib/a.rb:4 runs a command by a shell that is computed")
	}) {
		t.Errorf("%+v", set.Warnings)
	}
}

// TestGemOfLockStays keeps a gem that comes with Ruby for development when the
// application asks for it.
func TestGemOfLockStays(t *testing.T) {
	m := official(t)
	m.File("/app/Gemfile.lock", 0o644, []byte(strings.Replace(lock, "rspec (3.12.0)", "minitest (5.20.0)", 1)))
	if name := "/usr/local/lib/ruby/gems/3.3.0/gems/minitest-5.20.0/lib/minitest.rb"; closure(t, m, "ruby", "app.rb").File(name) == nil {
		t.Errorf("%s is not there", name)
	}
}

func TestPrunes(t *testing.T) {
	m := official(t)
	got, err := New(whittleelf.NewFiles()).Prunes(t.Context(), environment(m), []string{"/usr/local/bundle/bin/rackup"})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"/usr/local/include/ruby-3.3.0", "/usr/local/bin/gem", "/usr/local/lib/ruby/3.3.0/rdoc", "/usr/local/bundle/cache", "/usr/local/lib/ruby/gems/3.3.0/gems/rbs-3.4.0", "/usr/local/lib/ruby/gems/3.3.0/specifications/rbs-3.4.0.gemspec", "/usr/local/bundle/gems/nokogiri-1.15.4-x86_64-linux/ext/nokogiri/a.c"} {
		if got[name] == "" {
			t.Errorf("%s stays", name)
		}
	}
	for _, name := range []string{"/usr/local/bin/ruby", "/usr/local/bin/bundle", "/usr/local/bundle/gems/rack-2.2.8", "/usr/local/bundle/specifications"} {
		if got[name] != "" {
			t.Errorf("%s goes", name)
		}
	}
}

// FuzzLock holds the parsers of Bundler's files to lines and names that are in
// them.
func FuzzLock(f *testing.F) {
	f.Add(lock)
	f.Add("gem 'x'\ngem \"y\", require: false\ngroup :a do\nend\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, l := range parseLock(text) {
			if l.line < 1 || l.line > strings.Count(text, "\n")+1 || !strings.Contains(text, l.name+" ("+l.version+")") {
				t.Fatalf("%+v", l)
			}
		}
		names, _ := always(text)
		for _, n := range names {
			if !strings.Contains(text, n) {
				t.Fatalf("%q", n)
			}
		}
	})
}
