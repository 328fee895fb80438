// Package convert finds what BuildKit refuses while it turns a Dockerfile into a
// build (frontend/dockerfile/dockerfile2llb of BuildKit 0.34): the text is a
// Dockerfile, and still no build can come of it. BuildKit stops at the first such
// place; here every one is found, with its column. The messages are BuildKit's,
// so that they can be looked up.
//
// A variable whose value is not known, such as one that the base image may set,
// is tried with every value that suits its place. Only what fails with all of
// them is refused.
package convert

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/distribution/reference"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/source"
)

// A Refusal is one place that BuildKit does not take.
type Refusal struct {
	Span source.Span
	Err  error
	// Rules name the rules that say the same of the same place, the clearest
	// first.
	Rules []string
}

// Environment gives the variables that an image sets, in the form NAME=value.
// ok is false where they are not known.
type Environment func(image string) (env []string, ok bool)

// Refusals lists what BuildKit refuses of a file, in the order of the file. base
// may be nil.
func Refusals(f *dockerfile.File, base Environment) []Refusal {
	c := &checker{f: f, base: base}
	c.stages()
	c.directive()
	for i := range f.Instructions {
		in := f.Instructions[i]
		switch {
		case in.Trigger:
		case in.Keyword == "from":
			c.from(in)
		case in.Stage < 0 && in.Keyword == "arg":
			c.arguments(in)
		case in.Command != nil:
			c.command(in)
		}
	}
	return c.out
}

type checker struct {
	f    *dockerfile.File
	base Environment
	out  []Refusal

	stage int // that env and external are about, counted from 1
	// external is true where the base image may set variables that are not
	// known here, which are in env otherwise.
	external bool
	env      map[string]string

	first, last map[string]int // the first and the last stage of each name
}

// stages finds the stages that have a name.
func (c *checker) stages() {
	c.first, c.last = map[string]int{}, map[string]int{}
	for i, s := range c.f.Stages {
		if s.Name == "" {
			continue
		}
		if _, ok := c.first[s.Name]; !ok {
			c.first[s.Name] = i
		}
		c.last[s.Name] = i
	}
}

func (c *checker) refuse(span source.Span, err error, rules ...string) {
	if err != nil {
		c.out = append(c.out, Refusal{span, err, rules})
	}
}

// directive looks at "# check=" at the head of the file.
func (c *checker) directive() {
	value, _, at, ok := parser.ParseDirective("check", c.f.Bytes)
	if !ok || len(at) == 0 {
		return
	}
	if _, err := linter.ParseLintOptions(value); err != nil {
		line := min(max(at[0].Start.Line, 1), c.f.Lines())
		start := c.f.LineStart(line)
		c.refuse(source.Span{Start: start, End: start + len(c.f.Line(line))}, fmt.Errorf("failed to parse check options: %w", err))
	}
}

// enter finds out what the base of a stage sets.
func (c *checker) enter(stage int) {
	if c.stage == stage+1 {
		return
	}
	c.stage, c.external, c.env = stage+1, true, nil
	s := &c.f.Stages[stage]
	for s.Parent >= 0 {
		s = &c.f.Stages[s.Parent]
	}
	name, known := c.f.BaseName(s)
	if !known {
		return
	}
	if name == "scratch" {
		c.external = false
		return
	}
	if c.base == nil {
		return
	}
	if env, ok := c.base(name); ok {
		c.external, c.env = false, map[string]string{}
		for _, kv := range env {
			k, v, _ := strings.Cut(kv, "=")
			c.env[k] = v
		}
	}
}

// maxUnknown bounds the variables without a known value of one place. With more
// of them nothing is said.
const maxUnknown = 3

// try reports why BuildKit refuses a place: what attempt says with unknown
// variables unset, where it also fails with each of them set to any of the
// values. inFrom is true for words of FROM and of the ARGs before it.
func (c *checker) try(in dockerfile.Instruction, values []string, attempt func(dockerfile.Unknown) error) error {
	outside := in.Stage < 0 || in.Keyword == "from"
	if !outside {
		c.enter(in.Stage)
	}
	var names []string
	see := func(name string, declared bool) (known string, set, unknown bool) {
		switch {
		case declared || !outside && c.external:
		case outside:
			return "", false, false
		default:
			known, set = c.env[name]
			return known, set, false
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
		return "", false, true
	}
	first := attempt(func(name string, declared bool) (string, bool) {
		if v, set, unknown := see(name, declared); !unknown {
			return v, set
		}
		if v, ok := dockerfile.PlatformDefault(name); ok && declared {
			return v, true
		}
		return "", false
	})
	if first == nil || len(names) == 0 {
		return first
	}
	if len(names) > maxUnknown {
		return nil
	}
	// An unset variable is a choice, too: the last.
	for n := range power(len(values)+1, len(names)) {
		err := attempt(func(name string, declared bool) (string, bool) {
			if v, set, unknown := see(name, declared); !unknown {
				return v, set
			}
			choice := n
			for range slices.Index(names, name) {
				choice /= len(values) + 1
			}
			if choice %= len(values) + 1; choice < len(values) {
				return values[choice], true
			}
			return "", false
		})
		if err == nil {
			return nil
		}
	}
	return first
}

func power(base, exponent int) int {
	n := 1
	for range exponent {
		n *= base
	}
	return n
}

// word looks at one word that variables are filled into. check says what is wrong
// with the value; nil takes every one.
func (c *checker) word(in dockerfile.Instruction, word string, span source.Span, values []string, check func(string) error, rules ...string) {
	if check == nil && !strings.ContainsAny(word, "$\"'"+string(c.f.Escape)) {
		return
	}
	c.refuse(span, c.try(in, values, func(unknown dockerfile.Unknown) error {
		value, err := c.f.Fill(in, word, unknown)
		if err != nil || check == nil {
			return err
		}
		return check(value)
	}), rules...)
}

// some is a value for a place that takes any.
var some = []string{"x"}

// from looks at the base and the platform of a stage.
func (c *checker) from(in dockerfile.Instruction) {
	s := &c.f.Stages[in.Stage]
	if flag, ok := in.Flag("platform"); ok && s.Platform != "" {
		c.word(in, s.Platform, flag.ValueSpan, []string{"linux/amd64", "linux", "amd64", "v8"}, func(value string) error {
			if value == "" {
				return fmt.Errorf("empty platform value from expression %s", s.Platform)
			}
			if err := platform(value); err != nil {
				return fmt.Errorf("failed to parse platform %s: %w", s.Platform, err)
			}
			return nil
		}, "undefined-arg-in-from")
	}
	if s.Name != "" && c.f.Context(s.Name) {
		return // another build stands in place of the stage
	}
	span := in.Span()
	if words := in.Words(); len(words) > 0 {
		span = words[0].Span
	}
	c.word(in, s.BaseName, span, []string{"x", "1", "x/x", "sha256:" + strings.Repeat("0", 64), "docker.io"}, func(value string) error {
		switch {
		case value == "":
			return fmt.Errorf("base name (%s) should not be blank", s.BaseName)
		case value == "scratch" || c.stageCalled(value, in.Stage) || c.f.Context(value):
			return nil
		}
		return image(value)
	}, "undefined-arg-in-from", "invalid-default-base")
}

// stageCalled reports whether an earlier stage has exactly that name, which
// BuildKit keeps in lower case.
func (c *checker) stageCalled(name string, before int) bool {
	first, ok := c.first[name]
	return ok && first < before
}

// image says what is wrong with the name of an image.
func image(name string) error {
	if ordinary(name) {
		return nil
	}
	if _, err := reference.ParseNormalizedNamed(name); err != nil {
		return fmt.Errorf("failed to parse stage name %q: %w", name, err)
	}
	return nil
}

// ordinary reports whether a name is so plain that it needs no parser: small
// letters and digits with single . - / and one : between them.
func ordinary(name string) bool {
	colons := 0
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9':
		case strings.IndexByte(".-/:", c) >= 0 && i > 0 && i+1 < len(name) && strings.IndexByte(".-/:", name[i+1]) < 0:
			if c == ':' {
				colons++
			} else if c == '/' && colons > 0 {
				return false
			}
		default:
			return false
		}
	}
	return colons <= 1 && len(name) > 0 && len(name) < 64
}

// arguments looks at the defaults of ARG. Those that the build gives are not
// read.
func (c *checker) arguments(in dockerfile.Instruction) {
	for _, p := range in.Pairs() {
		if _, given := c.f.Build().Args[p.Key]; p.HasValue && !given {
			c.word(in, p.Value, p.ValueSpan, some, nil)
		}
	}
}

func (c *checker) command(in dockerfile.Instruction) {
	switch cmd := in.Command.(type) {
	case *instructions.ArgCommand:
		c.arguments(in)
	case *instructions.EnvCommand, *instructions.LabelCommand:
		for _, p := range in.Pairs() {
			c.word(in, p.Key, p.KeySpan, some, nil)
			c.word(in, p.Value, p.ValueSpan, some, nil)
		}
	case *instructions.UserCommand:
		c.word(in, cmd.User, in.Arguments(), some, nil)
	case *instructions.WorkdirCommand:
		c.word(in, cmd.Path, in.Arguments(), some, nil)
	case *instructions.VolumeCommand:
		for i, w := range words(in, len(cmd.Volumes)) {
			c.word(in, cmd.Volumes[i], w, []string{"/x"}, func(value string) error {
				if value == "" {
					return errEmptyVolume
				}
				return nil
			})
		}
	case *instructions.StopSignalCommand:
		c.word(in, cmd.Signal, in.Arguments(), []string{"SIGTERM", "TERM", "15"}, stopSignal)
	case *instructions.ExposeCommand:
		c.expose(in, cmd)
	case *instructions.AddCommand:
		c.copied(in, transfer{cmd.SourcesAndDest, cmd.Chown, cmd.Chmod, cmd.Checksum, cmd.Link, true})
	case *instructions.CopyCommand:
		c.copied(in, transfer{cmd.SourcesAndDest, cmd.Chown, cmd.Chmod, "", cmd.Link, false})
		c.copyFrom(in, cmd.From)
	case *instructions.RunCommand:
		c.run(in)
	}
}

// words are the places of an instruction's words, as many as there are values.
func words(in dockerfile.Instruction, n int) []source.Span {
	out := make([]source.Span, n)
	list := in.Words()
	for i := range out {
		out[i] = in.Arguments()
		if len(list) == n {
			out[i] = list[i].Span
		}
	}
	return out
}

// copyFrom looks at the stage or image that COPY --from names.
func (c *checker) copyFrom(in dockerfile.Instruction, from string) {
	flag, ok := in.Flag("from")
	if from == "" || !ok {
		return
	}
	none := func(string, bool) (string, bool) { return "", false }
	if value, err := c.f.Fill(in, from, none); err != nil {
		c.refuse(flag.ValueSpan, err)
		return
	} else if value != from {
		c.refuse(flag.ValueSpan, errFromVariable)
		return
	}
	if n, err := strconv.Atoi(from); err == nil {
		switch {
		case n < 0 || n >= len(c.f.Stages):
			c.refuse(flag.ValueSpan, fmt.Errorf("invalid stage index %d", n), "copy-from-unknown")
		case n >= in.Stage:
			c.refuse(flag.ValueSpan, fmt.Errorf("cannot copy from stage %q, it needs to be defined before current stage", from), "copy-from-self", "copy-from-unknown")
		}
		return
	}
	c.source(in, from, flag.ValueSpan, "copy")
}

// source looks at a name that is a stage's or an image's.
func (c *checker) source(in dockerfile.Instruction, from string, span source.Span, verb string) {
	if c.f.Context(from) || strings.EqualFold(from, "scratch") || strings.EqualFold(from, "context") {
		return
	}
	last, ok := c.last[strings.ToLower(from)]
	switch {
	case ok && last >= in.Stage:
		c.refuse(span, fmt.Errorf("cannot %s from stage %q, it needs to be defined before current stage", verb, from), "copy-from-self", "copy-from-unknown")
	case !ok:
		c.refuse(span, image(from), "copy-from-unknown")
	}
}
