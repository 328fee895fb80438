// Package families knows well-known base images by what is in them, and which
// smaller image of the same family there is.
package families

import (
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

// A Kind says in what way an image is larger than a program needs.
type Kind int

// The kinds.
const (
	Slim     Kind = iota // it is not, as far as anybody knows
	Compiler             // made to build with
	Full                 // a language with a compiler, headers and the tools around it
	System               // a distribution with a package manager and more
	Variant              // a variant with development tools, by its tag
)

// An Image is what is known of one.
type Image struct {
	Kind Kind
	// Smaller is a reference that is the same without what a program does not
	// need, "" when there is none of that name.
	Smaller string
}

// compilers are images made to build with, by their last word.
var compilers = []string{
	"golang", "rust", "gcc", "maven", "gradle", "swift", "haskell", "ghc", "elixir", "erlang", "buildpack-deps", "clojure", "sbt", "dart", "crystal", "nim", "zig", "kotlin",
	"mono", "emsdk", "android-build-box", "go-toolset", "nodejs-sdk", "dotnet-sdk", "devcontainers", "ziglang", "ocaml", "opam", "cabal", "flutter", "composer",
}

// jdks are images whose plain tag has a compiler and some of whose tags have
// none.
var jdks = []string{"openjdk", "eclipse-temurin", "amazoncorretto", "zulu-openjdk", "zulu-openjdk-debian", "sapmachine", "ibm-semeru-runtimes", "liberica-openjdk-debian", "liberica-openjdk-alpine"}

// slimTag makes the tag of a smaller variant. "" means that there is none.
type slimTag func(tag string) string

// full are images of languages on a whole distribution, by their name on
// Docker Hub.
var full = map[string]slimTag{
	"node": codenameFirst, "python": slimFirst, "ruby": slimFirst, "perl": slimFirst, "pypy": slimFirst, "openresty/openresty": nil, "php": nil, "julia": nil, "r-base": nil, "rocker/r-ver": nil,
	"jupyter/base-notebook": nil, "continuumio/anaconda3": nil, "continuumio/miniconda3": nil, "pytorch/pytorch": nil, "tensorflow/tensorflow": nil,
}

// systems are distributions.
var systems = map[string]slimTag{
	"debian": stable, "ubuntu": nil, "fedora": nil, "centos": nil, "archlinux": nil, "opensuse/leap": nil, "opensuse/tumbleweed": nil, "kalilinux/kali-rolling": nil, "gentoo/stage3": nil,
	"rockylinux": minimal, "almalinux": minimal, "oraclelinux": versioned, "amazonlinux": nil, "mageia": nil, "quay.io/centos/centos": nil, "registry.fedoraproject.org/fedora": nil,
	"redhat/ubi8": nil, "redhat/ubi9": nil, "redhat/ubi10": nil, "rockylinux/rockylinux": minimal, "quay.io/rockylinux/rockylinux": minimal, "public.ecr.aws/amazonlinux/amazonlinux": nil,
}

// small mark images that were made small.
var small = []string{"slim", "alpine", "distroless", "chiseled", "chisel", "minimal", "micro", "static", "jre", "nonroot", "busybox", "scratch", "headless", "aspnet", "runtime"}

// development mark variants that were made to build with.
var development = []string{"devel", "sdk", "dev", "builder", "build", "devcontainer", "jdk", "full", "toolchain"}

// Of tells what is known of an image.
func Of(ref string) Image {
	name, tag, digest := walk.Image(ref)
	short := name
	for _, p := range []string{"docker.io/", "index.docker.io/", "library/", "mirror.gcr.io/", "public.ecr.aws/docker/"} {
		short = strings.TrimPrefix(short, p)
	}
	short = strings.TrimPrefix(short, "library/")
	base := short[strings.LastIndexByte(short, '/')+1:]
	words := strings.FieldsFunc(base+"-"+tag, func(r rune) bool { return strings.ContainsRune("-_.+/", r) })
	has := func(list []string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(list, w) })
	}
	smaller := func(make slimTag) string {
		if make == nil || digest != "" {
			return ""
		}
		if tag = make(tag); tag == "" {
			return ""
		}
		return name + ":" + tag
	}
	official := !strings.Contains(short, "/")
	switch {
	case strings.Contains(name, "distroless"), has(small) && !has(development), base == "alpine", base == "busybox":
		return Image{}
	case slices.Contains(compilers, base) && (official || strings.HasSuffix(name, "/golang") || strings.HasSuffix(name, "/go-toolset")), strings.HasPrefix(name, "mcr.microsoft.com/dotnet/sdk"), strings.HasPrefix(name, "mcr.microsoft.com/devcontainers/"):
		return Image{Kind: Compiler}
	case slices.Contains(jdks, base):
		return Image{Kind: Compiler, Smaller: smaller(map[bool]slimTag{true: runtimeOf, false: nil}[base == "eclipse-temurin"])}
	case has(development):
		return Image{Kind: Variant}
	}
	if make, ok := full[short]; ok {
		return Image{Kind: Full, Smaller: smaller(make)}
	}
	if make, ok := systems[short]; ok {
		return Image{Kind: System, Smaller: smaller(make)}
	}
	if strings.HasPrefix(name, "registry.access.redhat.com/ubi") && (base == "ubi" || strings.HasPrefix(base, "ubi")) {
		return Image{Kind: System}
	}
	return Image{}
}

// Whole reports whether an image is a server or an environment whose parts cannot
// be copied into a small one as a program can: PHP in Apache, notebooks.
func Whole(ref string) bool {
	name, tag, _ := walk.Image(ref)
	short := official(name)
	return short == "php" && (strings.Contains(tag, "apache") || strings.Contains(tag, "fpm")) ||
		slices.Contains([]string{"jupyter/base-notebook", "continuumio/anaconda3", "continuumio/miniconda3", "pytorch/pytorch", "tensorflow/tensorflow", "r-base", "rocker/r-ver", "openresty/openresty"}, short)
}

// releases are names of Debian's releases, which stand in tags.
var releases = []string{"bookworm", "trixie", "bullseye", "buster", "forky", "sid"}

// slimFirst makes 3.13 3.13-slim and 3.13-bookworm 3.13-slim-bookworm.
func slimFirst(tag string) string {
	if tag == "" || tag == "latest" {
		return "slim"
	}
	if version, release, ok := cutRelease(tag); ok {
		return version + "-slim-" + release
	}
	return plain(tag)
}

// codenameFirst makes 22 22-slim and 22-bookworm 22-bookworm-slim.
func codenameFirst(tag string) string {
	if tag == "" || tag == "latest" {
		return "slim"
	}
	if _, _, ok := cutRelease(tag); ok {
		return tag + "-slim"
	}
	return plain(tag)
}

// plain adds -slim to a tag that is a version or the name of a line of them.
func plain(tag string) string {
	if strings.Contains(tag, "-") {
		return ""
	}
	return tag + "-slim"
}

// stable is plain with Debian's current release where no tag says which.
func stable(tag string) string {
	if tag == "" || tag == "latest" {
		return "stable-slim"
	}
	return plain(tag)
}

// versioned is plain for images that have no slim tag without a version.
func versioned(tag string) string {
	if tag == "" || tag == "latest" {
		return ""
	}
	return plain(tag)
}

func cutRelease(tag string) (version, release string, ok bool) {
	i := strings.LastIndexByte(tag, '-')
	if i < 0 || !slices.Contains(releases, tag[i+1:]) {
		return "", "", false
	}
	return tag[:i], tag[i+1:], !strings.Contains(tag[:i], "-")
}

// minimal makes 9 9-minimal.
func minimal(tag string) string {
	if tag == "" || tag == "latest" {
		return "minimal"
	}
	return tag + "-minimal"
}

// runtimeOf makes 21 and 21-jdk 21-jre.
func runtimeOf(tag string) string {
	switch {
	case strings.Contains(tag, "jdk"):
		return strings.Replace(tag, "jdk", "jre", 1)
	case tag != "" && strings.Trim(tag, "0123456789") == "":
		return tag + "-jre"
	}
	return ""
}
