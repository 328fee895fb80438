package rules

import (
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
	"github.com/whittle-oci/whittle/lint/suggest"
)

var copyFromUnknown = rule.Rule{
	Meta: rule.Meta{
		Name:     "copy-from-unknown",
		Aliases:  []string{"DL3022"},
		Family:   rule.Hygiene,
		Summary:  "COPY --from refers to an earlier stage or an image",
		Why:      "A name that no earlier stage has is looked up as a build context and then as an image, so that a typo copies from somebody else's image or fails late. Write the tag of an image, and begin stages before they are used. What has a tag or a digest is taken for an image.",
		Bad:      "FROM golang:1.24 AS build\nRUN make\n\nFROM scratch\nCOPY --from=biuld /app /app\n",
		Good:     "FROM golang:1.24 AS build\nRUN make\n\nFROM scratch\nCOPY --from=build /app /app\nCOPY --from=busybox:1.37 /bin/busybox /bin/\n",
		Severity: rule.Warning,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkCopyFromUnknown,
}

func checkCopyFromUnknown(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		c, ok := in.Command.(*instructions.CopyCommand)
		if !ok || c.From == "" || strings.ContainsAny(c.From, ":@$") {
			continue
		}
		_, err := strconv.Atoi(c.From)
		if p.File.Context(c.From) || p.File.StageNamed(c.From, in.Stage) >= 0 || err != nil && p.File.StageNamed(c.From, in.Stage+1) >= 0 {
			continue
		}
		flag, _ := in.Flag("from")
		finding := rule.Finding{Span: flag.ValueSpan, Message: "no earlier stage is called " + c.From}
		switch later := p.File.StageNamed(c.From, len(p.File.Stages)); {
		case later >= 0 && err != nil:
			finding.Message = "the stage " + c.From + " begins later; move it up"
		case strings.Contains(c.From, "/"): // which no name of a stage has
			finding.Message = "the image " + c.From + " has no tag, so it is latest, which changes under you; name a version and a digest"
		case err == nil:
			finding.Message = "there is no earlier stage number " + c.From
		default:
			var names []string
			for _, s := range p.File.Stages[:in.Stage] {
				names = append(names, s.Name)
			}
			if near := suggest.Typo(strings.ToLower(c.From), names); near != "" {
				finding.Message += "; did you mean " + near + "?"
				finding.Fix = &rule.Fix{Title: "Copy from " + near, Safety: rule.Suggestion, Edits: []source.Edit{{Span: flag.ValueSpan, New: near}}}
			} else {
				finding.Message += "; write the tag if it is an image"
			}
		}
		p.Report(finding)
	}
}
