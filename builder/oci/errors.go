package oci

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// A ChangedError is content that is not what its digest says.
type ChangedError struct {
	Ref  string // place and digest
	What string // "manifest" or "blob"
}

// Error says what was changed.
func (e *ChangedError) Error() string {
	return fmt.Sprintf("%s: the %s has been changed: its content does not have this digest", e.Ref, e.What)
}

// ExitCode is the code for a failed policy.
func (*ChangedError) ExitCode() int { return 1 }

// A FormatError is a directory or file that is not what the reference says, or
// that is not whole.
type FormatError struct {
	Place string
	Err   error
}

// Error names the place first.
func (e *FormatError) Error() string { return e.Place + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *FormatError) Unwrap() error { return e.Err }

// ExitCode is the code for a command that was called wrongly.
func (*FormatError) ExitCode() int { return 2 }

// problem is what went wrong with a place: that it could not be looked at, or
// that it is not what it should be.
func problem(place string, err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EIO) {
		return fmt.Errorf("reading %s: %w", place, err)
	}
	return &FormatError{place, err}
}

// A PlatformError is an image that is not there for a platform.
type PlatformError struct {
	Place  string
	Want   v1.Platform
	Asked  bool          // for that platform; else it is this machine's
	Single bool          // it is one image, not an index
	Have   []v1.Platform // in order, without duplicates
}

// Error says which platforms there are.
func (e *PlatformError) Error() string {
	var have []string
	for _, p := range e.Have {
		have = append(have, FormatPlatform(p))
	}
	list := strings.Join(have, ", ")
	want := FormatPlatform(e.Want)
	switch {
	case e.Single:
		return fmt.Sprintf("%s is an image for %s, not for %s; leave --platform out, or name an image for %s", e.Place, list, want, want)
	case list == "":
		return fmt.Sprintf("%s has no image for %s, nor for any other platform", e.Place, want)
	case e.Asked:
		return fmt.Sprintf("%s has no image for %s; it has %s", e.Place, want, list)
	}
	return fmt.Sprintf("%s has no image for %s, which is this machine's platform; choose one with --platform: %s", e.Place, want, list)
}

// ExitCode is the code for a command that was called wrongly.
func (*PlatformError) ExitCode() int { return 2 }

// FormatPlatform writes a platform as docker does, os/arch[/variant].
func FormatPlatform(p v1.Platform) string {
	text := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		text += "/" + p.Variant
	}
	return text
}
