package walk_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
	"github.com/whittle-oci/whittle/lint/source"
)

func parse(t *testing.T, text string) *dockerfile.File {
	t.Helper()
	f, err := dockerfile.Parse(source.NewFile("Dockerfile", []byte(text)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

var all = []string{"apt-get", "apt", "aptitude", "apk", "yum", "dnf", "microdnf", "tdnf", "zypper", "pip", "uv pip", "pipx", "npm", "yarn", "pnpm", "gem", "go", "cargo", "composer", "conda", "mamba", "micromamba", "dotnet"}

// TestInvoke reads command lines as the package managers do.
func TestInvoke(t *testing.T) {
	for line, want := range map[string]string{
		"apt-get install a b":                              "apt-get install [a b]",
		"apt-get -y -t x --option A=b install a":           "apt-get install [a]",
		"apt-get -qqoA=b install -tx a":                    "apt-get install [a]",
		"apt-get install -y -- -a":                         "apt-get install [-a]",
		"apt-get -o APT::Get::AllowUnauthenticated=1 a":    "apt-get ",
		"apt full-upgrade":                                 "apt upgrade",
		"DEBIAN_FRONTEND=x sudo -E apt-get install a":      "apt-get install [a]",
		"apk --no-cache add -t .v a":                       "apk install [a]",
		"apk add --virtual=.v a":                           "apk install [a]",
		"yum -y --setopt tsflags=nodocs install a":         "yum install [a]",
		"dnf -y module install a:1":                        "dnf module install [a:1]",
		"dnf5 up-min":                                      "dnf upgrade",
		"dnf group install 'A B'":                          "dnf group install [A B]",
		"zypper --root /x -n in a":                         "zypper install [a]",
		"pip3.12 install -qr r.txt --target=/x -i u a":     "pip install [a]",
		"python3 -u -m pip install a":                      "pip install [a]",
		"/opt/venv/bin/python -m pip --proxy p install a":  "pip install [a]",
		"uv pip install --python 3.12 a":                   "uv pip install [a]",
		"npm i -g --registry u a":                          "npm install [a]",
		"npm --prefix /x run install a":                    "npm  [install a]",
		"yarn":                                             "yarn install",
		"yarn --version":                                   "yarn ",
		"yarn global add a":                                "yarn global install [a]",
		"yarn cache clean":                                 "yarn cache clean",
		"gem install a -v 1 -- --with b":                   "gem install [a]",
		"go -C /x install -tags a,b -ldflags '-s -w' c@v1": "go install [c@v1]",
		"go run -mod=mod a -b c":                           "go run [a c]",
		"cargo +nightly install --version 1 a":             "cargo install [a]",
		"composer global require a/b":                      "composer global install [a/b]",
		"conda env create -f x":                            "conda env install",
		"micromamba install -n base -c conda-forge a":      "micromamba install [a]",
		"dotnet tool install -g --version 1 a":             "dotnet tool install [a]",
		"xargs -r -n 5 apk add":                            "apk install",
		"notdnf install a":                                 "",
		"python3 setup.py install":                         "",
		"echo apt-get install a":                           "",
	} {
		f := parse(t, "FROM a\nRUN "+line+"\n")
		got := ""
		for _, v := range walk.Managers(f, all...) {
			var words []string
			for _, p := range v.Packages {
				words = append(words, p.Text)
			}
			got = strings.TrimSpace(v.Manager + " " + strings.TrimSpace(v.Group+" "+string(v.Action)))
			if v.Action == walk.Other {
				got = v.Manager + " "
			}
			if len(words) > 0 {
				got += fmt.Sprintf(" %v", words)
			}
		}
		if got != want {
			t.Errorf("%s is %q, want %q", line, got, want)
		}
	}
}

func TestFlags(t *testing.T) {
	f := parse(t, "FROM a\nRUN apt-get -yqq -q=2 install -oA=b --option C=d --no-install-recommends -t x a\n")
	for _, v := range walk.Managers(f, "apt-get") {
		if !v.Has("-y") || !v.Has("--no-install-recommends") || v.Has("-x", "--yes") || v.Count("-q") != 3 {
			t.Errorf("flags are read wrong: %d times -q", v.Count("-q"))
		}
		var values []string
		for _, a := range v.Values("-o", "--option", "-q") {
			values = append(values, a.Text)
		}
		if want := []string{"2", "A=b", "C=d"}; !slices.Equal(values, want) {
			t.Errorf("values %q, want %q", values, want)
		}
	}
}

// TestFields fills variables as the shell and the builder do.
func TestFields(t *testing.T) {
	const head = "FROM b AS b\nARG ELSEWHERE=1\nFROM a\nARG A=1\nARG UNSET\nENV LIST=\"x y=2\" EMPTY=\n"
	for _, c := range []struct{ run, want string }{
		{"p a$A ${A}b", "a1 1b"},
		{"p $LIST \"$LIST\"", "x y=2 'x y=2'"},
		{"p $NOBODY a-$NOBODY $ELSEWHERE a-$ELSEWHERE $EMPTY \"$EMPTY\" z", "?$NOBODY ?a-$NOBODY a- '' z"},
		{"p $UNSET a-$UNSET", "?$UNSET ?a-$UNSET"},
		{"p ${UNSET:-d} ${NOBODY:-d} ${EMPTY:-e} ${EMPTY-f}", "?$UNSET d e"},
		{"p a${A:+=$A} b${NOBODY:+=1} c${UNSET:+=$UNSET}", "a=1 b ?c=$UNSET"},
		{"p $(cat x) a`b` ${A%1} ${#A}", "?$() ?a$() ?$A ?$()"},
		{"v=\"a b\" && p $v", "a b"},
		{"v=a; v+=b; export w=$v; p $w", "ab"},
		{"if x; then v=1; else v=2; fi; p $v", "?$v"},
		{"v='a b' set -x; p $v", "a b"},
		{"for i in a b=1; do p \"$i\"; done", "a b=1"},
		{"read -r v; p $v", "?$v"},
		{"p 'a'\"b\"c\\>=1", "abc>=1"},
	} {
		f := parse(t, head+"RUN "+c.run+"\n")
		in := f.Instructions[len(f.Instructions)-1]
		words := walk.NewExpander(f)
		var got []string
		for _, cmd := range f.Commands(in) {
			if cmd.Name != "p" {
				continue
			}
			for _, x := range words.Fields(in, cmd.Args) {
				text := x.Text
				if text == "" || strings.Contains(text, " ") {
					text = "'" + text + "'"
				}
				if !x.Known {
					text = "?" + text
				}
				got = append(got, text)
			}
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s gives %s, want %s", c.run, s, c.want)
		}
	}
}

// TestFieldsAreBounded doubles a variable until it would fill the memory.
func TestFieldsAreBounded(t *testing.T) {
	script := "a='x y '"
	for range 60 {
		script += "; a=$a$a"
	}
	script += "; b=$(z)"
	for range 60 {
		script += "; b=$b$b; b+=$b"
	}
	f := parse(t, "FROM a\nRUN "+script+"; p "+strings.Repeat("$a$b", 1000)+"\n")
	in := f.Instructions[1]
	cmds := f.Commands(in)
	size := 0
	for _, x := range walk.NewExpander(f).Fields(in, cmds[len(cmds)-1].Args) {
		size += len(x.Text)
	}
	if size > 1<<22 {
		t.Errorf("the fields hold %d bytes", size)
	}
}

// TestAppend puts a command at the end of RUNs of every layout.
func TestAppend(t *testing.T) {
	for _, c := range []struct{ name, run, want string }{
		{"one line", "RUN a", "RUN a && z"},
		{"trailing blanks", "RUN a  ", "RUN a && z"},
		{"&& leads", "RUN a \\\n  && b", "RUN a \\\n  && b \\\n  && z"},
		{"&& trails", "RUN a && \\\n    b \\\n      c", "RUN a && \\\n    b \\\n      c && \\\n    z"},
		{"arguments", "RUN a \\\n    b", "RUN a \\\n    b \\\n    && z"},
		{"set -e", "RUN set -e; \\\n\ta; \\\n\tb", "RUN set -e; \\\n\ta; \\\n\tb; \\\n\tz"},
		{"set -e and an open end", "RUN set -eux; \\\n\ta;", "RUN set -eux; \\\n\ta; \\\n\tz"},
		{"set -e and &&", "RUN set -e; \\\n\ta && \\\n\tb", "RUN set -e; \\\n\ta && \\\n\tb && \\\n\tz"},
		{"set -e and && within", "RUN set -e; \\\n\tif a; then b && c; fi", "RUN set -e; \\\n\tif a; then b && c; fi \\\n\t&& z"},
		{"set -e, && and an open end", "RUN set -e; a && b;", ""},
		{"an open end", "RUN a;", ""},
		{"statements", "RUN a; b", "RUN a; b && z"},
		{"a comment", "RUN a # why", ""},
		{"background", "RUN a &", ""},
		{"exit", "RUN a && exit 0", ""},
		{"exec form", "RUN [\"a\"]", ""},
		{"heredoc", "RUN <<EOF\n  a\n  b\nEOF", "RUN <<EOF\n  a\n  b && z\nEOF"},
		{"heredoc with set -e", "RUN <<EOF\n  set -e\n  a\nEOF", "RUN <<EOF\n  set -e\n  a\n  z\nEOF"},
		{"heredoc with set -e and &&", "RUN <<EOF\nset -e\na && b\nEOF", "RUN <<EOF\nset -e\na && b && z\nEOF"},
		{"heredoc with a comment", "RUN <<EOF\na # b\nEOF", "RUN <<EOF\na && z # b\nEOF"},
		{"heredoc with an open end", "RUN <<EOF\na;\nEOF", ""},
		{"heredoc in heredoc", "RUN <<EOF\ncat <<X\nX\nEOF", ""},
		{"heredoc as input", "RUN cat <<EOF\na\nEOF", ""},
		{"CRLF", "RUN a \\\r\n  b\r", "RUN a \\\r\n  b \\\r\n  && z\r"},
		{"heredoc with CRLF", "RUN <<EOF\r\na\r\nEOF\r", "RUN <<EOF\r\na && z\r\nEOF\r"},
		{"a long line", "RUN a " + strings.Repeat("b", 95), "RUN a " + strings.Repeat("b", 95) + " \\\n    && z"},
		{"a long line and set -e", "RUN set -e; a " + strings.Repeat("b", 95), "RUN set -e; a " + strings.Repeat("b", 95) + "; \\\n    z"},
		{"a long line with CRLF", "RUN a " + strings.Repeat("b", 95) + "\r", "RUN a " + strings.Repeat("b", 95) + " \\\r\n    && z\r"},
		{"sudo", "USER app\nRUN sudo a", ""},
		{"not shell", "RUN if a (", ""},
	} {
		f := parse(t, "FROM a\n"+c.run+"\n")
		got := ""
		if fix := walk.Append(f, f.Instructions[len(f.Instructions)-1], "z"); fix != nil {
			e := fix.Edits[0]
			got = string(f.Bytes[7:e.Span.Start]) + e.New + strings.TrimSuffix(string(f.Bytes[e.Span.End:]), "\n")
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestMerge makes one RUN of two where that does the same.
func TestMerge(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"lines", "RUN a\nRUN b\n", "RUN a \\\n    && b\n"},
		{"empty lines", "RUN a\n\n\nRUN b\n", "RUN a \\\n    && b\n"},
		{"comments", "RUN a\n# why\nRUN b\n", "RUN a \\\n# why\n    && b\n"},
		{"comments and empty lines", "RUN a\n\n# why\nRUN b\n", ""},
		{"layout", "RUN a \\\n && b\nRUN c\n", "RUN a \\\n && b \\\n && c\n"},
		{"same mounts", "RUN --network=none a\nRUN --network=none b\n", "RUN --network=none a \\\n    && b\n"},
		{"other mounts", "RUN --network=none a\nRUN b\n", ""},
		{"cd", "RUN cd /a && b\nRUN c\n", ""},
		{"list", "RUN a\nRUN b; c\n", ""},
		{"export", "RUN export A=1 && b\nRUN c\n", ""},
		{"onbuild", "ONBUILD RUN a\nONBUILD RUN b\n", ""},
		{"heredoc", "RUN <<EOF\na\nEOF\nRUN b\n", ""},
		{"CRLF", "RUN a\r\nRUN b\r\n", "RUN a \\\r\n    && b\r\n"},
	} {
		head := "FROM a\n"
		if strings.Contains(c.text, "\r") {
			head = "FROM a\r\n"
		}
		f := parse(t, head+c.text)
		edits := walk.Merge(f, f.Instructions[1], f.Instructions[2])
		got := ""
		if edits != nil {
			at := len(head)
			for _, e := range edits {
				got += string(f.Bytes[at:e.Span.Start]) + e.New
				at = e.Span.End
			}
			got += string(f.Bytes[at:])
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestMounted(t *testing.T) {
	f := parse(t, "FROM a\nARG D=/var/cache\nRUN --mount=type=cache,target=${D}/apk/ --mount=type=tmpfs,dst=/root/.cache --mount=type=bind,target=/b a\n")
	in := f.Instructions[2]
	for dir, want := range map[string]bool{"/var/cache/apk": true, "/var/cache/apk/x": true, "/var/cache": false, "/root/.cache/pip": true, "/b": false} {
		if got := walk.Mounted(f, in, dir); got != want {
			t.Errorf("%s is on a mount: %v, want %v", dir, got, want)
		}
	}
	if !walk.MountedBelow(f, in, ".cache") || walk.MountedBelow(f, in, ".cache/pip") {
		t.Error("the ends of mounts are read wrong")
	}
}

// TestBefore follows USER and WORKDIR through stages.
func TestBefore(t *testing.T) {
	f := parse(t, "FROM a AS b\nWORKDIR x\nRUN 1\nWORKDIR /y\nUSER u\nONBUILD USER root\nFROM b\nWORKDIR z\nRUN 2\nFROM c\nRUN 3\n")
	users, dirs := walk.Users(f), walk.Workdirs(f)
	want := map[string]string{"1": "|x?", "2": "u|/y/z", "3": "|"}
	for _, in := range f.Instructions {
		if in.Keyword != "run" {
			continue
		}
		got := users[in.Index].Value + "|" + dirs[in.Index].Value
		if dirs[in.Index].Set && !dirs[in.Index].Known {
			got += "?"
		}
		if n := f.Commands(in)[0].Name; got != want[n] {
			t.Errorf("RUN %s: %s, want %s", n, got, want[n])
		}
	}
}
