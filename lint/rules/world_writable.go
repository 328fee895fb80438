package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var worldWritable = rule.Rule{
	Meta: rule.Meta{
		Name:     "world-writable",
		Family:   rule.Root,
		Summary:  "files of the image are not writable by everyone",
		Why:      "chmod 777 lets any process that gets into the container change the program. Give the directory to the user that writes to it.",
		Bad:      "FROM debian:12\nRUN chmod -R 777 /app\nUSER 10001\n",
		Good:     "FROM debian:12\nRUN chown -R 10001:0 /app && chmod -R g=u /app\nUSER 10001\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"recommended"},
	},
	Check: checkWorldWritable,
}

func checkWorldWritable(p *rule.Pass) {
	for in, c := range walk.Commands(p.File) {
		if c.Name != "chmod" || !p.File.Shipped(in.Stage) {
			continue
		}
		for _, a := range c.Args {
			if openMode(a.Text) {
				p.Reportf(a.Span, "chmod "+a.Text+" lets everyone write; give the files to the user that does")
				break
			}
		}
	}
}

// openMode reports whether a mode lets others write, the sticky directories
// aside that /tmp is one of.
func openMode(mode string) bool {
	if len(mode) == 4 && mode[0] == '1' {
		return false
	}
	if strings.Trim(mode, "01234567") == "" && len(mode) >= 3 {
		return strings.IndexByte("2367", mode[len(mode)-1]) >= 0
	}
	for _, who := range []string{"a+", "o+", "a=", "o=", "ugo+", "+"} {
		if rest, ok := strings.CutPrefix(mode, who); ok && strings.Contains(rest, "w") && strings.Trim(rest, "rwxXst") == "" {
			return who != "+"
		}
	}
	return false
}
