package dockerfile

import (
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// A Platform is what an image or a stage is for, in Go's words.
type Platform struct{ OS, Architecture, Variant string }

// Here is what BuildKit builds on and, unless it is told, for on this machine.
func Here() Platform { return Platform{OS: "linux", Architecture: runtime.GOARCH} }

// ParsePlatform reads os/arch[/variant], or one of the first two alone, as
// BuildKit does (github.com/containerd/platforms). An OS alone stands for amd64,
// which most images are for.
func ParsePlatform(text string) (p Platform, ok bool) {
	parts := strings.Split(strings.ToLower(text), "/")
	p.OS, _, _ = strings.Cut(parts[0], "(")
	if p.OS == "macos" {
		p.OS = "darwin"
	}
	switch {
	case len(parts) > 3 || slices.Contains(parts, "") || strings.Trim(strings.Join(parts, ""), "abcdefghijklmnopqrstuvwxyz0123456789_.-()") != "":
		return Platform{}, false
	case len(parts) > 1:
		p.Architecture, p.Variant = architecture(parts[1])
		if len(parts) > 2 {
			p.Variant = parts[2]
		}
		return p, true
	case slices.Contains(systems, p.OS):
		p.Architecture = "amd64"
		return p, true
	}
	p.Architecture, p.Variant = architecture(p.OS)
	p.OS = "linux"
	return p, slices.Contains(architectures, p.Architecture)
}

// String is how docker writes a platform.
func (p Platform) String() string {
	if p.Variant == "" {
		return p.OS + "/" + p.Architecture
	}
	return p.OS + "/" + p.Architecture + "/" + p.Variant
}

// Runs reports whether programs for another platform run here, as BuildKit
// judges it: those for 32 bits do on 64, and those for an older ARM on a newer.
func (p Platform) Runs(other Platform) bool {
	if p.OS != other.OS {
		return false
	}
	switch p.Architecture {
	case other.Architecture:
		return p.Architecture != "arm" || p.arm() >= other.arm()
	case "amd64":
		return other.Architecture == "386"
	case "arm64":
		return other.Architecture == "arm"
	}
	return false
}

// arm is the version of a 32-bit ARM.
func (p Platform) arm() int {
	if n, err := strconv.Atoi(strings.TrimPrefix(p.Variant, "v")); err == nil {
		return n
	}
	return 7
}

var (
	systems       = []string{"aix", "android", "darwin", "dragonfly", "freebsd", "hurd", "illumos", "ios", "js", "linux", "nacl", "netbsd", "openbsd", "plan9", "solaris", "windows", "zos"}
	architectures = []string{
		"386", "amd64", "amd64p32", "arm", "armbe", "arm64", "arm64be", "ppc64", "ppc64le", "loong64", "mips", "mipsle", "mips64", "mips64le",
		"mips64p32", "mips64p32le", "ppc", "riscv", "riscv64", "s390", "s390x", "sparc", "sparc64", "wasm",
	}
)

// architecture is the name and variant that Go gives to an architecture.
func architecture(name string) (arch, variant string) {
	switch name {
	case "i386":
		return "386", ""
	case "x86_64", "x86-64":
		return "amd64", ""
	case "aarch64":
		return "arm64", ""
	case "armhf":
		return "arm", "v7"
	case "armel":
		return "arm", "v6"
	}
	return name, ""
}
