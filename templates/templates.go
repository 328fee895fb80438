// Package templates writes a Dockerfile for a project that has none, and holds
// the files that repositories take over for their pipelines.
//
// A template is a folder with the text of Dockerfiles and a function that reads
// what the project's own files say: its language, the version of it, what is
// installed by which lock file, what starts. What they do not say is asked for
// with an [*Error], never guessed.
package templates

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

//go:embed go rust python node java ruby php static dotnet common.ignore
var texts embed.FS

// A Project is what a template makes of a project.
type Project struct {
	Template   string     // one of Names
	Evidence   []Evidence // what was chosen, and by what
	Warnings   []string
	Dockerfile []byte
	Ignore     []byte // of .dockerignore
}

// Evidence is a choice and what in the project shows it.
type Evidence struct {
	What  string `json:"what"`  // version, dependencies, build, start
	Value string `json:"value"` // 1.26, npm ci, node server.js
	Why   string `json:"why"`   // go.mod: go 1.26
}

// Options are what a user says where the files do not.
type Options struct {
	Template string // one of Names; "" where the files tell
	Start    string // what starts: a package of Go, a binary of Rust, a command line elsewhere
}

// An Error is a project that no template can be written for as it stands. It
// says what is in the way, and in Hint what to do about it.
type Error struct {
	Problem string
	Hint    string
	Choices []string // among which a user has to choose, if that is it
}

// Error implements error.
func (e *Error) Error() string { return e.Problem }

// ErrNone is what For gives for a directory in which no template knows
// anything. It is wrapped by an error that says what was looked for.
var ErrNone = errors.New("no template knows this project")

// A template knows one language.
type template struct {
	name  string
	marks string // the files that it knows a project by, for messages
	// claim says by which file it knows the project, "" where it does not, and
	// weak where nothing in the project could start.
	claim func(p *project) (file string, weak bool)
	// fill reads the project and names the text to write and its values.
	fill func(p *project) (text string, err error)
}

// known lists the templates. Their order is that of messages and decides
// nothing: a project that two of them claim is refused.
func known() []template {
	return []template{
		{"go", "go.mod", claimGo, fillGo},
		{"rust", "Cargo.toml", claimRust, fillRust},
		{"python", "pyproject.toml, requirements.txt, Pipfile", claimPython, fillPython},
		{"node", "package.json", claimNode, fillNode},
		{"java", "pom.xml, build.gradle", claimJava, fillJava},
		{"ruby", "Gemfile", claimRuby, fillRuby},
		{"php", "composer.json, index.php", claimPHP, fillPHP},
		{"dotnet", "*.csproj", claimDotnet, fillDotnet},
		{"static", "index.html", claimStatic, fillStatic},
	}
}

// Names lists the templates.
func Names() []string {
	var out []string
	for _, t := range known() {
		out = append(out, t.name)
	}
	return out
}

// For reads a project and writes its Dockerfile. The errors are an [*Error],
// which wraps [ErrNone] where there is nothing to begin with, and those of
// reading files.
func For(fsys fs.FS, o Options) (*Project, error) {
	p := &project{fsys: fsys, options: o, values: map[string]string{}}
	if err := p.open(); err != nil {
		return nil, err
	}
	t, err := p.choose()
	if err != nil {
		return nil, err
	}
	text, err := t.fill(p)
	if err := errors.Join(p.err, err); err != nil {
		return nil, err
	}
	out := &Project{Template: t.name, Evidence: p.evidence, Warnings: p.warnings}
	source, err := texts.ReadFile(t.name + "/" + text + ".Dockerfile")
	if err != nil {
		return nil, err
	}
	if out.Dockerfile, err = render(string(source), p.values); err != nil {
		return nil, fmt.Errorf("the template %s/%s: %w", t.name, text, err)
	}
	common, err := texts.ReadFile("common.ignore")
	if err != nil {
		return nil, err
	}
	own, err := texts.ReadFile(t.name + "/ignore")
	if err != nil {
		return nil, err
	}
	out.Ignore = slices.Concat(common, own)
	for _, line := range p.ignore {
		out.Ignore = append(out.Ignore, line+"\n"...)
	}
	return out, nil
}

// choose finds the one template that claims the project.
func (p *project) choose() (template, error) {
	all := known()
	if name := p.options.Template; name != "" {
		i := slices.IndexFunc(all, func(t template) bool { return t.name == name })
		if i < 0 {
			return template{}, &Error{Problem: fmt.Sprintf("there is no template %q", name), Hint: "the templates are " + strings.Join(Names(), ", ")}
		}
		t := all[i]
		file, _ := t.claim(p)
		if file == "" {
			return template{}, noneError{&Error{Problem: fmt.Sprintf("the template %s finds nothing here that is its own: %s", name, t.marks), Hint: "name the directory of the project"}}
		}
		p.found("template", name, "asked for; "+file)
		return t, p.err
	}
	type claim struct {
		template
		file string
	}
	var strong, weak []claim
	for _, t := range all {
		switch file, feeble := t.claim(p); {
		case file == "":
		case feeble:
			weak = append(weak, claim{t, file})
		default:
			strong = append(strong, claim{t, file})
		}
	}
	if p.err != nil {
		return template{}, p.err
	}
	if len(strong) == 0 {
		strong = weak // to say what is missing in it
	} else {
		for _, w := range weak {
			p.found("passed over", w.file, "nothing in it starts, so the template "+w.name+" has nothing to do")
		}
	}
	switch len(strong) {
	case 0:
		return template{}, p.nothing()
	case 1:
		p.found("template", strong[0].name, strong[0].file)
		return strong[0].template, nil
	}
	e := &Error{}
	var files []string
	for _, c := range strong {
		e.Choices = append(e.Choices, c.name)
		files = append(files, c.file+" ("+c.name+")")
	}
	e.Problem = "this project is of several languages: " + strings.Join(files, ", ")
	e.Hint = "choose with --template " + strings.Join(e.Choices, "|") + ", or name the directory of one"
	return template{}, e
}

// A noneError is an Error that is ErrNone as well.
type noneError struct{ e *Error }

// Error implements error.
func (e noneError) Error() string { return e.e.Problem }

// Unwrap gives both.
func (e noneError) Unwrap() []error { return []error{e.e, ErrNone} }

// nothing says what was looked for, and where it is instead.
func (p *project) nothing() error {
	e := &Error{Problem: "no template knows this project: there is no "}
	var marks []string
	for _, t := range known() {
		marks = append(marks, t.marks)
	}
	e.Problem += strings.Join(marks, ", ")
	e.Hint = "write a Dockerfile, or name the directory of the project"
	var below []string
	for _, d := range p.dirs(".") {
		sub, err := fs.Sub(p.fsys, d)
		if err != nil {
			continue
		}
		q := &project{fsys: sub, values: map[string]string{}}
		if q.open() != nil {
			continue
		}
		for _, t := range known() {
			if file, weak := t.claim(q); file != "" && !weak && t.name != "static" {
				below = append(below, d+" ("+t.name+")")
			}
		}
	}
	if len(below) > 0 {
		e.Hint = "there are projects below: " + strings.Join(below, ", ") + "; name the directory of one"
	}
	return noneError{e}
}
