package page

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/inspect"
	"github.com/whittle-oci/whittle/builder/report"
)

// node is an element of a page with its attributes.
type node struct {
	name  string
	attrs map[string]string
	text  string // of its own
}

// elements parses a page as a browser does.
func elements(t testing.TB, page []byte) []node {
	t.Helper()
	root, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var out []node
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		e := node{name: n.Data, attrs: map[string]string{}}
		for _, a := range n.Attr {
			e.attrs[a.Key] = a.Val
		}
		for c := range n.ChildNodes() {
			if c.Type == html.TextNode {
				e.text += c.Data
			}
		}
		out = append(out, e)
	}
	return out
}

func written(t testing.TB, p *Page) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := p.Write(&b, "out/report.json"); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// drawing is a treemap as a page has it.
type drawing struct {
	bytes int64
	area  float64
	boxes []drawn
}

type drawn struct {
	rect
	bytes int64
}

func number(t testing.TB, s string) float64 {
	t.Helper()
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func drawings(t testing.TB, page []byte) []drawing {
	t.Helper()
	var out []drawing
	for _, e := range elements(t, page) {
		switch {
		case e.name == "svg" && e.attrs["class"] == "map":
			out = append(out, drawing{bytes: int64(number(t, e.attrs["data-bytes"])), area: number(t, e.attrs["data-area"])})
		case e.name == "rect" && strings.HasPrefix(e.attrs["class"], "b "):
			d := &out[len(out)-1]
			d.boxes = append(d.boxes, drawn{rect{number(t, e.attrs["x"]), number(t, e.attrs["y"]), number(t, e.attrs["width"]), number(t, e.attrs["height"])}, int64(number(t, e.attrs["data-bytes"]))})
		}
	}
	return out
}

// holds checks that boxes have the areas of their bytes, that no byte is lost,
// that none lies outside and none over another.
func (d drawing) holds(t testing.TB) {
	t.Helper()
	var sum int64
	for i, a := range d.boxes {
		sum += a.bytes
		if want := d.area * float64(a.bytes) / float64(d.bytes); math.Abs(a.area()-want) > 1 {
			t.Errorf("%d bytes of %d have %.3f pixels, want %.3f", a.bytes, d.bytes, a.area(), want)
		}
		if a.X < 0 || a.Y < 0 || a.X+a.W > width+0.001 || a.Y+a.H > height+0.001 || a.W < 0 || a.H < 0 {
			t.Errorf("%+v lies outside", a)
		}
		for _, b := range d.boxes[i+1:] {
			if x, y := min(a.X+a.W, b.X+b.W)-max(a.X, b.X), min(a.Y+a.H, b.Y+b.H)-max(a.Y, b.Y); x > 0.002 && y > 0.002 {
				t.Fatalf("%+v lies over %+v", a, b)
			}
		}
	}
	if sum != d.bytes {
		t.Errorf("the boxes have %d bytes, want %d", sum, d.bytes)
	}
}

// many are files of an image, with names, sizes and reasons of every kind.
func many(n int, hostile bool) []report.File {
	r := rand.New(rand.NewPCG(1, uint64(n))) //nolint:gosec // for sizes
	var out []report.File
	for i := range n {
		name := fmt.Sprintf("/usr/lib/d%d/e%d/f%d/file%d.so", r.IntN(7), r.IntN(31), r.IntN(97), i)
		why, pkg := fmt.Sprintf("DT_NEEDED of /bin/p%d", r.IntN(5)), fmt.Sprintf("pkg%d", r.IntN(200))
		if hostile {
			name += strings.Repeat("<\"'&>\n\x1b]\u202e", 400)
			why += fmt.Sprintf("</title><script>alert(%d)</script>", i)
			pkg += strings.Repeat("`${x}", i%50)
		}
		size := int64(math.Exp(r.Float64() * 16))
		if i%50 == 0 {
			size = 0
		}
		out = append(out, report.File{Path: name, Bytes: size, Mode: "0644", Reason: why, Package: pkg, Droppable: i%9 == 0})
	}
	return out
}

func sum(files []report.File) (bytes int64) {
	for _, f := range files {
		bytes += f.Bytes
	}
	return bytes
}

// built1 is a build of one platform.
func built1(files []report.File) *Page {
	r := &report.Report{Platform: "linux/amd64", Before: report.Side{Bytes: 3 * sum(files), Files: 7, User: "root", Shell: "/bin/sh"}, After: report.Side{Bytes: sum(files), Files: len(files), User: "65532:65532"}, Files: files}
	for i := range 2000 {
		r.Warnings = append(r.Warnings, image.Warning{Instruction: "RUN", Message: fmt.Sprintf("warning %d", i)})
		r.Changes = append(r.Changes, image.Change{Kind: "mode", Name: fmt.Sprintf("/f%d", i), From: "0755", To: "0644", Why: "y"})
		r.Left = append(r.Left, image.Left{Path: fmt.Sprintf("/l%d", i), Files: 2, Bytes: int64(i), Why: "belongs to gcc"})
	}
	return Build("shop", []*report.Report{r})
}

// compared are two images, the second with some files less, more and otherwise.
func compared(files []report.File) *Page {
	n := len(files)
	c := &inspect.Comparison{A: inspect.Compared{Image: "shop:1", Contents: files[:n*3/4]}, B: inspect.Compared{Image: "shop:2", Contents: files[n/2:]}}
	c.A.Bytes, c.B.Bytes = sum(c.A.Contents), sum(c.B.Contents)
	for i, f := range files {
		switch {
		case i < n/2:
			c.Differences = append(c.Differences, image.Difference{Kind: "file", Name: f.Path, From: "file"})
		case i >= n*3/4:
			c.Differences = append(c.Differences, image.Difference{Kind: "file", Name: f.Path, To: "file"})
		case i%3 == 0:
			c.Differences = append(c.Differences, image.Difference{Kind: "content", Name: f.Path, From: "1 bytes", To: "2 bytes"})
		}
	}
	return Comparison(c)
}

func inspected(files []report.File) *Page {
	in := &inspect.Inspection{Image: "shop:1", Platform: "linux/amd64", Contents: files, Before: &report.Side{Bytes: 9, Files: 1}}
	in.Size.Bytes = sum(files)
	for i, f := range files {
		in.Findings = append(in.Findings, inspect.Finding{Rule: "set-id-file", Severity: inspect.Warning, Message: f.Path + " runs with the rights of its owner", Path: f.Path})
		in.Programs = append(in.Programs, inspect.Program{Path: f.Path, Needed: []string{"libc.so.6", f.Path}})
		in.Directories = append(in.Directories, inspect.Part{Name: fmt.Sprint("/d", i), Bytes: 1, Files: 1})
	}
	return Inspection(in, []string{"the image has the shell /bin/sh, and no-shell allows none"})
}

// platforms is a build of two platforms.
func platforms(files []report.File) *Page {
	one := &report.Report{Platform: "linux/amd64", Files: files[:len(files)/2]}
	two := &report.Report{Platform: "linux/arm64", Files: files[len(files)/2:], Before: report.Side{Unknown: "it was not built"}}
	return Build("shop:1, shop:2", []*report.Report{one, two})
}

// pages are those of every kind for some files.
var pages = map[string]func([]report.File) *Page{"build": built1, "platforms": platforms, "inspect": inspected, "diff": compared}

// treemaps is how many treemaps a page of a kind has.
func treemaps(kind string) int { return 2 + 2*strings.Count(kind, "platforms") }

// TestDrawn holds what is drawn to the bytes, and the page to its limits, with
// few files, many, and names that want to be markup.
func TestDrawn(t *testing.T) {
	for kind, of := range pages {
		for _, n := range []int{0, 3, 60_000} {
			for _, hostile := range []bool{false, true} {
				if hostile && n > 10_000 {
					n = 5_000
				}
				t.Run(fmt.Sprint(kind, n, hostile), func(t *testing.T) {
					page := written(t, of(many(n, hostile)))
					if len(page) > MaxBytes {
						t.Errorf("the page has %d bytes", len(page))
					}
					items := 0
					for _, e := range elements(t, page) {
						switch {
						case e.name == "tr" || e.name == "rect" && strings.HasPrefix(e.attrs["class"], "b "):
							items++
						case e.name == "script" || e.name == "img" || e.name == "link" || e.name == "iframe":
							t.Fatalf("the page has <%s>", e.name)
						}
						for a := range e.attrs {
							if strings.HasPrefix(a, "on") || a == "style" {
								t.Errorf("<%s> has %s", e.name, a)
							}
						}
					}
					if items > maxItems {
						t.Errorf("the page has %d boxes and rows", items)
					}
					maps := drawings(t, page)
					if n > 3 && len(maps) != treemaps(kind) {
						t.Fatalf("the page has %d treemaps, want %d", len(maps), treemaps(kind))
					}
					for _, d := range maps {
						d.holds(t)
					}
				})
			}
		}
	}
}

// TestPolicy holds the policy of a page to its style, which nothing else may be
// taken for, and the page to needing nothing.
func TestPolicy(t *testing.T) {
	page := written(t, built1(many(10, true)))
	var policy, css string
	for _, e := range elements(t, page) {
		switch {
		case e.name == "meta" && e.attrs["http-equiv"] == "Content-Security-Policy":
			policy = e.attrs["content"]
		case e.name == "style":
			css += e.text
		case e.name == "a" && e.attrs["href"] != "./report.json":
			t.Errorf("a link leads to %s", e.attrs["href"])
		}
	}
	digest := sha256.Sum256([]byte(css))
	if want := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(digest[:]) + "'; base-uri 'none'; form-action 'none'"; policy != want {
		t.Errorf("the policy is\n%s, want\n%s", policy, want)
	}
	if m := regexp.MustCompile(`url\(|@import|https?://`).Find(page); m != nil {
		t.Errorf("the page names %s", m)
	}
}

// TestNames shows that names are told as text and can be found.
func TestNames(t *testing.T) {
	page := string(written(t, inspected([]report.File{{Path: "/srv/<b>&\"'\n\x1b[2J\u202egpj.exe", Bytes: 7, Reason: "COPY"}})))
	if want := `/srv/&lt;b&gt;&amp;&#34;&#39;\n\x1b[2J\u202egpj.exe, 7 B`; !strings.Contains(page, want) {
		t.Errorf("%s is not in\n%s", want, page)
	}
	for in, want := range map[string]string{"": "", "a\nb": `a\nb`, strings.Repeat("é", 300): strings.Repeat("é", 100) + "…" + strings.Repeat("é", 100)} {
		if got := text(in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}

// TestScale holds two drawings to one scale.
func TestScale(t *testing.T) {
	maps := drawings(t, written(t, compared(many(500, false))))
	if len(maps) != 2 {
		t.Fatal(len(maps))
	}
	a, b := maps[0].area/float64(maps[0].bytes), maps[1].area/float64(maps[1].bytes)
	if math.Abs(a/b-1) > 1e-4 {
		t.Errorf("a byte has %g pixels and %g", a, b)
	}
}

func TestAbove(t *testing.T) {
	for _, tc := range []struct {
		name  string
		depth int
		want  string
	}{{"/a", 0, "/"}, {"/a", 3, "/"}, {"/a/b/c/d", 0, "/"}, {"/a/b/c/d", 1, "/a"}, {"/a/b/c/d", 2, "/a/b"}, {"/a/b/c/d", 3, "/a/b/c"}, {"/a/b/c/d", 9, "/a/b/c"}} {
		if got := above(tc.name, tc.depth); got != tc.want {
			t.Errorf("%s at %d: %s, want %s", tc.name, tc.depth, got, tc.want)
		}
	}
}

// FuzzSquarify cuts areas by sizes of every kind.
func FuzzSquarify(f *testing.F) {
	f.Add(1000.0, 500.0, []byte{200, 100, 50, 3, 1, 0})
	f.Add(1.0, 9000.0, []byte{1, 1, 1})
	f.Add(0.0, 10.0, []byte{5})
	f.Fuzz(func(t *testing.T, w, h float64, sizes []byte) {
		if !(w >= 0 && w <= 1e5 && h >= 0 && h <= 1e5) || len(sizes) > 1000 {
			return
		}
		var list []int64
		var sum float64
		for _, s := range sizes {
			list = append(list, int64(s)*int64(s)*int64(s))
			sum += float64(list[len(list)-1])
		}
		for i, r := range squarify(rect{0, 0, w, h}, list) {
			want := 0.0
			if sum > 0 {
				want = w * h * float64(list[i]) / sum
			}
			if math.Abs(r.area()-want) > 1e-6*max(w*h, 1) || r.X < 0 || r.Y < 0 || r.X+r.W > w*(1+1e-9)+1e-9 || r.Y+r.H > h*(1+1e-9)+1e-9 {
				t.Errorf("%d of %v in %g x %g: %+v, want an area of %g", i, list, w, h, r, want)
			}
		}
	})
}
