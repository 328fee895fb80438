package decide_test

import (
	"fmt"
	"strings"
	"testing"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/decide"
	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
	"github.com/whittle-oci/whittle/builder/tree"
)

// A deb is a package of a Debian tree.
type deb struct {
	name, depends, provides, section string
	required, automatic              bool
	files                            map[string][]byte // nil for a link "TARGET" behind "->"
}

// multiarch is where Debian has libraries.
const multiarch = "/usr/lib/x86_64-linux-gnu/"

// debs puts packages into a tree as dpkg and apt leave them.
func debs(t *tree.Memory, list ...deb) {
	status, states := "", ""
	for _, d := range list {
		status += fmt.Sprintf("Package: %s\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n", d.name)
		for field, value := range map[string]string{"Depends": d.depends, "Provides": d.provides, "Section": d.section} {
			if value != "" {
				status += field + ": " + value + "\n"
			}
		}
		if d.required {
			status += "Priority: required\n"
		}
		status += "\n"
		if d.automatic {
			states += fmt.Sprintf("Package: %s\nArchitecture: amd64\nAuto-Installed: 1\n\n", d.name)
		}
		paths := []string{"/."}
		for name, data := range d.files {
			paths = append(paths, name)
			target, link := strings.CutPrefix(string(data), "->")
			switch {
			case link:
				t.Symlink(name, target)
			case strings.Contains(name, "bin/"), strings.Contains(name, "/cc1"):
				t.File(name, 0o755, data)
			default:
				t.File(name, 0o644, data)
			}
		}
		t.File("/var/lib/dpkg/info/"+d.name+".list", 0o644, []byte(strings.Join(paths, "\n")+"\n"))
	}
	t.File("/var/lib/dpkg/status", 0o644, []byte(status))
	t.File("/var/lib/apt/extended_states", 0o644, []byte(states))
	t.File("/lib64/ld-linux-x86-64.so.2", 0o755, elftest.File{Library: true, SoName: "ld-linux-x86-64.so.2"}.Bytes())
}

func program(f elftest.File) []byte {
	f.Interp = "/lib64/ld-linux-x86-64.so.2"
	return f.Bytes()
}

func library(soname string, needed ...string) []byte {
	return elftest.File{Library: true, SoName: soname, Needed: needed}.Bytes()
}

var text = []byte("x")

// TestRelations follows packages from what a program links or the Dockerfile
// asks for to the data and modules that no header names.
func TestRelations(t *testing.T) {
	uses := func(needed ...string) func(*tree.Memory) {
		return func(t *tree.Memory) { t.File("/app", 0o755, program(elftest.File{Needed: needed})) }
	}
	run(t, []stage{
		{
			name: "data of a package that a linked library's depends on", base: debian,
			change: func(t *tree.Memory) {
				debs(t,
					deb{name: "libmagic1", depends: "libmagic-mgc (= 1), libc6 (>= 2)", files: map[string][]byte{multiarch + "libmagic.so.1": library("libmagic.so.1"), "/etc/magic": text}},
					deb{name: "libmagic-mgc", automatic: true, files: map[string][]byte{"/usr/lib/file/magic.mgc": text, "/usr/share/misc/magic.mgc": []byte("->../../lib/file/magic.mgc"), "/usr/share/doc/libmagic-mgc/x": text}},
				)
				uses("libmagic.so.1")(t)
			},
			has:    []string{"0644 0:0 /usr/lib/file/magic.mgc", "0777 0:0 /usr/share/misc/magic.mgc -> ../../lib/file/magic.mgc", "0644 0:0 /etc/magic"},
			hasNot: []string{"/usr/share/doc/libmagic-mgc/x"},
		},
		{
			name: "a directory that a package's link leads to", base: debian,
			change: func(t *tree.Memory) {
				debs(t,
					deb{name: "liba1", files: map[string][]byte{multiarch + "liba.so.1": library("liba.so.1"), "/usr/share/a/errors": []byte("->../pages"), "/usr/share/a/all": []byte("->.."), "/usr/share/a/zones": []byte("->../zoneinfo")}},
					deb{name: "pages", automatic: true, files: map[string][]byte{"/usr/share/pages/en/index": text, "/usr/share/zoneinfo/Europe/Rome": text}},
				)
				uses("liba.so.1")(t)
			},
			has:    []string{"0777 0:0 /usr/share/a/errors -> ../pages", "0644 0:0 /usr/share/pages/en/index"},
			hasNot: []string{"/usr/share/zoneinfo/Europe/Rome"},
		},
		{
			name: "Perl's modules for a module that has Perl inside, of a package that was asked for", base: debian, config: entrypoint("/usr/sbin/web"),
			change: func(t *tree.Memory) {
				debs(t,
					deb{name: "web", files: map[string][]byte{"/usr/sbin/web": program(elftest.File{})}},
					deb{name: "web-mod-perl", depends: "web", files: map[string][]byte{multiarch + "web/modules/mod_perl.so": library("mod_perl.so", "libperl.so.5.36")}},
					deb{name: "libperl5.36", automatic: true, depends: "perl-modules-5.36", files: map[string][]byte{multiarch + "libperl.so.5.36.0": library("libperl.so.5.36"), multiarch + "libperl.so.5.36": []byte("->libperl.so.5.36.0"), multiarch + "perl/5.36.0/Config.pm": text}},
					deb{name: "perl-modules-5.36", automatic: true, files: map[string][]byte{"/usr/share/perl/5.36.0/strict.pm": text, "/usr/share/perl/5.36.0/perl.pod": text, "/usr/share/perl/5.36": []byte("->5.36.0")}},
				)
			},
			has:    []string{"0644 0:0 " + multiarch + "web/modules/mod_perl.so", "0644 0:0 /usr/share/perl/5.36.0/strict.pm", "0777 0:0 /usr/share/perl/5.36 -> 5.36.0", "0644 0:0 " + multiarch + "perl/5.36.0/Config.pm"},
			hasNot: []string{"/usr/share/perl/5.36.0/perl.pod"},
		},
		{
			name: "a package's own data, though a program lies beside it, and what many packages bring for one", base: debian, config: entrypoint("/usr/bin/vim"),
			change: func(t *tree.Memory) {
				debs(t,
					deb{name: "vim", depends: "vim-runtime, nginx", files: map[string][]byte{"/usr/bin/vim": program(elftest.File{})}},
					deb{name: "vim-runtime", automatic: true, files: map[string][]byte{"/usr/bin/vimtutor": []byte("#!/bin/sh\n"), "/usr/share/vim/vim90/syntax/sh.vim": make([]byte, 5<<20)}},
					deb{name: "nginx", automatic: true, files: map[string][]byte{"/usr/share/vim/addons/nginx.vim": text, "/usr/share/nginx/x": text}},
				)
			},
			has: []string{"0644 0:0 /usr/share/vim/vim90/syntax/sh.vim", "0644 0:0 /usr/share/nginx/x"}, hasNot: []string{"/usr/share/vim/addons/nginx.vim", "/usr/bin/vimtutor"},
		},
		{
			name: "jobs of packages, where there is a cron, and not those of the base image", config: entrypoint("cron", "-f"),
			base: both(debian, func(t *tree.Memory) {
				t.File("/usr/bin/sh", 0o755, elfBytes)
				debs(t, deb{name: "e2scrub", files: map[string][]byte{"/etc/cron.d/e2scrub": []byte("* * * * * root never\n"), "/usr/bin/never": program(elftest.File{})}})
			}),
			change: func(t *tree.Memory) {
				debs(t,
					deb{name: "e2scrub"},
					deb{name: "cron", files: map[string][]byte{"/usr/sbin/cron": program(elftest.File{})}},
					deb{name: "shop-common", automatic: true, files: map[string][]byte{"/etc/cron.d/shop": []byte("* * * * * root sessions\n"), "/usr/bin/sessions": program(elftest.File{}), "/etc/logrotate.d/shop": text}},
				)
				t.File("/var/lib/dpkg/info/e2scrub.list", 0o644, []byte("/.\n/etc/cron.d/e2scrub\n/usr/bin/never\n")) // unchanged
			},
			has: []string{"0644 0:0 /etc/cron.d/shop", "0755 0:0 /usr/bin/sessions", "0755 0:0 /usr/bin/sh"}, hasNot: []string{"/etc/cron.d/e2scrub", "/usr/bin/never", "/etc/logrotate.d/shop"},
		},
		{
			name: "the toolchain of a compiler that is run", base: debian, config: entrypoint("/usr/bin/gcc"),
			change: func(t *tree.Memory) {
				debs(t,
					deb{name: "gcc", depends: "gcc-12, cpp", files: map[string][]byte{"/usr/bin/gcc": []byte("->x86_64-linux-gnu-gcc-12")}},
					deb{name: "gcc-12", automatic: true, depends: "binutils, libgcc-12-dev", files: map[string][]byte{"/usr/bin/x86_64-linux-gnu-gcc-12": program(elftest.File{}), "/usr/lib/gcc/x86_64-linux-gnu/12/cc1": program(elftest.File{Needed: []string{"libmpc.so.3"}}), "/usr/share/man/man1/gcc.1": text}},
					deb{name: "libgcc-12-dev", automatic: true, files: map[string][]byte{"/usr/lib/gcc/x86_64-linux-gnu/12/libgcc.a": text, "/usr/lib/gcc/x86_64-linux-gnu/12/include/stddef.h": text}},
					deb{name: "binutils", automatic: true, files: map[string][]byte{"/usr/bin/as": program(elftest.File{})}},
					deb{name: "libmpc3", automatic: true, files: map[string][]byte{multiarch + "libmpc.so.3": library("libmpc.so.3")}},
					deb{name: "libc6-dev", automatic: true, depends: "linux-libc-dev", files: map[string][]byte{"/usr/include/stdio.h": text, multiarch + "crt1.o": text}},
					deb{name: "linux-libc-dev", automatic: true, files: map[string][]byte{"/usr/include/linux/types.h": text}},
					deb{name: "zlib1g-dev", files: map[string][]byte{"/usr/include/zlib.h": text}},
				)
			},
			has:    []string{"0755 0:0 /usr/bin/as", "0755 0:0 /usr/lib/gcc/x86_64-linux-gnu/12/cc1", "0644 0:0 /usr/lib/gcc/x86_64-linux-gnu/12/libgcc.a", "0644 0:0 /usr/include/stdio.h", "0644 0:0 " + multiarch + "crt1.o", "0644 0:0 /usr/include/linux/types.h", "0644 0:0 " + multiarch + "libmpc.so.3"},
			hasNot: []string{"/usr/share/man/man1/gcc.1"},
		},
		{
			name: "and a warning where it came with something else", base: debian, config: entrypoint("/usr/sbin/web"),
			change: func(t *tree.Memory) {
				debs(t,
					deb{name: "web", depends: "web-extra", files: map[string][]byte{"/usr/sbin/web": program(elftest.File{})}},
					deb{name: "web-extra", automatic: true, files: map[string][]byte{multiarch + "web/modules/mod_perl.so": library("mod_perl.so", "libperl.so.5.36")}},
					deb{name: "libperl5.36", automatic: true, depends: "perl-modules-5.36", files: map[string][]byte{multiarch + "libperl.so.5.36.0": library("libperl.so.5.36"), multiarch + "libperl.so.5.36": []byte("->libperl.so.5.36.0"), multiarch + "perl/5.36.0/Config.pm": text}},
					deb{name: "perl-modules-5.36", automatic: true, files: map[string][]byte{"/usr/share/perl/5.36.0/strict.pm": text, "/usr/share/perl/5.36.0/perl.pod": text, "/usr/share/perl/5.36": []byte("->5.36.0")}},
				)
			},
			hasNot: []string{"/usr/share/perl/5.36.0/strict.pm"},
			warns:  []string{"RUN: libperl.so.5.36.0 is in the image, as something links it, and its modules are not: /usr/share/perl"},
		},
		{
			name: "circles, unmet and virtual dependencies, alternatives", base: debian,
			change: func(t *tree.Memory) {
				debs(t,
					deb{name: "liba1", depends: "a-data, gone, missing | virtual", files: map[string][]byte{multiarch + "liba.so.1": library("liba.so.1")}},
					deb{name: "a-data", automatic: true, depends: "liba1, a-more", files: map[string][]byte{"/usr/share/a/data": text}},
					deb{name: "a-more", automatic: true, depends: "a-data", files: map[string][]byte{"/usr/share/a/more": text}},
					deb{name: "real", automatic: true, provides: "virtual (= 2), other", files: map[string][]byte{"/usr/share/real/data": text}},
				)
				uses("liba.so.1")(t)
			},
			has: []string{"0644 0:0 /usr/share/a/data", "0644 0:0 /usr/share/a/more", "0644 0:0 /usr/share/real/data"},
		},
		{
			name: "a dependency that linking explains brings nothing by itself; one that it does not is opened by name", base: debian,
			change: func(t *tree.Memory) {
				debs(t,
					deb{name: "libv1", depends: "libv-event, libtool1", files: map[string][]byte{multiarch + "libv.so.1": library("libv.so.1"), "/usr/bin/v-tool": program(elftest.File{Needed: []string{"libtool.so.1"}})}},
					deb{name: "libv-event", automatic: true, depends: "libev4", files: map[string][]byte{multiarch + "libv-event.so.1": library("libv-event.so.1", "libev.so.4")}},
					deb{name: "libev4", automatic: true, files: map[string][]byte{multiarch + "libev.so.4": library("libev.so.4")}},
					deb{name: "libtool1", automatic: true, files: map[string][]byte{multiarch + "libtool.so.1": library("libtool.so.1"), "/usr/share/tool/data": text}},
				)
				uses("libv.so.1")(t)
			},
			has:    []string{"0644 0:0 " + multiarch + "libv-event.so.1", "0644 0:0 " + multiarch + "libev.so.4"},
			hasNot: []string{"/usr/bin/v-tool", multiarch + "libtool.so.1", "/usr/share/tool/data"},
		},
		{
			name: "it ends at the base system, at what builds, at interpreters and large tools", base: debian,
			change: func(t *tree.Memory) {
				debs(t,
					deb{name: "libb1", depends: "base, b-dev, perl, tool, debconf", files: map[string][]byte{multiarch + "libb.so.1": library("libb.so.1")}},
					deb{name: "base", required: true, depends: "base-data", files: map[string][]byte{"/usr/share/base/data": text}},
					deb{name: "base-data", automatic: true, files: map[string][]byte{"/usr/share/base/more": text}},
					deb{name: "b-dev", automatic: true, section: "libdevel", files: map[string][]byte{"/usr/share/b/dev": text}},
					deb{name: "perl", automatic: true, files: map[string][]byte{"/usr/share/perl/x": text}},
					deb{name: "tool", automatic: true, files: map[string][]byte{"/usr/bin/tool": program(elftest.File{}), "/usr/share/tool/data": make([]byte, 5<<20)}},
				)
				uses("libb.so.1")(t)
			},
			hasNot: []string{"/usr/share/base/data", "/usr/share/base/more", "/usr/share/b/dev", "/usr/share/perl/x", "/usr/share/tool/data"},
			warns:  []string{"libb1 depends on tool, whose 5.24 MB of data are not in the image, since no program of it is: /usr/share/tool"},
		},
		{
			name: "what is installed by name for its data alone", base: debian, change: func(t *tree.Memory) {
				debs(t,
					deb{name: "hunspell-xx", files: map[string][]byte{"/usr/share/hunspell/xx.dic": text}},
					deb{name: "fonts", files: map[string][]byte{"/usr/share/doc/fonts/x": text}, depends: "font-a, base"},
					deb{name: "font-a", automatic: true, files: map[string][]byte{"/usr/share/fonts/a.ttf": text}},
					deb{name: "base", required: true, files: map[string][]byte{"/usr/share/base/data": text}},
					deb{name: "tzdata", files: map[string][]byte{"/usr/share/zoneinfo/UTC": text}},
					deb{name: "tool", files: map[string][]byte{"/usr/bin/tool": program(elftest.File{}), "/usr/share/tool/data": text}},
					deb{name: "liblib1", files: map[string][]byte{multiarch + "liblib.so.1": library("liblib.so.1")}},
				)
			},
			has:    []string{"0644 0:0 /usr/share/hunspell/xx.dic", "0644 0:0 /usr/share/fonts/a.ttf"},
			hasNot: []string{"/usr/share/base/data", "/usr/share/zoneinfo/UTC", "/usr/share/tool/data", multiarch + "liblib.so.1"},
			warns:  []string{"the package tool, which the final stage installs by name, so it is not in the image; where /app runs or reads it, it will miss its programs /usr/bin/tool"},
			check: func(t *testing.T, p *image.Plan) {
				if e, _ := p.Find("/usr/share/fonts/a.ttf"); !e.Droppable || !strings.Contains(e.Reason, "font-a by name") {
					t.Errorf("%+v", e)
				}
			},
		},
		{
			name: "libraries and modules that are installed by name, for a program that can load them", base: debian, change: func(t *tree.Memory) {
				debs(t,
					deb{name: "libe1", files: map[string][]byte{multiarch + "libe.so.1": library("libe.so.1")}},
					deb{name: "plugin-x", depends: "libx1", files: map[string][]byte{multiarch + "plugins/x.so": []byte("->x.so.1"), multiarch + "plugins/x.so.1": library("x.so.1", "libx.so.1")}},
					deb{name: "libx1", automatic: true, files: map[string][]byte{multiarch + "libx.so.1": library("libx.so.1")}},
				)
				uses("libe.so.1")(t)
			},
			has: []string{"0777 0:0 " + multiarch + "plugins/x.so -> x.so.1", "0644 0:0 " + multiarch + "plugins/x.so.1", "0644 0:0 " + multiarch + "libx.so.1"},
		},
		{
			name: "strict follows files alone", base: debian, options: decide.Options{StrictPackages: true}, change: func(t *tree.Memory) {
				debs(t,
					deb{name: "liba1", depends: "a-data", files: map[string][]byte{multiarch + "liba.so.1": library("liba.so.1")}},
					deb{name: "a-data", automatic: true, files: map[string][]byte{"/usr/share/a/data": text}},
					deb{name: "dictionary", files: map[string][]byte{"/usr/share/dict/words": text}},
				)
				uses("liba.so.1")(t)
			},
			hasNot: []string{"/usr/share/a/data", "/usr/share/dict/words"}, warns: []string{"the package dictionary"},
		},
	})
}

// TestNamed follows what programs name in their text.
func TestNamed(t *testing.T) {
	app := func(f elftest.File, list ...deb) func(*tree.Memory) {
		return func(t *tree.Memory) {
			debs(t, list...)
			t.File("/app", 0o755, program(f))
		}
	}
	tools := []deb{
		{name: "git", files: map[string][]byte{"/usr/bin/git": program(elftest.File{}), "/usr/bin/git-shell": program(elftest.File{})}},
		{name: "coreutils", required: true, files: map[string][]byte{"/usr/bin/rm": program(elftest.File{}), "/usr/bin/date": program(elftest.File{})}},
		{name: "gcc", files: map[string][]byte{"/usr/bin/gcc": program(elftest.File{})}},
	}
	run(t, []stage{
		{
			name: "programs by name, of packages that were asked for", base: debian,
			change: app(elftest.File{Imports: []string{"execvp"}, Text: "\x00cannot find git\x00prose about git-shell and rm\x00"}, tools...),
			has:    []string{"0755 0:0 /usr/bin/git"}, hasNot: []string{"/usr/bin/git-shell", "/usr/bin/rm", "/usr/bin/gcc"},
		},
		{
			name: "not without a call that starts any", base: debian,
			change: app(elftest.File{Imports: []string{"open"}, Text: "\x00git\x00"}, tools...), hasNot: []string{"/usr/bin/git"}, warns: []string{"the package git"},
		},
		{
			name: "command lines, of any package; a compiler is a warning", base: debian,
			change: app(elftest.File{Imports: []string{"system"}, Text: "\x00rm -rf cache\x00exec gcc -o x %s 2>&1\x00\"%s%sgit\" -w %d\x00date of birth\x00date failed: %s\x00date file \"%s\" not found\x00date %s does not exist\x00value (date %s)\x00"}, tools...),
			has:    []string{"0755 0:0 /usr/bin/rm", "0755 0:0 /usr/bin/git"}, hasNot: []string{"/usr/bin/gcc", "/usr/bin/date"},
			warns: []string{`/app names the command line "exec gcc -o x %s 2>&1", which is a compiler and not in the image`},
		},
		{
			name: "of the base system, only what can be nothing else", base: debian, has: []string{"0755 0:0 /usr/bin/rm"}, hasNot: []string{"/usr/bin/date", "/bin/sh"},
			change: app(elftest.File{Imports: []string{"execvp"}, Text: "\x00rm\x00date\x00sh\x00"}, tools...),
		},
		{
			name: "an interpreter that a packaged program names is no reason to give up", base: debian, config: entrypoint("/usr/sbin/daemon"),
			change: func(t *tree.Memory) {
				debs(t,
					deb{name: "daemon", depends: "perl, libperl5, plugin", files: map[string][]byte{
						"/usr/sbin/daemon":       program(elftest.File{Imports: []string{"execvp", "dlopen"}, Text: "\x00perl\x00daemon-helper\x00" + multiarch + "daemon/mod_perl.so\x00"}),
						"/usr/bin/daemon-helper": []byte("#!/usr/bin/perl\n"), multiarch + "daemon/mod_perl.so": library("mod_perl.so", "libperl.so.5")}},
					deb{name: "perl", automatic: true, files: map[string][]byte{"/usr/bin/perl": program(elftest.File{})}},
					deb{name: "libperl5", automatic: true, files: map[string][]byte{multiarch + "libperl.so.5": library("libperl.so.5")}},
				)
			},
			has: []string{"0755 0:0 /usr/sbin/daemon", "0644 0:0 " + multiarch + "daemon/mod_perl.so"},
		},
		{
			name: "the other programs of a package whose program starts some", base: debian, config: entrypoint("/usr/bin/groff"),
			change: func(t *tree.Memory) {
				debs(t,
					deb{name: "groff-base", files: map[string][]byte{"/usr/bin/groff": program(elftest.File{Imports: []string{"execvp"}}), "/usr/bin/grotty": program(elftest.File{}), "/usr/bin/chem": []byte("#!/usr/bin/perl\n")}},
					deb{name: "other", files: map[string][]byte{"/usr/bin/other": program(elftest.File{})}},
				)
			},
			has: []string{"0755 0:0 /usr/bin/grotty"}, hasNot: []string{"/usr/bin/chem", "/usr/bin/other"}, warns: []string{"the package other"},
		},
		{
			name: "a shell with its flag", base: debian, has: []string{"0755 0:0 /usr/bin/sh"},
			change: app(elftest.File{Imports: []string{"execvp"}, Text: "\x00sh\x00-c\x00"}, tools...),
		},
		{
			name: "not the texts of a C library that is linked in", base: debian, hasNot: []string{"/usr/bin/rm", "/usr/bin/date"}, has: []string{"0755 0:0 /usr/bin/git"},
			change: func(t *tree.Memory) {
				debs(t, tools...)
				t.File("/app", 0o755, elftest.File{Text: "\x00rm library=%s [%lu]; searching\x00date\x00git\x00"}.Bytes())
			},
		},
		{
			name: "programs that its arguments name", base: debian, config: entrypoint("/app", "-x", "date", "+%Y"),
			change: app(elftest.File{Imports: []string{"execvp"}}, tools...), has: []string{"0755 0:0 /usr/bin/date"}, hasNot: []string{"/usr/bin/rm"},
		},
		{
			name: "files by their paths", base: debian,
			change: app(elftest.File{Imports: []string{"fopen"}, Text: "\x00/usr/share/dict/words:/usr/share/none\x00/etc/ssl/openssl.cnf\x00/usr/share/words/%s\x00/etc/passwd\x00/etc/hosts\x00"},
				deb{name: "words", automatic: true, files: map[string][]byte{"/usr/share/dict/words": text, "/etc/ssl/openssl.cnf": text}}),
			has: []string{"0644 0:0 /usr/share/dict/words"}, hasNot: []string{"/etc/ssl/openssl.cnf"},
			check: func(t *testing.T, p *image.Plan) {
				if e, _ := p.Find("/etc/passwd"); !strings.Contains(string(e.Data), "65532") {
					t.Errorf("passwd is the built image's: %+v", e)
				}
			},
		},
		{
			name: "modules in a directory, with what they link", base: debian,
			change: app(elftest.File{Needed: []string{"libs.so.2"}},
				deb{name: "libs2", files: map[string][]byte{multiarch + "libs.so.2": elftest.File{Library: true, SoName: "libs.so.2", Imports: []string{"dlopen", "opendir"}, Text: "\x00/usr/lib/sasl:" + multiarch + "sasl\x00"}.Bytes()}},
				deb{name: "mods", automatic: true, files: map[string][]byte{multiarch + "sasl/plain.so": library("plain.so", "libk.so.1"), multiarch + "sasl/plain.la": text}},
				deb{name: "libk1", automatic: true, files: map[string][]byte{multiarch + "libk.so.1": library("libk.so.1"), multiarch + "libk.la": text}}),
			has: []string{"0644 0:0 " + multiarch + "sasl/plain.so", "0644 0:0 " + multiarch + "sasl/plain.la", "0644 0:0 " + multiarch + "libk.so.1"}, hasNot: []string{multiarch + "libk.la"},
		},
		{
			name: "libraries that it opens", base: debian,
			change: app(elftest.File{Imports: []string{"dlopen"}, Text: "\x00libcurl.so.4\x00libnone.so.1\x00"},
				deb{name: "libcurl4", automatic: true, files: map[string][]byte{multiarch + "libcurl.so.4": library("libcurl.so.4", "libz.so.1"), multiarch + "libz.so.1": library("libz.so.1")}}),
			has: []string{"0644 0:0 " + multiarch + "libcurl.so.4", "0644 0:0 " + multiarch + "libz.so.1"},
		},
		{
			name: "SQLite's extensions, without their suffix", base: debian,
			change: app(elftest.File{Imports: []string{"sqlite3_load_extension"}, Text: "\x00mod_spatialite\x00"},
				deb{name: "ext", automatic: true, files: map[string][]byte{multiarch + "mod_spatialite.so": library("mod_spatialite.so")}}),
			has: []string{"0644 0:0 " + multiarch + "mod_spatialite.so"},
		},
		{
			name: "what an installation made in directories of its own", base: debian,
			change: func(t *tree.Memory) {
				app(elftest.File{Needed: []string{"libgio.so"}},
					deb{name: "libgio", depends: "shared-mime-info", files: map[string][]byte{multiarch + "libgio.so": library("libgio.so")}},
					deb{name: "shared-mime-info", automatic: true, files: map[string][]byte{"/usr/bin/update-mime": text, "/usr/share/mime/packages/all.xml": text, "/usr/share/mime/version": text}},
					deb{name: "theme", automatic: true, files: map[string][]byte{"/usr/share/mime/theme/b": text}})(t)
				t.File("/usr/share/mime/mime.cache", 0o644, text)
				t.File("/usr/share/mime/application/pdf.xml", 0o644, text)
				t.File("/usr/share/mime/theme/c", 0o644, text)
				t.File("/usr/share/mime/image/large.xml", 0o644, make([]byte, 2<<20))
			},
			has:    []string{"0644 0:0 /usr/share/mime/mime.cache", "0644 0:0 /usr/share/mime/application/pdf.xml"},
			hasNot: []string{"/usr/share/mime/theme/b", "/usr/share/mime/theme/c", "/usr/share/mime/image/large.xml"},
		},
		{
			name: "and all of it of a package that was asked for by name", base: debian,
			change: func(t *tree.Memory) {
				app(elftest.File{Needed: []string{"libgio.so"}},
					deb{name: "libgio", files: map[string][]byte{multiarch + "libgio.so": library("libgio.so")}},
					deb{name: "shared-mime-info", files: map[string][]byte{"/usr/share/mime/packages/all.xml": text, "/usr/share/mime/version": text}})(t)
				t.File("/usr/share/mime/image/large.xml", 0o644, make([]byte, 2<<20))
			},
			has: []string{"0644 0:0 /usr/share/mime/image/large.xml"},
		},
		{
			name: "locales of the environment", base: debian,
			config: func(c *dockerspec.DockerOCIImageConfig) { c.Env = append(c.Env, "LANG=C.UTF-8") },
			change: func(t *tree.Memory) {
				app(elftest.File{Imports: []string{"setlocale"}})(t)
				t.File("/usr/lib/locale/C.utf8/LC_CTYPE", 0o644, text)
			},
			has: []string{"0644 0:0 /usr/lib/locale/C.utf8/LC_CTYPE"},
		},
		{
			name: "messages in the language of the environment", base: debian,
			config: func(c *dockerspec.DockerOCIImageConfig) { c.Env = append(c.Env, "LANG=de_AT.UTF-8", "LANGUAGE=nl") },
			change: func(t *tree.Memory) {
				app(elftest.File{Imports: []string{"setlocale", "textdomain"}, Text: "\x00my shop\x00"},
					deb{name: "locales", files: map[string][]byte{"/usr/sbin/locale-gen": text, "/usr/share/locale/de/LC_MESSAGES/libc.mo": text, "/usr/share/locale/fr/LC_MESSAGES/libc.mo": text}},
					deb{name: "shop-l10n", files: map[string][]byte{"/usr/share/locale/nl/LC_MESSAGES/shop.mo": text, "/usr/share/locale/de_AT/LC_MESSAGES/shop.mo": text, "/usr/share/locale/de/LC_MESSAGES/tar.mo": text}})(t)
			},
			has:    []string{"0644 0:0 /usr/share/locale/de/LC_MESSAGES/libc.mo", "0644 0:0 /usr/share/locale/nl/LC_MESSAGES/shop.mo", "0644 0:0 /usr/share/locale/de_AT/LC_MESSAGES/shop.mo"},
			hasNot: []string{"/usr/share/locale/fr/LC_MESSAGES/libc.mo", "/usr/share/locale/de/LC_MESSAGES/tar.mo"},
		},
		{
			name: "and none where the locale is that of C", base: debian,
			config: func(c *dockerspec.DockerOCIImageConfig) { c.Env = append(c.Env, "LANG=C.UTF-8", "LANGUAGE=de") },
			change: app(elftest.File{Imports: []string{"setlocale"}},
				deb{name: "locales", files: map[string][]byte{"/usr/share/locale/de/LC_MESSAGES/libc.mo": text}}),
			hasNot: []string{"/usr/share/locale/de/LC_MESSAGES/libc.mo"},
		},
		{
			name: "command lines of a configuration, for who gives them to a shell", base: debian, config: entrypoint("/usr/sbin/agent", "-c", "/etc/agent/own.conf"),
			change: func(t *tree.Memory) {
				debs(t,
					deb{name: "agent", files: map[string][]byte{"/usr/sbin/agent": program(elftest.File{Imports: []string{"execl"}, Text: "\x00/bin/sh\x00-c\x00"}), "/etc/agent/agent.conf": text}},
					deb{name: "tools", required: true, files: map[string][]byte{"/usr/bin/count": program(elftest.File{}), "/usr/bin/edit": program(elftest.File{}), "/usr/bin/never": program(elftest.File{})}})
				t.File("/etc/agent/own.conf", 0o644, []byte("# a = never | edit\nText = some words | never\nParameter=wares,count -x \"a b\" | edit 's/^/x /'\nLevel = never\n"))
			},
			has:    []string{"0755 0:0 /usr/bin/count", "0755 0:0 /usr/bin/edit", "0755 0:0 /usr/bin/sh"},
			hasNot: []string{"/usr/bin/never"},
		},
		{
			name: "and not for who does not", base: debian, config: entrypoint("/usr/sbin/agent", "-c", "/etc/agent/own.conf"),
			change: func(t *tree.Memory) {
				debs(t,
					deb{name: "agent", files: map[string][]byte{"/usr/sbin/agent": program(elftest.File{Imports: []string{"execl"}}), "/etc/agent/agent.conf": text}},
					deb{name: "tools", required: true, files: map[string][]byte{"/usr/bin/count": program(elftest.File{}), "/usr/bin/edit": program(elftest.File{})}})
				t.File("/etc/agent/own.conf", 0o644, []byte("Parameter=wares,count | edit\n"))
			},
			hasNot: []string{"/usr/bin/count", "/usr/bin/sh"},
		},
		{
			name: "PAM: the service, what it includes, modules, their files", base: debian,
			change: func(t *tree.Memory) {
				app(elftest.File{Imports: []string{"pam_start"}, Text: "\x00myapp\x00"})(t)
				t.File("/etc/pam.d/myapp", 0o644, []byte("auth [success=1 default=ignore] pam_unix.so nullok\n@include common\n-session optional pam_gone.so\nauth required pam_file.so file=/etc/allowed\n"))
				t.File("/etc/pam.d/common", 0o644, []byte("account include myapp\nsession required pam_limits.so\n"))
				t.File("/etc/pam.d/unrelated", 0o644, []byte("auth required pam_rare.so\n"))
				t.File("/etc/pam.d/other", 0o644, []byte("auth required pam_deny.so\n"))
				for _, m := range []string{"unix", "file", "limits", "rare", "deny"} {
					t.File(multiarch+"security/pam_"+m+".so", 0o644, library("pam_"+m+".so"))
				}
				t.File("/etc/allowed", 0o644, text)
				t.File("/etc/security/limits.conf", 0o644, text)
			},
			has: []string{"0644 0:0 /etc/pam.d/myapp", "0644 0:0 /etc/pam.d/common", "0644 0:0 /etc/pam.d/other", "0644 0:0 " + multiarch + "security/pam_unix.so", "0644 0:0 " + multiarch + "security/pam_file.so", "0644 0:0 " + multiarch + "security/pam_deny.so", "0644 0:0 /etc/allowed", "0644 0:0 /etc/security/limits.conf"},
			check: func(t *testing.T, p *image.Plan) {
				// pam_unix looks for the account of a password "x" in a shadow file.
				if e, ok := p.Find("/etc/passwd"); !ok || !strings.Contains(string(e.Data), "root:*:0:0:") {
					t.Errorf("/etc/passwd: %q", e.Data)
				}
			},
		},
		{
			name: "PAM: a service whose name is the end of another text", base: debian,
			change: func(t *tree.Memory) {
				app(elftest.File{Imports: []string{"pam_start"}, Text: "\x00login\x00lecture/myapp\x00"},
					deb{name: "services", automatic: true, files: map[string][]byte{"/etc/pam.d/myapp": text, "/etc/pam.d/login": text, "/etc/pam.d/rare": text}})(t)
			},
			has:    []string{"0644 0:0 /etc/pam.d/myapp", "0644 0:0 /etc/pam.d/login"},
			hasNot: []string{"/etc/pam.d/rare"},
		},
		{
			name: "the shells of people who log in, and no passwords", base: debian, config: entrypoint("/usr/sbin/sshd", "-D"),
			change: func(t *tree.Memory) {
				debs(t,
					deb{name: "openssh", files: map[string][]byte{"/usr/sbin/sshd": program(elftest.File{Imports: []string{"open", "pam_start"}, Text: "\x00sshd\x00"}), "/etc/pam.d/sshd": []byte("auth required pam_unix.so\n")}},
					deb{name: "shells", required: true, files: map[string][]byte{"/usr/bin/shell": program(elftest.File{}), "/usr/bin/never": program(elftest.File{}), multiarch + "security/pam_unix.so": library("pam_unix.so")}})
				t.File("/etc/passwd", 0o644, []byte("root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1::/:/usr/bin/never\nann:x:1000:1000::/home/ann:/usr/bin/shell\neve:x:1001:1001::/home/eve:/usr/sbin/nologin\n"))
				t.File("/etc/shadow", 0o640, []byte("root:*:1::::::\nann:$y$j9T$abc$def:1::::::\n"))
			},
			has:    []string{"0755 0:0 /usr/bin/shell"},
			hasNot: []string{"/usr/bin/never", "/etc/shadow"},
			warns: []string{
				"/usr/sbin/sshd lets in ann, who have /usr/bin/shell in the image",
				"the password of ann is not in the image",
			},
		},
		{
			name: "a script that an argument has behind a colon", base: debian, config: entrypoint("/usr/bin/relay", "LISTEN:70", "EXEC:/srv/answer.sh,pty"),
			change: func(t *tree.Memory) {
				debs(t,
					deb{name: "relay", files: map[string][]byte{"/usr/bin/relay": program(elftest.File{})}},
					deb{name: "base", required: true, files: map[string][]byte{"/usr/bin/count": program(elftest.File{})}})
				t.File("/srv/answer.sh", 0o755, []byte("#!/bin/sh\ncount x\n"))
			},
			has: []string{"0755 0:0 /srv/answer.sh", "0755 0:0 /usr/bin/sh", "0755 0:0 /usr/bin/count"},
		},
		{
			name: "programs that a configuration of one's own names", base: debian, config: entrypoint("/usr/sbin/super"),
			change: func(t *tree.Memory) {
				debs(t,
					deb{name: "super", files: map[string][]byte{"/usr/sbin/super": program(elftest.File{}), "/etc/super.d/theirs": []byte("server = /usr/bin/never\n")}},
					deb{name: "base", required: true, files: map[string][]byte{"/usr/bin/count": program(elftest.File{}), "/usr/bin/never": program(elftest.File{})}})
				t.File("/etc/super.d/own", 0o644, []byte("# server = /usr/bin/never\nserver = /bin/count\n"))
			},
			has:    []string{"0755 0:0 /usr/bin/count"},
			hasNot: []string{"/usr/bin/never"},
		},
		{
			name: "a shell for wordexp(3) of the user's own programs", base: debian,
			change: app(elftest.File{Imports: []string{"wordexp"}, Text: "\x00n=$(count 1)\x00"},
				deb{name: "base", required: true, files: map[string][]byte{"/usr/bin/count": program(elftest.File{})}}),
			has: []string{"0755 0:0 /usr/bin/sh", "0755 0:0 /usr/bin/count"},
		},
		{
			name: "and none for that of a library, which reads names", base: debian,
			change: app(elftest.File{Needed: []string{"libsound.so"}},
				deb{name: "libsound", files: map[string][]byte{multiarch + "libsound.so": elftest.File{Library: true, SoName: "libsound.so", Imports: []string{"wordexp"}}.Bytes()}}),
			hasNot: []string{"/usr/bin/sh"},
		},
		{
			name: "converters by name and alias, with what they link", base: func(t *tree.Memory) {
				debian(t)
				debs(t, deb{name: "libc6", required: true, files: map[string][]byte{multiarch + "libc.so.6": library("libc.so.6")}})
				t.File(multiarch+"gconv/gconv-modules", 0o644, []byte("alias A// B//\nalias B// A//\n"))
				t.File(multiarch+"gconv/gconv-modules.d/extra.conf", 0o644, []byte("alias UJIS// EUC-JP//\nmodule EUC-JP// INTERNAL EUC-JP 1\nmodule KOI8-R// INTERNAL KOI8-R 1\nalias LATIN9// ISO-8859-15//\nmodule INTERNAL ISO-8859-15// ISO8859-15 1\n"))
				for _, m := range []string{"EUC-JP", "KOI8-R", "ISO8859-15"} {
					t.File(multiarch+"gconv/"+m+".so", 0o644, elftest.File{Library: true, SoName: m + ".so", Needed: []string{"libJIS.so"}, RunPath: "$ORIGIN"}.Bytes())
				}
				t.File(multiarch+"gconv/libJIS.so", 0o644, library("libJIS.so"))
			},
			change: func(t *tree.Memory) {
				t.File("/app", 0o755, program(elftest.File{Needed: []string{"libc.so.6"}, Imports: []string{"iconv_open"}, Text: "\x00UJIS\x00latin9\x00"}))
			},
			has:    []string{"0644 0:0 " + multiarch + "gconv/EUC-JP.so", "0644 0:0 " + multiarch + "gconv/libJIS.so", "0644 0:0 " + multiarch + "gconv/ISO8859-15.so", "0644 0:0 " + multiarch + "gconv/gconv-modules.d/extra.conf"},
			hasNot: []string{multiarch + "gconv/KOI8-R.so"},
		},
		{
			name: "terminals", base: debian,
			config: func(c *dockerspec.DockerOCIImageConfig) { c.Env = append(c.Env, "TERM=rare") },
			change: func(t *tree.Memory) {
				app(elftest.File{Imports: []string{"setupterm"}})(t)
				for _, n := range []string{"/lib/terminfo/x/xterm", "/usr/share/terminfo/r/rare", "/usr/share/terminfo/r/other"} {
					t.File(n, 0o644, text)
				}
			},
			has: []string{"0644 0:0 /lib/terminfo/x/xterm", "0644 0:0 /usr/share/terminfo/r/rare"},
		},
	})
}

// TestUnreadableNames refuses a program that could not start as such, and
// passes over what is broken beside it, though both name what they would open.
func TestUnreadableNames(t *testing.T) {
	opens := elftest.File{Interp: "/lib/ld-gone.so", Imports: []string{"dlopen", "iconv_open", "setlocale"}, Text: "\x00libcurl.so.4\x00UJIS\x00"}
	broken := append(elftest.File{Library: true, SoName: "libcurl.so.4"}.Bytes()[:80], 1)
	run(t, []stage{
		{name: "its loader is missing", base: debian, refused: "/app needs /lib/ld-gone.so, which is not in the built image", change: func(t *tree.Memory) { t.File("/app", 0o755, opens.Bytes()) }},
		{
			name: "the loader of a program that is only kept", base: debian, warns: []string{"/opt/tool is kept and could not run: /opt/tool needs /lib/ld-gone.so"},
			change: func(t *tree.Memory) { t.File("/opt/tool", 0o755, opens.Bytes()) },
		},
		{
			name: "the library is damaged", base: debian, hasNot: []string{multiarch + "nothing"}, change: func(t *tree.Memory) {
				debs(t)
				o := opens
				o.Interp = ""
				t.File("/app", 0o755, program(o))
				t.File(multiarch+"libcurl.so.4", 0o644, broken)
			},
			check: func(t *testing.T, p *image.Plan) {
				if e, ok := p.Find(multiarch + "libcurl.so.4"); ok && e.Reason != "the final stage put it there" {
					t.Errorf("%+v", e)
				}
			},
		},
	})
}
