package rpm

import (
	"fmt"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/packages"
)

// Flags of a requirement (rpm, include/rpm/rpmds.h).
const (
	// atInstall are the moments of an installation that a requirement is for:
	// before, after and around it, and rpm's own abilities.
	atInstall = 1<<5 | 1<<7 | 1<<9 | 1<<10 | 1<<11 | 1<<12 | 1<<24
)

// capabilities are what packages have and ask of each other: names, sonames
// such as libz.so.1()(64bit), and files.
type capabilities struct {
	provided map[string][]string // to the names of packages
	required map[*packages.Record][]packages.Relation
	asked    map[string]bool // files that something requires
	count    int
}

// add reads what a package provides and requires.
func (c *capabilities) add(h header, r *packages.Record) error {
	if c.provided == nil {
		c.provided, c.required, c.asked = map[string][]string{}, map[*packages.Record][]packages.Relation{}, map[string]bool{}
	}
	provided, err := h.texts(tagProvideName)
	if err != nil {
		return err
	}
	for _, p := range provided {
		c.provide(p, r.Name)
	}
	names, err := h.texts(tagRequireName)
	if err != nil {
		return err
	}
	flags, err := h.numbers(tagRequireFlags)
	if err != nil {
		return err
	}
	if c.count += len(provided) + len(names); c.count > maxCapabilities {
		return fmt.Errorf("packages provide and require more than %d things", maxCapabilities)
	}
	for i, name := range names {
		if i < len(flags) && flags[i]&atInstall != 0 || strings.HasPrefix(name, "rpmlib(") {
			continue
		}
		if len(name) > maxPath {
			return fmt.Errorf("the package %s has a requirement of %d bytes", r.Name, len(name))
		}
		for _, relation := range parseRequirement(name) {
			c.required[r] = append(c.required[r], relation)
			for _, n := range relation {
				if strings.HasPrefix(n, "/") {
					c.asked[n] = true
				}
			}
		}
	}
	return nil
}

// maxProviders is how many packages are known that provide one thing: the first
// of them counts.
const maxProviders = 16

func (c *capabilities) provide(what, name string) {
	if have := c.provided[what]; len(have) < maxProviders && !slices.Contains(have, name) {
		c.provided[what] = append(have, name)
	}
}

// parseRequirement reads a requirement: one capability, or an expression in
// parentheses (rpm, docs/manual/boolean_dependencies.md). Of a condition the
// consequence counts: what is not installed meets nothing.
func parseRequirement(text string) []packages.Relation {
	if !strings.HasPrefix(text, "(") {
		return []packages.Relation{{text}}
	}
	var names []string
	alternatives, first := false, true
	skip := false
	for _, word := range strings.Fields(text) {
		switch word {
		case "and", "with":
			first = true
		case "or":
			first, alternatives = true, true
		case "if", "unless", "without":
			skip = true
		case "else":
			first, skip = true, false
		default:
			name := strings.TrimLeft(word, "(")
			for strings.HasSuffix(name, ")") && strings.Count(name, ")") > strings.Count(name, "(") {
				name = strings.TrimSuffix(name, ")")
			}
			if first && !skip && name != "" {
				names = append(names, name)
			}
			first = false
		}
	}
	if alternatives && !strings.Contains(text[1:], " and ") {
		return []packages.Relation{names}
	}
	var out []packages.Relation
	for _, n := range names {
		out = append(out, packages.Relation{n})
	}
	return out
}

// relate turns the requirements of packages into the names of those that meet
// them.
func (c *capabilities) relate(records []*packages.Record) {
	if len(c.asked) > 0 {
		for _, r := range records {
			c.files(r)
		}
	}
	for _, r := range records {
		list := c.required[r]
		var out []packages.Relation
		seen := map[string]bool{}
		for _, relation := range list {
			var names packages.Relation
			for _, n := range relation {
				met := slices.Sorted(slices.Values(c.provided[n]))
				if slices.Contains(met, r.Name) {
					names = nil // it meets that itself
					break
				}
				names = append(names, met...)
			}
			if key := strings.Join(names, " "); len(names) > 0 && !seen[key] {
				seen[key] = true
				out = append(out, names)
			}
		}
		r.Depends = out
	}
}

// files finds the files that something requires, under either name of a merged
// /usr.
func (c *capabilities) files(r *packages.Record) {
	for _, f := range r.Files {
		for _, n := range packages.Aliases(f) {
			if c.asked[n] {
				c.provide(n, r.Name)
			}
		}
	}
}
