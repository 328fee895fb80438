package decide

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/distribution"
	"github.com/whittle-oci/whittle/builder/packages"
)

// compileTime are packages that are installed to build with or to enable others, and those by which
// package managers reach their archives (Debian 12 and Alpine 3.20; 2026-11).
var compileTime = []string{"php-common", "build-essential", "gcc", "g++", "clang", "make", "cmake", "ninja-build", "meson", "autoconf", "automake", "libtool", "pkg-config", "pkgconf", "dpkg-dev", "build-base", "musl-dev", "musl-tools", "golang", "rustc", "cargo", "apt-transport-https", "lsb-release", "software-properties-common", "dirmngr", "patch", "fakeroot"}

// fetching are packages that a stage which compiles fetches its sources with.
var fetching = []string{"git", "mercurial", "subversion", "gnupg", "gpg", "curl", "wget", "unzip", "xz-utils", "bzip2", "openssh-client"}

// maxUnused is how many packages are warned about one by one.
const maxUnused = 9

// unused tells which packages stay behind, and warns about those that the final
// stage installs by name and nothing of which is in the image: a program may
// run or read them by a name that does not show.
func unused(ctx context.Context, in Input, dist *distribution.Provider, files *drafts, of phases) (notes, error) {
	used := map[string]bool{}
	for _, p := range of.recorded.packages {
		used[p.Name] = true
	}
	out := notes{left: leftPackages(of.kept, files, used)}
	for _, f := range of.closed.Facts {
		if f.Kind != need.LeftData || used[f.Subject] {
			continue
		}
		dirs, err := dist.DataDirectories(ctx, f.Subject)
		if err != nil {
			return out, err
		}
		out.warnings = append(out.warnings, image.NewWarning("RUN", f.Reason+": "+strings.Join(dirs, ", "), "include: "+strings.Join(dirs, ", ")+" when the program reads it"))
	}
	asked, err := dist.Asked(ctx)
	if err != nil {
		return out, err
	}
	who := "a program"
	if len(of.launched.mains) > 0 {
		who = of.launched.mains[0]
	}
	var further []string
	for _, p := range asked {
		if used[p.Name] || !worthSaying(p, in.Compiles) {
			continue
		}
		if len(out.warnings) == maxUnused {
			further = append(further, p.Name)
			continue
		}
		h, ok, err := dist.Holds(ctx, p)
		if err != nil {
			return out, err
		}
		if !ok {
			continue
		}
		out.warnings = append(out.warnings, image.NewWarning("RUN", fmt.Sprintf("nothing shows a use of the package %s, which the final stage installs by name, so it is not in the image; where %s runs or reads it, it will miss %s", p.Name, who, h.Text), "include: "+strings.Join(h.Paths, ", ")))
	}
	if len(further) > 0 {
		out.warnings = append(out.warnings, image.NewWarning("RUN", fmt.Sprintf("nothing shows a use of %d further packages, which the final stage installs by name: %s", len(further), strings.Join(further, ", ")), "include: what the program runs or reads of them"))
	}
	return out, nil
}

// worthSaying reports whether somebody may miss a package: it serves neither
// builds nor, where the stage compiles, the fetching of sources, and its files
// do not come by evidence.
func worthSaying(p packages.Package, compiles []string) bool {
	switch {
	case slices.Contains(compileTime, p.Name), distribution.ByEvidence(p.Name), strings.HasSuffix(p.Name, "-dev"), strings.HasPrefix(p.Name, "."):
		return false
	}
	return len(compiles) == 0 || !slices.Contains(fetching, p.Name)
}

// leftPackages sums up, by package, the files that packages brought and the
// image has not.
func leftPackages(kept kept, files *drafts, used map[string]bool) []image.Left {
	byPackage := map[string]image.Left{}
	for name, pkg := range kept.owned {
		e := kept.changed[name]
		if e.IsDir() || files.find(name) != nil {
			continue
		}
		l, ok := byPackage[pkg.Name]
		if !ok {
			l = image.Left{Path: "package " + pkg.Name, Why: "nothing is seen to use"}
			if used[pkg.Name] {
				l.Why = "is used in part"
			}
		}
		if e.IsRegular() {
			l.Files++
			l.Bytes += e.Size
		}
		byPackage[pkg.Name] = l
	}
	var out []image.Left
	for _, name := range slices.Sorted(maps.Keys(byPackage)) {
		out = append(out, byPackage[name])
	}
	return out
}
