package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/whittle-oci/whittle/lint/discover"
	"github.com/whittle-oci/whittle/lint/embedded"
)

// A dockerfile is a file to lint.
type dockerfile struct {
	name     string // - for standard input
	searched bool   // found in a directory, not named
	// inline is where it stands in the file of that name, nil for all of it.
	inline *embedded.Block
}

// place tells apart the Dockerfiles that stand in one file.
func (d dockerfile) place() string { return place(d.name, d.inline) }

func place(name string, inline *embedded.Block) string {
	if inline == nil {
		return name
	}
	return fmt.Sprintf("%s:%d", name, inline.First)
}

// dockerfiles lists the files that the arguments mean, each once. Directories
// are looked through for files that are named as Dockerfiles are, patterns are
// filled in, and Compose and Bake files stand for the Dockerfiles that they
// build.
func (a *app) dockerfiles(b *builds, args []string) (files []dockerfile, failed bool) {
	seen := map[string]bool{}
	add := func(d dockerfile) {
		once := d
		if d.name != "-" {
			d.name = filepath.Clean(d.name)
			once.name = absolute(d.name)
		}
		if !seen[once.place()] {
			seen[once.place()] = true
			files = append(files, d)
		}
	}
	for _, arg := range args {
		names, err := named(arg)
		for _, name := range names {
			info, statErr := os.Stat(name)
			switch {
			case name == "-":
				add(dockerfile{name: name})
			case statErr != nil:
				err = hinted{statErr, "name a Dockerfile, or a directory that holds one"}
			case info.IsDir():
				err = errors.Join(err, a.searched(b, name, add))
			case discover.IsSource(filepath.Base(name)):
				err = errors.Join(err, built(b, name, add))
			default:
				add(dockerfile{name: name})
			}
		}
		if err != nil {
			fmt.Fprintf(a.Err, "whittle: %v\n", err)
			if h := hint(err); h != "" {
				fmt.Fprintf(a.Err, "hint: %s\n", h)
			}
			failed = true
		}
	}
	return files, failed
}

// absolute is the one name of a file that may be named in several ways.
func absolute(name string) string {
	if abs, err := filepath.Abs(name); err == nil {
		return abs
	}
	return name
}

// named gives the files that an argument names: itself, or what it matches
// where it is a pattern and no file has that name.
func named(arg string) ([]string, error) {
	if _, err := os.Lstat(arg); err == nil || !strings.ContainsAny(arg, "*?[{") {
		return []string{arg}, nil
	}
	names, err := doublestar.FilepathGlob(arg, doublestar.WithNoFollow())
	if err != nil {
		return nil, usage{fmt.Errorf("%s: %w", arg, err)}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("no file matches %s", arg)
	}
	return names, nil
}

// searched adds the Dockerfiles in a directory, and those that Compose and Bake
// files in it build under other names.
func (a *app) searched(b *builds, dir string, add func(dockerfile)) error {
	found, err := discover.In(dir)
	for _, name := range found.Dockerfiles {
		add(dockerfile{name: name, searched: true})
	}
	n := len(found.Dockerfiles)
	for _, file := range found.Sources {
		list, err := b.read(file)
		if err != nil {
			b.errs = append(b.errs, err)
		}
		for _, one := range list {
			add(builtBy(one, true))
			n++
		}
	}
	if err == nil && n == 0 {
		return fmt.Errorf("there is no Dockerfile in %s", dir)
	}
	return err
}

// built adds the Dockerfiles that a Compose or Bake file builds.
func built(b *builds, file string, add func(dockerfile)) error {
	list, err := b.read(file)
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("%s builds no Dockerfile that is there", file)
	}
	for _, one := range list {
		add(builtBy(one, false))
	}
	return err
}

// builtBy is the Dockerfile of a build.
func builtBy(b discover.Build, searched bool) dockerfile {
	if b.Inline != nil {
		return dockerfile{name: b.Source, searched: searched, inline: b.Inline}
	}
	return dockerfile{name: b.Dockerfile, searched: searched}
}

func display(name string) string {
	if name == "-" {
		return "<stdin>"
	}
	return name
}

// maxDockerfile is the largest file that is read, in bytes.
const maxDockerfile = 64 << 20

// readDockerfile reads a file or standard input. A terminal or a pipe, where
// nobody may ever write, is waited for until ctx ends.
func (a *app) readDockerfile(ctx context.Context, name string) ([]byte, error) {
	if name != "-" {
		info, err := os.Stat(name)
		if err != nil {
			return nil, err
		}
		if info.Mode().IsRegular() {
			return readLimited(name, nil, maxDockerfile)
		}
	}
	type result struct {
		data []byte
		err  error
	}
	read := make(chan result, 1)
	go func() {
		data, err := readLimited(name, a.In, maxDockerfile)
		read <- result{data, err}
	}()
	select {
	case r := <-read:
		return r.data, r.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// readLimited reads a file, or all of in for -, of no more bytes than limit.
func readLimited(name string, in io.Reader, limit int64) ([]byte, error) {
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s: more than the limit of %d bytes", display(name), limit)
	}
	return data, err
}
