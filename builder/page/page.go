// Package page renders reports about images as self-contained HTML: one file,
// without scripts, fonts or requests. Sizes are drawn as treemaps, and stand in
// tables as well.
package page

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the template and its style
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"math"
	"net/url"
	"path"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/whittle-oci/whittle/builder/image"
)

// MaxBytes is the most that a page has, and maxItems the most boxes and rows on
// it. What is more is summed up.
const MaxBytes, maxItems = 1_000_000, 3000

// A Page is what one file shows. Everything in it is text of an image: it is
// escaped.
type Page struct {
	Title, Lead string
	Sections    []Section
}

// A Section is one image, or one comparison.
type Section struct {
	Title  string
	Facts  Table
	Bars   []Bar
	Maps   []Map
	Tables []Table
}

// A Bar is an amount that is drawn beside others.
type Bar struct {
	Name  string
	Bytes int64
}

// A Map is a treemap of files.
type Map struct {
	Title, Note string
	Files       []File
	// Whole is how many bytes would fill the drawing, for maps that are looked
	// at beside each other; 0 for those of the files.
	Whole int64
	// States says that colours tell what became of files, and not their groups.
	States bool
}

// A Table is a list with names of columns; those after Text columns are
// numbers.
type Table struct {
	Title   string
	Columns []string
	Text    int // how many columns are text
	Rows    [][]string
	Open    bool // whether it is to be seen at once
	More    int  // how many rows there are beside those of Rows
}

// first gives what a table may have rows of, and counts the others.
func first[T any](t *Table, list []T) []T {
	n := min(len(list), maxItems)
	t.More += len(list) - n
	return list[:n]
}

// Write writes the page. data is the name of the file beside it that holds all
// of it, "" for none.
func (p *Page) Write(w io.Writer, data string) error {
	for limit := maxItems; ; limit /= 2 {
		var b bytes.Buffer
		if err := layout().Execute(&b, p.view(limit, data)); err != nil {
			return fmt.Errorf("writing the page: %w", err)
		}
		if b.Len() <= MaxBytes || limit < 50 {
			_, err := w.Write(b.Bytes())
			return err
		}
	}
}

//go:embed page.tmpl
var markup string

//go:embed page.css
var style string

// layout is the template with its style, which the policy of the page names by
// its digest: nothing else in the page is taken for one.
var layout = sync.OnceValue(func() *template.Template {
	sum := sha256.Sum256([]byte(style))
	text := strings.NewReplacer("HASH", base64.StdEncoding.EncodeToString(sum[:]), "STYLE", style).Replace(markup)
	return template.Must(template.New("page").Parse(text))
})

// What the template reads.
type (
	pageView struct {
		Title, Lead, Data, DataName string
		Sections                    []sectionView
	}
	sectionView struct {
		ID, Title string
		Facts     *tableView
		Bars      *barsView
		Maps      []mapView
		Tables    []tableView
	}
	barsView struct {
		Label  string
		Height int
		List   []barView
	}
	barView struct {
		Class, W, Text string
		Y, TextY       int
	}
	mapView struct {
		ID, Title, Note string
		Height          int
		Bytes           int64
		Area            string // in pixels, of all boxes
		Boxes           []boxView
		Outlines        []boxView
		Texts           []textView
		Legend          *tableView
	}
	boxView struct {
		X, Y, W, H, Class, Title string
		Bytes                    int64
	}
	textView  struct{ X, Y, Text string }
	tableView struct {
		Title, Rest string
		Columns     []columnView
		Rows        [][]cellView
		Count       int
		Open        bool
	}
	columnView struct {
		Name   string
		Number bool
	}
	cellView struct {
		Text, Swatch string
		Number       bool
	}
)

// view lays the page out, with at most limit boxes and rows.
func (p *Page) view(limit int, data string) pageView {
	maps, tables := 0, 0
	for _, s := range p.Sections {
		maps += len(s.Maps)
		tables += len(s.Tables)
	}
	// Two thirds are boxes, the others rows.
	boxes, rows := max(limit*2/3/max(maps, 1), 16), max(limit/3/max(tables+maps, 1), 4)
	v := pageView{Title: text(p.Title), Lead: text(p.Lead)}
	if data != "" {
		v.DataName = text(path.Base(data))
		v.Data = "./" + url.PathEscape(path.Base(data))
	}
	for i, s := range p.Sections {
		sv := sectionView{ID: fmt.Sprintf("s%d", i), Title: text(s.Title), Bars: bars(s.Bars)}
		if len(s.Facts.Rows) > 0 {
			t := s.Facts.view(len(s.Facts.Rows))
			sv.Facts = &t
		}
		for j, m := range s.Maps {
			sv.Maps = append(sv.Maps, m.view(fmt.Sprintf("s%dm%d", i, j), boxes, rows))
		}
		for _, t := range s.Tables {
			if len(t.Rows) > 0 {
				sv.Tables = append(sv.Tables, t.view(rows))
			}
		}
		v.Sections = append(v.Sections, sv)
	}
	return v
}

// width and height are those of a treemap, in pixels.
const width, height = 1000, 500

func (m Map) view(id string, boxes, rows int) mapView {
	groups := grouped(m.Files, boxes)
	v := mapView{ID: id, Title: text(m.Title), Note: text(m.Note), Height: height}
	for _, g := range groups {
		v.Bytes += g.Bytes
	}
	scale := 1.0
	if m.Whole > v.Bytes {
		scale = math.Sqrt(float64(v.Bytes) / float64(m.Whole))
	}
	whole := rect{0, 0, width * scale, height * scale}
	v.Area, v.Height = pixels(whole.area()), int(math.Ceil(whole.H))
	for i, g := range squarify(whole, sizes(groups, func(g group) int64 { return g.Bytes })) {
		of := groups[i]
		for j, r := range squarify(g, sizes(of.boxes, func(f File) int64 { return f.Bytes })) {
			f := of.boxes[j]
			class := fmt.Sprintf("c%d", i%colours)
			if m.States {
				class = stateClass(f.State)
			}
			b := box(r)
			b.Class, b.Title, b.Bytes = class, f.title(), f.Bytes
			v.Boxes = append(v.Boxes, b)
			if t, ok := label(r, f); ok {
				v.Texts = append(v.Texts, t)
			}
		}
		if len(of.boxes) > 1 && g.W > 4 && g.H > 4 {
			v.Outlines = append(v.Outlines, box(g))
		}
	}
	v.Legend = m.legend(groups, rows)
	return v
}

func sizes[T any](list []T, size func(T) int64) []int64 {
	out := make([]int64, len(list))
	for i, x := range list {
		out[i] = size(x)
	}
	return out
}

// colours is how many groups have colours of their own.
const colours = 10

// stateClass is the colour of a state.
func stateClass(state string) string {
	if state == "" {
		return "same"
	}
	return state
}

func (f File) title() string {
	out := text(f.Path)
	if f.Files > 0 {
		out += fmt.Sprintf(": %d smaller files", f.Files)
	}
	out += ", " + image.FormatSize(f.Bytes)
	if f.State != "" {
		out += ", " + f.State
	}
	if f.Group != "" {
		out += "\n" + text(f.Group)
	}
	return out
}

// label is the name of a file, where its box has room for it. A letter of the
// page's font is about letter pixels wide.
func label(r rect, f File) (textView, bool) {
	const letter, line = 6.5, 16
	name := path.Base(f.Path)
	if f.Files > 0 {
		name = f.Path
	}
	name = text(name)
	fits := int((r.W - 8) / letter)
	if r.H < line || fits < 4 {
		return textView{}, false
	}
	if utf8.RuneCountInString(name) > fits {
		name = string([]rune(name)[:fits-1]) + "…"
	}
	return textView{pixels(r.X + 4), pixels(r.Y + 12), name}, true
}

func box(r rect) boxView {
	// The far edges are rounded, not the lengths, so that neighbours meet.
	x, y, toX, toY := round(r.X), round(r.Y), round(r.X+r.W), round(r.Y+r.H)
	return boxView{X: pixels(x), Y: pixels(y), W: pixels(toX - x), H: pixels(toY - y)}
}

func round(f float64) float64 { return math.Round(f*1000) / 1000 }

func pixels(f float64) string { return strconv.FormatFloat(round(f), 'f', -1, 64) }

// legend lists the groups of a map, or the states, with their colours.
func (m Map) legend(groups []group, rows int) *tableView {
	t := Table{Title: m.Title, Columns: []string{"what", "bytes", "files"}, Text: 1}
	var classes []string
	if m.States {
		groups, classes = m.states()
	}
	for i, g := range groups {
		t.Rows = append(t.Rows, []string{g.Name, image.FormatSize(g.Bytes), strconv.Itoa(g.Files)})
		if !m.States {
			classes = append(classes, fmt.Sprintf("c%d", i%colours))
		}
	}
	v := t.view(rows)
	for i := range v.Rows {
		v.Rows[i][0].Swatch = classes[i]
	}
	return &v
}

// states sums the files up by what became of them.
func (m Map) states() (sums []group, classes []string) {
	for _, state := range []string{"", New, Gone, Changed} {
		g := group{Name: stateClass(state)}
		for _, f := range m.Files {
			if f.State == state {
				g.Bytes += f.Bytes
				g.Files += f.count()
			}
		}
		if g.Files > 0 {
			sums, classes = append(sums, g), append(classes, stateClass(state))
		}
	}
	return sums, classes
}

func bars(list []Bar) *barsView {
	if len(list) < 2 {
		return nil
	}
	var most int64
	for _, b := range list {
		most = max(most, b.Bytes)
	}
	v := &barsView{Height: 28 * len(list)}
	var words []string
	for i, b := range list {
		w := 0.0
		if most > 0 {
			w = width * float64(b.Bytes) / float64(most)
		}
		words = append(words, b.Name+" "+image.FormatSize(b.Bytes))
		v.List = append(v.List, barView{Class: []string{"same", "c0"}[min(i, 1)], W: pixels(w), Text: text(words[i]), Y: 28 * i, TextY: 28*i + 15})
	}
	v.Label = text(strings.Join(words, ", "))
	return v
}

func (t Table) view(limit int) tableView {
	v := tableView{Title: text(t.Title), Count: len(t.Rows) + t.More, Open: t.Open}
	for i, name := range t.Columns {
		v.Columns = append(v.Columns, columnView{text(name), i >= t.Text})
	}
	for _, row := range t.Rows[:min(limit, len(t.Rows))] {
		var cells []cellView
		for i, c := range row {
			cells = append(cells, cellView{Text: text(c), Number: i >= t.Text})
		}
		v.Rows = append(v.Rows, cells)
	}
	if n := v.Count - len(v.Rows); n > 0 {
		v.Rest = fmt.Sprintf("and %d more", n)
	}
	return v
}

// maxText is how many characters of a text are told.
const maxText = 200

// text writes text of an image for people, the middle left out where it is
// long.
func text(s string) string {
	s = image.Printable(s)
	if len(s) <= maxText || utf8.RuneCountInString(s) <= maxText {
		return s
	}
	r := []rune(s)
	return string(r[:maxText/2]) + "…" + string(r[len(r)-maxText/2:])
}
