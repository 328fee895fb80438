package walk

import (
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
)

// StopsOnError reports whether a script stops at the first command that fails:
// the shell is told to, or the script begins with set -e.
func StopsOnError(s dockerfile.Script) bool {
	for i, w := range s.Shell {
		if i > 0 && (len(w) > 1 && w[0] == '-' && w[1] != '-' && strings.Contains(w, "e") || w == "errexit") {
			return true
		}
	}
	return s.File != nil && slices.ContainsFunc(s.File.Stmts, stopsOnError)
}
