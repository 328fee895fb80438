package static

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"mvdan.cc/sh/v3/syntax"

	"github.com/whittle-oci/whittle/lint/command"
)

// harmless are the commands that may stand beside go build in a RUN whose
// environment gets CGO_ENABLED and GOFLAGS. None of them compiles or runs Go,
// none starts a program that might, and none reads these variables. Any other
// command is a doubt: make, a script, go test and programs of which nothing is
// known may compile with cgo, which go list was not asked about.
//
// Chosen in 2026 from what RUNs with go build in public Dockerfiles do besides.
// Sources: POSIX.1-2024 and the manuals of bash 5.2, GNU coreutils 9.7,
// findutils 4.10, tar 1.35, sed 4.9, git 2.50, apk-tools 2.14, apt 3.0, dnf 4.
var harmless = []struct {
	commands string
	why      string
	except   func(args []string) bool // arguments with which it is not; nil for none
}{
	{": true false cd pwd pushd popd dirs umask ulimit wait exit return break continue shift times type hash getopts jobs kill let disown",
		"the shell runs it itself and starts nothing", nil},
	{"echo set shopt printenv", "it prints or sets options of the shell; what it reads of ours is looked at apart", nil},
	{"test [ printf read mapfile readarray", "the shell runs it itself; by their names it reads or sets our variables", namesOurs},
	{"unset", "the shell runs it itself; by their names it takes our variables away", func(args []string) bool { return namesOurs(args) || slices.Contains(args, unknown) }},
	{"mkdir rmdir cp mv rm ln install touch truncate mktemp chmod chown chgrp mknod sync",
		"it changes files and runs none", nil},
	{"ls cat tac head tail wc sort uniq cut paste tr nl od tee fold join comm expand rev grep egrep fgrep zcat zgrep cmp diff stat du df file readlink realpath basename dirname pathchk tree",
		"it reads files and runs none", nil},
	{"date uname arch nproc hostname id whoami groups logname tty sleep seq expr factor numfmt which",
		"it says or computes something", nil},
	{"md5sum sha1sum sha224sum sha256sum sha384sum sha512sum b2sum cksum sum base32 base64 basenc xxd hexdump gpg gpgv openssl",
		"it checks or converts data", nil},
	{"sed", "it edits text", sedRuns},
	{"tar", "it packs and unpacks", tarRuns},
	{"gzip gunzip bzip2 bunzip2 xz unxz zstd unzstd unzip zip cpio ar", "it packs and unpacks", nil},
	{"curl wget ssh-keyscan", "it fetches, and does not run what it fetched", nil},
	{"jq yq envsubst", "it edits text", nil},
	{"strip objcopy readelf objdump nm size strings ldd upx", "it works on programs that are built", nil},
	{"ldconfig update-ca-certificates setcap getcap addgroup adduser groupadd useradd usermod groupmod deluser delgroup passwd chpasswd",
		"it administers the image", nil},
	{"apk dnf yum microdnf tdnf zypper dpkg rpm add-apt-repository apt-key apt-mark apt-cache", "packages are built elsewhere, and their scripts compile no Go", nil},
	{"apt apt-get", "packages are built elsewhere, and their scripts compile no Go", func(args []string) bool {
		return slices.ContainsFunc(args, func(a string) bool { return slices.Contains([]string{"source", "-b", "--compile", "--build"}, a) })
	}},
	{"git", "it fetches and describes sources", func(args []string) bool { return !slices.Contains(gitVerbs, verbOf(args, "-C", "-c")) }},
	{"gofmt", "it formats sources without building them", nil},
}

// gitVerbs run no command that their arguments name, as foreach, bisect and
// rebase --exec do.
var gitVerbs = strings.Fields("add apply branch checkout cherry-pick clean clone commit config describe diff fetch fsck init log ls-files ls-remote ls-tree merge merge-base pull remote reset restore rev-list rev-parse show status switch tag version")

// goVerbs are the commands of go that compile and run nothing and do not
// choose files by CGO_ENABLED (go help, Go 1.26): vet, list and generate do
// the latter. go get is one since Go 1.18; before it installed, too.
var goVerbs = strings.Fields("bug clean doc fmt help mod telemetry version work")

// environmentVars are what Apply sets.
var environmentVars = []string{"CGO_ENABLED", "GOFLAGS"}

// isOurs reports whether a word names a variable that Apply sets, alone or
// with a value.
func isOurs(word string) bool {
	name, _, _ := strings.Cut(word, "=")
	return slices.Contains(environmentVars, name)
}

func namesOurs(args []string) bool { return slices.ContainsFunc(args, isOurs) }

// executes matches what makes GNU sed run something: the command e, and the
// flag e of the command s.
var executes = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?:^|[;{}\n/\d$!]\s*)e(?:\s|$)|[^\w\s\\][gpiImM\d]*e[gpiImMw\d]*\s*(?:[;}\n]|$)`)
})

func sedRuns(args []string) bool {
	return slices.ContainsFunc(args, func(a string) bool {
		if a == unknown || strings.HasPrefix(a, "-f") || strings.HasPrefix(a, "--file") {
			return true
		}
		if v, ok := strings.CutPrefix(a, "--expression="); ok {
			a = v
		} else if strings.HasPrefix(a, "-") {
			_, a, _ = strings.Cut(a, "e") // -e may have its value in the same word
		}
		return executes().MatchString(a)
	})
}

// tarRuns reports whether tar is told to start a program. Long options may be
// cut short.
func tarRuns(args []string) bool {
	for i, a := range args {
		switch {
		case strings.HasPrefix(a, "--"):
			for _, o := range []string{"--to-", "--use-", "--checkpoint-", "--info-", "--new-", "--rsh-", "--rmt-"} {
				if strings.HasPrefix(a, o) {
					return true
				}
			}
		case strings.HasPrefix(a, "-") || i == 0:
			// The rest of a word behind f is the name of the archive.
			flags, _, _ := strings.Cut(a, "f")
			if strings.ContainsAny(flags, "IF") {
				return true
			}
		}
	}
	return false
}

// verbOf is the first word that is no option. values are options whose value
// is the next word.
func verbOf(args []string, values ...string) string {
	for i := 0; i < len(args); i++ {
		if !strings.HasPrefix(args[i], "-") {
			return args[i]
		}
		if slices.Contains(values, args[i]) {
			i++
		}
	}
	return ""
}

// programDirs are where a command that is named by its path is the one of that
// name.
var programDirs = []string{"/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"}

// suspect says why a command may not stand beside go build, "" when it may.
// captured tells that its output goes somewhere else than to the log.
func (r *reader) suspect(argv []string, captured bool) string {
	const compiles, notKnown = "which may compile Go with cgo", "which may compile Go: what it runs is not known"
	if len(argv) == 0 {
		return ""
	}
	if strings.Contains(argv[0], unknown) {
		return notKnown
	}
	name := argv[0]
	if strings.Contains(name, "/") && slices.Contains(r.outputs, path.Clean(name)) {
		// A program that was just built is run to see that it starts.
		r.step.runs = true
		return ""
	}
	if dir := path.Dir(name); strings.Contains(name, "/") && path.Base(name) != "go" {
		if !slices.Contains(programDirs, dir) {
			return compiles
		}
		name = path.Base(name)
	}
	switch {
	case path.Base(name) == "go":
		return r.suspectGo(argv[1:], captured)
	case r.functions[name]:
		return ""
	case name == "find":
		return r.each(argv, captured, "-exec", "-execdir", "-ok", "-okdir")
	case slices.Contains([]string{"env", "printenv", "set", "export", "declare", "typeset"}, name) && captured && !slices.ContainsFunc(argv[1:], func(a string) bool { return !strings.HasPrefix(a, "-") }):
		return "which reads the environment that would change"
	case name == "printenv" && namesOurs(argv[1:]):
		return "which reads the environment that would change"
	}
	if inner, ok := unwrapped(argv); ok {
		return r.suspect(inner, captured)
	}
	for _, h := range harmless {
		if slices.Contains(strings.Fields(h.commands), name) {
			if h.except != nil && h.except(argv[1:]) {
				return compiles
			}
			return ""
		}
	}
	return compiles
}

// unwrapped gives the command that another starts, such as env or timeout. It
// is empty for command -v, which only asks.
func unwrapped(argv []string) (inner []string, ok bool) {
	inner, ok = command.Wrapped(argv)
	if !ok {
		return nil, argv[0] == "command"
	}
	for _, a := range argv[1 : len(argv)-len(inner)] {
		// An option that cannot be told may be any, and env -S splits what it
		// is given into a command.
		if a == unknown || path.Base(argv[0]) == "env" && (strings.HasPrefix(a, "-S") || strings.HasPrefix(a, "--split-string")) {
			return []string{unknown}, true
		}
	}
	return inner, true
}

// each looks at the commands that stand behind one of the words.
func (r *reader) each(argv []string, captured bool, behind ...string) string {
	for i, a := range argv {
		if slices.Contains(behind, a) {
			if why := r.suspect(argv[i+1:], captured); why != "" {
				return why
			}
		}
	}
	return ""
}

// suspectGo judges a call of go that is no go build and no go install.
func (r *reader) suspectGo(args []string, captured bool) string {
	verb := verbOf(args, "-C")
	switch {
	case slices.Contains(goVerbs, verb):
		return ""
	case verb == "get":
		if slices.Contains(args, "-d") || r.since(18) {
			return ""
		}
		return "which installs before Go 1.18"
	case verb == "list" && slices.Contains(args, "-m"):
		return ""
	case verb == "env":
		return suspectEnv(args, captured)
	}
	return "which has files and flags chosen by the same environment"
}

// suspectEnv judges go env: it may write settings, and what it prints of our
// variables would change.
func suspectEnv(args []string, captured bool) string {
	names := 0
	for _, a := range args[1:] {
		switch {
		case a == "-w" || a == "-u":
			return "which writes settings of go"
		case a == unknown || isOurs(a) || strings.HasPrefix(a, "CGO_"):
			return "which reads the environment that would change"
		case !strings.HasPrefix(a, "-"):
			names++
		}
	}
	if names == 0 && captured {
		return "which reads the environment that would change"
	}
	return ""
}

// since reports whether the image says that its Go is at least 1.minor, as the
// official one does.
func (r *reader) since(minor int) bool {
	v, ok := r.given("GOLANG_VERSION")
	parts := strings.Split(v, ".")
	if !ok || len(parts) < 2 {
		return false
	}
	n, err := strconv.Atoi(parts[1])
	return err == nil && (parts[0] == "1" && n >= minor)
}

// beside looks at a command that is no go build.
func (r *reader) beside(c *syntax.CallExpr, above []syntax.Node) {
	if why := r.suspect(words(c.Args), captured(above)); why != "" {
		r.others = append(r.others, "the RUN also runs "+r.excerpt(c)+", "+why)
	}
}

// printed looks at export and its like, which without names print the
// environment.
func (r *reader) printed(d *syntax.DeclClause, above []syntax.Node) {
	if captured(above) && !slices.ContainsFunc(d.Args, func(a *syntax.Assign) bool { return a.Name != nil }) {
		r.others = append(r.others, "the RUN also runs "+strconv.Quote(d.Variant.Value)+", which reads the environment that would change")
	}
}

// maxExcerpt is how much of a command a message quotes, in bytes.
const maxExcerpt = 60

// excerpt is a command as it stands in the script, in one short line.
func (r *reader) excerpt(c *syntax.CallExpr) string {
	text := strings.Join(strings.Fields(r.step.script[c.Pos().Offset():c.End().Offset()]), " ")
	if len(text) > maxExcerpt {
		text = strings.ToValidUTF8(text[:maxExcerpt], "") + "…"
	}
	return fmt.Sprintf("%q", text)
}

// captured reports whether the output of a command is read by the script: it
// stands in a substitution, a pipe or behind a redirection.
func captured(above []syntax.Node) bool {
	for _, n := range above {
		switch x := n.(type) {
		case *syntax.CmdSubst, *syntax.ProcSubst:
			return true
		case *syntax.BinaryCmd:
			if x.Op == syntax.Pipe || x.Op == syntax.PipeAll {
				return true
			}
		case *syntax.Stmt:
			if len(x.Redirs) > 0 {
				return true
			}
		}
	}
	return false
}

// words gives the words of a command as the shell sees them, with unknown in
// place of expansions.
func words(list []*syntax.Word) []string {
	out := make([]string, len(list))
	for i, w := range list {
		out[i] = literal(w.Parts)
	}
	return out
}

// literal gives a word without its quotes.
func literal(parts []syntax.WordPart) string {
	var b strings.Builder
	for _, p := range parts {
		switch x := p.(type) {
		case *syntax.Lit:
			b.WriteString(strings.ReplaceAll(x.Value, `\`, ""))
		case *syntax.SglQuoted:
			b.WriteString(x.Value)
		case *syntax.DblQuoted:
			b.WriteString(literal(x.Parts))
		default:
			b.WriteString(unknown)
		}
	}
	return b.String()
}
