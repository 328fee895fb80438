package java

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/tree"
)

// A commandLine is what java is told (java(1)).
type commandLine struct {
	classPath, modulePath []string // entries as written
	hasClassPath          bool
	jar                   string // of -jar
	main                  string // a class, with dots
	module                string // MODULE or MODULE/CLASS
	source                string // a source file that is compiled and run
	agents                []string
	agentLibs, agentPaths []string
	archives              []string // archives of classes (AppCDS, AOT)
	libraryPath           []string
	files                 []string // that options name
	argFiles              []string
	options               []string // of the virtual machine
	rest                  []string // arguments of the program
	nothing               bool     // it prints something and ends
}

// separate are the options whose value is the next word (java(1), JDK 21).
var separate = []string{
	"-cp", "-classpath", "--class-path", "-p", "--module-path", "--upgrade-module-path", "--add-modules", "--enable-native-access", "--limit-modules",
	"--add-exports", "--add-opens", "--add-reads", "--patch-module", "-d", "--describe-module", "--source", "--illegal-native-access", "--finalization",
}

// ending are the options after which java prints something and ends.
var ending = []string{"-version", "--version", "-help", "-h", "-?", "--help", "--help-extra", "-X", "--list-modules", "--validate-modules", "-fullversion", "--full-version", "-d", "--describe-module", "--dry-run"}

// parse reads the words after java, with what environment variables put before
// them. Files of arguments are read from the tree; one that is not there is an
// error of os.ErrNotExist's kind.
func parse(ctx context.Context, env *need.Env, words []string) (commandLine, error) {
	var l commandLine
	// The launcher reads JDK_JAVA_OPTIONS, which names no program; the virtual
	// machine reads the others, and knows nothing of class paths in them.
	for _, name := range []string{"JDK_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS"} {
		v, _ := env.Getenv(name)
		more, err := expand(ctx, env, splitArguments(v), &l)
		if err != nil {
			return l, err
		}
		var of commandLine
		of.take(more)
		of.jar, of.main, of.module, of.source, of.rest, of.nothing = "", "", "", "", nil, false
		of.argFiles = l.argFiles
		l = merge(l, of)
	}
	expanded, err := expand(ctx, env, words, &l)
	if err != nil {
		return l, err
	}
	var own commandLine
	own.take(expanded)
	own.argFiles = l.argFiles
	return merge(l, own), nil
}

// merge puts a command line behind another, whose class path it replaces.
func merge(a, b commandLine) commandLine {
	if !b.hasClassPath {
		b.classPath, b.hasClassPath = a.classPath, a.hasClassPath
	}
	b.modulePath = slices.Concat(a.modulePath, b.modulePath)
	b.agents, b.agentLibs, b.agentPaths = slices.Concat(a.agents, b.agents), slices.Concat(a.agentLibs, b.agentLibs), slices.Concat(a.agentPaths, b.agentPaths)
	b.archives, b.libraryPath, b.files, b.options = slices.Concat(a.archives, b.archives), slices.Concat(a.libraryPath, b.libraryPath), slices.Concat(a.files, b.files), slices.Concat(a.options, b.options)
	return b
}

// Limits on files of arguments.
const (
	maxArguments = 1 << 20 // bytes of one
	maxWords     = 1 << 16 // of all
)

// expand puts the words of @FILE in its place, up to the program, as java does
// (java(1), java Command-Line Argument Files). They may not name further ones.
func expand(ctx context.Context, env *need.Env, words []string, l *commandLine) ([]string, error) {
	var out []string
	for i, w := range words {
		name, is := strings.CutPrefix(w, "@")
		switch {
		case w == "--disable-@files":
			return append(out, words[i:]...), nil
		case !is, name == "":
			out = append(out, w)
		case strings.HasPrefix(name, "@"):
			out = append(out, name)
		case complete(out):
			return append(out, words[i:]...), nil
		default:
			text, err := tree.ReadFile(ctx, env.Tree, env.Abs(name), maxArguments)
			if err != nil {
				return nil, fmt.Errorf("reading the arguments in %s: %w", env.Abs(name), err)
			}
			l.argFiles = append(l.argFiles, env.Abs(name))
			out = append(out, splitArguments(string(text))...)
		}
		if len(out) > maxWords {
			return out[:maxWords], nil
		}
	}
	return out, nil
}

// complete reports whether words name a program already.
func complete(words []string) bool {
	var l commandLine
	l.take(words)
	return l.jar != "" || l.main != "" || l.module != "" || l.source != ""
}

// splitArguments cuts a text into words: at white space, with quotes of two
// kinds in which a backslash takes the next character as it is, comments, and
// lines that go on in quotes.
func splitArguments(text string) []string {
	var out []string
	var b strings.Builder
	quote, in := byte(0), false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quote != 0 && c == '\\' && i+1 < len(text):
			if i++; text[i] == '\n' || text[i] == '\r' { // the line goes on, without its indent
				for i+1 < len(text) && strings.IndexByte(" \t\r\n\f", text[i+1]) >= 0 {
					i++
				}
				continue
			}
			b.WriteByte(unescaped(text[i]))
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			b.WriteByte(c)
		case c == '"' || c == '\'':
			quote, in = c, true
		case strings.IndexByte(" \t\r\n\f", c) >= 0:
			if in {
				out = append(out, b.String())
				b.Reset()
			}
			in = false
		case c == '#' && !in:
			for i+1 < len(text) && text[i+1] != '\n' {
				i++
			}
		default:
			b.WriteByte(c)
			in = true
		}
	}
	if in {
		out = append(out, b.String())
	}
	return out
}

// unescaped is what a backslash makes of a character.
func unescaped(c byte) byte {
	if i := strings.IndexByte("nrtf", c); i >= 0 {
		return "\n\r\t\f"[i]
	}
	return c
}

// take reads words up to the program.
func (l *commandLine) take(words []string) {
	for i := 0; i < len(words); i++ {
		w := words[i]
		if !strings.HasPrefix(w, "-") {
			if path.Ext(w) == ".java" {
				l.source = w
			} else {
				l.main = strings.ReplaceAll(w, "/", ".")
			}
			l.rest = words[i+1:]
			return
		}
		option, value, attached := strings.Cut(w, "=")
		if slices.Contains(ending, option) {
			l.nothing = true
		}
		next := ""
		if i+1 < len(words) {
			next = words[i+1]
		}
		switch option {
		case "-jar":
			l.jar, l.rest = next, words[min(i+2, len(words)):]
			return
		case "-m", "--module":
			if !attached {
				value = next
				i++
			}
			l.module, l.rest = value, words[min(i+1, len(words)):]
			return
		}
		if slices.Contains(separate, option) && (!attached || !strings.HasPrefix(option, "--")) {
			value = next
			i++
		}
		l.option(w, option, value)
	}
}

// option notes what one option says. word is it as written.
func (l *commandLine) option(word, option, value string) {
	if option == "--add-modules" {
		word = option + "=" + value
	}
	l.options = append(l.options, word)
	name, behind, _ := strings.Cut(word, ":")
	switch {
	case option == "-cp" || option == "-classpath" || option == "--class-path":
		l.classPath, l.hasClassPath = strings.Split(value, ":"), true
	case option == "-p" || option == "--module-path" || option == "--upgrade-module-path":
		l.modulePath = append(l.modulePath, need.List(value)...)
	case option == "--patch-module":
		l.modulePath = append(l.modulePath, need.List(value[strings.Index(value, "=")+1:])...)
	case name == "-javaagent":
		behind, _, _ = strings.Cut(behind, "=")
		l.agents = append(l.agents, behind)
	case name == "-agentlib":
		behind, _, _ = strings.Cut(behind, "=")
		l.agentLibs = append(l.agentLibs, behind)
	case name == "-agentpath":
		behind, _, _ = strings.Cut(behind, "=")
		l.agentPaths = append(l.agentPaths, behind)
	case name == "-Xbootclasspath/a":
		l.modulePath = append(l.modulePath, need.List(behind)...) // as good as on it
	case option == "-XX:SharedArchiveFile":
		l.archives = append(l.archives, need.List(value)...)
	case option == "-XX:AOTCache" || option == "-XX:SharedClassListFile":
		l.archives = append(l.archives, value)
	case option == "-Djava.library.path" || option == "-Djna.library.path":
		l.libraryPath = append(l.libraryPath, need.List(value)...)
	case option == "-Djava.class.path":
		l.classPath, l.hasClassPath = strings.Split(value, ":"), true
	case strings.HasPrefix(option, "-D") || strings.HasPrefix(option, "-XX:"):
		value = strings.TrimPrefix(strings.TrimPrefix(value, "file:"), "//")
		if value != "" && !strings.ContainsAny(value, " :,;$*\n") && (strings.Contains(value, "/") || strings.Contains(value, ".")) {
			l.files = append(l.files, value)
		}
	}
}

// property is the value of a system property that an option sets.
func property(options []string, name string) (string, bool) {
	for _, o := range slices.Backward(options) {
		if v, ok := strings.CutPrefix(o, "-D"+name+"="); ok {
			return v, true
		}
	}
	return "", false
}
