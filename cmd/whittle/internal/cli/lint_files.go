package cli

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/whittle-oci/whittle/lint/discover"
)

// A dockerfile is a file to lint.
type dockerfile struct {
	name     string // - for standard input
	searched bool   // found in a directory, not named
}

// dockerfiles lists the files that the arguments mean, each once. Directories
// are looked through for files that are named as Dockerfiles are.
func (a *app) dockerfiles(args []string) (files []dockerfile, failed bool) {
	seen := map[string]bool{}
	add := func(name string, searched bool) {
		if name != "-" {
			name = filepath.Clean(name)
		}
		if !seen[name] {
			seen[name] = true
			files = append(files, dockerfile{name, searched})
		}
	}
	for _, arg := range args {
		if arg == "-" {
			add(arg, false)
			continue
		}
		info, err := os.Stat(arg)
		if err != nil {
			fmt.Fprintf(a.Err, "whittle: %v\nhint: name a Dockerfile, or a directory that holds one\n", err)
			failed = true
			continue
		}
		if !info.IsDir() {
			add(arg, false)
			continue
		}
		found, err := discover.In(arg)
		for _, name := range found {
			add(name, true)
		}
		switch {
		case err != nil:
			fmt.Fprintf(a.Err, "whittle: %v\n", err)
			failed = true
		case len(found) == 0:
			fmt.Fprintf(a.Err, "whittle: there is no Dockerfile in %s\n", arg)
			failed = true
		}
	}
	return files, failed
}

func display(name string) string {
	if name == "-" {
		return "<stdin>"
	}
	return name
}

// maxDockerfile is the largest file that is read, in bytes.
const maxDockerfile = 64 << 20

func (a *app) readDockerfile(name string) ([]byte, fs.FileMode, error) {
	if name == "-" {
		data, err := io.ReadAll(io.LimitReader(a.In, maxDockerfile))
		return data, 0, err
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, 0, err
	}
	if info.Size() > maxDockerfile {
		return nil, 0, fmt.Errorf("%s: %d bytes, more than the limit of %d", name, info.Size(), maxDockerfile)
	}
	data, err := os.ReadFile(name)
	return data, info.Mode().Perm(), err
}
