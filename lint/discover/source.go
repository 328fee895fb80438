package discover

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/embedded"
)

// A Build is one way in which a Dockerfile is built, as a Compose or a Bake file
// has it.
type Build struct {
	Source     string // the file that says so
	Name       string // of the service or target
	Dockerfile string // "" for one that stands in the source
	Inline     *embedded.Block
	Context    string // directory, "" where the context is not of this machine
	Target     string
	Args       map[string]string // those with a known value
	Platforms  []string          // that the image is for; nil where it does not say
	Contexts   []string          // names of further contexts, in order
	Command    []string          // what the service runs instead of CMD; nil where it does not say
}

// The names of files that say how Dockerfiles are built, in the order in which
// they are asked.
var (
	composeNames = []string{"compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"}
	bakeNames    = []string{"docker-bake.json", "docker-bake.hcl", "docker-bake.override.json", "docker-bake.override.hcl"}
)

// IsSource reports whether a file of this base name is taken for a Compose or a
// Bake file, docker-compose.dev.yml and the like included.
func IsSource(base string) bool {
	if slices.Contains(composeNames, base) || slices.Contains(bakeNames, base) {
		return true
	}
	ext := filepath.Ext(base)
	return (ext == ".yaml" || ext == ".yml") && (strings.HasPrefix(base, "docker-compose.") || strings.HasPrefix(base, "compose."))
}

// Sources lists the Compose and Bake files beside a Dockerfile's directory and
// above it, up to the root of its repository, the nearest first.
func Sources(dir string) []string {
	var out []string
	for up := range upward(dir) {
		for _, base := range slices.Concat(composeNames, bakeNames) {
			if file := filepath.Join(up, base); exists(file) {
				out = append(out, file)
			}
		}
	}
	return out
}

// maxSource is the largest Compose or Bake file that is read, in bytes.
const maxSource = 8 << 20

// Builds reads a Compose or Bake file. What stands in it without a Dockerfile of
// this machine, such as an image or a build from a repository, is left out, and
// so is what hangs on the environment of whoever builds; the .env beside a
// Compose file counts.
func Builds(file string) ([]Build, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxSource {
		return nil, fmt.Errorf("%s: %d bytes, more than the limit of %d", file, info.Size(), maxSource)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return BuildsIn(file, data)
}

// BuildsIn is Builds for the text that a file of that name has, or will have.
func BuildsIn(file string, data []byte) ([]Build, error) {
	var all []definition
	var err error
	switch filepath.Ext(file) {
	case ".hcl", ".json":
		all, err = bake(file, data)
	default:
		all, err = compose(file, data)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	var out []Build
	rows := strings.Split(string(data), "\n")
	for _, d := range all {
		if d.inline != nil {
			d.inline = indented(d.inline, rows)
		}
		if b, ok := d.build(file); ok {
			out = append(out, b)
		}
	}
	return out, nil
}

// errUnknown is a value that hangs on what is not known.
var errUnknown = errors.New("the value is not known")

// A definition is a service or a target as it is written, variables filled in.
type definition struct {
	name, context, dockerfile, target string
	args                              map[string]string
	platforms, contexts, command      []string
	inline                            *embedded.Block
}

// lines are the lines of a text, without one after the last line end.
func lines(text string) []string { return strings.Split(strings.TrimSuffix(text, "\n"), "\n") }

// indented finds by how much the lines of a block are indented in its file: as
// much as the first that is not blank.
func indented(b *embedded.Block, rows []string) *embedded.Block {
	if b.Indent >= 0 || b.Last > len(rows) {
		b.Indent = 0
		return b
	}
	b.Indent = 0
	for i, line := range lines(string(b.Text)) {
		if at := b.First - 1 + i; strings.TrimSpace(line) != "" && at < len(rows) {
			own := len(line) - len(strings.TrimLeft(line, " \t"))
			row := rows[at]
			b.Indent = max(len(row)-len(strings.TrimLeft(row, " \t"))-own, 0)
			break
		}
	}
	return b
}

// build finds the files that a definition means.
func (d definition) build(file string) (Build, bool) {
	context := d.context
	if context == "" {
		context = "."
	}
	if strings.Contains(context, "://") || strings.HasPrefix(context, "git@") || strings.HasPrefix(context, "github.com/") {
		return Build{}, false
	}
	if !filepath.IsAbs(context) {
		context = filepath.Join(filepath.Dir(file), filepath.FromSlash(context))
	}
	slices.Sort(d.contexts)
	b := Build{Source: file, Name: d.name, Inline: d.inline, Context: context, Target: d.target, Args: d.args, Platforms: d.platforms, Contexts: slices.Compact(d.contexts), Command: d.command}
	if d.inline != nil {
		return b, true
	}
	name := d.dockerfile
	if name == "" {
		name = "Dockerfile"
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(context, filepath.FromSlash(name))
	}
	if info, err := os.Stat(name); err != nil || !info.Mode().IsRegular() {
		return Build{}, false
	}
	b.Dockerfile = name
	return b, true
}
