package rules

import (
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

var addForCopy = rule.Rule{
	Meta: rule.Meta{
		Name:     "add-for-copy",
		Aliases:  []string{"DL3020", "DS-0005", "CIS-DI-0009", "CKV_DOCKER_4", "9513a694-aa0d-41d8-be61-3271e056f36b", "prefer-copy-over-add"},
		Family:   rule.Hygiene,
		Summary:  "COPY is used where ADD is not needed",
		Why:      "ADD unpacks archives and fetches URLs as well. Where neither is meant, COPY says what happens. The fix is called unsafe because ADD would also unpack an archive that does not look like one by its name.",
		Bad:      "FROM debian:12\nADD app.conf /etc/app.conf\n",
		Good:     "FROM debian:12\nCOPY app.conf /etc/app.conf\nADD root.tar.gz /\n",
		Severity: rule.Info,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkAddForCopy,
}

func checkAddForCopy(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		if _, ok := in.Command.(*instructions.AddCommand); !ok || slices.ContainsFunc(in.Flags(), ofAdd) {
			continue
		}
		sources, _ := in.Copied()
		if len(sources) == 0 {
			continue
		}
		needed, certain := false, true
		for _, s := range sources {
			name, known := p.File.Expand(in, s.Text)
			needed = needed || fetched(name) || unpacked(name)
			// A directory of archives, or a name from elsewhere, may need it.
			certain = certain && known && !strings.ContainsAny(name, "*?[")
		}
		if needed {
			continue
		}
		finding := rule.Finding{Span: in.KeywordSpan(), Message: "nothing here is fetched or unpacked; use COPY"}
		if certain {
			finding.Fix = &rule.Fix{Title: "Use COPY", Safety: rule.Unsafe, Edits: []source.Edit{{Span: in.KeywordSpan(), New: "COPY"}}}
		}
		p.Report(finding)
	}
}

// ofAdd reports whether COPY does not have a flag.
func ofAdd(f dockerfile.Flag) bool {
	return slices.Contains([]string{"checksum", "keep-git-dir", "unpack"}, f.Name)
}

// fetched reports whether ADD gets a source from the network.
func fetched(name string) bool {
	return strings.Contains(name, "://") || strings.HasPrefix(name, "git@") || strings.HasPrefix(name, "github.com/") ||
		strings.HasSuffix(name, ".git") || strings.Contains(name, ".git#")
}

// unpacked reports whether ADD may unpack a file, by its name: tar archives,
// compressed or not.
func unpacked(name string) bool {
	return slices.ContainsFunc([]string{
		".tar", ".Z", ".bz2", ".gz", ".lz", ".lzma", ".tZ", ".tb2", ".tbz", ".tbz2", ".tgz", ".tlz", ".tpz", ".txz", ".xz", ".zst", ".tzst",
	}, func(ext string) bool { return strings.HasSuffix(name, ext) })
}
