package walk

import (
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
)

// Mounted reports whether a cache or tmpfs mount of a RUN takes what is written
// to a directory, so that it does not stay in the layer.
func Mounted(f *dockerfile.File, in dockerfile.Instruction, dir string) bool {
	return slices.ContainsFunc(mounts(f, in), func(target string) bool {
		return target == dir || strings.HasPrefix(dir, target+"/")
	})
}

// MountedBelow reports whether a cache or tmpfs mount of a RUN has a target
// that ends in one of the paths, such as .cache/pip for the pip of any user.
func MountedBelow(f *dockerfile.File, in dockerfile.Instruction, tails ...string) bool {
	return slices.ContainsFunc(mounts(f, in), func(target string) bool {
		return slices.ContainsFunc(tails, func(tail string) bool { return target == tail || strings.HasSuffix(target, "/"+tail) })
	})
}

// mounts are the targets of the cache and tmpfs mounts, without slashes at
// their ends, and /dev/shm, which is memory in every RUN. BuildKit's own parser
// leaves them out until a build expands them.
func mounts(f *dockerfile.File, in dockerfile.Instruction) []string {
	out := []string{"/dev/shm"}
	for _, flag := range in.Node.Flags {
		spec, ok := strings.CutPrefix(flag, "--mount=")
		if !ok {
			continue
		}
		kind, target := "bind", ""
		for _, field := range dockerfile.Fields(spec) {
			key, value, _ := strings.Cut(field, "=")
			switch strings.ToLower(key) {
			case "type":
				kind = strings.ToLower(value)
			case "target", "dst", "destination":
				target, _ = f.Expand(in, value)
			}
		}
		if kind == "cache" || kind == "tmpfs" {
			out = append(out, strings.TrimRight(target, "/"))
		}
	}
	return out
}
