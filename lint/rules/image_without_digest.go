package rules

import (
	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var imageWithoutDigest = rule.Rule{
	Meta: rule.Meta{
		Name:     "image-without-digest",
		Family:   rule.Pins,
		Summary:  "images that files are copied from are pinned to a digest",
		Why:      "COPY --from and RUN --mount=from take files from an image as FROM takes a base, and its tag can be moved as easily: what arrives is a program that nobody has looked at.\n\n`whittle pin` writes the digests; with --online the fix does, too.",
		Bad:      "FROM debian:12\nCOPY --from=busybox:1.37 /bin/busybox /bin/busybox\n",
		Good:     "FROM debian:12\nCOPY --from=busybox:1.37@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef /bin/busybox /bin/busybox\n",
		Severity: rule.Info,
		Fixable:  rule.Sometimes,
		Yields:   []string{"copy-from-unknown"},
		Presets:  []string{"recommended"},
	},
	Check: checkImageWithoutDigest,
}

func checkImageWithoutDigest(p *rule.Pass) {
	for _, ref := range p.File.ImageRefs() {
		if ref.Kind != dockerfile.CopyRef && ref.Kind != dockerfile.MountRef {
			continue
		}
		if _, _, digest := walk.Image(ref.Text); digest == "" {
			p.Report(rule.Finding{Span: ref.Span, Message: "the image " + ref.Text + " is not pinned to a digest, so what is taken from it can change under you; whittle pin writes it", Fix: pinFix(p, ref)})
		}
	}
}
