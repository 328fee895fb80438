package walk

import (
	"fmt"
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
)

// Unpinned reports the packages of an invocation that are not pinned, once for
// the command. how, such as "%s=VERSION", is how to pin one.
func (x *Expander) Unpinned(p *rule.Pass, in dockerfile.Instruction, v Invocation, pinned func(name string) bool, how string) {
	var loose []Field
	for _, word := range x.Fields(in, v.Packages) {
		if word.Text != "" && !word.Opaque() && !pinned(word.Text) {
			loose = append(loose, word)
		}
	}
	if len(loose) == 0 {
		return
	}
	verb := "is"
	if len(loose) > 1 {
		verb = "are"
	}
	way := "name a commit or a tag of it"
	if name := loose[0].Text; !strings.Contains(name, "://") {
		if i := strings.LastIndexByte(name, '@'); i > 0 { // a tag such as latest
			name = name[:i]
		}
		way = "write " + fmt.Sprintf(how, strings.TrimRight(name, "-"))
	}
	p.Reportf(loose[0].Span, fmt.Sprintf("%s %s installed without a version; %s", names(loose), verb, way))
}

// names lists up to three.
func names(list []Field) string {
	var texts []string
	for _, x := range list {
		texts = append(texts, x.Text)
	}
	switch n := len(texts); {
	case n == 1:
		return texts[0]
	case n <= 3:
		return strings.Join(texts[:n-1], ", ") + " and " + texts[n-1]
	default:
		return fmt.Sprintf("%s and %d more", strings.Join(texts[:2], ", "), n-2)
	}
}

// PinnedModule reports whether yum or dnf is told the stream of a module.
func PinnedModule(name string) bool { return strings.Contains(name, ":") }

// PinnedRPM reports whether yum or dnf is told a version: name-1.2, a file or a
// URL. Groups, which begin with @, have none.
func PinnedRPM(name string) bool {
	if strings.ContainsAny(name, "/=<>") || strings.HasSuffix(name, ".rpm") || strings.HasPrefix(name, "@") {
		return true
	}
	for i := 0; i+1 < len(name); i++ {
		if name[i] == '-' && (name[i+1] >= '0' && name[i+1] <= '9' || name[i+1] == '$') {
			return true
		}
	}
	return false
}

// PinnedJS reports whether npm or its like is told a version, a directory or
// file, or a commit or tag of a repository. A tag of the registry, such as
// latest, is no version.
func PinnedJS(name string) bool {
	if strings.Contains(name, "://") || strings.HasPrefix(name, "git@") {
		return strings.Contains(name, "#") || archive(name)
	}
	if i := strings.LastIndexByte(name, '@'); i > 0 && strings.ContainsAny(name[i:], "0123456789$") {
		return true
	}
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "/") || strings.HasPrefix(name, "~") ||
		strings.Contains(name, "#") || archive(name)
}

func archive(name string) bool {
	return strings.HasSuffix(name, ".tgz") || strings.HasSuffix(name, ".tar.gz") || strings.HasSuffix(name, ".tar")
}
