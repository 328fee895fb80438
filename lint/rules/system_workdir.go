package rules

import (
	"path"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/rule"
)

var systemWorkdir = rule.Rule{
	Meta: rule.Meta{
		Name:     "system-workdir",
		Aliases:  []string{"DS-0030"},
		Family:   rule.Root,
		Summary:  "the working directory is not a system directory",
		Why:      "In /proc or /etc a program that writes beside itself writes to the system, and some releases of runc let a process out to the host through a working directory below /proc (CVE-2024-21626).",
		Bad:      "FROM debian:12\nWORKDIR /proc/self/fd/8\n",
		Good:     "FROM debian:12\nWORKDIR /app\n",
		Severity: rule.Info,
		Fixable:  rule.Never,
		Presets:  []string{"recommended"},
	},
	Check: checkSystemWorkdir,
}

func checkSystemWorkdir(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		c, ok := in.Command.(*instructions.WorkdirCommand)
		if !ok {
			continue
		}
		dir, known := p.File.Expand(in, c.Path)
		if known && systemDir(path.Clean(dir), "/proc", "/sys", "/dev", "/boot", "/bin", "/etc", "/sbin", "/lib", "/lib64", "/usr", "/usr/bin", "/usr/sbin", "/usr/lib") {
			p.Reportf(in.Arguments(), "the working directory "+dir+" is the system's; choose one of your own")
		}
	}
}

// systemDir reports whether a path is one of the directories, or below one that
// the kernel makes.
func systemDir(dir string, system ...string) bool {
	for _, s := range system {
		if dir == s || strings.HasPrefix(dir, s+"/") && (s == "/proc" || s == "/sys" || s == "/dev") {
			return true
		}
	}
	return false
}
