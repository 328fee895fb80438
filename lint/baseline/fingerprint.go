// Package baseline tells findings that were there before from new ones. A
// finding is known by what it says about which text, not by its line, so that
// it stays the same while lines above it come and go.
package baseline

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/whittle-oci/whittle/lint"
)

// Fingerprints gives the fingerprint of each finding: of its rule, the path of
// its file as path writes it, the line it begins in and the text it is about,
// blanks aside, and of how many like it stand before it.
func Fingerprints(diags []lint.Diagnostic, path func(string) string) []string {
	out := make([]string, len(diags))
	seen := map[string]int{}
	for i, d := range diags {
		var b strings.Builder
		for _, part := range []string{d.Rule.Name, path(d.File.Name), squeeze(d.File.Line(d.File.Pos(d.Span.Start).Line)), squeeze(d.File.Bytes[d.Span.Start:d.Span.End])} {
			b.WriteString(part)
			b.WriteByte(0)
		}
		key := b.String()
		sum := sha256.Sum256([]byte(key + strconv.Itoa(seen[key])))
		seen[key]++
		out[i] = hex.EncodeToString(sum[:16])
	}
	return out
}

// maxText bounds how much of a text counts, in bytes.
const maxText = 1024

// squeeze leaves one blank where there are several.
func squeeze(b []byte) string {
	return strings.Join(strings.Fields(string(b[:min(len(b), maxText)])), " ")
}
