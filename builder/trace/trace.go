// Package trace runs the program of an image and records which of the image's
// files it opens or executes.
//
// The program runs in a container of runc, on an overlay of the image's root
// whose changes are thrown away. What it opens is told by the kernel, see
// fanotify(7), for the whole filesystem of the container, so that it does not
// matter how many processes there are, what they link and whether they change
// their user. This needs Linux and root.
package trace

import (
	"errors"
	"io"
	"path"
	"slices"
	"strings"
)

// ErrUnsupported says that programs cannot be traced here.
var ErrUnsupported = errors.New("what a program opens can be seen on Linux only")

// A Program is what runs, and what it may do.
type Program struct {
	Root string // the directory of the image's unpacked files, which is not changed

	Args, Env  []string
	WorkingDir string // "" for the root
	User       string // as in an image's configuration; names are looked up in the image
	Volumes    []string

	Writable     bool     // the root can be written to
	Tmpfs        []string // PATH[:OPTIONS], as docker run --tmpfs has them
	Capabilities []string // such as CAP_CHOWN
	HostNetwork  bool     // without it there is only a loopback

	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// DefaultCapabilities are those that docker and containerd give a container.
func DefaultCapabilities() []string {
	return []string{
		"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID",
		"CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE",
	}
}

// A Result is what a program did.
type Result struct {
	Opened   []string // regular files of the image, absolute and without links, sorted
	ExitCode int      // 128 and the signal's number where a signal ended it
}

// systemPath is PATH where an image sets none, as docker has it.
const systemPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

func environment(env []string) []string {
	env = slices.Clone(env)
	if !slices.ContainsFunc(env, func(kv string) bool { return strings.HasPrefix(kv, "PATH=") }) {
		env = append(env, systemPath)
	}
	return env
}

// mount is one of the runtime specification.
type mount struct {
	Destination string   `json:"destination"`
	Type        string   `json:"type,omitempty"`
	Source      string   `json:"source,omitempty"`
	Options     []string `json:"options,omitempty"`
}

func parseTmpfs(s string) mount {
	dir, options, _ := strings.Cut(s, ":")
	m := mount{Destination: path.Clean("/" + dir), Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "nodev"}}
	list := strings.Split(options, ",")
	if !slices.Contains(list, "exec") {
		m.Options = append(m.Options, "noexec")
	}
	for _, o := range list {
		if o != "" {
			m.Options = append(m.Options, o)
		}
	}
	return m
}
