package config

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v4"

	"github.com/whittle-oci/whittle/lint/suggest"
)

// A Rule is one that is written in the configuration. It looks at instructions
// or at the commands of RUN, and says the same of each that it picks out. It
// runs nothing.
type Rule struct {
	Place string // file:line:column
	Name  string // kebab case
	// Message is what is said of a place. $0 stands for what Matches found,
	// $1 and ${name} for its groups.
	Message  string
	Why      string // Markdown, for the rule's page
	Severity string // warning where it is ""

	Instruction []string // keywords in lower case; with Command it is run
	Command     []string // names of commands; nil for whole instructions
	Stage       string   // final, build, or "" for any
	Matches     *regexp.Regexp
	Unless      *regexp.Regexp
	Has         []string // words that the command has, all of them
	Lacks       []string // words of which the command has none
	Missing     bool     // say it of a stage in which nothing is picked out
	Fix         *Fix
}

// A Fix replaces what Matches found, or else all arguments of an instruction
// or the whole command.
type Fix struct {
	Replace string // a template like Message
	Title   string
	Safety  string // safe, unsafe or suggestion; unsafe where it is ""
}

var (
	kebab        = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)+$`) })
	stages       = []string{"final", "build", "any"}
	safeties     = []string{"safe", "unsafe", "suggestion"}
	instructions = []string{
		"add", "arg", "cmd", "copy", "entrypoint", "env", "expose", "from", "healthcheck", "label",
		"maintainer", "onbuild", "run", "shell", "stopsignal", "user", "volume", "workdir",
	}
)

// keywords are the instructions as they are written.
func keywords() []string {
	out := make([]string, len(instructions))
	for i, word := range instructions {
		out[i] = strings.ToUpper(word)
	}
	return out
}

// RuleSettings lists the keys of a custom rule in the order of the
// manual.
func RuleSettings() []Setting {
	return []Setting{
		{Name: "name", Help: "lower-case words joined by dashes; required"},
		{Name: "message", Help: "what is said of a place; $0 is what matches found, $1 and ${name} are its groups, $$ a dollar sign; required"},
		{Name: "why", Help: "why the rule is there, for reports that explain rules"},
		{Name: "severity", Among: severities, Help: "warning where it is not said"},
		{Name: "instruction", Kind: List, Help: "the instructions to look at: their arguments, continued lines joined"},
		{Name: "command", Kind: List, Help: "the commands of RUN to look at: the name and the words behind it, one blank between them, quotes taken off"},
		{Name: "stage", Among: stages, Help: "look at what reaches the image (final), at what does not (build), or at both"},
		{Name: "matches", Kind: Expression, Help: "report what matches, in Go's syntax; all of it where nothing is said"},
		{Name: "unless", Kind: Expression, Help: "report nothing where this matches"},
		{Name: "has", Kind: List, Help: "report commands that have all of these words"},
		{Name: "lacks", Kind: List, Help: "report commands that have none of these words"},
		{Name: "missing", Kind: Bool, Help: "report stages in which nothing of the kind is found"},
		{Name: "fix", Kind: FixKind, Help: "what to write instead"},
	}
}

// FixSettings lists the keys of its fix.
func FixSettings() []Setting {
	return []Setting{
		{Name: "replace", Help: "text that replaces what matches found, a template like message"},
		{Name: "title", Help: "what the fix does, for people"},
		{Name: "safety", Among: safeties, Help: "safe builds the same image, unsafe is the default, suggestion is only shown"},
	}
}

func keys(settings []Setting) []string {
	out := make([]string, len(settings))
	for i, s := range settings {
		out[i] = s.Name
	}
	return out
}

// rule reads one of the rules.
func (p parser) rule(n *yaml.Node) (Rule, error) {
	r := Rule{Place: at(p.name, n)}
	err := p.mapping(n, "a rule", keys(RuleSettings()), func(key, value *yaml.Node) error {
		s := Setting{Name: key.Value}
		switch key.Value {
		case "name":
			return p.text(key.Value, value, &r.Name)
		case "message":
			return p.text(key.Value, value, &r.Message)
		case "why":
			return p.text(key.Value, value, &r.Why)
		case "severity":
			s.Among = severities
			return p.word(s, value, &r.Severity)
		case "stage":
			s.Among = stages
			return p.word(s, value, &r.Stage)
		case "missing":
			return p.boolean(s, value, func(b bool) { r.Missing = b })
		case "matches":
			return p.expression(key.Value, value, &r.Matches)
		case "unless":
			return p.expression(key.Value, value, &r.Unless)
		case "fix":
			r.Fix = &Fix{}
			return p.fix(value, r.Fix)
		case "instruction":
			return p.list(s, value, func(item *yaml.Node) error {
				word := strings.ToLower(item.Value)
				if !slices.Contains(instructions, word) {
					return p.errorf(item, "there is no instruction %s; %s", item.Value, suggest.Hint(item.Value, keywords()))
				}
				r.Instruction = append(r.Instruction, word)
				return nil
			})
		}
		to := map[string]*[]string{"command": &r.Command, "has": &r.Has, "lacks": &r.Lacks}[key.Value]
		return p.list(s, value, func(item *yaml.Node) error {
			*to = append(*to, item.Value)
			return nil
		})
	})
	if err == nil {
		err = p.whole(n, &r)
	}
	return r, err
}

// whole holds a rule to what it needs.
func (p parser) whole(n *yaml.Node, r *Rule) error {
	switch {
	case !kebab().MatchString(r.Name):
		return p.errorf(n, "a rule has a name of lower-case words joined by dashes, with your own first: acme-base-image")
	case r.Message == "":
		return p.errorf(n, "the rule %s has no message", r.Name)
	case len(r.Instruction) == 0 && len(r.Command) == 0:
		return p.errorf(n, "the rule %s looks at nothing; name an instruction or a command", r.Name)
	case len(r.Instruction) > 0 && len(r.Command) > 0:
		return p.errorf(n, "the rule %s names an instruction and a command; commands are those of RUN", r.Name)
	case len(r.Command) == 0 && len(r.Has)+len(r.Lacks) > 0:
		return p.errorf(n, "the rule %s: has and lacks are for commands", r.Name)
	case r.Missing && r.Fix != nil:
		return p.errorf(n, "the rule %s: there is nothing to fix where something is missing", r.Name)
	case r.Fix != nil && r.Fix.Replace == "" && r.Matches == nil:
		return p.errorf(n, "the rule %s: a fix needs replace, or matches for what it removes", r.Name)
	}
	templates := []string{r.Message}
	if r.Fix != nil {
		templates = append(templates, r.Fix.Replace, r.Fix.Title)
	}
	for _, t := range templates {
		if group, ok := r.lacks(t); ok {
			return p.errorf(n, "the rule %s: %s is no group of matches; write $$ for a dollar sign", r.Name, group)
		}
	}
	if r.Stage == "any" {
		r.Stage = ""
	}
	return nil
}

// group matches what a template means by a group, as Regexp.Expand reads it.
var group = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\$(?:\$|(\w+)|\{(\w+)\})`) })

// lacks finds a group in a template that the rule's expression does not have.
func (r *Rule) lacks(template string) (string, bool) {
	has := []string{"0"}
	if r.Matches != nil {
		for i, name := range r.Matches.SubexpNames() {
			has = append(has, strconv.Itoa(i), name)
		}
	}
	for _, m := range group().FindAllStringSubmatch(template, -1) {
		if name := m[1] + m[2]; name != "" && !slices.Contains(has, name) {
			return m[0], true
		}
	}
	return "", false
}

func (p parser) fix(n *yaml.Node, f *Fix) error {
	return p.mapping(n, "fix", keys(FixSettings()), func(key, value *yaml.Node) error {
		switch key.Value {
		case "replace":
			return p.text(key.Value, value, &f.Replace)
		case "title":
			return p.text(key.Value, value, &f.Title)
		}
		return p.word(Setting{Name: key.Value, Among: safeties}, value, &f.Safety)
	})
}

func (p parser) text(key string, n *yaml.Node, to *string) error {
	if n.Kind != yaml.ScalarNode {
		return p.errorf(n, "%s: want text", key)
	}
	*to = strings.TrimSpace(n.Value)
	return nil
}

// expression reads a regular expression in Go's syntax, which takes time in
// proportion to the text.
func (p parser) expression(key string, n *yaml.Node, to **regexp.Regexp) error {
	if n.Kind != yaml.ScalarNode {
		return p.errorf(n, "%s: want a regular expression", key)
	}
	re, err := regexp.Compile(n.Value)
	if err != nil {
		return p.errorf(n, "%s: %v", key, err)
	}
	*to = re
	return nil
}
