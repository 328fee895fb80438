package docs

import (
	"fmt"
	"strings"
)

// Elsewhere is what another tool checks and no rule here can, since a
// Dockerfile does not show it.
type Elsewhere struct {
	Says  string
	Names []string // the other tool's
	Where string   // what looks at it instead
	Near  string   // what a Dockerfile does show of it, "" for nothing
}

// elsewhere are the checks that need a built image, or none at all.
var elsewhere = []Elsewhere{
	{"an account of the image has an empty password", []string{"DKL-LI-0001"}, "whittle inspect", "passwords that a RUN takes away or sets"},
	{"two accounts or groups of the image share a number", []string{"DKL-LI-0002"}, "whittle inspect", "accounts that RUNs make with one number"},
	{"a file of the image is setuid or setgid", []string{"CIS-DI-0008"}, "whittle inspect", "modes that a RUN or COPY --chmod sets"},
	{"a volume of the image is a sensitive directory of hosts", []string{"DKL-DI-0002"}, "whittle inspect", "VOLUME instructions"},
	{"caches and files that nothing needs are in the image", []string{"DKL-LI-0003"}, "whittle inspect", "package managers' caches that a RUN leaves"},
	{"content trust is off where the scan runs", []string{"CIS-DI-0005"}, "", ""},
}

// FindElsewhere finds a check by its name.
func FindElsewhere(name string) (Elsewhere, bool) {
	for _, e := range elsewhere {
		for _, n := range e.Names {
			if strings.EqualFold(n, name) {
				return e, true
			}
		}
	}
	return Elsewhere{}, false
}

// String says it in a sentence or three.
func (e Elsewhere) String() string {
	s := fmt.Sprintf("%s reports that %s. ", strings.Join(e.Names, ", "), e.Says)
	if e.Where == "" {
		return s + "That is a matter of the machine, neither of the Dockerfile nor of the image, and nothing here looks at it."
	}
	s += fmt.Sprintf("Only a built image shows that, so it belongs to `%s`.", e.Where)
	if e.Near != "" {
		s += fmt.Sprintf(" What a Dockerfile shows of it, %s, lint has rules for.", e.Near)
	}
	return s
}

// NotHere is the page that lists them.
func NotHere() string {
	var b strings.Builder
	b.WriteString("# What lint cannot see\n\nSome checks of other tools need a built image. They belong to [`whittle inspect`](inspect.md), which looks at one; `whittle explain NAME` says so, too.\n\n")
	b.WriteString("| reported elsewhere | as | belongs to | what a Dockerfile shows of it |\n| --- | --- | --- | --- |\n")
	for _, e := range elsewhere {
		where := "nothing here: it is a matter of the machine that scans"
		if e.Where != "" {
			where = "`" + e.Where + "`"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", e.Says, strings.Join(e.Names, ", "), where, e.Near)
	}
	return b.String()
}
