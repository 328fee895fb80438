// Package discover finds Dockerfiles in directories, and what belongs to one:
// its build context and the configuration above it. It reads directories and
// file names, never the content of a Dockerfile.
package discover

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// skipped are directories that hold what others wrote, or what tools made.
var skipped = []string{".git", "node_modules", "vendor", ".cache"}

// In lists the files under a directory that are named as Dockerfiles are, in
// lexical order.
func In(dir string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != dir && slices.Contains(skipped, d.Name()) {
			return filepath.SkipDir
		}
		if d.Type().IsRegular() && Named(d.Name()) {
			files = append(files, filepath.Clean(name))
		}
		return nil
	})
	return files, err
}

// Named reports whether a file of this base name is taken for a Dockerfile:
// Dockerfile, Containerfile, either with a further suffix, or a name that ends
// in .dockerfile or .containerfile, in any case.
func Named(base string) bool {
	lower := strings.ToLower(base)
	if strings.HasSuffix(lower, ".dockerignore") || strings.HasSuffix(lower, ".containerignore") {
		return false
	}
	for _, kind := range []string{"dockerfile", "containerfile"} {
		if lower == kind || strings.HasPrefix(lower, kind+".") || strings.HasSuffix(lower, "."+kind) {
			return true
		}
	}
	return false
}

// Config finds a file of this base name beside a Dockerfile or in a directory
// above it, up to the root of its repository. It is "" when there is none.
func Config(dockerfile, base string) string {
	abs, err := filepath.Abs(dockerfile)
	if err != nil {
		return ""
	}
	for dir := filepath.Dir(abs); ; dir = filepath.Dir(dir) {
		file := filepath.Join(dir, base)
		if exists(file) {
			return file
		}
		if exists(filepath.Join(dir, ".git")) || dir == filepath.Dir(dir) {
			return ""
		}
	}
}

// Context is the directory that a Dockerfile is most likely built in: the
// nearest one above it that has a .dockerignore or a .git, else its own.
func Context(dockerfile string) string {
	own := filepath.Dir(dockerfile)
	abs, err := filepath.Abs(own)
	for dir := abs; err == nil; dir = filepath.Dir(dir) {
		if exists(filepath.Join(dir, ".dockerignore")) || exists(filepath.Join(dir, ".git")) {
			return dir
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	return own
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}
