package rules

import (
	"slices"
	"strconv"
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
	"github.com/whittle-oci/whittle/lint/source"
)

var buildToolsLeft = rule.Rule{
	Meta: rule.Meta{
		Name:     "build-tools-left",
		Family:   rule.Fat,
		Summary:  "the final stage installs no build tools",
		Why:      "Compilers and headers are needed to build, not to run. Install them in a stage of its own and copy what they make. Those that the same RUN removes again are not reported.",
		Bad:      "FROM debian:12-slim\nRUN apt-get update && apt-get install -y gcc make\nUSER 10001\n",
		Good:     "FROM debian:12-slim AS build\nRUN apt-get update && apt-get install -y gcc make\nFROM debian:12-slim\nCOPY --from=build /app /app\nUSER 10001\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"recommended"},
	},
	Check: checkBuildToolsLeft,
}

func checkBuildToolsLeft(p *rule.Pass) {
	for in, c := range walk.Commands(p.File) {
		if !p.File.Shipped(in.Stage) {
			continue
		}
		packages, ok := walk.Install(c, "apt-get", "apt", "apk", "yum", "dnf", "microdnf", "tdnf", "zypper")
		if !ok {
			continue
		}
		var names []string
		var first source.Span
		for _, pkg := range packages {
			name, _, _ := strings.Cut(pkg.Text, "=")
			name, _, _ = strings.Cut(name, ":")
			if !buildTool(name) || removed(p.File, in, c, name) {
				continue
			}
			if names = append(names, name); len(names) == 1 {
				first = pkg.Span
			}
		}
		switch n := len(names); {
		case n == 1:
			p.Reportf(first, names[0]+" is for building and stays in the image; install it in a stage of its own")
		case n > 1:
			p.Reportf(first, some(names)+" are for building and stay in the image; install them in a stage of their own")
		}
	}
}

// some names a few of many.
func some(names []string) string {
	const most = 4
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:most], ", ") + " and " + strconv.Itoa(len(names)-most) + " more"
}

// buildTools are packages that no program needs to run.
var buildTools = []string{
	"gcc", "g++", "clang", "make", "cmake", "build-essential", "build-base", "autoconf", "automake", "libtool", "ninja-build", "ninja", "golang", "golang-go", "go", "cargo", "rustc", "rust",
	"maven", "gradle", "default-jdk", "gcc-c++", "musl-dev", "linux-headers", "kernel-headers", "alpine-sdk", "bison", "flex", "nasm", "yasm", "meson", "gfortran", "dpkg-dev", "rpm-build", "patch", "swig",
}

func buildTool(name string) bool {
	return slices.Contains(buildTools, name) || strings.HasSuffix(name, "-dev") || strings.HasSuffix(name, "-devel") || strings.HasSuffix(name, "-jdk") || strings.HasPrefix(name, "openjdk-") && strings.HasSuffix(name, "-jdk-headless")
}

// removed reports whether a later command of the RUN takes a package away: by
// its name, by the name of the group it was installed under, or as one that
// nothing asks for.
func removed(f *dockerfile.File, in dockerfile.Instruction, install dockerfile.Command, name string) bool {
	group := ""
	for i, a := range install.Args {
		if (a.Text == "--virtual" || a.Text == "-t") && i+1 < len(install.Args) {
			group = install.Args[i+1].Text
		}
		if rest, ok := strings.CutPrefix(a.Text, "--virtual="); ok {
			group = rest
		}
	}
	marked := false // as what nobody asked for
	for _, c := range f.Commands(in) {
		if c.Span.Start <= install.Span.Start {
			continue
		}
		marked = marked || c.Name == "apt-mark" && c.Has("auto")
		switch {
		case c.Name == "apk" && c.Has("del"):
			if c.Has(name) || group != "" && c.Has(group) || slices.ContainsFunc(c.Args, func(a dockerfile.Arg) bool { return !a.Literal }) {
				return true
			}
		case (c.Name == "apt-get" || c.Name == "apt") && c.Has("purge", "remove", "autoremove", "autopurge"):
			// What was asked for by its name is not there by itself, and stays.
			v, _ := walk.Invoke(c, "apt-get", "apt")
			if c.Has(name) || (marked || len(v.Packages) > 0) && c.Has("autoremove", "autopurge", "--auto-remove", "--autoremove") || slices.ContainsFunc(c.Args, func(a dockerfile.Arg) bool { return !a.Literal }) {
				return true
			}
		case slices.Contains([]string{"yum", "dnf", "microdnf", "tdnf", "zypper"}, c.Name) && c.Has("remove", "erase", "autoremove", "rm", "history"):
			if c.Has(name, "autoremove", "history") || slices.ContainsFunc(c.Args, func(a dockerfile.Arg) bool { return !a.Literal }) {
				return true
			}
		}
	}
	return false
}
