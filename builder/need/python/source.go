package python

import (
	"strings"
)

// A usage is what the text of a Python source shows that it uses, as far as
// that can be read without running it: names and literals, with their lines.
type usage struct {
	imports   []mention // dotted names of modules
	libraries []mention // ctypes.CDLL("…"), ffi.dlopen("…"): names for the loader
	finds     []mention // find_library("…"): names without lib and .so; "" when it is no literal
	programs  []mention // the first word of command lines of subprocess and os.exec*
	shells    []mention // command lines that a shell runs; "" when it is no literal
	paths     []mention // absolute paths
	zones     bool      // ZoneInfo
}

type mention struct {
	text  string
	line  int
	first bool // of an import: it stands at the beginning of its line, so that nothing decides about it
}

// The kinds of tokens that the scanner tells apart.
type tokenKind uint8

const (
	word tokenKind = iota
	str            // a string literal without interpolation, its value
	other
	newline
)

type token struct {
	kind  tokenKind
	text  string
	line  int
	first bool // it begins its line
}

// maxTokens bounds what is looked at of one file.
const maxTokens = 1 << 19

// tokens cuts a source into names, strings and single characters. Comments are
// left out; a string with prefix f or b, or with an escape that is not simple,
// is other.
func tokens(src string) []token {
	var out []token
	line, i, depth := 1, 0, 0
	for i < len(src) && len(out) < maxTokens {
		c := src[i]
		switch {
		case c == '\n':
			if depth == 0 && len(out) > 0 && out[len(out)-1].kind != newline {
				out = append(out, token{kind: newline, line: line})
			}
			line++
			i++
		case c == ' ' || c == '\t' || c == '\r' || c == '\f':
			i++
		case c == '\\' && i+1 < len(src) && src[i+1] == '\n':
			line++
			i += 2
		case c == '#':
			for i < len(src) && src[i] != '\n' {
				i++
			}
		case isLetter(c):
			j := i
			for j < len(src) && (isLetter(src[j]) || src[j] >= '0' && src[j] <= '9') {
				j++
			}
			name := src[i:j]
			if j < len(src) && (src[j] == '"' || src[j] == '\'') && stringPrefix(name) {
				value, end, lines, plain := literal(src, j, strings.ContainsAny(name, "rR"))
				out = append(out, stringToken(value, line, plain && !strings.ContainsAny(name, "fFbBtT")))
				line += lines
				i = end
				continue
			}
			out = append(out, token{word, name, line, i == 0 || src[i-1] == '\n'})
			i = j
		case c == '"' || c == '\'':
			value, end, lines, plain := literal(src, i, false)
			out = append(out, stringToken(value, line, plain))
			line += lines
			i = end
		default:
			switch c {
			case '(', '[', '{':
				depth++
			case ')', ']', '}':
				depth = max(0, depth-1)
			}
			out = append(out, token{kind: other, text: src[i : i+1], line: line})
			i++
		}
	}
	return append(out, token{kind: newline, line: line})
}

func stringToken(value string, line int, plain bool) token {
	if plain {
		return token{kind: str, text: value, line: line}
	}
	return token{kind: other, text: "f", line: line}
}

func isLetter(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

func stringPrefix(name string) bool {
	if len(name) > 2 {
		return false
	}
	return strings.Trim(strings.ToLower(name), "rbuft") == ""
}

// escapes are those of one character (Python language reference, 2.4.1.1).
var escapes = map[byte]byte{'\\': '\\', '\'': '\'', '"': '"', 'a': 7, 'b': 8, 'f': 12, 'n': 10, 'r': 13, 't': 9, 'v': 11}

// literal reads a string literal that begins at i. plain is false where its
// value is not just its text.
func literal(src string, i int, raw bool) (value string, end, lines int, plain bool) {
	quote := src[i : i+1]
	if strings.HasPrefix(src[i:], strings.Repeat(quote, 3)) {
		quote = strings.Repeat(quote, 3)
	}
	var text strings.Builder
	plain = true
	for j := i + len(quote); j < len(src); j++ {
		switch {
		case src[j] == '\\' && raw && j+1 < len(src):
			text.WriteString(src[j : j+2])
			j++
		case src[j] == '\\' && j+1 < len(src):
			j++
			c, ok := escapes[src[j]]
			if src[j] == '\n' {
				lines++
			} else if text.WriteByte(c); !ok {
				plain = false
			}
		case src[j] == '\n' && len(quote) == 1:
			return "", j, lines, false // not closed
		case strings.HasPrefix(src[j:], quote):
			return text.String(), j + len(quote), lines, plain
		default:
			if src[j] == '\n' {
				lines++
			}
			text.WriteByte(src[j])
		}
	}
	return "", len(src), lines, false
}

// scan reads what a source uses.
func scan(src string) usage {
	s := &scanner{tokens: tokens(src), from: map[string]string{}}
	start := true
	for s.i = 0; s.i < len(s.tokens); s.i++ {
		t := s.tokens[s.i]
		switch {
		case t.kind == newline:
			start = true
			continue
		case t.kind == word && start && t.text == "import":
			s.importStatement()
		case t.kind == word && start && t.text == "from":
			s.fromStatement()
		case t.kind == word && !s.after("."):
			s.call()
		case t.kind == str && strings.HasPrefix(t.text, "/"):
			s.out.paths = append(s.out.paths, mention{text: t.text, line: t.line})
		}
		start = t.kind == other && (t.text == ":" || t.text == ";")
	}
	return s.out
}

type scanner struct {
	tokens []token
	i      int
	from   map[string]string // local names of what was imported from a module
	out    usage
}

func (s *scanner) at(i int) token {
	if i < 0 || i >= len(s.tokens) {
		return token{kind: newline}
	}
	return s.tokens[i]
}

// after reports whether the token before the current one is that text.
func (s *scanner) after(text string) bool {
	t := s.at(s.i - 1)
	return t.kind == other && t.text == text
}

func (s *scanner) is(i int, text string) bool {
	t := s.at(i)
	return (t.kind == other || t.kind == word) && t.text == text
}

// dotted reads a dotted name from i on and gives the index behind it.
func (s *scanner) dotted(i int) (string, int) {
	var b strings.Builder
	for s.is(i, ".") {
		b.WriteByte('.')
		i++
	}
	for s.at(i).kind == word && s.at(i).text != "import" {
		b.WriteString(s.at(i).text)
		i++
		if !s.is(i, ".") || s.at(i+1).kind != word {
			break
		}
		b.WriteByte('.')
		i++
	}
	return b.String(), i
}

// importStatement reads "import a.b as c, d".
func (s *scanner) importStatement() {
	first := s.at(s.i).first
	i := s.i + 1
	for {
		line := s.at(i).line
		name, next := s.dotted(i)
		if name == "" {
			break
		}
		s.out.imports = append(s.out.imports, mention{name, line, first})
		if s.is(next, "as") {
			s.from[s.at(next+1).text] = name
			next += 2
		}
		if !s.is(next, ",") {
			i = next
			break
		}
		i = next + 1
	}
	s.i = max(s.i, i-1)
}

// fromStatement reads "from a.b import c as d, e".
func (s *scanner) fromStatement() {
	line, first := s.at(s.i).line, s.at(s.i).first
	module, i := s.dotted(s.i + 1)
	if module == "" || !s.is(i, "import") {
		return
	}
	s.out.imports = append(s.out.imports, mention{module, line, first})
	i++
	for ; i < len(s.tokens) && s.at(i).kind != newline; i++ {
		t := s.at(i)
		if t.kind != word || t.text == "as" {
			continue
		}
		name := t.text
		local := name
		if s.is(i+1, "as") {
			local = s.at(i + 2).text
			i += 2
		}
		s.from[local] = module + "." + name
		s.out.imports = append(s.out.imports, mention{module + "." + name, line, first})
	}
	s.i = i - 1
}

// call reads a name and, where arguments follow, what the call does.
func (s *scanner) call() {
	line := s.at(s.i).line
	name, next := s.dotted(s.i)
	if next == s.i {
		return // "import" where no statement begins
	}
	first, rest, _ := strings.Cut(name, ".")
	if full, ok := s.from[first]; ok {
		name = full
		if rest != "" {
			name += "." + rest
		}
	}
	if strings.HasSuffix(name, "ZoneInfo") {
		s.out.zones = true
	}
	if !s.is(next, "(") {
		s.i = next - 1
		return
	}
	arg, end := s.argument(next + 1)
	last := name[strings.LastIndex(name, ".")+1:]
	switch {
	case name == "os.system", name == "os.popen", name == "commands.getoutput", name == "subprocess.getoutput", name == "subprocess.getstatusoutput", name == "asyncio.create_subprocess_shell", name == "asyncio.subprocess.create_subprocess_shell":
		s.out.shells = append(s.out.shells, mention{text: arg.single(), line: line})
	case strings.HasPrefix(name, "subprocess.") && (last == "run" || last == "call" || last == "check_call" || last == "check_output" || last == "Popen"):
		if arg.shell {
			s.out.shells = append(s.out.shells, mention{text: arg.single(), line: line})
		} else if arg.text != "" {
			s.out.programs = append(s.out.programs, mention{text: arg.text, line: line})
		}
	case name == "asyncio.create_subprocess_exec", strings.HasPrefix(name, "os.exec"), strings.HasPrefix(name, "os.posix_spawn"), name == "shutil.which":
		if arg.text != "" {
			s.out.programs = append(s.out.programs, mention{text: arg.text, line: line})
		}
	case strings.HasPrefix(name, "os.spawn"):
		if p := s.at(next + 1 + 4); p.kind == str { // os.P_NOWAIT, "program"
			s.out.programs = append(s.out.programs, mention{text: p.text, line: line})
		}
	case last == "find_library":
		s.out.finds = append(s.out.finds, mention{text: arg.text, line: line})
	case last == "CDLL" || last == "LoadLibrary" || last == "PyDLL" || last == "dlopen":
		if arg.text != "" {
			s.out.libraries = append(s.out.libraries, mention{text: arg.text, line: line})
		}
	case name == "importlib.import_module" || name == "__import__":
		if arg.text != "" {
			s.out.imports = append(s.out.imports, mention{text: arg.text, line: line})
		}
	}
	_ = end
	s.i = next // what is in the arguments is looked at in turn
}

// An argument is the first one of a call, and whether shell=True is among the
// others.
type argument struct {
	text  string // the literal, or the first literal of a list
	list  bool
	shell bool
}

// single is the command line that a shell is given, "" when it is no literal.
func (a argument) single() string {
	if a.list {
		return ""
	}
	return a.text
}

// maxArguments is how many tokens of a call's arguments are looked at.
const maxArguments = 400

func (s *scanner) argument(i int) (argument, int) {
	var a argument
	for s.at(i).kind == other && (s.at(i).text == "[" || s.at(i).text == "(") {
		a.list = true
		i++
	}
	if s.at(i).kind == word && s.at(i).text == "args" && s.is(i+1, "=") {
		i += 2
		if s.is(i, "[") {
			a.list = true
			i++
		}
	}
	if t := s.at(i); t.kind == str && !s.is(i+1, "%") && !s.is(i+1, "+") && !(s.is(i+1, ".") && s.is(i+2, "format")) {
		a.text = t.text
	}
	depth := 1
	if a.list {
		depth = 2
	}
	end := min(len(s.tokens), i+maxArguments)
	for ; i < end && depth > 0; i++ {
		t := s.at(i)
		if t.kind == word && t.text == "shell" && s.is(i+1, "=") && s.is(i+2, "True") && depth == 1 {
			a.shell = true
		}
		if t.kind != other {
			continue
		}
		switch t.text {
		case "(", "[", "{":
			depth++
		case ")", "]", "}":
			depth--
		}
	}
	return a, i
}
