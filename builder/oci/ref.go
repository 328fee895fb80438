// Package oci is where images come from and where they go to: references,
// registries, OCI layouts, archives. It reaches no other package of this
// module, so that the builder, signing and lint/pin can share it.
package oci

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/name"
)

// A Kind is a kind of place where an image is kept.
type Kind int

// The kinds. Path is a path without a prefix: a directory is a Layout, a file
// an archive of either kind, which is seen when it is opened.
const (
	Registry Kind = iota + 1
	Layout
	DockerArchive
	OCIArchive
	Path
	Docker
)

// String is the kind as messages name it.
func (k Kind) String() string {
	switch k {
	case Registry:
		return "registry"
	case Layout:
		return "OCI layout"
	case DockerArchive:
		return "docker archive"
	case OCIArchive:
		return "OCI archive"
	case Docker:
		return "docker engine"
	}
	return "path"
}

// A Ref names an image and the place where it is kept.
type Ref struct {
	Kind Kind
	// Name is the image in a Registry or in the Docker engine.
	Name name.Reference
	// Path is the directory or file of the other kinds.
	Path string
	// Tag and Digest choose among several images of a Path; at most one is
	// set.
	Tag, Digest string

	text  string // as it was given
	whole string // Path with what was taken for a tag or digest
}

// String is the reference as it was given.
func (r Ref) String() string { return r.text }

// Place says which place is read, for messages and reports: "registry
// ghcr.io/acme/app:1", "OCI layout ./out".
func (r Ref) Place() string {
	switch {
	case r.Name != nil:
		return r.Kind.String() + " " + r.Name.Name()
	case r.Digest != "":
		return r.Kind.String() + " " + r.Path + "@" + r.Digest
	case r.Tag != "":
		return r.Kind.String() + " " + r.Path + ":" + r.Tag
	}
	return r.Kind.String() + " " + r.Path
}

// A RefError is a text that names no image.
type RefError struct {
	Ref string
	Err error
}

// Error names the forms that a reference may have.
func (e *RefError) Error() string {
	return fmt.Sprintf("%q is not an image reference: %v; give NAME[:TAG|@DIGEST] in a registry, oci:DIR or ./DIR of an OCI layout, docker-archive:FILE or ./FILE of an archive, or docker:NAME of the docker engine", e.Ref, e.Err)
}

// Unwrap returns the cause.
func (e *RefError) Unwrap() error { return e.Err }

// ExitCode is the code for a command that was called wrongly.
func (*RefError) ExitCode() int { return 2 }

// prefixes are the kinds that have one, as in containers-transports(5).
var prefixes = []struct {
	text string
	kind Kind
}{
	{"oci:", Layout},
	{"oci-archive:", OCIArchive},
	{"docker-archive:", DockerArchive},
	{"docker:", Docker},
}

// ParseRef reads a reference:
//
//	NAME[:TAG|@DIGEST]             in a registry, as docker reads it
//	oci:DIR[:TAG|@DIGEST]          an OCI layout
//	oci-archive:FILE[:TAG|@DIGEST] an OCI layout in a tar
//	docker-archive:FILE[:TAG]      what docker save writes
//	docker:NAME[:TAG]              an image of the docker engine
//	./PATH, ../PATH, /PATH, C:\PATH a directory or file of one of these kinds
//
// A name without a prefix is always one in a registry, whatever lies in the
// current directory. Nothing is opened or looked up. Errors are *RefError.
func ParseRef(s string) (Ref, error) {
	if strings.ContainsRune(s, 0) {
		return Ref{}, &RefError{s, errors.New("it holds a NUL")}
	}
	for _, p := range prefixes {
		rest, ok := strings.CutPrefix(s, p.text)
		switch {
		case !ok:
		case rest == "":
			return Ref{}, &RefError{s, fmt.Errorf("nothing follows %s", p.text)}
		case p.kind == Docker:
			ref, err := ParseName(rest)
			if err != nil {
				return Ref{}, &RefError{s, err}
			}
			return Ref{Kind: Docker, Name: ref, text: s}, nil
		default:
			return pathRef(p.kind, s, rest)
		}
	}
	if isPath(s) {
		return pathRef(Path, s, s)
	}
	ref, err := ParseName(s)
	if err != nil {
		return Ref{}, &RefError{s, errors.Unwrap(err)} // the text is said already
	}
	return Ref{Kind: Registry, Name: ref, text: s}, nil
}

// volume is the drive of a Windows path, which ends in a colon of its own.
var volume = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[A-Za-z]:[/\\]`)
})

// isPath reports whether a text leads somewhere without looking.
func isPath(s string) bool {
	if s == "." || s == ".." || volume().MatchString(s) {
		return true
	}
	for _, lead := range []string{"./", "../", "/", `.\`, `..\`, `\`} {
		if strings.HasPrefix(s, lead) {
			return true
		}
	}
	return false
}

// digestSuffix is a digest behind a path (OCI image spec, descriptor.md).
var digestSuffix = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`@([a-z0-9]+(?:[+._-][a-z0-9]+)*:[A-Za-z0-9=_-]{32,})$`)
})

// pathRef splits off what chooses an image: a digest at the end, or what is
// behind the first colon, as in containers-transports(5).
func pathRef(kind Kind, text, rest string) (Ref, error) {
	r := Ref{Kind: kind, Path: rest, text: text, whole: rest}
	if m := digestSuffix().FindStringSubmatchIndex(rest); m != nil {
		r.Path, r.Digest = rest[:m[0]], rest[m[2]:]
	} else {
		drive := len(volume().FindString(rest))
		if path, tag, ok := strings.Cut(rest[drive:], ":"); ok {
			r.Path, r.Tag = rest[:drive]+path, tag
			if tag == "" {
				return Ref{}, &RefError{text, errors.New("nothing follows the colon")}
			}
		}
	}
	if r.Path == "" {
		return Ref{}, &RefError{text, errors.New("it names no path")}
	}
	return r, nil
}
