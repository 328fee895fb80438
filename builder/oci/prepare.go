package oci

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/term"

	"github.com/whittle-oci/whittle/builder/oci/staging"
)

// A Place is an output with what is written to.
type Place struct {
	Output
	// File takes a file or a stream. It may be closed.
	File io.WriteCloser
	// Path is the temporary directory of an output that is a directory. A
	// layout that was there before has its index in it, to be added to.
	Path string
	// Adds says that the directory was there before and is not empty.
	Adds bool
}

// Places are the outputs of one run that are files, streams or directories.
// Commit makes them visible, all or none; Discard removes what was not.
type Places struct {
	*staging.Set
	List   []Place
	Stdout bool // one of them is standard output, which takes nothing else then
}

// Prepare opens the outputs before any work is done, so that one that cannot
// be written is known early. Nothing shows before Commit. Images, and those for
// the docker engine, are left out. What contradicts an output, such as a
// directory where a file would go, is an *OutputError.
func Prepare(ctx context.Context, outputs []Output, stdout io.Writer) (*Places, error) {
	p := &Places{Set: staging.New(ctx)}
	for _, o := range outputs {
		if o.Dest == "" {
			continue
		}
		place, err := p.open(o, stdout)
		if err != nil {
			p.Discard()
			return nil, err
		}
		p.List = append(p.List, place)
	}
	return p, nil
}

// Of gives the place of one of the outputs, which has neither File nor Path for
// one that was left out.
func (p *Places) Of(o Output) Place {
	for _, place := range p.List {
		if place.Dest == o.Dest {
			return place
		}
	}
	return Place{Output: o}
}

func (p *Places) open(o Output, stdout io.Writer) (Place, error) {
	place := Place{Output: o}
	var err error
	switch {
	case o.Dir:
		err = p.directory(&place)
	case o.Dest == stdoutDest || staging.IsStdout(o.Dest):
		if p.Stdout {
			return place, o.wrong("another output goes to standard output already")
		}
		if f, ok := stdout.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
			return place, o.wrong("refusing to write a tar to a terminal; name a file with dest=FILE, or redirect standard output")
		}
		p.Stdout = true
		place.File = p.Stream("standard output", stdout)
	default:
		place.File, err = p.File(o.Dest)
	}
	if kind, ok := errors.AsType[*staging.KindError](err); ok {
		switch {
		case kind.Dir && o.Type == TypeOCI:
			return place, o.wrong("%w; name a file, or add tar=false for an OCI layout directory", kind)
		case kind.Dir:
			return place, o.wrong("%w; name a file", kind)
		}
		return place, o.wrong("%w; name a directory", kind)
	}
	return place, err
}

// directory stages a directory. An OCI layout is added to, and its index comes
// last; other files are no place for one.
func (p *Places) directory(place *Place) error {
	o := place.Output
	var err error
	if place.Adds, err = staging.Occupied(o.Dest); err != nil {
		place.Adds = false // told by Dir
	}
	var index []byte
	options := staging.DirOptions{Mirror: o.Type == TypeLocal && o.Attrs["mode"] == "delete"}
	if o.Type != TypeLocal {
		options.Last = []string{indexFile}
		if place.Adds {
			if index, err = indexToAddTo(o); err != nil {
				return err
			}
		}
	}
	if place.Path, err = p.Dir(o.Dest, options); err != nil {
		return err
	}
	if index == nil {
		return nil
	}
	return staging.Named(place.Path, o.Dest, os.WriteFile(filepath.Join(place.Path, indexFile), index, 0o666))
}

// indexToAddTo reads the index of a layout that an image is added to.
func indexToAddTo(o Output) ([]byte, error) {
	raw, err := Dir(o.Dest).Index()
	if err == nil {
		var index v1.IndexManifest
		if jerr := json.Unmarshal(raw, &index); jerr != nil {
			err = &FormatError{o.Dest, fmt.Errorf("%s is broken: %w", indexFile, jerr)}
		}
	}
	if bad, ok := errors.AsType[*FormatError](err); ok {
		return nil, o.wrong("%s is not empty, and no image can be added to it, as %w; name a new directory", o.Dest, bad.Err)
	}
	return raw, err
}
