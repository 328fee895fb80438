//go:build linux

package e2e

import (
	"archive/tar"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// rewritten are the apps whose Dockerfile every run rewrites: of a compiled
// program, of a script with a volume, of owners and set-id bits, of packages.
// make languages takes all.
var rewritten = []string{"chello", "script", "special", "nginx"}

// TestRewrite builds apps with whittle, and with BuildKit's own frontend what
// rewrite makes of their Dockerfiles. The images have the same files, owners,
// modes and configuration.
func TestRewrite(t *testing.T) {
	apps := rewritten
	if os.Getenv("WHITTLE_LANGUAGES") != "" {
		names, err := filepath.Glob(filepath.Join(world.root, "testdata", "apps", "*", "Dockerfile"))
		if err != nil {
			t.Fatal(err)
		}
		apps = nil
		for _, name := range names {
			apps = append(apps, filepath.Base(filepath.Dir(name)))
		}
	}
	for _, app := range apps {
		t.Run(app, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(filepath.Join(world.root, "testdata", "apps", app))); err != nil {
				t.Fatal(err)
			}
			res := whittle(t, shared(), "rewrite", filepath.Join(dir, "Dockerfile"), "-o", filepath.Join(dir, "Dockerfile.minimal"), "--files", "minimal", "--progress", "quiet")
			if res.code != 0 {
				t.Fatalf("rewrite: exit %d\n%s", res.code, res.stderr)
			}
			layout := filepath.Join(t.TempDir(), "layout")
			if res := whittle(t, shared(), "build", dir, "--static", "off", "-o", "type=oci,tar=false,dest="+layout, "--progress", "quiet"); res.code != 0 {
				t.Fatalf("build: exit %d\n%s", res.code, res.stderr)
			}
			user := read(t, filepath.Join(dir, "Dockerfile"))
			text := read(t, filepath.Join(dir, "Dockerfile.minimal"))
			if added := strings.Count(text, "\n") - strings.Count(user, "\n"); added > 61 { // an empty one between them
				t.Errorf("%d lines were added:\n%s", added, text)
			}
			if err := os.Rename(filepath.Join(dir, "Dockerfile.minimal"), filepath.Join(dir, "Dockerfile")); err != nil {
				t.Fatal(err)
			}
			want, got := onlyImage(t, layout), asWritten(t, dir)
			if d := cmp.Diff(described(t, want), described(t, got)); d != "" {
				t.Errorf("files (-whittle +BuildKit):\n%s\n%s", d, text)
			}
			if d := cmp.Diff(configured(t, want), configured(t, got)); d != "" {
				t.Errorf("configuration (-whittle +BuildKit):\n%s\n%s", d, text)
			}
			found := whittle(t, shared(), "lint", "--quiet", "--format", "json", filepath.Join(dir, "Dockerfile"))
			for _, line := range strings.Split(found.stdout, "\n") {
				var n int
				if _, err := fmt.Sscanf(strings.TrimSpace(line), `"line": %d`, &n); err == nil && n > strings.Count(user, "\n")+1 {
					t.Errorf("a finding in what was added:\n%s", found.stdout)
				}
			}
		})
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// described lists the files of an image, by their names: all that a program can
// see but times. Compiled modules of Python have the times of their sources in
// their headers.
func described(t *testing.T, img v1.Image) map[string]string {
	t.Helper()
	out, content := map[string]string{}, map[string]string{}
	rc := mutate.Extract(img)
	defer rc.Close()
	tr := tar.NewReader(rc)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(h.Name, ".pyc") && len(data) > 16 {
			data = data[16:]
		}
		name := strings.Trim(h.Name, "/")
		line := fmt.Sprintf("%04o %d:%d", h.Mode, h.Uid, h.Gid)
		switch h.Typeflag {
		case tar.TypeDir:
			line += " directory"
		case tar.TypeSymlink:
			line = fmt.Sprintf("%d:%d link to %s", h.Uid, h.Gid, h.Linkname)
		case tar.TypeReg:
			line += fmt.Sprintf(" %d bytes %x", len(data), sha256.Sum256(data))
			content[name] = line
		case tar.TypeLink:
			line = content[strings.Trim(h.Linkname, "/")]
		}
		line += h.PAXRecords["SCHILY.xattr.security.capability"]
		out[name] = line
	}
}

// configured is what of an image's configuration a program or a runtime sees.
func configured(t *testing.T, img v1.Image) v1.Config {
	t.Helper()
	f, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	c := f.Config
	slices.Sort(c.Env)
	c.ArgsEscaped = false // BuildKit's own frontend says so of every CMD
	if c.WorkingDir == "" {
		c.WorkingDir = "/" // it is the same
	}
	c.Labels = maps.Clone(c.Labels)
	return c
}
