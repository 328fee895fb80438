package java

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"mvdan.cc/sh/v3/syntax"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/tree"
	"github.com/whittle-oci/whittle/lint/command"
)

// maxScript is the largest start script that is read, in bytes.
const maxScript = 256 << 10

// A startScript is a start script that a tool wrote.
type startScript struct {
	tool string // Gradle, …
	argv []string
	// unknown says what of it cannot be told from its text, "" when all can.
	unknown string
	// variables are those that it reads when it runs, for whoever starts it.
	variables []string
	writes    []string // directories that the program writes to
	reads     []string // directories that it reads without naming them
}

// script follows a start script to the java that it starts.
func (r *Runtime) script(ctx context.Context, env *need.Env, c need.Command) (need.Step, bool, error) {
	res, ok, err := tree.FindFile(ctx, env.Tree, c.Program)
	if err != nil || !ok {
		return need.Step{}, false, err
	}
	head, err := env.Head(ctx, res.Path)
	if err != nil {
		return need.Step{}, false, err
	}
	if bytes.HasPrefix(head, []byte("#!")) && isArchive(res.Path) {
		return r.executable(ctx, env, c, res)
	}
	if res.Entry.Size > maxScript {
		return need.Step{}, false, nil
	}
	if line, ok := command.Shebang(head); !ok || !command.IsShell(line.Command()[0]) {
		return need.Step{}, false, nil
	}
	text, err := tree.ReadFile(ctx, env.Tree, res.Path, maxScript)
	if err != nil {
		return need.Step{}, false, fmt.Errorf("reading the script %s: %w", res.Path, err)
	}
	kind := kindOf(text)
	if kind == "" {
		return need.Step{}, false, nil
	}
	s, err := readStart(ctx, env, kind, res.Path, text, c.Args())
	if err != nil {
		return need.Step{}, false, err
	}
	step, ok, err := r.follow(ctx, env, c, s)
	if step.Rewritten != nil && !slices.Contains(r.started.scripts, res.Path) {
		r.started.scripts = append(r.started.scripts, res.Path)
	}
	return step, ok, err
}

// follow makes a step of a start script.
func (r *Runtime) follow(ctx context.Context, env *need.Env, c need.Command, s startScript) (need.Step, bool, error) {
	if s.unknown != "" {
		return need.Step{}, false, &image.UnsupportedError{
			Instruction: c.Instruction,
			Why:         fmt.Sprintf("%s starts %s, a start script of %s %s; name java and the class itself", c.Instruction, c.Program, s.tool, s.unknown),
		}
	}
	step := need.Step{Next: need.Command{Argv: s.argv, Reason: c.Instruction + " through " + path.Base(c.Program), Fixed: c.Fixed, More: c.More}}
	for _, dir := range s.writes {
		step.Facts = append(step.Facts, need.Fact{Kind: need.State, Subject: dir, Reason: s.tool + " writes there"})
	}
	if err := r.reads(ctx, env, c, s, &step.Found); err != nil {
		return step, false, err
	}
	if c.Fixed { // a shell starts it, so it stays as it is and starts java
		step.Needs = append(step.Needs, need.Need{Kind: need.Program, Path: c.Program, By: c.Instruction, Reason: c.Reason, Strength: need.Required, Instruction: c.Instruction})
		return step, true, nil
	}
	step.Rewritten, step.Appends, step.From = s.argv, true, need.Quote(c.Argv)
	step.Why = "the start script of " + s.tool + " does nothing else; JAVA_TOOL_OPTIONS and JDK_JAVA_OPTIONS take the place of " + strings.Join(s.variables, " and ") + ", which java does not read"
	return step, true, nil
}

// executable starts an archive that begins with a script (Spring Boot, fully
// executable jars): it starts java with the archive and what is beside it in a
// file of the same name that ends in .conf.
func (r *Runtime) executable(ctx context.Context, env *need.Env, c need.Command, res tree.Resolved) (need.Step, bool, error) {
	a, err := r.open(ctx, env.Tree, res.Path, res.Entry.Size)
	if unreadable(err) {
		return need.Step{}, false, nil
	}
	if err != nil || a.manifest() == nil {
		return need.Step{}, false, err
	}
	s := startScript{tool: "Spring Boot"}
	s.argv = append(append([]string{javaOf(env)}, s.variable(env, "JAVA_OPTS")...), "-jar", c.Program)
	settings := strings.TrimSuffix(res.Path, path.Ext(res.Path)) + ".conf"
	if _, ok, err := tree.FindFile(ctx, env.Tree, settings); err != nil {
		return need.Step{}, false, err
	} else if ok {
		s.unknown = "which reads " + settings
	}
	s.argv = append(s.argv, c.Args()...)
	return r.follow(ctx, env, c, s)
}

// reads asks for the directories that a program reads without naming them.
func (r *Runtime) reads(ctx context.Context, env *need.Env, c need.Command, s startScript, out *need.Found) error {
	w := &walk{r: r, env: env, c: c, out: out, seen: map[string]bool{}}
	for _, dir := range s.reads {
		res, ok, err := tree.Find(ctx, env.Tree, dir)
		if err != nil {
			return err
		}
		if !ok || !res.Entry.IsDir() {
			continue
		}
		for _, l := range res.Links {
			w.need(need.Link, l, "leads to what "+s.tool+" reads", need.Expected)
		}
		if err := w.below(ctx, res.Path, func(string) bool { return true }); err != nil {
			return err
		}
	}
	return nil
}

// kindOf names the tool that wrote a start script, "" for any other script.
func kindOf(text []byte) string {
	has := func(words ...string) bool {
		return !slices.ContainsFunc(words, func(w string) bool { return !bytes.Contains(text, []byte(w)) })
	}
	switch {
	case has("DEFAULT_JVM_OPTS=", "APP_HOME=", "JAVACMD", "org.gradle.wrapper.GradleWrapperMain"):
		return "" // a build, rather than a program
	case has("DEFAULT_JVM_OPTS=", "APP_HOME=", "JAVACMD"):
		return "Gradle"
	case has("BASEDIR=", "CLASSPATH=", "JAVACMD", "app.home"):
		return "Appassembler"
	case has("CATALINA_HOME", "CATALINA_BASE", "org.apache.catalina.startup.Bootstrap"):
		return "Tomcat"
	case has("declare", "app_mainclass", "app_classpath", "addJava"):
		return "sbt"
	}
	return ""
}

// readStart evaluates a start script.
func readStart(ctx context.Context, env *need.Env, kind, name string, text []byte, args []string) (startScript, error) {
	s := startScript{tool: kind}
	home := path.Dir(path.Dir(name))
	var err error
	switch kind {
	case "Gradle":
		s.gradle(env, home, text)
	case "Appassembler":
		s.appassembler(env, home, text)
	case "Tomcat":
		args, err = s.tomcat(ctx, env, home, text, args)
	default:
		s.unknown = "which computes the command line"
	}
	s.argv = append(append([]string{javaOf(env)}, s.argv...), args...)
	return s, err
}

// javaOf is the launcher that start scripts choose: that of JAVA_HOME, else the
// one along PATH.
func javaOf(env *need.Env) string {
	if home, _ := env.Getenv("JAVA_HOME"); home != "" {
		return path.Join(home, "bin/java")
	}
	return "java"
}

// A scriptText is a start script that is parsed.
type scriptText struct {
	assigned map[string][]*syntax.Word
	calls    []*syntax.CallExpr
}

func parseScript(text []byte) (*scriptText, error) {
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(bytes.NewReader(text), "")
	if err != nil {
		return nil, err
	}
	out := &scriptText{assigned: map[string][]*syntax.Word{}}
	syntax.Walk(file, func(n syntax.Node) bool {
		switch x := n.(type) {
		case *syntax.Assign:
			if x.Name != nil && x.Value != nil && x.Array == nil {
				out.assigned[x.Name.Value] = append(out.assigned[x.Name.Value], x.Value)
			}
		case *syntax.CallExpr:
			out.calls = append(out.calls, x)
		}
		return true
	})
	return out, nil
}

// words gives a word as the shell makes it with variables of known values;
// ok is false where it holds anything else.
func expanded(w *syntax.Word, vars map[string]string) (string, bool) {
	var b strings.Builder
	var part func(p syntax.WordPart) bool
	part = func(p syntax.WordPart) bool {
		switch x := p.(type) {
		case *syntax.Lit:
			b.WriteString(unslashed(x.Value))
		case *syntax.SglQuoted:
			b.WriteString(x.Value)
		case *syntax.DblQuoted:
			for _, q := range x.Parts {
				if l, ok := q.(*syntax.Lit); ok {
					b.WriteString(quotedLiteral(l.Value))
				} else if !part(q) {
					return false
				}
			}
		case *syntax.ParamExp:
			if x.Param == nil || x.Exp != nil || x.Repl != nil || x.Slice != nil || x.Index != nil || x.Length || x.Excl {
				return false
			}
			v, ok := vars[x.Param.Value]
			b.WriteString(v)
			return ok
		default:
			return false
		}
		return true
	}
	for _, p := range w.Parts {
		if !part(p) {
			return "", false
		}
	}
	return b.String(), true
}

// unslashed takes the backslashes out of a word without quotes.
func unslashed(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			if i++; s[i] == '\n' {
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// quotedLiteral takes the backslashes out of text in double quotes.
func quotedLiteral(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && strings.IndexByte("$`\"\\\n", s[i+1]) >= 0 {
			if i++; s[i] == '\n' {
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// options cuts a text of options into words as a shell would that evaluates
// it. ok is false where it would do more than that.
func options(text string, vars map[string]string) (out []string, ok bool) {
	file, err := syntax.NewParser().Parse(strings.NewReader("x "+text), "")
	if err != nil || len(file.Stmts) != 1 {
		return nil, false
	}
	call, is := file.Stmts[0].Cmd.(*syntax.CallExpr)
	if !is || len(file.Stmts[0].Redirs) > 0 || file.Stmts[0].Background || file.Stmts[0].Negated {
		return nil, false
	}
	for _, w := range call.Args[1:] {
		word, ok := expanded(w, vars)
		if !ok {
			return nil, false
		}
		out = append(out, word)
	}
	return out, true
}

// variable adds the options that a variable of the image has.
func (s *startScript) variable(env *need.Env, name string) []string {
	s.variables = append(s.variables, name)
	v, _ := env.Getenv(name)
	words, ok := options(v, nil)
	if !ok {
		s.unknown = fmt.Sprintf("with %s=%q, which a shell has to read", name, v)
	}
	return words
}

// optsVariable matches the variable by which an application's user gives
// options to a script of Gradle: its name in upper case.
var optsVariable = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\$\{?JAVA_OPTS\}?\s+\$\{?([A-Z0-9_]+_OPTS)\}?`) })

// gradle reads a start script of Gradle's application plugin (the template
// unixStartScript.txt of Gradle 6, 7 and 8): the class path and the options of
// the build are literals with $APP_HOME in them, and the class stands behind
// -classpath.
func (s *startScript) gradle(env *need.Env, home string, text []byte) {
	script, err := parseScript(text)
	if err != nil {
		s.unknown = "that does not parse"
		return
	}
	vars := map[string]string{"APP_HOME": home}
	paths := map[string]string{}
	for _, name := range []string{"CLASSPATH", "MODULE_PATH"} {
		values := script.assigned[name]
		for _, w := range values {
			v, ok := expanded(w, vars)
			if !ok {
				// On Cygwin alone the script computes it from what it was.
				if strings.Contains(printed(w), "cygpath") {
					continue
				}
				s.unknown = fmt.Sprintf("whose %s is computed: %s", name, shorten(printed(w)))
				return
			}
			if v != "" && v != `\"\"` && v != `""` {
				paths[name] = v
			}
		}
	}
	var defaults []string
	for _, w := range script.assigned["DEFAULT_JVM_OPTS"] {
		v, ok := expanded(w, vars)
		if ok {
			defaults, ok = options(v, vars)
		}
		if !ok {
			s.unknown = "whose DEFAULT_JVM_OPTS are computed: " + shorten(printed(w))
			return
		}
	}
	class, module := gradleMain(script)
	if class == "" {
		s.unknown = "whose main class was not found"
		return
	}
	s.argv = slices.Concat(defaults, s.variable(env, "JAVA_OPTS"))
	if m := optsVariable().FindSubmatch(text); m != nil {
		s.argv = append(s.argv, s.variable(env, string(m[1]))...)
	}
	if v := paths["CLASSPATH"]; v != "" {
		s.argv = append(s.argv, "-classpath", v)
	}
	if v := paths["MODULE_PATH"]; v != "" {
		s.argv = append(s.argv, "--module-path", v)
	}
	if module {
		s.argv = append(s.argv, "--module")
	}
	s.argv = append(s.argv, class)
}

// gradleMain finds the main class in the arguments that a script of Gradle puts
// together with set --: the word behind -classpath and its value, or --module.
func gradleMain(script *scriptText) (class string, module bool) {
	for _, call := range script.calls {
		words := call.Args
		if len(words) > 1 && words[0].Lit() == "eval" {
			words = words[1:]
		}
		if len(words) < 2 || words[0].Lit() != "set" {
			continue
		}
		for i, w := range words {
			v := w.Lit()
			switch {
			case (v == "--module" || v == "-m") && i+1 < len(words):
				return words[i+1].Lit(), true
			case (v == "-classpath" || v == "-cp" || v == "--class-path") && i+2 < len(words):
				if next := words[i+2].Lit(); next != "" && !strings.HasPrefix(next, "-") {
					return next, false
				}
			}
		}
	}
	return "", false
}

// appassembler reads a start script of MojoHaus Appassembler: the class path is
// of literals with $BASEDIR and $REPO in them, and exec "$JAVACMD" starts the
// class.
func (s *startScript) appassembler(env *need.Env, home string, text []byte) {
	script, err := parseScript(text)
	if err != nil {
		s.unknown = "that does not parse"
		return
	}
	prefix, _ := env.Getenv("CLASSPATH_PREFIX")
	vars := map[string]string{"BASEDIR": home, "CLASSPATH_PREFIX": prefix, "$": "1"}
	for _, w := range script.assigned["REPO"] {
		if v, ok := expanded(w, vars); ok && v != "" {
			vars["REPO"] = v
		}
	}
	if v, set := env.Getenv("REPO"); set {
		vars["REPO"] = v
	}
	for _, w := range script.assigned["CLASSPATH"] {
		text := printed(w)
		if strings.Contains(text, "cygpath") || strings.Contains(text, "$ENDORSED_DIR") || strings.HasSuffix(text, "$CLASSPATH_PREFIX:$CLASSPATH") && prefix == "" {
			continue // what it does elsewhere, and where a variable is set
		}
		v, ok := expanded(w, vars)
		if !ok {
			s.unknown = "whose CLASSPATH is computed: " + shorten(text)
			return
		}
		vars["CLASSPATH"] = v
	}
	for _, call := range script.calls {
		words := call.Args
		if len(words) < 3 || words[0].Lit() != "exec" || !strings.Contains(printed(words[1]), "JAVACMD") {
			continue
		}
		for _, w := range words[2:] {
			switch p := strings.Trim(printed(w), `"`); p {
			case "$JAVA_OPTS", "${JAVA_OPTS}":
				s.argv = append(s.argv, s.variable(env, "JAVA_OPTS")...)
				continue
			case "$EXTRA_JVM_ARGUMENTS", "${EXTRA_JVM_ARGUMENTS}":
				s.argv = append(s.argv, s.extra(script, vars)...)
				continue
			case "$@":
				continue
			}
			v, ok := expanded(w, vars)
			if !ok {
				s.unknown = "which computes an argument: " + shorten(printed(w))
				return
			}
			s.argv = append(s.argv, v)
		}
		return
	}
	s.unknown = "whose java was not found"
}

// extra are the options that the build gave.
func (s *startScript) extra(script *scriptText, vars map[string]string) []string {
	var out []string
	for _, w := range script.assigned["EXTRA_JVM_ARGUMENTS"] {
		v, ok := expanded(w, vars)
		if ok {
			out, ok = options(v, vars)
		}
		if !ok {
			s.unknown = "whose EXTRA_JVM_ARGUMENTS are computed: " + shorten(printed(w))
		}
	}
	return out
}

// opened matches the packages that Tomcat's script opens to its code.
var opened = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`--add-opens=[A-Za-z0-9._]+/[A-Za-z0-9._]+=ALL-UNNAMED`)
})

// tomcat evaluates catalina.sh run (bin/catalina.sh of Tomcat 9 and 10.1).
func (s *startScript) tomcat(ctx context.Context, env *need.Env, home string, text []byte, args []string) ([]string, error) {
	if len(args) != 1 || args[0] != "run" {
		s.unknown = "with other arguments than run"
		return nil, nil
	}
	if v, _ := env.Getenv("CATALINA_HOME"); v != "" {
		home = path.Clean(v)
	}
	base := home
	if v, _ := env.Getenv("CATALINA_BASE"); v != "" {
		base = path.Clean(v)
	}
	for _, dir := range []string{base, home} {
		at := path.Join(dir, "bin/setenv.sh")
		if _, ok, err := tree.FindFile(ctx, env.Tree, at); err != nil {
			return nil, err
		} else if ok {
			s.unknown = "which runs " + at
			return nil, nil
		}
	}
	temp := path.Join(base, "temp")
	if v, _ := env.Getenv("CATALINA_TMPDIR"); v != "" {
		temp = path.Clean(v)
	}
	logging := path.Join(base, "conf/logging.properties")
	if _, ok, err := tree.FindFile(ctx, env.Tree, logging); err != nil {
		return nil, err
	} else if ok {
		s.argv = append(s.argv, "-Djava.util.logging.config.file="+logging)
	}
	s.argv = append(s.argv, "-Djava.util.logging.manager=org.apache.juli.ClassLoaderLogManager")
	s.argv = append(s.argv, s.variable(env, "JAVA_OPTS")...)
	has := func(word string) bool { return bytes.Contains(text, []byte(word)) }
	for _, option := range []string{"-Djdk.tls.ephemeralDHKeySize=2048", "-Djava.protocol.handler.pkgs=org.apache.catalina.webresources", "-Dsun.io.useCanonCaches=false"} {
		if has(option) {
			s.argv = append(s.argv, option)
		}
	}
	if has("SecurityListener.UMASK") {
		s.argv = append(s.argv, "-Dorg.apache.catalina.security.SecurityListener.UMASK=0027")
	}
	opens := slices.Sorted(slices.Values(opened().FindAllString(string(text), -1)))
	s.argv = append(s.argv, slices.Compact(opens)...)
	s.argv = append(s.argv, s.variable(env, "CATALINA_OPTS")...)
	classPath := path.Join(home, "bin/bootstrap.jar")
	if v, _ := env.Getenv("CLASSPATH"); v != "" {
		classPath = v + ":" + classPath
	}
	for _, dir := range slices.Compact([]string{base, home}) {
		at := path.Join(dir, "bin/tomcat-juli.jar")
		if _, ok, err := tree.FindFile(ctx, env.Tree, at); err != nil {
			return nil, err
		} else if ok {
			classPath += ":" + at
			break
		}
	}
	s.argv = append(s.argv, "-classpath", classPath, "-Dcatalina.base="+base, "-Dcatalina.home="+home, "-Djava.io.tmpdir="+temp, "org.apache.catalina.startup.Bootstrap", "start")
	s.writes = []string{path.Join(base, "logs"), path.Join(base, "work"), temp}
	s.reads = []string{path.Join(home, "lib"), path.Join(base, "lib"), path.Join(base, "conf"), path.Join(base, "webapps")}
	return nil, nil
}

func printed(w *syntax.Word) string {
	var b strings.Builder
	_ = syntax.NewPrinter().Print(&b, w) // a builder does not fail
	return b.String()
}

// shorten cuts a text for a message.
func shorten(s string) string {
	const most = 80
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
