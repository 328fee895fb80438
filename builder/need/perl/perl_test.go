package perl

import (
	"debug/elf"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	whittleelf "github.com/whittle-oci/whittle/builder/need/elf"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
	"github.com/whittle-oci/whittle/builder/need/shell"
	"github.com/whittle-oci/whittle/builder/tree"
)

// debian is a tree in the layout of Debian, whose Perl has its directories
// compiled in.
func debian(t testing.TB) *tree.Memory {
	t.Helper()
	var m tree.Memory
	m.File("/usr/bin/perl", 0o755, elftest.File{Machine: elf.EM_X86_64, Text: "\x00/etc/perl\x00/usr/share/perl5\x00/usr/lib/x86_64-linux-gnu/perl-base\x00/usr/local/lib/site_perl\x00/usr/lib/debug/perl.debug\x00"}.Bytes())
	for _, name := range []string{"/usr/share/perl5/DBI.pm", "/usr/share/perl5/Debconf/X.pm", "/usr/share/perl5/CPAN.pm", "/usr/share/perl5/CPAN/Y.pm", "/usr/lib/x86_64-linux-gnu/perl-base/strict.pm", "/usr/lib/x86_64-linux-gnu/perl-base/unicore/To/Upper.pl", "/etc/perl/sitecustomize.pl"} {
		m.File(name, 0o644, []byte("1;"))
	}
	m.File("/usr/lib/x86_64-linux-gnu/perl/other.pm", 0o644, nil)
	program := elftest.File{Machine: elf.EM_X86_64}.Bytes()
	m.File("/bin/sh", 0o755, program)
	m.File("/usr/bin/env", 0o755, program)
	m.File("/usr/bin/jq", 0o755, program)
	m.File("/usr/bin/plackup", 0o755, []byte("#!/usr/bin/perl\n"))
	m.File("/app/run.pl", 0o755, []byte("#!/usr/bin/env perl\nuse strict;\nuse DBI;\nuse Shop::Cart;\nuse Own;\nprint `jq . | cat`;\n"))
	m.File("/app/Own.pm", 0o644, []byte("package Own;\nuse CPAN;\n1;\n"))
	m.File("/app/app.psgi", 0o644, []byte("sub {}\n"))
	return &m
}

func launch(t *testing.T, m *tree.Memory, argv ...string) (need.Launched, *Runtime, *need.Env, error) {
	t.Helper()
	env := &need.Env{Tree: m, Dir: "/app", Vars: []string{"PATH=/usr/bin:/bin"}}
	r := New(whittleelf.NewFiles())
	got, err := need.Launch(t.Context(), env, need.Command{Argv: argv, Instruction: "CMD"}, []need.Launcher{r, shell.New(), need.Lookup{}, need.Execute{}})
	return got, r, env, err
}

func TestLaunch(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*tree.Memory)
		argv   []string
		want   []string
		asks   string
		error  string
	}{
		{name: "file", argv: []string{"perl", "-w", "-Mstrict", "-I", "lib", "run.pl", "x"}, asks: "/app/run.pl"},
		{name: "missing file", argv: []string{"perl", "x.pl"}, error: "CMD starts x.pl, and /app/x.pl is not in the built image"},
		{name: "code", argv: []string{"perl", "-lne", "system('ls | wc')", "run.pl"}, asks: "/bin/sh"},
		{name: "script", argv: []string{"./run.pl", "x"}, want: []string{"/usr/bin/perl", "/app/run.pl", "x"}, asks: "/app/run.pl"},
		{name: "server", argv: []string{"plackup", "-p", "80"}, asks: "/app/app.psgi"},
		{name: "server without an application", change: func(m *tree.Memory) { m.Remove("/app/app.psgi") }, argv: []string{"plackup"}, error: "/app/app.psgi is not in the built image"},
		{name: "server of another file", argv: []string{"plackup", "--app", "other.psgi"}, error: "/app/other.psgi is not in the built image"},
		{name: "option without its value", argv: []string{"perl", "-e"}, asks: "/usr/bin/perl"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := debian(t)
			if c.change != nil {
				c.change(m)
			}
			got, _, _, err := launch(t, m, c.argv...)
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
			if !slices.ContainsFunc(got.Needs, func(n need.Need) bool { return n.Path == c.asks }) {
				t.Errorf("%s is not asked for: %+v", c.asks, got.Needs)
			}
		})
	}
}

func TestClosure(t *testing.T) {
	m := debian(t)
	got, r, env, err := launch(t, m, "./run.pl")
	if err != nil {
		t.Fatal(err)
	}
	found := got.Found
	found.Needs = append(found.Needs, need.Need{Kind: need.Data, Path: "/app/Own.pm", By: "Dockerfile", Reason: "it is there"})
	set, err := need.Close(t.Context(), env, found, []need.Provider{r, shell.New(), whittleelf.New(whittleelf.NewFiles(), Interprets)})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"/usr/share/perl5/DBI.pm", "/usr/lib/x86_64-linux-gnu/perl-base/unicore/To/Upper.pl", "/etc/perl/sitecustomize.pl", "/usr/share/perl5/CPAN.pm", "/usr/share/perl5/CPAN/Y.pm", "/usr/bin/jq", "/bin/sh"} {
		if set.File(name) == nil {
			t.Errorf("%s is not there", name)
		}
	}
	for _, name := range []string{"/usr/share/perl5/Debconf/X.pm", "/usr/lib/x86_64-linux-gnu/perl/other.pm", "/usr/bin/env"} {
		if set.File(name) != nil {
			t.Errorf("%s is there", name)
		}
	}
	var said []string
	for _, w := range set.Warnings {
		said = append(said, w.Message)
	}
	if want := []string{"/app/run.pl:4 uses Shop::Cart, which is in no directory of modules of the built image"}; !slices.Equal(said, want) {
		t.Errorf("%q, want %q", said, want)
	}
}

// TestBelowPrefix finds the directories of a Perl whose text does not have them.
func TestBelowPrefix(t *testing.T) {
	var m tree.Memory
	m.File("/usr/local/bin/perl", 0o755, elftest.File{Machine: elf.EM_X86_64}.Bytes())
	for _, name := range []string{"lib/perl5/5.38.0/strict.pm", "lib/perl5/5.38.0/x86_64-linux-gnu/CORE/perl.h", "lib/perl5/site_perl/5.38.0/DBI.pm", "bin/cpanm", "bin/perldoc"} {
		m.File("/usr/local/"+name, 0o755, []byte("1;"))
	}
	env := &need.Env{Tree: &m, Vars: []string{"PATH=/usr/local/bin"}}
	got, err := New(whittleelf.NewFiles()).Prunes(t.Context(), env, []string{"/usr/local/bin/perl"})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"/usr/local/lib/perl5/5.38.0/x86_64-linux-gnu/CORE/perl.h", "/usr/local/bin/cpanm", "/usr/local/bin/perldoc"} {
		if got[name] == "" {
			t.Errorf("%s stays: %q", name, got)
		}
	}
	if got["/usr/local/lib/perl5/5.38.0/strict.pm"] != "" {
		t.Error("strict.pm goes")
	}
}
