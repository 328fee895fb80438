package shellcheck

import (
	"crypto/sha256"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/whittle-oci/whittle/lint/dockerfile"
)

// maxScript is the longest script that is checked, in bytes. Whatever is longer
// was not written by a person.
const maxScript = 128 << 10

// A key names the content of a script: all that its findings depend on.
type key [16]byte

// A script is what the program is given for one RUN.
type script struct {
	file    *dockerfile.File
	in      dockerfile.Instruction
	text    dockerfile.Script
	dialect dialect
	key     key
	// given is head and then the text from kept on. The head is a #! line for
	// the dialect, the comments that the text begins with, since those are about
	// all of it, and a line with the names that ENV and ARG declare.
	given string
	head  int
	kept  int
}

// script is false for shells that ShellCheck does not know.
func (r reader) script(in dockerfile.Instruction, text dockerfile.Script, version string) (script, bool) {
	f := r.file
	d, ok := r.dialect(in, text)
	if !ok {
		return script{}, false
	}
	s := script{file: f, in: in, text: text, dialect: d}
	head := d.shebang + "\n"
	for line := range strings.Lines(text.Text) {
		if !strings.HasPrefix(line, "#") || !strings.HasSuffix(line, "\n") {
			break
		}
		if s.kept > 0 || !strings.HasPrefix(line, "#!") {
			head += line
		}
		s.kept += len(line)
	}
	head += declared(f, in, text.Text)
	s.given, s.head = head+text.Text[s.kept:]+"\n", len(head)
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%q\n%s", version, arguments, s.given)
	copy(s.key[:], h.Sum(nil))
	return s, true
}

// proxies are the variables that BuildKit hands to every RUN.
var proxies = []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "FTP_PROXY", "ftp_proxy", "NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"}

var names = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_]*`) })

// declared is a line that exports those names of a script that ENV and ARG
// declare. Nothing is known of the values that a build will have, so each gets
// one that needs no quotes.
func declared(f *dockerfile.File, in dockerfile.Instruction, text string) string {
	if !strings.Contains(text, "$") {
		return ""
	}
	var out []string
	seen := map[string]bool{}
	for _, name := range names().FindAllString(text, -1) {
		if seen[name] {
			continue
		}
		seen[name] = true
		if _, _, ok := f.Variable(in, name); ok || slices.Contains(proxies, name) {
			out = append(out, name+"=1")
		}
	}
	if len(out) == 0 {
		return ""
	}
	slices.Sort(out)
	return "export " + strings.Join(out, " ") + "\n"
}
