// Package discover finds Dockerfiles in directories, and what belongs to one:
// its build context and the configuration above it. It reads directories and
// file names, never the content of a Dockerfile.
package discover

import (
	"io/fs"
	"iter"
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

// Above lists the files of this base name in a directory and those above it, up
// to the root of its repository, the outermost first.
func Above(dir, base string) []string {
	var out []string
	for up := range upward(dir) {
		if file := filepath.Join(up, base); exists(file) {
			out = append(out, file)
		}
	}
	slices.Reverse(out)
	return out
}

// Nearest finds a file that has one of the base names in a directory or the
// nearest one above it, up to the root of its repository. It is "" when there
// is none.
func Nearest(dir string, base ...string) string {
	for up := range upward(dir) {
		for _, b := range base {
			if file := filepath.Join(up, b); exists(file) {
				return file
			}
		}
	}
	return ""
}

// upward yields a directory and those above it, as absolute paths. The last is
// the root of the repository or of the file system.
func upward(dir string) iter.Seq[string] {
	return func(yield func(string) bool) {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return
		}
		for up := abs; yield(up); up = filepath.Dir(up) {
			if exists(filepath.Join(up, ".git")) || up == filepath.Dir(up) {
				return
			}
		}
	}
}

// Context is the directory that a Dockerfile is most likely built in: the
// nearest one above it that has a .dockerignore or a .git, else its own.
func Context(dockerfile string) string {
	own := filepath.Dir(dockerfile)
	for dir := range upward(own) {
		if exists(filepath.Join(dir, ".dockerignore")) || exists(filepath.Join(dir, ".git")) {
			return dir
		}
	}
	return own
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}
