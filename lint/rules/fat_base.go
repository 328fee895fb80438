package rules

import (
	"strconv"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/accounts"
	"github.com/whittle-oci/whittle/lint/rules/internal/families"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
	"github.com/whittle-oci/whittle/lint/source"
)

var fatBase = rule.Rule{
	Meta: rule.Meta{
		Name:    "fat-base",
		Family:  rule.Fat,
		Summary: "the final stage is not based on a compiler or full distribution image",
		Why: "An image with a compiler, a package manager and a full distribution has hundreds of packages to patch that the program never uses. Build in one stage and copy the result into a slim, distroless or scratch one; whittle build does so by itself.\n\n" +
			"Well-known images are known by their families. With --online the registry tells how much there is to download: an image that is small after all is left in peace, and one that nobody knew to be large is reported. Where no small stage can take the result, it counts for less: a server that lives in its image, such as php:apache, and an image that starts nothing, for others to build with.",
		Bad:      "FROM golang:1.26\nUSER 10001\n",
		Good:     "FROM golang:1.26 AS build\nRUN go build -o /app .\nFROM gcr.io/distroless/static-debian13\nCOPY --from=build /app /app\n",
		Severity: rule.Warning,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended"},
	},
	Check: checkFatBase,
}

// The bounds that the bytes to download are measured by.
const (
	smallDownload = 60 << 20  // a distribution below this is not worth a word
	largeDownload = 200 << 20 // any image above this is
)

func checkFatBase(p *rule.Pass) {
	stage := accounts.Base(p.File, p.File.Final().Index)
	base, known := p.File.BaseName(stage)
	if !known || base == "scratch" {
		return
	}
	what := families.Of(base)
	size, measured := int64(0), false
	if p.Images != nil {
		if img, ok := p.Images.Image(base); ok {
			size, measured = img.Size, img.Size > 0
		}
	}
	if measured && size < smallDownload && (what.Kind == families.System || what.Kind == families.Full) {
		return
	}
	message := "the image is built on " + walk.Short(base)
	if measured {
		message += " (" + strconv.FormatInt(size>>20, 10) + " MiB to download)"
	}
	switch what.Kind {
	case families.Compiler:
		message += ", which has a compiler in it; build in one stage and copy the result into a small one"
	case families.Variant:
		message += ", a variant to build with; build in one stage and copy the result into a small one"
	case families.Full:
		message += ", which has compilers and headers in it; " + instead(what)
	case families.System:
		message += ", a whole distribution with its package manager; " + instead(what)
	default:
		if !measured || size < largeDownload {
			return
		}
		message += "; a smaller base, or a stage that copies what is needed, would do"
	}
	// A distribution alone is tens of megabytes; what makes an image fat is what
	// is installed besides.
	finding := rule.Finding{Span: walk.BaseSpan(p.File, stage), Message: message, Minor: what.Kind == families.System && !measured || buildsOnly(p.File) || families.Whole(base)}
	span := finding.Span
	if string(p.File.Bytes[span.Start:span.End]) == base && what.Smaller != "" {
		finding.Fix = &rule.Fix{Title: "Use " + what.Smaller, Safety: rule.Suggestion, Edits: []source.Edit{{Span: span, New: what.Smaller}}}
	}
	p.Report(finding)
}

// instead says what to do about a base that has a smaller sibling, perhaps.
func instead(what families.Image) string {
	if what.Smaller != "" {
		return "use " + what.Smaller + ", or copy the result into a small stage"
	}
	return "copy the result into a small stage, such as a distroless one, where the program allows"
}

// buildsOnly reports whether an image is made for others to build with: commands
// set it up, and it starts nothing.
func buildsOnly(f *dockerfile.File) bool { return !accounts.Starts(f) && accounts.Has(f, "run") }
