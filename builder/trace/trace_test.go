package trace

import (
	"reflect"
	"slices"
	"testing"

	"github.com/whittle-oci/whittle/builder/tree"
)

func TestLacks(t *testing.T) {
	m := &tree.Memory{}
	m.Dir("/usr", 0o755)
	m.Dir("/usr/lib", 0o755)
	m.File("/usr/lib/here", 0o644, nil)
	m.Symlink("/lib", "usr/lib")
	m.Symlink("/loop", "loop")
	m.Symlink("/dangling", "usr/lib/gone")
	m.File("/etc/ssl/certs/ca-certificates.crt", 0o644, nil)
	got, err := Lacks(t.Context(), m, []string{"/dangling", "/etc/ld.so.cache", "/lib/here", "/loop", "/usr/lib/gone", "/usr/lib/here", "/usr/lib/here/below", "/usr/share/ca-certificates/mozilla/A.crt"})
	if err != nil {
		t.Fatal(err)
	}
	want := []Missing{{Path: "/dangling"}, {"/etc/ld.so.cache", "without it the loader looks through its directories"}, {Path: "/loop"}, {Path: "/usr/lib/gone"}, {Path: "/usr/lib/here/below"}, {"/usr/share/ca-certificates/mozilla/A.crt", "it is in the bundle of certificates"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestParseTmpfs(t *testing.T) {
	for text, want := range map[string]mount{
		"/run":                 {"/run", "tmpfs", "tmpfs", []string{"nosuid", "nodev", "noexec"}},
		"/run/:uid=7,mode=700": {"/run", "tmpfs", "tmpfs", []string{"nosuid", "nodev", "noexec", "uid=7", "mode=700"}},
		"../x:exec":            {"/x", "tmpfs", "tmpfs", []string{"nosuid", "nodev", "exec"}},
	} {
		if got := parseTmpfs(text); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, want %v", text, got, want)
		}
	}
}

func TestEnvironment(t *testing.T) {
	if got := environment([]string{"A=1"}); !slices.Equal(got, []string{"A=1", systemPath}) {
		t.Errorf("without PATH: %q", got)
	}
	if got := environment([]string{"PATH=/x"}); !slices.Equal(got, []string{"PATH=/x"}) {
		t.Errorf("with PATH: %q", got)
	}
}
