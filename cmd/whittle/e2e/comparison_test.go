//go:build linux

package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/whittle-oci/whittle/builder/inspect"
	"github.com/whittle-oci/whittle/builder/oci/staging"
)

// slimBases are the smaller images of the same publisher, by what an image's last
// FROM names.
var slimBases = []struct{ from, slim string }{
	{"node:20", "node:20-slim"},
	{"debian:12", "debian:12-slim"},
	{"debian:bookworm", "debian:bookworm-slim"},
	{"eclipse-temurin:17", "eclipse-temurin:17-jre"},
}

// A compared image is a row of the table.
type compared struct {
	of      string // "as written", "on the slim base", "by hand", "whittle"
	seconds float64
	inspect.Inspection
}

// comparisonHead stands above the table.
const comparisonHead = `# What comes out

<!-- Written by make comparison. -->

Every application below testdata/apps, from the Dockerfile that stands there: as BuildKit builds it, on the smaller base image of the same publisher where there is one, from a Dockerfile that somebody wrote by hand for a small image (testdata/comparison), and by whittle with its default settings. The images are gzipped, as registries have them by default.

* MB pulled: bytes of the layers as they travel, in millions.
* Seconds: to build again when everything is cached, the export included, on the machine that wrote this table, best of two.
* Packages: of the distribution, by its own database. Shells and setuid programs: by what whittle inspect counts.

The base images are stand-ins in the layout of the public ones, made of Debian's packages, and somewhat smaller than those. To repeat it with the public ones, build any of the directories with docker buildx and with whittle build, and compare the two with whittle diff:

    docker buildx build testdata/apps/node-express -t written --load
    whittle build testdata/apps/node-express -t small --load
    whittle diff docker:written docker:small

| application | image | MB pulled | files | packages | setuid | shells | seconds |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |
`

// TestComparison writes docs/comparison.md, or the file that WHITTLE_COMPARISON
// names.
func TestComparison(t *testing.T) {
	out := os.Getenv("WHITTLE_COMPARISON")
	if out == "" {
		t.Skip("make comparison runs this")
	}
	apps, err := filepath.Glob(filepath.Join(world.root, "testdata", "apps", "*", "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	text.WriteString(comparisonHead)
	for _, file := range apps {
		name := filepath.Base(filepath.Dir(file))
		t.Run(name, func(t *testing.T) {
			for i, c := range comparison(t, file) {
				if i > 0 {
					name = ""
				}
				fmt.Fprintf(&text, "| %s | %s | %.1f | %d | %d | %d | %d | %.1f |\n", name, c.of, float64(c.Size.Pulled)/1e6, c.Size.Files, len(c.Packages), setUserID(c.SetID), len(c.Shells), c.seconds)
			}
		})
	}
	if t.Failed() {
		return
	}
	if !filepath.IsAbs(out) {
		out = filepath.Join(world.root, out)
	}
	if err := staging.WriteFile(t.Context(), out, text.Bytes()); err != nil {
		t.Fatal(err)
	}
}

// setUserID counts the files that are executed as their owner.
func setUserID(special []inspect.Special) (n int) {
	for _, s := range special {
		if s.Mode != "" && s.Mode[0] >= '4' && len(s.Mode) == 4 {
			n++
		}
	}
	return n
}

// comparison builds an application in every way and looks at the images.
func comparison(t *testing.T, file string) (out []compared) {
	t.Helper()
	dir := filepath.Dir(file)
	out = append(out, twice(t, "as written", func(layout string) { plainly(t, dir, dir, "gzip", layout) }))
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if text, ok := onSlimBase(string(data)); ok {
		at := t.TempDir()
		if err := os.WriteFile(filepath.Join(at, "Dockerfile"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		out = append(out, twice(t, "on the slim base", func(layout string) { plainly(t, dir, at, "gzip", layout) }))
	}
	hand := filepath.Join(world.root, "testdata", "comparison", filepath.Base(dir))
	if _, err := os.Stat(hand); err == nil {
		out = append(out, twice(t, "by hand", func(layout string) { plainly(t, dir, hand, "gzip", layout) }))
	} else if !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return append(out, twice(t, "whittle", func(layout string) {
		if res := whittle(t, shared(), "build", dir, "-o", "type=oci,tar=false,dest="+layout, "--progress", "quiet"); res.code != 0 {
			t.Fatalf("exit %d\n%s", res.code, res.stderr)
		}
	}))
}

// onSlimBase gives a Dockerfile whose last stage is on the smaller image, false
// where there is none.
func onSlimBase(text string) (string, bool) {
	last := regexp.MustCompile(`(?m)^FROM .*$`).FindAllStringIndex(text, -1)
	if len(last) == 0 {
		return "", false
	}
	at := last[len(last)-1]
	for _, b := range slimBases {
		if text[at[0]:at[1]] == "FROM "+b.from {
			return text[:at[0]] + "FROM " + b.slim + text[at[1]:], true
		}
	}
	return "", false
}

// twice builds an image until everything is cached, and twice more.
func twice(t *testing.T, of string, build func(layout string)) compared {
	t.Helper()
	out := compared{of: of}
	layout := ""
	for i := range 3 {
		layout = filepath.Join(t.TempDir(), "layout")
		began := time.Now()
		build(layout)
		if s := time.Since(began).Seconds(); i == 1 || i == 2 && s < out.seconds {
			out.seconds = s
		}
	}
	res := whittle(t, shared(), "inspect", "oci:"+layout, "--json")
	if res.code > 1 {
		t.Fatalf("exit %d\n%s", res.code, res.stderr)
	}
	if err := json.NewDecoder(strings.NewReader(res.stdout)).Decode(&out.Inspection); err != nil {
		t.Fatal(err)
	}
	return out
}
