package plan

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/packages"
)

// compileTime are packages that are installed to build with, or whose files
// come by evidence.
var compileTime = []string{"build-essential", "gcc", "g++", "clang", "make", "cmake", "ninja-build", "meson", "autoconf", "automake", "libtool", "pkg-config", "pkgconf", "git", "dpkg-dev", "build-base", "musl-dev", "musl-tools", "golang", "rustc", "cargo", "ca-certificates", "tzdata", "apt-transport-https", "gnupg", "lsb-release"}

// unused tells which packages stay behind, and warns about those that the final
// stage installs and nothing of which is in the image: a program may run or
// read them by name.
func (m *maker) unused(ctx context.Context) error {
	asked, err := m.asked(ctx)
	if err != nil {
		return fmt.Errorf("reading the package database: %w", err)
	}
	var names []string
	for _, p := range asked {
		used := slices.ContainsFunc(m.plan.Packages, func(u packages.Package) bool { return u.Name == p.Name })
		if !used && !slices.Contains(compileTime, p.Name) && !strings.HasSuffix(p.Name, "-dev") && !strings.HasPrefix(p.Name, ".") {
			names = append(names, p.Name)
		}
	}
	for name, l := range m.unneeded {
		l.Why = "nothing is seen to use"
		if slices.ContainsFunc(m.plan.Packages, func(u packages.Package) bool { return u.Name == name }) {
			l.Why = "is used in part"
		}
		m.plan.Left = append(m.plan.Left, *l)
	}
	if len(names) > 0 {
		m.warn("RUN", fmt.Sprintf("nothing shows a use of these packages, so they are not in the image: %s", strings.Join(names, ", ")), "include: what the program runs or reads of them, such as /usr/bin/NAME")
	}
	return nil
}

// asked lists the packages that the Dockerfile installs by name.
func (m *maker) asked(ctx context.Context) ([]packages.Package, error) {
	if m.in.Changed == nil || m.in.Base == nil {
		return nil, nil
	}
	base, err := packages.Open(ctx, m.in.Base)
	if err != nil {
		return nil, err
	}
	return m.db.Asked(ctx, base)
}
