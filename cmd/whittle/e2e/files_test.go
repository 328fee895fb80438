//go:build linux

package e2e

import (
	"archive/tar"
	"fmt"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// special is what becomes of testdata/apps/special: type, mode, owner, link
// and, of a program, its file capabilities.
var special = map[string]string{
	"/usr/local/bin/serve":                   "0 0755 0:0 with capabilities",
	"/usr/local/bin/helper":                  "0 4755 0:0",
	"/srv/names/a b":                         "0 0644 0:0",
	"/srv/names/*":                           "0 0644 0:0",
	"/srv/names/[x]?":                        "0 0644 0:0",
	"/srv/names/!not":                        "0 0644 0:0",
	"/srv/names/ padded ":                    "0 0644 0:0",
	"/srv/names/new\nline":                   "0 0644 0:0",
	"/srv/names/" + strings.Repeat("n", 255): "0 0644 0:0",
	"/srv/names" + strings.Repeat("/"+strings.Repeat("d", 51), 8) + "/file": "0 0644 0:0",
	"/srv/dirs/sticky":       "5 1777 0:0",
	"/srv/dirs/setgid":       "5 2775 65532:0",
	"/srv/dirs/[glob]*":      "5 0777 65532:0",
	"/srv/dirs/[glob]*/file": "0 0644 0:0",
	"/srv/dirs/link[1]":      "2 0777 0:0 -> [glob]*/file",
	"/srv/links/one":         "0 0644 0:0",
	"/srv/links/two":         "0 0644 0:0",
	"/srv/links/loop":        "2 0777 0:0 -> loop",
	"/srv/links/out":         "2 0777 0:0 -> /../../../srv/links/one",
	"/srv/links/log":         "2 0777 0:0 -> /dev/stdout",
	"/srv/nodes/fifo":        "",
	"/srv/nodes/null":        "",
}

// holdSpecial compares an image with the table.
func holdSpecial(t *testing.T, img v1.Image) {
	t.Helper()
	got := map[string]string{}
	for _, h := range headers(t, img) {
		kind := h.Typeflag
		if kind == tar.TypeLink {
			kind = tar.TypeReg // another name of the same file
		}
		s := fmt.Sprintf("%c %04o %d:%d", kind, h.Mode, h.Uid, h.Gid)
		if kind == tar.TypeSymlink {
			s += " -> " + h.Linkname
		}
		if h.PAXRecords["SCHILY.xattr.security.capability"] != "" {
			s += " with capabilities"
		}
		got["/"+strings.TrimSuffix(h.Name, "/")] = s
	}
	for name, want := range special {
		if got[name] != want {
			t.Errorf("%q is %q, want %q", name, got[name], want)
		}
	}
}

// TestSpecialFiles carries files of every kind, under names that patterns and
// archives have their trouble with, through BuildKit and without it.
func TestSpecialFiles(t *testing.T) {
	_, img, res := build(t, "special")
	holdSpecial(t, img)
	runs(t, img, "uid ")
	for _, name := range []string{"fifo", "null"} {
		if want := "/srv/nodes/" + name + " was left out: it is a device, socket or pipe"; !strings.Contains(res.stderr, want) {
			t.Errorf("%q is not said:\n%s", want, res.stderr)
		}
	}
	t.Run("slim", func(t *testing.T) {
		fat, _, _ := build(t, "special", "--target", "built")
		ref := reference("slim")
		if res := whittle(t, shared(), "slim", fat, "-t", ref, "--push"); res.code != 0 {
			t.Fatalf("exit %d\n%s", res.code, res.stderr)
		}
		holdSpecial(t, pull(t, ref))
	})
	t.Run("a name that is not UTF-8", func(t *testing.T) {
		res := whittle(t, shared(), "build", "testdata/apps/special", "--build-arg", "NAME=x", "--progress", "quiet")
		if res.code != 1 || !strings.Contains(res.stderr, "/srv/names: it holds a name that is not UTF-8") {
			t.Errorf("exit %d\n%s", res.code, res.stderr)
		}
	})
}
