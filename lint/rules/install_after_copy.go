package rules

import (
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
	"github.com/whittle-oci/whittle/lint/source"
)

var installAfterCopy = rule.Rule{
	Meta: rule.Meta{
		Name:    "install-after-copy",
		Family:  rule.Hygiene,
		Summary: "dependencies are installed before the sources are copied",
		Why: "COPY . changes with every change of a source file, and every RUN after it is run again, the one that installs all dependencies among them. Copy the files that name them, install, and copy the rest then: the layer stays until the dependencies change.\n\n" +
			"An install that has a cache mounted is not reported, nor is one for which the files were copied before.",
		Bad:      "FROM node:24-slim\nWORKDIR /app\nCOPY . .\nRUN npm ci\n",
		Good:     "FROM node:24-slim\nWORKDIR /app\nCOPY package.json package-lock.json ./\nRUN npm ci\nCOPY . .\n",
		Severity: rule.Info,
		Fixable:  rule.Never,
		Presets:  []string{"recommended"},
	},
	Check: checkInstallAfterCopy,
}

func checkInstallAfterCopy(p *rule.Pass) {
	for i := range p.File.Stages {
		var whole source.Span // what copies everything
		text := ""
		for _, in := range p.File.In(i) {
			if in.Trigger {
				continue
			}
			if w, ok := wholeContext(p.File, in); ok && text == "" {
				whole, text = w.Span, strings.ToUpper(in.Keyword)+" "+w.Text
			}
			command, files := installed(p.File, in)
			if command == "" {
				continue
			}
			if text != "" && !strings.Contains(strings.Join(in.Node.Flags, " "), "type=cache") {
				p.Reportf(whole, text+" comes before "+command+", so that any change of a file installs all dependencies anew; copy "+files+" and install before it")
			}
			break // what comes after brings up to date what is there
		}
	}
}

// installed finds the first command of a RUN that installs what files name, and
// those files.
func installed(f *dockerfile.File, in dockerfile.Instruction) (command, files string) {
	if in.Keyword != "run" {
		return "", ""
	}
	for _, c := range f.Commands(in) {
		if command, files = manifests(c); command != "" {
			break
		}
	}
	return command, files
}

// wholeContext finds the word by which a COPY or ADD takes all of the context.
func wholeContext(f *dockerfile.File, in dockerfile.Instruction) (dockerfile.Word, bool) {
	for _, w := range localSources(in) {
		if name, known := f.Expand(in, w.Text); known && slices.Contains([]string{".", "/", "*"}, path.Clean(name)) {
			return w, true
		}
	}
	return dockerfile.Word{}, false
}

// installers are commands that install what files name, which go by the words
// that begin them.
var installers = []struct{ command, files string }{
	{"npm ci", "package.json and package-lock.json"},
	{"npm clean-install", "package.json and package-lock.json"},
	{"npm install", "package.json and package-lock.json"},
	{"npm i", "package.json and package-lock.json"},
	{"yarn install", "package.json and yarn.lock"},
	{"yarn", "package.json and yarn.lock"},
	{"pnpm install", "package.json and pnpm-lock.yaml"},
	{"pnpm i", "package.json and pnpm-lock.yaml"},
	{"bundle install", "Gemfile and Gemfile.lock"},
	{"composer install", "composer.json and composer.lock"},
	{"go mod download", "go.mod and go.sum"},
	{"cargo fetch", "Cargo.toml and Cargo.lock"},
	{"pipenv install", "Pipfile and Pipfile.lock"},
	{"pipenv sync", "Pipfile and Pipfile.lock"},
	{"dotnet restore", "the project files"},
}

// manifests says how a command is called that installs what files name, and
// which those are. command is "" for all others.
func manifests(c dockerfile.Command) (command, files string) {
	if v, ok := walk.Invoke(c, "pip", "uv pip"); ok {
		from := v.Values("-r", "--requirement", "--requirements")
		if !v.Is(walk.Installs) || len(v.Packages) > 0 || len(from) == 0 || v.Has("-e", "--editable") {
			return "", ""
		}
		if !from[0].Literal {
			return "pip install", "the file of requirements"
		}
		return "pip install", path.Base(from[0].Text)
	}
	if v, ok := walk.Invoke(c, "npm", "yarn", "pnpm"); ok && (len(v.Packages) > 0 || v.Has("-g", "--global") || v.Group != "") {
		return "", ""
	}
	var words []string
	for _, a := range c.Args {
		if !strings.HasPrefix(a.Text, "-") {
			words = append(words, a.Text)
		}
	}
	line := strings.Join(append([]string{c.Name}, words...), " ")
	for _, i := range installers {
		if line == i.command || strings.HasPrefix(line, i.command+" ") && !slices.Contains([]string{"yarn", "pipenv install"}, i.command) {
			return i.command, i.files
		}
	}
	return "", ""
}
