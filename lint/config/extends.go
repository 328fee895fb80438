package config

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
)

// A Reader reads the files that configuration extends.
type Reader struct {
	// File reads a path. Name is what a path is called in messages, nil for
	// the path itself.
	File func(ctx context.Context, path string) ([]byte, error)
	Name func(path string) string
	// URL reads an address; what it gives has the digest.
	URL func(ctx context.Context, address, digest string) ([]byte, error)
}

// maxExtends bounds how many files lead to one another.
const maxExtends = 16

// Load reads the file at a path and, before it, those that it extends.
func (r Reader) Load(ctx context.Context, path string) ([]File, error) { return r.load(ctx, path, nil) }

// Extended puts the files that f, which stands at path, extends before it.
func (r Reader) Extended(ctx context.Context, f File, path string) ([]File, error) {
	return r.extended(ctx, f, filepath.Dir(path), []string{path})
}

// load is Load; from are the files that led here.
func (r Reader) load(ctx context.Context, path string, from []string) ([]File, error) {
	data, err := r.File(ctx, path)
	if err != nil {
		return nil, err
	}
	name := path
	if r.Name != nil {
		name = r.Name(path)
	}
	f, err := Parse(name, data)
	if err != nil {
		return nil, err
	}
	return r.extended(ctx, f, filepath.Dir(path), append(from, path))
}

// extended is Extended; paths are meant from dir, which is "" for a file from
// the network.
func (r Reader) extended(ctx context.Context, f File, dir string, from []string) ([]File, error) {
	var out []File
	for _, ref := range f.Extends {
		to := ref.To
		address, digest, remote := ref.URL()
		if !remote && !filepath.IsAbs(to) {
			if dir == "" {
				return nil, &Error{Place: ref.Place, Message: "extends: a file from the network names no path of this machine"}
			}
			to = filepath.Join(dir, to)
		}
		if slices.Contains(from, to) || len(from) > maxExtends {
			return nil, &Error{Place: ref.Place, Message: fmt.Sprintf("extends: %s leads back to itself", ref.To)}
		}
		var files []File
		var err error
		if remote {
			files, err = r.loadURL(ctx, address, digest, append(from, to))
		} else {
			files, err = r.load(ctx, to, from)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", ref.Place, err)
		}
		out = append(out, files...)
	}
	return append(out, f), nil
}

func (r Reader) loadURL(ctx context.Context, address, digest string, from []string) ([]File, error) {
	data, err := r.URL(ctx, address, digest)
	if err != nil {
		return nil, err
	}
	f, err := Parse(address, data)
	if err != nil {
		return nil, err
	}
	return r.extended(ctx, f, "", from)
}
