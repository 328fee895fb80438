package dockerfile

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/source"
)

// A Download is a file that ADD gets by http or https.
type Download struct {
	// URL has the defaults of ARGs filled in; Known is false when a variable
	// without a value is in it.
	URL   string
	Known bool
	In    Instruction
	Span  source.Span // of the URL as the instruction has it
	// Literal says that no variable is in the URL.
	Literal bool
	// Alone says that ADD copies nothing else. It takes a checksum only then.
	Alone bool
	// Checksum is what --checksum says, as it is written, "" where it does not.
	Checksum string
	// Place is where the checksum stands, or the flag would: nothing, before
	// the URL.
	Place source.Span
}

// Downloads lists what ADD downloads, in the order of the file.
func (f *File) Downloads() []Download {
	var out []Download
	for _, in := range f.Instructions {
		if in.Keyword != "add" {
			continue
		}
		sources, _ := in.Copied()
		for _, w := range sources {
			address, known := f.Expand(in, w.Text)
			if !strings.HasPrefix(address, "https://") && !strings.HasPrefix(address, "http://") || Repository(address) {
				continue
			}
			d := Download{
				URL: address, Known: known, In: in, Span: w.Span, Literal: address == w.Text, Alone: len(sources) == 1 && len(in.Words()) == 2,
				Place: source.Span{Start: w.Span.Start, End: w.Span.Start},
			}
			if flag, ok := in.Flag("checksum"); ok && flag.Value != "" {
				d.Checksum, d.Place = flag.Value, flag.ValueSpan
			}
			out = append(out, d)
		}
	}
	return out
}

// Check gives the edit that has ADD check what it downloads. ok is false where
// the instruction cannot say so, and for plain http, over which nobody can tell
// which checksum is the right one.
func (d Download) Check(checksum string) (e source.Edit, ok bool) {
	if !d.Literal || !d.Alone || strings.Contains(d.Checksum, "$") || d.In.Trigger || !strings.HasPrefix(d.URL, "https://") {
		return e, false
	}
	if d.Checksum == "" {
		checksum = "--checksum=" + checksum + " "
	}
	return source.Edit{Span: d.Place, New: checksum}, true
}

// Repository reports whether BuildKit takes a source of ADD for a git
// repository.
func Repository(address string) bool {
	base, _, _ := strings.Cut(address, "#")
	base, _, _ = strings.Cut(base, "?")
	for _, scheme := range []string{"git://", "ssh://", "git@"} {
		if strings.HasPrefix(base, scheme) {
			return true
		}
	}
	return (strings.HasPrefix(base, "https://") || strings.HasPrefix(base, "http://")) && strings.HasSuffix(base, ".git")
}
