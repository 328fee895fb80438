package staging

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
)

// A target is where a path leads.
type target struct {
	path       string      // behind symbolic links
	info       fs.FileInfo // nil where nothing is there yet
	descriptor int         // of this process, or -1
	foreign    bool        // the descriptor of another process
}

// inPlace reports whether the target is written to rather than replaced.
func (t target) inPlace() bool {
	return t.descriptor >= 0 || t.foreign || t.info != nil && !t.info.Mode().IsRegular()
}

// maxLinks is how many symbolic links are followed, as Linux does
// (path_resolution(7)).
const maxLinks = 40

// resolve follows symbolic links to where a file is or would be. The links in
// /proc/PID/fd (proc_pid_fd(5)), which /dev/stdout and /dev/fd/N lead to, stand
// for open descriptors and not for the names that they show.
func resolve(name string) (target, error) {
	path := name
	for range maxLinks {
		info, err := os.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return target{path: path, descriptor: -1}, nil
		}
		if err != nil {
			return target{}, err
		}
		dir, err := filepath.EvalSymlinks(filepath.Dir(path))
		if err != nil {
			return target{}, err
		}
		if n, own, ok := descriptor(dir, filepath.Base(path)); ok {
			if info, err = os.Stat(path); err != nil {
				return target{}, err
			}
			if !own {
				n = -1
			}
			return target{path: path, info: info, descriptor: n, foreign: !own}, nil
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			return target{path: path, info: info, descriptor: -1}, nil
		}
		to, err := os.Readlink(path)
		if err != nil {
			return target{}, err
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(dir, to)
		}
		path = to
	}
	return target{}, errors.New("too many levels of symbolic links")
}

var descriptors = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^/proc/(\d+)(?:/task/\d+)?/fd$`)
})

// descriptor reads the number of an open file from its name in dir, and says
// whether it is one of this process.
func descriptor(dir, base string) (n int, own, ok bool) {
	n, err := strconv.Atoi(base)
	if err != nil || n < 0 {
		return 0, false, false
	}
	if dir == "/dev/fd" { // a file system of its own in BSD and macOS
		return n, true, true
	}
	m := descriptors().FindStringSubmatch(dir)
	if m == nil {
		return 0, false, false
	}
	return n, m[1] == strconv.Itoa(os.Getpid()), true
}

// open opens a target that is written to in place. A named pipe has a reader
// then.
func (t target) open() (io.Writer, io.Closer, error) {
	switch t.descriptor {
	case -1:
		f, err := os.OpenFile(t.path, os.O_WRONLY, 0)
		return f, f, err
	case 1:
		return os.Stdout, nil, nil
	case 2:
		return os.Stderr, nil, nil
	}
	f := os.NewFile(uintptr(t.descriptor), t.path)
	if f == nil {
		return nil, nil, fmt.Errorf("descriptor %d is not open", t.descriptor)
	}
	return f, f, nil
}

// IsStdout reports whether a path leads to the standard output of this
// process, as /dev/stdout does.
func IsStdout(name string) bool {
	t, err := resolve(name)
	return err == nil && t.descriptor == 1
}
