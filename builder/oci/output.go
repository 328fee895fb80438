package oci

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/tonistiigi/go-csvvalue"
)

// The types of outputs, as BuildKit names its exporters.
const (
	TypeImage     = "image"     // a registry or the image store of the builder
	TypeOCI       = "oci"       // an OCI layout, as a tar or a directory
	TypeDocker    = "docker"    // what docker load reads
	TypeLocal     = "local"     // the root file system, in a directory
	TypeTar       = "tar"       // the root file system, as a tar
	TypeCacheOnly = "cacheonly" // nothing
)

// typeRegistry is short for an image that is pushed.
const typeRegistry = "registry"

// knownTypes are those that -o takes, for messages.
const knownTypes = "registry, image, oci, docker, local, tar, cacheonly"

// stdoutDest is the dest that stands for standard output.
const stdoutDest = "-"

// An Output is what one -o asks for.
type Output struct {
	Type string
	// Dest is a path, "-" for standard output, or "" where there is none: for
	// an image, and for a docker image that is loaded into the docker engine.
	Dest string
	// Dir says that Dest is a directory. Else it is a file or a stream.
	Dir bool
	// Attrs are all other attributes, by their names in lower case. "push" is
	// among them when the type was "registry".
	Attrs map[string]string

	text string // as it was given
}

// An OutputError is a -o that cannot be used as it is.
type OutputError struct {
	Output string
	Err    error
}

// Error gives the -o and what is wrong with it.
func (e *OutputError) Error() string { return fmt.Sprintf("-o %s: %v", e.Output, e.Err) }

// Unwrap returns the cause.
func (e *OutputError) Unwrap() error { return e.Err }

// ExitCode is the code for a command that was called wrongly.
func (*OutputError) ExitCode() int { return 2 }

// ParseOutput reads a -o with the meanings that it has for docker buildx build
// (github.com/docker/buildx/util/buildflags, ExportEntry): a record of CSV with
// type=TYPE, dest=PATH and the exporter's attributes, or only a directory for
// the files, or only - for a tar of the files on standard output. Nothing is
// looked up. Errors are *OutputError.
func ParseOutput(s string) (Output, error) {
	o := Output{Attrs: map[string]string{}, text: s}
	fields, err := csvvalue.Fields(s, nil)
	if err != nil {
		return o, o.wrong("%w", err)
	}
	if len(fields) == 1 && short(fields[0]) {
		o.Type, o.Dest = TypeLocal, fields[0]
		if o.Dest == stdoutDest {
			o.Type = TypeTar
		}
		fields = nil
	}
	for _, field := range fields {
		name, value, ok := strings.Cut(field, "=")
		if !ok {
			return o, o.wrong("%q is not NAME=VALUE", field)
		}
		switch name = strings.ToLower(strings.TrimSpace(name)); name {
		case "type":
			o.Type = value
		case "dest":
			o.Dest = value
		default:
			o.Attrs[name] = value
		}
	}
	return o, o.complete()
}

// short reports whether a lone field is a path. buildx takes anything but
// type=; a lone dest= is rather a type that was forgotten.
func short(field string) bool {
	name, _, ok := strings.Cut(field, "=")
	name = strings.ToLower(strings.TrimSpace(name))
	return field != "" && (!ok || name != "type" && name != "dest")
}

// complete fills in what follows from the type, and refuses what contradicts
// it.
func (o *Output) complete() error {
	switch o.Type {
	case "":
		return o.wrong("the type is missing; want type=TYPE with one of %s", knownTypes)
	case typeRegistry:
		o.Type, o.Attrs["push"] = TypeImage, "true"
	}
	switch o.Type {
	case TypeImage, TypeCacheOnly:
		if o.Dest != "" {
			return o.wrong("type=%s has no dest", o.Type)
		}
		return nil
	case TypeLocal:
		o.Dir = true
	case TypeTar:
	case TypeOCI, TypeDocker:
		if v, ok := o.Attrs["tar"]; ok {
			tar, err := strconv.ParseBool(v)
			if err != nil {
				return o.wrong("tar=%s is neither true nor false", v)
			}
			o.Dir = !tar
		}
	default:
		return o.wrong("the type %q is none of %s", o.Type, knownTypes)
	}
	switch {
	case strings.ContainsRune(o.Dest, 0):
		return o.wrong("dest holds a NUL")
	case o.Dir && o.Dest == "":
		return o.wrong("want dest=DIR")
	case o.Dir && o.Dest == stdoutDest:
		return o.wrong("a directory cannot go to standard output; want dest=DIR")
	case o.Dest == "" && o.Type != TypeDocker:
		o.Dest = stdoutDest
	}
	return nil
}

// String is the output as it was given.
func (o Output) String() string { return o.text }

// Push reports whether an image is pushed to its registry.
func (o Output) Push() bool {
	push, err := strconv.ParseBool(o.Attrs["push"])
	return o.Type == TypeImage && err == nil && push
}

// Load reports whether the image goes to the docker engine.
func (o Output) Load() bool { return o.Type == TypeDocker && o.Dest == "" }

func (o Output) wrong(format string, args ...any) error {
	return &OutputError{o.text, fmt.Errorf(format, args...)}
}

// ParseOutputs reads every -o of a command line; empty ones stand for nothing.
// No two may write to the same place.
func ParseOutputs(list []string) ([]Output, error) {
	var out []Output
	taken := map[string]string{}
	for _, s := range list {
		if s == "" {
			continue
		}
		o, err := ParseOutput(s)
		if err != nil {
			return nil, err
		}
		if o.Dest != "" {
			place := o.Dest
			if place != stdoutDest {
				if place, err = filepath.Abs(place); err != nil {
					return nil, &OutputError{s, err}
				}
			}
			if before, ok := taken[place]; ok {
				return nil, &OutputError{s, errors.New("it goes where -o " + before + " goes")}
			}
			taken[place] = s
		}
		out = append(out, o)
	}
	return out, nil
}
