package node

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// A use is something that a file of the application is seen to do and that an
// image may lack.
type use struct {
	kind  useKind
	name  string // the program, command line, variable or path, "" where it is computed
	line  int
	whole bool // name is all of it, not what it begins with
}

type useKind uint8

const (
	runsShell   useKind = iota // name is a command line
	runsProgram                // name is a program
	usesTemp
	usesHome
	usesVariable // of a package manager
	writesTo     // name is a path
	loadsModule
)

// Limits on the files of an application that are looked at.
const (
	maxSource  = 1 << 20 // bytes of one
	maxSources = 400     // files
	maxUses    = 200     // of one file
	maxLine    = 2000    // bytes of a line that a person wrote
)

// functions of node:child_process: whether a shell reads the first argument.
var starters = map[string]bool{"exec": true, "execSync": true, "spawn": false, "spawnSync": false, "execFile": false, "execFileSync": false}

// writers are the functions of node:fs, and of packages that stand for it, that
// make the path which their first argument names.
var writers = []string{"writeFile", "writeFileSync", "appendFile", "appendFileSync", "createWriteStream", "mkdir", "mkdirSync", "mkdirp", "outputFile", "outputFileSync", "outputJson", "outputJsonSync", "ensureDir", "ensureDirSync", "writeJson", "writeJsonSync"}

var (
	importsProcess = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?:const|let|var|import)\s+([\w$\s{},:*]{1,300}?)\s*(?:=\s*(?:await\s+import|require|__importStar\(require|__importDefault\(require)\s*\(|from)\s*['"](?:node:)?child_process(?:/promises)?['"]`)
	})
	promisified = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?:const|let|var)\s+([\w$]+)\s*=\s*(?:\(0,\s*)?(?:[\w$]+\.)?promisify\)?\(\s*([\w$.]+)\s*\)`)
	})
	inlineProcess = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`require\(\s*['"](?:node:)?child_process['"]\s*\)\.(\w+)\s*\(`)
	})
	lifecycleName = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`\b(?:npm_package_[A-Za-z0-9_]+|npm_lifecycle_event|npm_lifecycle_script|npm_command|INIT_CWD)\b`)
	})
	destination = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`\bdest\s*:\s*(['"])([^'"\n]{1,200})['"]`)
	})
	withShell = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\bshell\s*:\s*(?:true|['"])`) })
)

// scan reads a file of JavaScript or TypeScript for what it is seen to do. It
// understands no more of the language than it needs, and takes no more time than
// the file is long.
func scan(text []byte) []use {
	if minified(text) {
		return nil
	}
	s := &scanner{text: text, functions: map[string]string{}}
	s.imports()
	s.calls()
	s.words()
	slices.SortStableFunc(s.out, func(a, b use) int { return a.line - b.line })
	return s.out
}

// minified reports whether a text was not written by a person.
func minified(text []byte) bool {
	for line := range bytes.Lines(text) {
		if len(line) > maxLine {
			return true
		}
	}
	return false
}

type scanner struct {
	text      []byte
	functions map[string]string // what a name of the file calls: a function of child_process
	spaces    []string          // names of the module itself
	out       []use
}

func (s *scanner) add(at int, kind useKind, name string, whole bool) {
	if len(s.out) < maxUses {
		s.out = append(s.out, use{kind, name, 1 + bytes.Count(s.text[:at], []byte("\n")), whole})
	}
}

// imports notes the names under which the file has child_process.
func (s *scanner) imports() {
	if !bytes.Contains(s.text, []byte("child_process")) {
		return
	}
	for _, m := range importsProcess().FindAllSubmatch(s.text, -1) {
		names := string(m[1])
		if i := strings.IndexByte(names, '{'); i >= 0 {
			inside, _, _ := strings.Cut(names[i+1:], "}")
			for item := range strings.SplitSeq(inside, ",") {
				fields := strings.FieldsFunc(strings.ReplaceAll(item, " as ", " "), func(r rune) bool { return r == ' ' || r == ':' || r == '\n' || r == '\t' })
				if len(fields) > 0 {
					s.functions[fields[len(fields)-1]] = fields[0]
				}
			}
			names = names[:i]
		}
		for _, word := range strings.FieldsFunc(names, func(r rune) bool { return strings.ContainsRune(" ,*\n\t", r) }) {
			if word != "as" && word != "type" {
				s.spaces = append(s.spaces, word)
			}
		}
	}
	for _, m := range promisified().FindAllSubmatch(s.text, -1) {
		if f, ok := s.function(string(m[2])); ok {
			s.functions[string(m[1])] = f
		}
	}
}

// function gives the function of child_process that a name of the file means.
func (s *scanner) function(name string) (string, bool) {
	if f, ok := s.functions[name]; ok {
		_, known := starters[f]
		return f, known
	}
	parts := strings.Split(name, ".")
	if len(parts) < 2 || !slices.Contains(s.spaces, parts[0]) {
		return "", false
	}
	last := parts[len(parts)-1] // cp.default.exec, as compilers write it
	_, known := starters[last]
	return last, known
}

// calls looks at every call by what stands before its parenthesis.
func (s *scanner) calls() {
	for at := 0; ; at++ {
		i := bytes.IndexByte(s.text[at:], '(')
		if i < 0 || len(s.out) >= maxUses {
			break
		}
		at += i
		name := before(s.text, at)
		if name == "" || s.comment(at) {
			continue
		}
		if f, ok := s.function(name); ok {
			s.start(f, at)
			continue
		}
		last := name[strings.LastIndexByte(name, '.')+1:]
		switch {
		case last == "tmpdir":
			s.add(at, usesTemp, "", true)
		case last == "homedir":
			s.add(at, usesHome, "", true)
		case slices.Contains(writers, last):
			if arg, whole, ok := literal(s.text[at+1:]); ok && whole && arg != "" {
				s.add(at, writesTo, arg, true)
			}
		}
	}
	for _, m := range inlineProcess().FindAllSubmatchIndex(s.text, -1) {
		if f := string(s.text[m[2]:m[3]]); !s.comment(m[0]) {
			if _, ok := starters[f]; ok {
				s.start(f, m[1]-1)
			}
		}
	}
}

// start notes a call that starts a program.
func (s *scanner) start(function string, at int) {
	arg, whole, ok := literal(s.text[at+1:])
	shell := starters[function]
	if !shell {
		end := min(len(s.text), at+400)
		if stop := bytes.IndexByte(s.text[at:end], ';'); stop >= 0 {
			end = at + stop
		}
		shell = withShell().Match(s.text[at:end])
	}
	switch {
	case shell && ok:
		s.add(at, runsShell, arg, whole)
	case shell:
		s.add(at, runsShell, "", false)
	case ok && whole:
		s.add(at, runsProgram, arg, true)
	case !ok && !bytes.HasPrefix(bytes.TrimSpace(s.text[at+1:]), []byte("process.execPath")):
		s.add(at, runsProgram, "", false)
	}
}

// words looks for what is named rather than called.
func (s *scanner) words() {
	for _, m := range lifecycleName().FindAllIndex(s.text, -1) {
		s.add(m[0], usesVariable, string(s.text[m[0]:m[1]]), true)
	}
	for _, quote := range []string{`'/tmp`, `"/tmp`, "`/tmp"} {
		if i := bytes.Index(s.text, []byte(quote)); i >= 0 && !s.comment(i) {
			s.add(i, usesTemp, "", true)
		}
	}
	if i := bytes.Index(s.text, []byte("process.env.HOME")); i >= 0 && !s.comment(i) {
		s.add(i, usesHome, "", true)
	}
	if bytes.Contains(s.text, []byte("multer")) {
		for _, m := range destination().FindAllSubmatchIndex(s.text, -1) {
			s.add(m[0], writesTo, string(s.text[m[4]:m[5]]), true)
		}
	}
}

// comment reports whether a place is in a line that is a comment as a whole, or
// behind // in its line.
func (s *scanner) comment(at int) bool {
	line := s.text[bytes.LastIndexByte(s.text[:at], '\n')+1 : at]
	trimmed := bytes.TrimLeft(line, " \t")
	return bytes.HasPrefix(trimmed, []byte("*")) || bytes.HasPrefix(trimmed, []byte("/*")) || bytes.HasPrefix(trimmed, []byte("//")) || bytes.Contains(line, []byte(" // "))
}

// before gives the name, with its dots, that stands before a parenthesis.
func before(text []byte, at int) string {
	end := at
	for end > 0 && text[end-1] == ' ' {
		end--
	}
	if end > 0 && text[end-1] == ')' { // (0, child_process_1.exec)("…"), as compilers write it
		const comma = "(0, "
		from := max(0, end-80)
		i := bytes.LastIndex(text[from:end-1], []byte(comma))
		if i < 0 {
			return ""
		}
		name := string(text[from+i+len(comma) : end-1])
		if strings.ContainsFunc(name, func(r rune) bool { return r > 0x7f || !word(byte(r)) && r != '.' }) {
			return ""
		}
		return name
	}
	begin := end
	for begin > 0 && end-begin < 80 && (word(text[begin-1]) || text[begin-1] == '.') {
		begin--
	}
	if begin > 0 && (text[begin-1] == ')' || text[begin-1] == ']') { // a method of a result, such as a RegExp's exec
		return ""
	}
	return strings.Trim(string(text[begin:end]), ".")
}

func word(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '$'
}

// maxLiteral is the longest string that is read, in bytes.
const maxLiteral = 4 << 10

// literal reads the string that a text begins with. whole is false for a
// template of which only the beginning is known, or a string to which something
// is added.
func literal(text []byte) (value string, whole, ok bool) {
	text = bytes.TrimLeft(text[:min(len(text), maxLiteral)], " \t\r\n")
	if len(text) == 0 || !strings.ContainsRune("'\"`", rune(text[0])) {
		return "", false, false
	}
	quote := text[0]
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == quote:
			after := bytes.TrimLeft(text[i+1:], " \t\r\n")
			return b.String(), !bytes.HasPrefix(after, []byte("+")), true
		case c == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		case c == '$' && quote == '`' && i+1 < len(text) && text[i+1] == '{':
			return b.String(), false, true
		case c == '\n' && quote != '`':
			return "", false, false
		default:
			b.WriteByte(c)
		}
	}
	return "", false, false
}
