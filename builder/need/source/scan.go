package source

import (
	"strings"
)

// A Dialect is the lexical grammar of a language, as far as it has to be known
// to tell code from texts and comments.
type Dialect struct {
	Comments      []string  // begin a comment that ends with the line
	Block         [2]string // around a comment
	Pod           bool      // a line that begins with "=word" begins a comment, which "=cut" or "=end" ends
	Within        string    // code begins with this and ends with "?>"; "" where all is code
	Interpolation string    // characters that begin a computed part of a text in double quotes
	Percent       bool      // %x(…), %q(…), %w(…) of Ruby
	Letters       bool      // q(…), qq(…), qx(…), qw(…), m(…), s(…)(…) of Perl
	Heredoc       string    // begins a here-document, before its label
	Regexps       bool      // /…/ is a regular expression where a value is expected
	End           string    // a line that is this ends the code
	Bare          bool      // a call needs no parentheses
}

// A tokenKind tells tokens apart.
type tokenKind uint8

const (
	word      tokenKind = iota
	text                // a text; plain says that its value is what is written
	shellText           // `…`, %x, qx: a command line
	list                // %w, qw: words
	symbol
	newline
)

// A token is one of a source.
type token struct {
	kind  tokenKind
	text  string // of texts their value, up to the first computed part
	plain bool
	line  int
}

// Limits on what is looked at of one file.
const (
	maxTokens = 1 << 19
	maxWasted = 4 << 20 // bytes that are read for ends of texts that have none
)

// A scanner cuts a source into tokens.
type scanner struct {
	d     Dialect
	src   string
	at    int
	line  int
	depth int
	out   []token
	docs  []heredoc // whose texts follow this line
	// wasted is how much was read for ends that are not there.
	wasted int
}

// A heredoc is a text that begins in the next line.
type heredoc struct {
	label    string
	indented bool
	token    int // index of the token that it is
	computed bool
}

// scan cuts a source into tokens. It ends, whatever the source is.
func (d Dialect) scan(src string) []token {
	s := &scanner{d: d, src: src, line: 1}
	if d.Within != "" {
		s.outside()
	}
	for s.at < len(s.src) && len(s.out) < maxTokens {
		before := s.at
		s.next()
		if s.at <= before {
			s.at = before + 1
		}
	}
	s.emit(newline, "", false)
	return s.out
}

func (s *scanner) emit(kind tokenKind, text string, plain bool) {
	s.out = append(s.out, token{kind, text, plain, s.line})
}

// outside passes over what is not code.
func (s *scanner) outside() {
	i := strings.Index(s.src[s.at:], s.d.Within)
	if i < 0 {
		i = len(s.src) - s.at
	} else {
		i += len(s.d.Within)
	}
	s.skip(s.at + i)
	for _, rest := range []string{"php", "="} { // <?php, <?=
		if strings.HasPrefix(s.src[s.at:], rest) {
			s.at += len(rest)
			return
		}
	}
}

// skip moves on and counts lines.
func (s *scanner) skip(to int) {
	to = min(to, len(s.src))
	s.line += strings.Count(s.src[s.at:to], "\n")
	s.at = to
}

// lineEnd is where the line ends, before its newline.
func (s *scanner) lineEnd() int {
	if i := strings.IndexByte(s.src[s.at:], '\n'); i >= 0 {
		return s.at + i
	}
	return len(s.src)
}

// next reads one token, comment or blank.
func (s *scanner) next() {
	c, rest := s.src[s.at], s.src[s.at:]
	switch {
	case c == '\n':
		if s.depth == 0 && len(s.out) > 0 && s.out[len(s.out)-1].kind != newline {
			s.emit(newline, "", false)
		}
		s.at++
		s.line++
		s.bodies()
		return
	case c == ' ' || c == '\t' || c == '\r' || c == '\f':
		s.at++
		return
	case c == '\\' && strings.HasPrefix(rest, "\\\n"):
		s.skip(s.at + 2)
		return
	}
	first := s.at == 0 || s.src[s.at-1] == '\n'
	switch {
	case first && s.d.End != "" && strings.TrimRight(s.src[s.at:s.lineEnd()], "\r") == s.d.End:
		s.at = len(s.src)
	case first && s.d.Pod && c == '=' && len(rest) > 1 && isLetter(rest[1]):
		s.pod()
	case s.d.Within != "" && strings.HasPrefix(rest, "?>"):
		s.at += 2
		s.emit(symbol, ";", false)
		s.outside()
	case s.comment(rest):
	case s.d.Heredoc != "" && strings.HasPrefix(rest, s.d.Heredoc) && s.heredoc():
	case c == '\'' || c == '"' || c == '`':
		s.quoted(c, c)
	case s.d.Percent && c == '%' && s.percent():
	case s.d.Regexps && c == '/' && s.expectsValue():
		s.delimited('/', func(string, bool) {})
	case isLetter(c):
		j := s.at
		for j < len(s.src) && (isLetter(s.src[j]) || s.src[j] >= '0' && s.src[j] <= '9') {
			j++
		}
		name := s.src[s.at:j]
		if s.d.Letters && s.letters(name, j) {
			return
		}
		s.emit(word, name, false)
		s.at = j
	case c >= '0' && c <= '9':
		j := s.at
		for j < len(s.src) && (isLetter(s.src[j]) || s.src[j] >= '0' && s.src[j] <= '9') {
			j++
		}
		s.emit(symbol, s.src[s.at:j], false)
		s.at = j
	default:
		switch c {
		case '(', '[', '{':
			s.depth++
		case ')', ']', '}':
			s.depth = max(0, s.depth-1)
		}
		if c == '{' || c == '}' { // a block has lines of its own
			s.depth = 0
		}
		n := 1
		for _, op := range []string{"->", "::", "=>", "&&", "||"} {
			if strings.HasPrefix(rest, op) {
				n = 2
			}
		}
		s.emit(symbol, rest[:n], false)
		s.at += n
	}
}

// pod passes over documentation between lines.
func (s *scanner) pod() {
	for s.at < len(s.src) {
		end := s.lineEnd()
		line := s.src[s.at:end]
		s.skip(end + 1)
		if strings.HasPrefix(line, "=cut") || strings.HasPrefix(line, "=end") && s.d.Heredoc == "<<" && !s.d.Letters {
			return
		}
	}
}

// comment passes over a comment.
func (s *scanner) comment(rest string) bool {
	if open := s.d.Block[0]; open != "" && strings.HasPrefix(rest, open) {
		end := strings.Index(rest[len(open):], s.d.Block[1])
		if end < 0 {
			s.skip(len(s.src))
			return true
		}
		s.skip(s.at + len(open) + end + len(s.d.Block[1]))
		return true
	}
	for _, open := range s.d.Comments {
		if !strings.HasPrefix(rest, open) || open == "#" && (s.d.Within != "" && strings.HasPrefix(rest, "#[") || s.d.Letters && s.at > 0 && s.src[s.at-1] == '$') {
			continue
		}
		end := s.lineEnd()
		if s.d.Within != "" { // the end of the code ends a comment, too
			if i := strings.Index(s.src[s.at:end], "?>"); i >= 0 {
				end = s.at + i
			}
		}
		s.at = end
		return true
	}
	return false
}

// expectsValue reports whether what stands before cannot be divided: then a
// slash begins a regular expression.
func (s *scanner) expectsValue() bool {
	if len(s.out) == 0 {
		return true
	}
	switch last := s.out[len(s.out)-1]; last.kind {
	case newline:
		return true
	case symbol:
		return strings.Contains("(,=~!&|{;[?:<>=>&&||", last.text)
	case word:
		return strings.Contains(" if unless and or not when split grep map return while until ", " "+last.text+" ")
	}
	return false
}

var closing = map[byte]byte{'(': ')', '[': ']', '{': '}', '<': '>'}

// delimited reads what stands between a delimiter and its end, with nesting
// where the two differ, and gives the value up to the first computed part. A
// text without an end is not one: only its delimiter is passed over.
func (s *scanner) delimited(open byte, give func(value string, plain bool)) bool {
	end, nests := closing[open]
	if !nests {
		end = open
	}
	var b strings.Builder
	plain, level := true, 0
	for j := s.at + 1; j < len(s.src); j++ {
		switch c := s.src[j]; {
		case c == '\\' && j+1 < len(s.src):
			j++
			if plain {
				if e := s.src[j]; e == 'n' && open != '\'' {
					b.WriteByte('\n')
				} else if e == open || e == end || e == '\\' || open != '\'' {
					b.WriteByte(e)
				} else {
					b.WriteString(s.src[j-1 : j+1])
				}
			}
		case c == end && level == 0:
			give(b.String(), plain)
			s.skip(j + 1)
			return true
		case c == end:
			level--
			b.WriteByte(c)
		case nests && c == open:
			level++
			b.WriteByte(c)
		case open != '\'' && s.interpolates(j):
			plain = false
			if c == '#' || c == '{' { // what it computes may have quotes of its own
				if k := s.braces(j); k > j {
					j = k
				}
			}
		case c == '\n' && open == '/':
			return s.endless(j)
		case plain:
			b.WriteByte(c)
		}
	}
	return s.endless(len(s.src))
}

// endless passes over a delimiter that begins no text, since up to j there is
// no end. A source that is full of them is read no further.
func (s *scanner) endless(j int) bool {
	if s.wasted += j - s.at; s.wasted > maxWasted {
		s.skip(len(s.src))
		return false
	}
	s.skip(s.at + 1)
	return false
}

// interpolates reports whether a computed part of a text begins here.
func (s *scanner) interpolates(j int) bool {
	if j+1 >= len(s.src) || strings.IndexByte(s.d.Interpolation, s.src[j]) < 0 {
		return false
	}
	next := s.src[j+1]
	switch s.src[j] {
	case '#':
		return next == '{'
	case '{':
		return next == '$'
	case '@':
		return isLetter(next) || next == '{'
	}
	return isLetter(next) || next == '{' || next >= '0' && next <= '9' || next == '$' || next == '&'
}

// maxBraces is how far a computed part of a text is followed, in bytes.
const maxBraces = 4096

// braces finds the end of #{…} and {$…} on the same line, j where there is none.
func (s *scanner) braces(j int) int {
	level := 0
	for k := j; k < len(s.src) && k < j+maxBraces && s.src[k] != '\n'; k++ {
		switch s.src[k] {
		case '{':
			level++
		case '}':
			if level--; level == 0 {
				return k
			}
		}
	}
	return j
}

// quoted reads a text or command line in quotes.
func (s *scanner) quoted(open, quote byte) bool {
	line := s.line
	return s.delimited(open, func(value string, plain bool) {
		kind := text
		if quote == '`' {
			kind = shellText
		}
		s.out = append(s.out, token{kind, value, plain || quote == '\'', line})
	})
}

// percent reads %x(…) and its like (Ruby, doc/syntax/literals).
func (s *scanner) percent() bool {
	if len(s.out) > 0 {
		if last := s.out[len(s.out)-1]; last.kind == text || last.kind == symbol && strings.Contains(")]}", last.text) {
			return false // a remainder
		}
	}
	rest := s.src[s.at:]
	if len(rest) < 3 || strings.IndexByte("xqQwWiIr", rest[1]) < 0 || isLetter(rest[2]) || rest[2] <= ' ' || rest[2] == '=' || rest[2] >= '0' && rest[2] <= '9' {
		return false
	}
	kind := map[byte]tokenKind{'x': shellText, 'w': list, 'W': list, 'i': list, 'I': list}[rest[1]]
	if kind == word {
		kind = text
	}
	line := s.line
	s.at += 2
	s.delimited(s.src[s.at], func(value string, plain bool) {
		s.out = append(s.out, token{kind, value, plain && rest[1] != 'r', line})
	})
	return true
}

// letters reads q(…) and its like (perlop, Quote and Quote-like Operators).
func (s *scanner) letters(name string, end int) bool {
	parts := map[string]int{"q": 1, "qq": 1, "qx": 1, "qw": 1, "qr": 1, "m": 1, "s": 2, "tr": 2, "y": 2}[name]
	if parts == 0 || len(s.out) > 0 && s.out[len(s.out)-1].kind == symbol && strings.Contains("->$@%&{", s.out[len(s.out)-1].text) {
		return false
	}
	j := end
	for j < len(s.src) && (s.src[j] == ' ' || s.src[j] == '\t') {
		j++
	}
	if j >= len(s.src) || isLetter(s.src[j]) || strings.IndexByte("=,;)\n\r>", s.src[j]) >= 0 || j > end && s.src[j] == '#' || s.src[j] >= '0' && s.src[j] <= '9' {
		return false
	}
	kind := map[string]tokenKind{"qx": shellText, "qw": list}[name]
	if kind == word {
		kind = text
	}
	line := s.line
	s.skip(j)
	open := s.src[j]
	ok := s.delimited(open, func(value string, plain bool) {
		s.out = append(s.out, token{kind, value, (plain || name == "q") && (parts == 1 && name != "m" && name != "qr"), line})
	})
	if ok && parts == 2 {
		if _, nests := closing[open]; !nests {
			s.at-- // its end begins the second part
		} else {
			for s.at < len(s.src) && strings.IndexByte(" \t\n", s.src[s.at]) >= 0 {
				s.skip(s.at + 1)
			}
		}
		if s.at < len(s.src) {
			s.delimited(s.src[s.at], func(string, bool) {})
		}
	}
	return true
}

// heredoc reads the beginning of a here-document: its label, in quotes or not.
func (s *scanner) heredoc() bool {
	rest := s.src[s.at+len(s.d.Heredoc) : s.lineEnd()]
	indented := s.d.Heredoc == "<<<"
	if s.d.Heredoc == "<<" {
		if trimmed := strings.TrimLeft(rest, "~-"); trimmed != rest {
			rest, indented = trimmed, true
		}
	} else {
		rest = strings.TrimLeft(rest, " \t")
	}
	if rest == "" {
		return false
	}
	quote := byte(0)
	if strings.IndexByte("'\"`", rest[0]) >= 0 {
		quote, rest = rest[0], rest[1:]
	}
	j := 0
	for j < len(rest) && (isLetter(rest[j]) || rest[j] >= '0' && rest[j] <= '9' && j > 0) {
		j++
	}
	if j == 0 || quote == 0 && s.d.Heredoc == "<<" && (rest[0] < 'A' || rest[0] > 'Z') {
		return false // a shift
	}
	label := rest[:j]
	kind := text
	if quote == '`' {
		kind = shellText
	}
	s.docs = append(s.docs, heredoc{label, indented, len(s.out), quote != '\''})
	s.emit(kind, "", true)
	s.at = s.lineEnd() - len(rest) + j
	if quote != 0 && s.at < len(s.src) && s.src[s.at] == quote {
		s.at++
	}
	return true
}

// bodies reads the here-documents that began in the line before.
func (s *scanner) bodies() {
	for _, d := range s.docs {
		var b strings.Builder
		plain := true
		for s.at < len(s.src) {
			end := s.lineEnd()
			line := s.src[s.at:end]
			at := line
			if d.indented {
				at = strings.TrimLeft(line, " \t")
			}
			if after, ok := strings.CutPrefix(at, d.label); ok && (after == "" || s.d.Heredoc == "<<<" && !isLetter(after[0]) || after == "\r") {
				s.skip(end - len(after))
				break
			}
			for j := s.at; j < end && d.computed && plain; j++ {
				if s.interpolates(j) {
					b.WriteString(s.src[s.at:j])
					plain = false
				}
			}
			if plain {
				b.WriteString(line + "\n")
			}
			s.skip(end + 1)
		}
		s.out[d.token].text, s.out[d.token].plain = b.String(), plain
	}
	s.docs = nil
}

func isLetter(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
