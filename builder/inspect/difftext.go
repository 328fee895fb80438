package inspect

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/report"
)

// maxDifferences is how many differences of a kind are told where not all are
// wanted.
const maxDifferences = 20

// groups puts the differences of a kind together.
func (c *Comparison) groups() [][]image.Difference {
	var out [][]image.Difference
	for _, d := range slices.Concat(c.Differences, c.Attached) {
		if n := len(out); n > 0 && out[n-1][0].Kind == d.Kind {
			out[n-1] = append(out[n-1], d)
			continue
		}
		out = append(out, []image.Difference{d})
	}
	return out
}

// Summary says in words how alike the images are.
func (c *Comparison) Summary() string {
	switch c.Same {
	case "image":
		return "the same image"
	case "content":
		return "the same files and configuration: the build can be reproduced"
	}
	return fmt.Sprintf("%d differences", len(c.Differences))
}

// grown writes a number of the first image and what became of it in the second.
func grown(from, to string, percent string) string {
	if from == to {
		return from
	}
	return from + " -> " + to + percent
}

func (c *Comparison) share() string {
	if c.A.Bytes == 0 {
		return ""
	}
	return fmt.Sprintf(" (%+.1f %%)", 100*float64(c.B.Bytes-c.A.Bytes)/float64(c.A.Bytes))
}

// Text writes a comparison for people.
func (c *Comparison) Text(w io.Writer, o TextOptions) error {
	var b bytes.Buffer
	for _, s := range []Compared{c.A, c.B} {
		fmt.Fprintf(&b, "%s, %s\n", image.Printable(s.Image), s.Platform)
	}
	fmt.Fprintf(&b, "  %s\n", c.Summary())
	for _, l := range c.numbers() {
		fmt.Fprintf(&b, "  %-8s  %s\n", l[0], l[1])
	}
	for _, group := range c.groups() {
		fmt.Fprintf(&b, "%s\n", group[0].Kind)
		for i, d := range group {
			if i == maxDifferences && !o.All {
				fmt.Fprintf(&b, "  and %d more\n", len(group)-i)
				break
			}
			mark, what := change(d)
			fmt.Fprintf(&b, "  %s %s: %s\n", mark, image.Printable(d.Name), image.Printable(what))
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

func (c *Comparison) numbers() [][2]string {
	out := [][2]string{
		{"bytes", grown(report.Size(c.A.Bytes), report.Size(c.B.Bytes), c.share())},
		{"files", grown(fmt.Sprint(c.A.Files), fmt.Sprint(c.B.Files), "")},
		{"packages", grown(fmt.Sprint(c.A.Packages), fmt.Sprint(c.B.Packages), "")},
	}
	if len(c.Made) > 0 {
		out = append(out, [2]string{"besides", strings.Join(c.Made, "; ")})
	}
	return out
}

// change gives the sign and the words of a difference.
func change(d image.Difference) (mark, what string) {
	switch {
	case d.From == "":
		return "+", d.To
	case d.To == "":
		return "-", d.From
	}
	return "~", d.From + " -> " + d.To
}

// Markdown writes a comparison for a comment on a change: the numbers, and the
// differences folded away by kind.
func (c *Comparison) Markdown(w io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "### %s and %s\n\n%s.\n\n| | |\n| --- | --- |\n", code(c.A.Image), code(c.B.Image), strings.ToUpper(c.Summary()[:1])+c.Summary()[1:])
	for _, l := range c.numbers() {
		fmt.Fprintf(&b, "| %s | %s |\n", l[0], l[1])
	}
	for _, group := range c.groups() {
		fmt.Fprintf(&b, "\n<details><summary>%s (%d)</summary>\n\n", group[0].Kind, len(group))
		for i, d := range group {
			if i == maxMarkdown {
				fmt.Fprintf(&b, "- and %d more\n", len(group)-i)
				break
			}
			mark, what := change(d)
			fmt.Fprintf(&b, "- %s %s: %s\n", words[mark], code(d.Name), code(what))
		}
		b.WriteString("\n</details>\n")
	}
	_, err := w.Write(b.Bytes())
	return err
}

// words are the signs of changes where they would be taken for markup.
var words = map[string]string{"+": "new", "-": "gone", "~": "changed"}

// maxMarkdown keeps a comment below what forges take, with all kinds.
const maxMarkdown = 50

// code writes text of an image so that nothing of it is taken for markup.
func code(s string) string {
	return "<code>" + strings.NewReplacer("|", "&#124;", "`", "&#96;", "@", "&#64;").Replace(html.EscapeString(image.Printable(s))) + "</code>"
}
