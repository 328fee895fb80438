//go:build linux

package e2e

import (
	"strings"
	"testing"
)

// TestPackagedProgram installs a package and runs its program, which reads the
// package's configuration and a page that was copied over the package's.
func TestPackagedProgram(t *testing.T) {
	_, img, _ := build(t, "packaged")
	runs(t, img, "configured\npage of the user\n")
	modes := map[string]string{}
	for _, h := range headers(t, img) {
		modes["/"+strings.TrimSuffix(h.Name, "/")] = h.FileInfo().Mode().String()
	}
	for name, want := range map[string]string{
		"/var/lib/dpkg/status.d/served": "-rw-r--r--", "/usr/share/doc/served/copyright": "-rw-r--r--", "/etc/debian_version": "-rw-r--r--",
		"/var/lib/served": "drwxrwxr-x", "/run": "drwxrwxr-x",
	} {
		if modes[name] != want {
			t.Errorf("%s is %q, want %q", name, modes[name], want)
		}
	}
}
