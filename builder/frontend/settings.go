package frontend

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/google/shlex"
	"go.yaml.in/yaml/v4"

	"github.com/whittle-oci/whittle/builder/decide"
	"github.com/whittle-oci/whittle/builder/report"
	"github.com/whittle-oci/whittle/builder/smoke"
	"github.com/whittle-oci/whittle/lint/suggest"
)

// Kind says what values a setting takes.
type Kind int

// The kinds of settings.
const (
	Text Kind = iota
	Bool
	List
	// Commands is a list of command lines, each a list of words or a text
	// that is cut into words as a shell does.
	Commands
	// Smoke is one such command line, or a request to the image's own command.
	Smoke
)

// A Setting is one key of the build section of .whittle.yaml. It is also a
// flag of that name and, for the frontend, a build argument: WHITTLE_ and the
// name in upper case with dashes as underscores.
type Setting struct {
	Name string
	Kind Kind
	Help string
}

// Settings lists every setting in the order of help pages.
func Settings() []Setting {
	return []Setting{
		{"include", List, "further paths and globs of the built image to include"},
		{"exclude", List, "paths and globs to exclude"},
		{"writable", List, "directories that the image's user may write to"},
		{"commands", Commands, "further command lines that the image is started with, as CMD is"},
		{"user", Text, `user of the image: "keep", UID, UID:GID or a name`},
		{"packages", Text, `"auto" follows the dependencies of packages to data and modules that programs open, "strict" follows files alone`},
		{"layers", Text, `"shared" gives what the base image alone brings, dependencies and the application a layer each, "one" puts all into one`},
		{"static", Text, `"auto" makes Go programs static where it can, "off" leaves the build as written`},
		{"java", Text, `"jlink" makes the installation of Java one of the modules that the image uses, by the JDK of the final stage, "whole" leaves all modules`},
		{"java-modules", List, "further modules of Java that java: jlink keeps"},
		{"no-shell", Bool, "refuse an image that would need a shell"},
		{"no-licences", Bool, "omit copyright files"},
		{"no-identity", Bool, "give the image's user no line in passwd and group and no HOME"},
		{"contents", Text, `attach the reason of every file: "auto" (with any other attestation), "true", "false"`},
		{"base-labels", Bool, "label the image with the images that it is built from and their digests: org.opencontainers.image.base.name and .digest, and those of all stages"},
		{"minimal", Bool, "make the image of a --target minimal too"},
		{"smoke", Smoke, `try the image before it is shipped: a command line that must end with 0, or "http: GET /path on PORT within 10s" beside the image's own command; read-only, without a network`},
		{"probe", Bool, "replace curl, wget or nc -z in HEALTHCHECK by a static probe of a few kilobytes, or refuse the build"},
		{"max-size", Text, "refuse an image with more bytes of files than this, as 20MB or 512KiB"},
		{"verify-base", List, "verify the signatures of images that are built on before anything runs: patterns of their names, ** for all; the section verify says who must have signed"},
		{"max-files", Text, "refuse an image with more files than this"},
		{"max-packages", Text, "refuse an image with files of more packages than this"},
		{"debug-image", Text, "image with a static BusyBox that whittle build --debug takes tools from (default busybox:musl)"},
		{"syntax-aliases", List, "further # syntax= images that stand for this frontend"},
		{"lint", Text, `show lint findings as warnings of the build: "on" or "off"`},
	}
}

// argPrefix begins the names of build arguments that are settings.
const argPrefix = "WHITTLE_"

// ArgName is the build argument for a setting's name.
func ArgName(name string) string {
	return argPrefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// A Config is the settings of one build.
type Config struct {
	Plan          decide.Options
	StaticOff     bool
	Jlink         bool
	JavaModules   []string
	Contents      string // "auto", "true" or "false"
	Minimal       bool
	BaseLabels    bool
	Budget        report.Budget
	VerifyBase    []string // patterns of names of images
	verifySource  string   // who asks for that
	SyntaxAliases []string
	LintOff       bool
	Smoke         smoke.Check
	Probe         bool
	DebugImage    string
}

// A ConfigError is a setting that cannot be understood. Source names the flag,
// build argument or file:line.
type ConfigError struct {
	Source  string
	Message string
}

// Error gives the place and what is wrong.
func (e *ConfigError) Error() string { return e.Source + ": " + e.Message }

// ExitCode is the code for a wrong call.
func (*ConfigError) ExitCode() int { return 2 }

// A Value is what one source says about one setting.
type Value struct {
	source string
	items  []string
}

// FromArgs takes the settings out of build arguments and removes them, so
// that they never reach the user's build.
func FromArgs(args map[string]string) (map[string]Value, error) {
	out := map[string]Value{}
	for _, key := range slices.Sorted(maps.Keys(args)) {
		if !strings.HasPrefix(key, argPrefix) {
			continue
		}
		s, ok := lookup(func(s Setting) string { return ArgName(s.Name) }, key)
		if !ok {
			return nil, &ConfigError{"build argument " + key, "no such setting; " + suggest.Hint(key, names(func(s Setting) string { return ArgName(s.Name) }))}
		}
		items := []string{args[key]}
		switch s.Kind {
		case List:
			items = SplitList(args[key])
		case Commands:
			items = SplitLines(args[key])
		}
		out[s.Name] = Value{"build argument " + key, items}
		delete(args, key)
	}
	return out, nil
}

// SplitList cuts a list at newlines and commas, but for the commas that belong
// to a glob: those in {a,b} and [a,b]. A brace or bracket that is not closed is
// a character like others.
func SplitList(s string) []string {
	var out []string
	add := func(item string) {
		if item = strings.TrimSpace(item); item != "" {
			out = append(out, item)
		}
	}
	for line := range strings.SplitSeq(s, "\n") {
		from := 0
		for i := 0; i < len(line); i++ {
			switch line[i] {
			case '\\':
				i++
			case '{', '[':
				i += closing(line[i:])
			case ',':
				add(line[from:i])
				from = i + 1
			}
		}
		add(line[from:])
	}
	return out
}

// SplitLines cuts a list at newlines alone: command lines hold commas.
func SplitLines(s string) []string {
	var out []string
	for line := range strings.Lines(s) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}

// ParseCommand reads a command line: a JSON list of words, as the exec form of
// a Dockerfile is, or a text that is cut into words as a shell does, without
// expanding anything, as Compose does.
func ParseCommand(s string) ([]string, error) {
	if strings.HasPrefix(s, "[") {
		var argv []string
		if err := json.Unmarshal([]byte(s), &argv); err == nil && len(argv) > 0 {
			return argv, nil
		}
		return nil, fmt.Errorf("%q is not a list of words", s)
	}
	argv, err := shlex.Split(s)
	if err == nil && len(argv) == 0 {
		return nil, errors.New("the command line is empty")
	}
	if err != nil || len(argv) == 0 {
		return nil, fmt.Errorf("%q cannot be cut into words", s)
	}
	return argv, nil
}

// closing is the index of what closes the brace or bracket that s begins with,
// 0 when nothing does.
func closing(s string) int {
	if s[0] == '[' {
		return max(0, strings.IndexByte(s, ']'))
	}
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return 0
}

func lookup(key func(Setting) string, name string) (Setting, bool) {
	for _, s := range Settings() {
		if key(s) == name {
			return s, true
		}
	}
	return Setting{}, false
}

func names(key func(Setting) string) []string {
	var out []string
	for _, s := range Settings() {
		out = append(out, key(s))
	}
	return out
}

// sections are the top-level keys of .whittle.yaml; the others are read by
// those they belong to.
var sections = []string{"lint", "build", "sign", "verify"}

// FromFile reads the build section of a configuration file. name is for
// messages.
func FromFile(name string, data []byte) (map[string]Value, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, &ConfigError{name, err.Error()}
	}
	out := map[string]Value{}
	if len(doc.Content) == 0 {
		return out, nil
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		return nil, &ConfigError{at(name, root), "want sections: " + strings.Join(sections, ", ")}
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, section := root.Content[i], root.Content[i+1]
		switch {
		case key.Value == "build":
			if err := readSection(name, section, out); err != nil {
				return nil, err
			}
		case !slices.Contains(sections, key.Value):
			return nil, &ConfigError{at(name, key), fmt.Sprintf("no such section %q; %s", key.Value, suggest.Hint(key.Value, sections))}
		}
	}
	return out, nil
}

func readSection(name string, section *yaml.Node, out map[string]Value) error {
	if section.Kind != yaml.MappingNode {
		if section.Tag == "!!null" {
			return nil
		}
		return &ConfigError{at(name, section), "build: want settings"}
	}
	for i := 0; i+1 < len(section.Content); i += 2 {
		key, v := section.Content[i], section.Content[i+1]
		s, ok := lookup(func(s Setting) string { return s.Name }, key.Value)
		if !ok {
			return &ConfigError{at(name, key), fmt.Sprintf("no such setting %q; %s", key.Value, suggest.Hint(key.Value, names(func(s Setting) string { return s.Name })))}
		}
		items, err := nodeItems(v, s.Kind)
		if err != nil {
			return &ConfigError{at(name, v), fmt.Sprintf("%s: %v", s.Name, err)}
		}
		out[s.Name] = Value{at(name, v), items}
	}
	return nil
}

func nodeItems(v *yaml.Node, kind Kind) ([]string, error) {
	switch {
	case v.Kind == yaml.ScalarNode:
		return []string{v.Value}, nil
	case v.Kind == yaml.SequenceNode && kind == Commands:
		return nodeCommands(v)
	case kind == Smoke:
		return nodeCheck(v)
	case v.Kind == yaml.SequenceNode && kind == List:
		var out []string
		for _, n := range v.Content {
			if n.Kind != yaml.ScalarNode {
				return nil, fmt.Errorf("want a list of words")
			}
			out = append(out, n.Value)
		}
		return out, nil
	case kind == List || kind == Commands:
		return nil, fmt.Errorf("want a list")
	}
	return nil, fmt.Errorf("want one value")
}

// nodeCommands reads a list of command lines, each a text or a list of words.
func nodeCommands(v *yaml.Node) ([]string, error) {
	var out []string
	for _, n := range v.Content {
		if n.Kind == yaml.ScalarNode {
			out = append(out, n.Value)
			continue
		}
		words, ok := execForm(n)
		if !ok {
			return nil, fmt.Errorf("want command lines, each a text or a list of words")
		}
		out = append(out, words)
	}
	return out, nil
}

// execForm reads a list of words and writes it as ParseCommand takes it.
func execForm(n *yaml.Node) (string, bool) {
	var words []string
	if err := n.Decode(&words); err != nil || len(words) == 0 {
		return "", false
	}
	data, err := json.Marshal(words)
	return string(data), err == nil
}

// httpPrefix begins a check that is a request, as one value.
const httpPrefix = "http:"

// nodeCheck reads a check that is not one text: a list of words, or http: and
// the request.
func nodeCheck(v *yaml.Node) ([]string, error) {
	if v.Kind == yaml.SequenceNode {
		if words, ok := execForm(v); ok {
			return []string{words}, nil
		}
	}
	if v.Kind == yaml.MappingNode && len(v.Content) == 2 && v.Content[0].Value == "http" && v.Content[1].Kind == yaml.ScalarNode {
		return []string{httpPrefix + " " + v.Content[1].Value}, nil
	}
	return nil, fmt.Errorf("want a command line, as a text or a list of words, or http: GET /path on PORT within 10s")
}

// ParseCheck reads how an image is tried: http: and a request, or a command
// line.
func ParseCheck(s string) (smoke.Check, error) {
	if request, ok := strings.CutPrefix(s, httpPrefix); ok {
		r, err := smoke.ParseRequest(request)
		return smoke.Check{HTTP: &r}, err
	}
	argv, err := ParseCommand(s)
	return smoke.Check{Argv: argv}, err
}

func at(name string, n *yaml.Node) string { return name + ":" + strconv.Itoa(n.Line) }

// config puts the sources together; earlier ones win.
func config(sources ...map[string]Value) (Config, error) {
	c := Config{Contents: "auto"}
	get := func(name string) Value {
		for _, s := range sources {
			if v, ok := s[name]; ok {
				return v
			}
		}
		return Value{}
	}
	text := func(name string) string {
		if v := get(name); len(v.items) > 0 {
			return v.items[0]
		}
		return ""
	}
	var bad error
	fail := func(name, message string) {
		if bad == nil {
			source := get(name).source
			if !strings.HasSuffix(source, name) { // a flag says it itself
				message = name + ": " + message
			}
			bad = &ConfigError{source, message}
		}
	}
	boolean := func(name string) bool {
		if text(name) == "" {
			return false
		}
		b, err := strconv.ParseBool(text(name))
		if err != nil {
			fail(name, fmt.Sprintf("%q is neither true nor false", text(name)))
		}
		return b
	}
	number := func(name string) int {
		if text(name) == "" {
			return 0
		}
		n, err := strconv.Atoi(text(name))
		if err != nil || n < 1 {
			fail(name, fmt.Sprintf("%q is not a number from 1 on", text(name)))
		}
		return n
	}
	oneOf := func(name, def string, among ...string) string {
		v := text(name)
		if v == "" {
			return def
		}
		if !slices.Contains(among, v) {
			fail(name, fmt.Sprintf("%q is none of %s", v, strings.Join(among, ", ")))
		}
		return v
	}
	absolute := func(name string) []string {
		items := get(name).items
		for _, p := range items {
			if !path.IsAbs(p) {
				fail(name, fmt.Sprintf("%q is not an absolute path in the image", p))
			}
		}
		return items
	}
	c.Plan = decide.Options{
		Include: absolute("include"), Exclude: absolute("exclude"), Writable: absolute("writable"),
		User: text("user"), NoShell: boolean("no-shell"), NoLicences: boolean("no-licences"), NoIdentity: boolean("no-identity"),
	}
	for _, line := range get("commands").items {
		argv, err := ParseCommand(line)
		if err != nil {
			fail("commands", err.Error())
		}
		c.Plan.Commands = append(c.Plan.Commands, argv)
	}
	c.Plan.StrictPackages = oneOf("packages", "auto", "auto", "strict") == "strict"
	c.Plan.OneLayer = oneOf("layers", "shared", "shared", "one") == "one"
	c.StaticOff = oneOf("static", "auto", "auto", "off", "true", "false") == "off" || text("static") == "false"
	c.Jlink = oneOf("java", "whole", "whole", "jlink") == "jlink"
	c.JavaModules = get("java-modules").items
	for _, name := range c.JavaModules {
		if !moduleName().MatchString(name) {
			fail("java-modules", fmt.Sprintf("%q is not the name of a module", name))
		}
	}
	c.Contents = oneOf("contents", "auto", "auto", "true", "false")
	c.Minimal, c.Probe, c.BaseLabels = boolean("minimal"), boolean("probe"), boolean("base-labels")
	c.DebugImage = text("debug-image")
	c.VerifyBase, c.verifySource = get("verify-base").items, get("verify-base").source
	c.SyntaxAliases = get("syntax-aliases").items
	c.LintOff = oneOf("lint", "on", "on", "off") == "off"
	if v := text("smoke"); v != "" {
		check, err := ParseCheck(v)
		if err != nil {
			fail("smoke", err.Error())
		}
		c.Smoke = check
	}
	if v := text("max-size"); v != "" {
		n, err := ParseSize(v)
		if err != nil {
			fail("max-size", err.Error())
		}
		c.Budget.Bytes = n
	}
	c.Budget.NoShell = c.Plan.NoShell
	c.Budget.Files, c.Budget.Packages = number("max-files"), number("max-packages")
	return c, bad
}

// FromFlags reads the flags of a command, by the names of settings.
func FromFlags(args map[string][]string) (map[string]Value, error) {
	out := map[string]Value{}
	for _, name := range slices.Sorted(maps.Keys(args)) {
		if _, ok := lookup(func(s Setting) string { return s.Name }, name); !ok {
			return nil, &ConfigError{"--" + name, "no such setting"}
		}
		out[name] = Value{"--" + name, args[name]}
	}
	return out, nil
}

// Budget is what the sources say an image may hold; earlier ones win.
func Budget(sources ...map[string]Value) (report.Budget, error) {
	c, err := config(sources...)
	return c.Budget, err
}

// DebugImage is what the sources say of the image that tools come from, "" for
// nothing; earlier ones win. Only the command makes images with tools.
func DebugImage(sources ...map[string]Value) (string, error) {
	c, err := config(sources...)
	return c.DebugImage, err
}

// size matches a decimal number and a unit. Neither signs, exponents,
// hexadecimal numbers nor words such as "nan" are sizes.
var size = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^([0-9]+(?:\.[0-9]*)?|\.[0-9]+) *([A-Za-z]*)$`)
})

// units are what a size may be given in, in upper case.
var units = map[string]int64{
	"": 1, "B": 1, "K": 1e3, "KB": 1e3, "M": 1e6, "MB": 1e6, "G": 1e9, "GB": 1e9,
	"KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30,
}

// maxNumber is the longest number of a size, in digits.
const maxNumber = 40

// ParseSize reads a size in bytes: a number, alone or with kB, MB, GB (powers
// of 1000) or KiB, MiB, GiB (powers of 1024). Parts of a byte are cut off.
func ParseSize(s string) (int64, error) {
	parts := size().FindStringSubmatch(strings.TrimSpace(s))
	if parts == nil || len(parts[1]) > maxNumber {
		return 0, fmt.Errorf("%q is not a size; write 20MB or 512KiB", s)
	}
	unit, ok := units[strings.ToUpper(parts[2])]
	n, number := new(big.Rat).SetString(parts[1])
	if !ok || !number {
		return 0, fmt.Errorf("%q is not a size; write 20MB or 512KiB", s)
	}
	n.Mul(n, new(big.Rat).SetInt64(unit))
	whole := new(big.Int).Quo(n.Num(), n.Denom())
	if !whole.IsInt64() {
		return 0, fmt.Errorf("%q is more than a size can be", s)
	}
	return whole.Int64(), nil
}

// SettingsTable is the table of settings for the manual.
func SettingsTable() string {
	var b strings.Builder
	b.WriteString("| setting | build argument | says |\n| --- | --- | --- |\n")
	for _, s := range Settings() {
		fmt.Fprintf(&b, "| `%s` | `%s` | %s |\n", s.Name, ArgName(s.Name), s.Help)
	}
	return b.String()
}
