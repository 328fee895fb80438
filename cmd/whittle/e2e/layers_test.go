//go:build linux

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// pulled is what one machine pulls of an image: the bytes of its layers, by
// their digests.
type pulled struct {
	digests []string
	bytes   map[string]int64
}

func layersOf(t testing.TB, img v1.Image) pulled {
	t.Helper()
	m, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	out := pulled{bytes: map[string]int64{}}
	for _, l := range m.Layers {
		out.digests = append(out.digests, l.Digest.String())
		out.bytes[l.Digest.String()] = l.Size
	}
	return out
}

// minimalLayers builds a directory and gives the layers of the image.
func minimalLayers(t testing.TB, dir, compression string, args ...string) pulled {
	t.Helper()
	out := filepath.Join(t.TempDir(), "layout")
	res := whittle(t, shared(), append([]string{"build", dir, "-o", "type=oci,tar=false,compression=" + compression + ",dest=" + out, "--progress", "quiet"}, args...)...)
	if res.code != 0 {
		t.Fatalf("exit %d\n%s", res.code, res.stderr)
	}
	return layersOf(t, onlyImage(t, out))
}

// An appOn is an application of a few lines on a base image, with a dependency.
type appOn struct {
	base, text string
	more       string // instructions of its Dockerfile
	dependency int    // bytes
}

// write writes the application into a new directory.
func (a appOn) write(t testing.TB) string {
	t.Helper()
	content := strings.Repeat("x", a.dependency)
	files := map[string]string{
		"main.js":                         fmt.Sprintf("console.log(%q)\n", a.text),
		"node_modules/large/index.js":     fmt.Sprintf("module.exports = %q\n", content),
		"node_modules/large/package.json": `{"name": "large", "version": "1.0.0"}`,
		"Dockerfile":                      "FROM " + a.base + "\n" + a.more + "WORKDIR /app\nCOPY . .\nCMD [\"node\", \"main.js\"]\n",
	}
	if version, ok := strings.CutPrefix(a.base, "python:"); ok {
		version, _, _ = strings.Cut(version, "-")
		files = map[string]string{
			"main.py":           fmt.Sprintf("import large\nprint(%q)\n", a.text),
			"large/__init__.py": fmt.Sprintf("text = %q\n", content),
			"Dockerfile":        "FROM " + a.base + "\n" + a.more + "COPY large /usr/local/lib/python" + version + "/site-packages/large\nWORKDIR /app\nCOPY main.py .\nCMD [\"python\", \"main.py\"]\n",
		}
	}
	dir := t.TempDir()
	for name, content := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestLayers builds applications that have their base image in common, and one
// of them with a line changed: a machine that runs one has the runtime of all,
// and after the change all but what is the application's own.
func TestLayers(t *testing.T) {
	for _, compression := range []string{"gzip", "zstd"} {
		if compression != "gzip" && os.Getenv("WHITTLE_E2E") != "ci" {
			continue // make ci does
		}
		of := func(text, more string) []string {
			return minimalLayers(t, appOn{nodeBase, text, more, 100 << 10}.write(t), compression).digests
		}
		first := of("one", "")
		if len(first) != 3 {
			t.Fatalf("%d layers: %q", len(first), first)
		}
		changed := of("two", "")
		if len(changed) != 3 || !slices.Equal(first[:2], changed[:2]) || first[2] == changed[2] {
			t.Errorf("a changed line: layers %q, and before %q", changed, first)
		}
		other := of("three", "ENV A=b\nRUN mkdir /data && chmod 700 /usr/local/share && touch /usr/local/x\nUSER node\n")
		if len(other) != 3 || other[0] != first[0] || other[1] == first[1] {
			t.Errorf("another application: layers %q, of the first %q", other, first)
		}
	}
	if one := minimalLayers(t, appOn{nodeBase, "one", "", 100 << 10}.write(t), "gzip", "--layers", "one"); len(one.digests) != 1 {
		t.Errorf("--layers one gives %d", len(one.digests))
	}
}

const nodeBase = "node:20-bookworm-slim"

// A fleet is what a machine pulls that runs several images, every layer once.
type fleet map[string]int64

// add pulls an image and gives the bytes that were not there.
func (f fleet) add(p pulled) (bytes int64) {
	for d, n := range p.bytes {
		if _, ok := f[d]; !ok {
			f[d], bytes = n, bytes+n
		}
	}
	return bytes
}

func (f fleet) sum() (n int64) {
	for _, bytes := range f {
		n += bytes
	}
	return n
}

// maxFleet is what a fleet of images with shared layers may weigh beside the
// same in one layer each.
const maxFleet = 0.35

// BenchmarkFleet weighs what a machine pulls that runs twenty applications on
// three base images, and what it pulls again after a line of one has changed:
// with layers that are shared, with one layer each, and as written.
func BenchmarkFleet(b *testing.B) {
	sharing, single, written := fleet{}, fleet{}, fleet{}
	again := map[string]int64{}
	bases := []string{nodeBase, "python:3.12-slim", "python:3.13-slim"}
	for i := range 20 {
		a := appOn{bases[i%len(bases)], fmt.Sprint("application ", i), "", 100<<10 + i<<16}
		dir := a.write(b)
		sharing.add(minimalLayers(b, dir, "gzip"))
		single.add(minimalLayers(b, dir, "gzip", "--layers", "one"))
		written.add(layersOf(b, asWritten(b, dir)))
	}
	changed := appOn{bases[0], "a changed line", "", 100 << 10}.write(b)
	again["shared"] = sharing.add(minimalLayers(b, changed, "gzip"))
	again["one"] = single.add(minimalLayers(b, changed, "gzip", "--layers", "one"))
	again["written"] = written.add(layersOf(b, asWritten(b, changed)))
	ratio(b, "fleet of 20: shared layers / one layer each", float64(sharing.sum())/float64(single.sum()), maxFleet, fmt.Sprintf("%d / %d, as written %d", sharing.sum(), single.sum(), written.sum()))
	ratio(b, "a changed line: shared layers / one layer", float64(again["shared"])/float64(again["one"]), 0.01, fmt.Sprintf("%d / %d, as written %d", again["shared"], again["one"], again["written"]))
}
