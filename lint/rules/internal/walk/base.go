package walk

import (
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
)

// An Origin is the image that a stage goes back to, through the stages between.
// The zero value is one of which nothing is known.
type Origin struct {
	Name string // without registry and namespace
	Tag  string
	// Official marks one of Docker's official images, or a copy by its name.
	Official bool
}

// Origins gives the origin of every stage.
func Origins(f *dockerfile.File) []Origin {
	out := make([]Origin, len(f.Stages))
	for i := range f.Stages {
		s := &f.Stages[i]
		if s.Parent >= 0 {
			out[i] = out[s.Parent]
			continue
		}
		if ref, known := f.BaseName(s); known && !strings.Contains(ref, "distroless") {
			name, tag, _ := Image(ref)
			out[i] = Origin{path.Base(name), tag, official(name)}
		}
	}
	return out
}

// official reports whether a name has no namespace, or is one that stands for it.
func official(name string) bool {
	namespace, _ := path.Split(name)
	namespace = strings.TrimSuffix(namespace, "/")
	registry, rest, more := strings.Cut(namespace, "/")
	switch {
	case namespace == "" || namespace == "library":
		return true
	case !strings.ContainsAny(registry, ".:") && registry != "localhost":
		return false
	}
	return !more || path.Base(rest) == "library" || namespace == "public.ecr.aws/docker"
}

// Alpine reports whether the image is Alpine or made from it.
func (o Origin) Alpine() bool { return o.Name == "alpine" || strings.Contains(o.Tag, "alpine") }

// Shell is a shell with pipefail that is in the image, "" when none is known.
func (o Origin) Shell() string {
	switch {
	case o.Alpine():
		return "/bin/ash"
	case slices.Contains(shIsBash, o.Name), slices.Contains(withBash, o.Name):
		return "/bin/bash"
	}
	return ""
}

// Root reports whether the image is known to run as root when nobody says
// otherwise: no official one with a known shell sets a USER.
func (o Origin) Root() bool { return o.Official && o.Shell() != "" }

// Dash reports whether sh in the image is dash, which is not so of Alpine's and
// of Fedora's family.
func (o Origin) Dash() bool {
	return !o.Alpine() && !slices.Contains(shIsBash, o.Name) && slices.Contains(withBash, o.Name)
}

// Pipefail reports whether the command line of a shell turns pipefail on, for a
// shell that knows it: bash, zsh, the Korn shells, busybox, and what is sh in
// the image where that is one of them.
func (o Origin) Pipefail(shell []string) bool {
	i := slices.Index(shell, "pipefail")
	if i < 2 || !strings.HasPrefix(shell[i-1], "-") || !strings.HasSuffix(shell[i-1], "o") {
		return false
	}
	name := path.Base(shell[0])
	if name == "sh" {
		return o.Alpine() || slices.Contains(shIsBash, o.Name)
	}
	return slices.Contains([]string{"bash", "zsh", "ash", "ksh", "mksh"}, name)
}

// shIsBash are base images, of any registry, whose /bin/sh is bash.
var shIsBash = []string{"fedora", "centos", "rockylinux", "almalinux", "amazonlinux", "oraclelinux", "leap", "tumbleweed", "archlinux", "ubi8", "ubi9"}

// withBash are base images that carry bash beside another sh when their tag does
// not say alpine.
var withBash = []string{
	"debian", "ubuntu", "buildpack-deps", "gcc", "golang", "node", "openjdk", "eclipse-temurin", "php", "python", "ruby", "rust", "perl", "maven",
	"nginx", "httpd", "postgres", "mysql", "mariadb", "redis",
}
