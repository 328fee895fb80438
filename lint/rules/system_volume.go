package rules

import (
	"path"
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
)

var systemVolume = rule.Rule{
	Meta: rule.Meta{
		Name:     "system-volume",
		Aliases:  []string{"DKL-DI-0002"},
		Family:   rule.Root,
		Summary:  "no VOLUME is a system directory",
		Why:      "A volume over /etc or /usr hides what updates of the image bring, and one over /proc or /sys asks for the host's. Name the directory of the program's own data.",
		Bad:      "FROM debian:12\nVOLUME /etc\n",
		Good:     "FROM debian:12\nVOLUME /var/lib/app\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"recommended"},
	},
	Check: checkSystemVolume,
}

func checkSystemVolume(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		if in.Keyword != "volume" {
			continue
		}
		for _, w := range in.Words() {
			dir, known := p.File.Expand(in, strings.Trim(w.Text, `"'`))
			if dir = path.Clean(dir); known && (dir == "/" || systemDir(dir, "/proc", "/sys", "/dev", "/boot", "/etc", "/bin", "/sbin", "/lib", "/lib64", "/usr", "/usr/bin", "/usr/lib")) {
				p.Reportf(w.Span, "the volume "+dir+" is a directory of the system; name that of the program's data")
			}
		}
	}
}
