package pin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/whittle-oci/whittle/builder/oci"
)

// An Error is an image that nobody could tell anything about.
type Error struct {
	Ref string // as it was asked about
	Why string // what is wrong, and the way out where there is one
	Err error
}

// Error names the image first.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Ref + ": " + e.Why
	}
	return fmt.Sprintf("%s: %s: %v", e.Ref, e.Why, e.Err)
}

// Unwrap returns the cause, nil where Why says it all.
func (e *Error) Unwrap() error { return e.Err }

var (
	errOffline = errors.New("offline")
	errTimeout = errors.New("timeout")
)

// newError puts into words why an image could not be asked about.
func newError(ref string, err error, timeout time.Duration) *Error {
	host := "the registry"
	if r, bad := oci.ParseName(ref); bad == nil {
		host = r.Context().RegistryStr()
	}
	_, isName := errors.AsType[*oci.NameError](err)
	_, isURL := errors.AsType[*url.Error](err)
	_, isNet := errors.AsType[net.Error](err)
	t, answered := errors.AsType[*transport.Error](err)
	switch {
	case errors.Is(err, errOffline):
		return &Error{ref, "not in the cache, and --offline asks no registry", nil}
	case errors.Is(err, errTimeout):
		return &Error{ref, fmt.Sprintf("no answer from %s within %v", host, timeout), nil}
	case errors.Is(err, context.Canceled):
		return &Error{ref, "interrupted", err}
	case isName:
		return &Error{ref, "not the name of an image", err}
	case answered:
		return &Error{ref, meaning(t.StatusCode, host), err}
	case isURL, isNet, errors.Is(err, io.ErrUnexpectedEOF):
		return &Error{ref, host + " cannot be reached", err}
	}
	return &Error{ref, "asking " + host, err}
}

// meaning puts the status codes that users meet into words.
func meaning(status int, host string) string {
	login := host
	if strings.HasSuffix(host, "docker.io") {
		login = ""
	}
	login = strings.TrimSpace("docker login " + login)
	switch status {
	case http.StatusUnauthorized:
		return host + " has no such image, or wants to know who asks (" + login + ")"
	case http.StatusForbidden:
		return host + " does not allow it to whoever is logged in (" + login + ")"
	case http.StatusNotFound:
		return host + " does not have it"
	case http.StatusTooManyRequests:
		return host + " has been asked too often; wait, or log in (" + login + ")"
	}
	if status >= http.StatusInternalServerError {
		return host + " failed"
	}
	return fmt.Sprintf("%s answered %d", host, status)
}

// answered reports whether an error is the registry's final word, after which
// asking in another way is of no use.
func answered(err error) bool {
	if t, ok := errors.AsType[*transport.Error](err); ok {
		switch t.StatusCode {
		case http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests:
			return true
		case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusBadRequest:
			return false
		}
		return t.StatusCode >= http.StatusInternalServerError
	}
	_, isURL := errors.AsType[*url.Error](err)
	_, isNet := errors.AsType[net.Error](err)
	return isURL || isNet
}
