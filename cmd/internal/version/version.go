// Package version says which whittle this program is. The command and the
// frontend image write it into the same documents, so they have to agree.
package version

import "runtime/debug"

// String is the version that this program was built as, "devel" where the
// build does not know it.
func String() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}
