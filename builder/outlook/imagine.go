package outlook

import (
	"context"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/decide"
	"github.com/whittle-oci/whittle/builder/need/shell"
	"github.com/whittle-oci/whittle/builder/tree"
	"github.com/whittle-oci/whittle/lint/command"
)

// programs is the directory in which the programs lie that are named without
// one, and version the Python that is there.
const (
	programs = "/usr/local/bin"
	version  = "3.12"
)

// fpm is a configuration of PHP-FPM.
const fpm = "[www]\nlisten = 9000\n"

// binary is a file that is taken for a compiled program.
const binary = "\x7fELF"

// scripts are the commands that are scripts of an interpreter, as package
// managers and distributions install them. What is on no list is a compiled
// program. Read off the manuals of the projects in 2026-11.
var scripts = sync.OnceValue(func() map[string][]string {
	return map[string][]string{
		"python3": strings.Fields("gunicorn uvicorn hypercorn daphne granian waitress-serve uwsgi-py celery flask fastapi django-admin streamlit jupyter jupyter-lab jupyter-notebook jupyterhub pytest tox nox alembic airflow mlflow dagster prefect scrapy twistd supervisord ansible ansible-playbook aws pip pip3 pipx poetry pipenv pdm hatch rye ipython mkdocs sphinx-build luigid locust rq dramatiq huey_consumer gradio chainlit litellm vllm bentoml ray conda mamba pserve pelican ddtrace-run opentelemetry-instrument newrelic-admin yt-dlp black ruff-py pre-commit home-assistant hass octodns-sync salt-master salt-minion buildbot trac superset dbt meltano sanic nameko tornado-main"),
		"node":    strings.Fields("npm npx yarn yarnpkg pnpm pnpx next nuxt nuxi nest vite serve http-server pm2 pm2-runtime ts-node ts-node-dev tsx nodemon forever gatsby ng vue-cli-service react-scripts webpack webpack-dev-server gulp grunt bower ember strapi directus n8n cypress playwright prisma sequelize knex remix-serve astro turbo nx lerna json-server live-server http-proxy local-web-server verdaccio pino bunyan eslint jest mocha ghost hexo docsify cross-env dotenv-cli concurrently wait-on lhci"),
		"ruby":    strings.Fields("bundle bundler rails rake rackup puma unicorn thin sidekiq resque jekyll gem foreman irb fluentd god passenger middleman cap kitchen rspec shoryuken"),
		"php":     strings.Fields("composer artisan phpunit symfony wp drush"),
		"perl":    strings.Fields("plackup starman hypnotoad morbo perldoc"),
	}
})

// starters are shell scripts that start an interpreter.
var starters = sync.OnceValue(func() map[string][]string {
	return map[string][]string{
		"java":   strings.Fields("catalina.sh mvn mvnw gradle gradlew sbt lein clojure clj scala kotlin groovy ant activator jmeter karaf"),
		"elixir": strings.Fields("mix iex elixirc"),
		"erl":    strings.Fields("rebar3 rabbitmq-server"),
		"php":    strings.Fields("apache2-foreground"),
	}
})

// interpreters are the interpreters of files by what their names end in.
var interpreters = map[string]string{
	".py": "python3", ".js": "node", ".mjs": "node", ".cjs": "node", ".ts": "node", ".rb": "ruby", ".ru": "ruby", ".php": "php", ".pl": "perl", ".psgi": "perl",
	".sh": "sh", ".bash": "bash", ".lua": "lua", ".R": "Rscript", ".r": "Rscript", ".jl": "julia", ".exs": "elixir",
}

// entry are the names without an extension that scripts which start an image
// have.
var entry = strings.Fields("entrypoint docker-entrypoint docker_entrypoint start startup run init boot bootstrap launch launcher")

// builtin are the commands of a shell that are programs as well.
var builtin = strings.Fields("echo printf test true false kill pwd [")

// of gives the interpreter of a command, and whether a shell starts it. Programs
// of npm packages have no directory, or that of their package manager.
func of(name string) (interpreter string, starts bool) {
	base := path.Base(name)
	for interpreter, names := range scripts() {
		if slices.Contains(names, base) && (interpreter != "node" || base == name || slices.Contains(managers, base) || strings.Contains(name, "node_modules/")) {
			return interpreter, false
		}
	}
	for interpreter, names := range starters() {
		if slices.Contains(names, base) {
			return interpreter, true
		}
	}
	return "", false
}

// guess names the language of a command line by its words: for those that are
// built as written, where nothing else tells.
func guess(config dockerspec.DockerOCIImageConfig) string {
	for _, w := range words(slices.Concat(config.Entrypoint, config.Cmd)) {
		interpreter, _ := of(w)
		if interpreter == "" {
			interpreter = interpreters[path.Ext(w)]
		}
		if interpreter == "" {
			interpreter = path.Base(w)
		}
		if l := decide.Language(interpreter); l != "" {
			return l
		}
		if slices.Contains([]string{"uv", "uvx"}, interpreter) {
			return "Python"
		}
	}
	return ""
}

// words are those of a command line, of a script in shell form its own.
func words(argv []string) []string {
	script, args, ok := shell.Form(argv)
	if !ok {
		return argv
	}
	cut := strings.FieldsFunc(script, func(r rune) bool { return strings.ContainsRune(" \t\n;|&()", r) })
	for i := range cut {
		cut[i] = strings.Trim(cut[i], `"'`)
	}
	return append(cut, args...)
}

// imagine makes the tree that a Dockerfile's command lines speak of. It takes
// for granted that
//
//   - a program that is named is there: a script of Python, Node.js, Ruby, PHP
//     or Perl where it is known as one or its name ends so, else compiled;
//   - files, modules and applications that are named are there, and package.json
//     has the script that is run, which is "node server.js";
//   - uv, Poetry and their like have made their environment in the project,
//     unless the Dockerfile says that they make none;
//   - archives and class paths of Java have the class that is started;
//   - PHP-FPM has a configuration with a pool, and Ruby's servers config.ru;
//   - a shell script runs its arguments and nothing else.
func imagine(config dockerspec.DockerOCIImageConfig, dockerfile string) *tree.Memory {
	v := &vision{dir: path.Join("/", config.WorkingDir)}
	for _, sh := range []string{"/bin/sh", "/bin/bash", "/bin/ash", "/usr/bin/env"} {
		v.File(sh, 0o755, []byte(binary))
	}
	for _, name := range builtin {
		v.File("/bin/"+name, 0o755, []byte(binary))
	}
	v.python(programs+"/python3", version)
	v.Symlink(programs+"/python", "python3")
	v.File(programs+"/node", 0o755, []byte(binary))
	v.Symlink(programs+"/nodejs", "node")
	if !strings.Contains(dockerfile, "virtualenvs.create false") && !strings.Contains(dockerfile, "VIRTUALENVS_CREATE=") {
		v.environment(path.Join(v.dir, ".venv"))
	}
	for _, name := range []string{"VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT"} {
		for _, kv := range config.Env {
			if dir, ok := strings.CutPrefix(kv, name+"="); ok && dir != "" {
				v.environment(v.at(dir))
			}
		}
	}
	for _, name := range []string{"/usr/local/etc/php-fpm.conf", "/etc/php-fpm.conf"} {
		v.File(name, 0o644, []byte(fpm))
	}
	v.file("/usr/local/lib/ruby/3.3.0/json.rb", "")
	v.file("/usr/lib/ruby/3.3.0/json.rb", "")
	v.file("/usr/local/lib/perl5/5.38.0/strict.pm", "")
	v.file("/usr/lib/perl5/5.38.0/strict.pm", "")
	v.file(path.Join(v.dir, "config.ru"), "")
	v.file(path.Join(v.dir, "app.psgi"), "")
	lines := [][]string{slices.Concat(config.Entrypoint, config.Cmd), config.Cmd}
	if h := config.Healthcheck; h != nil && len(h.Test) > 1 {
		lines = append(lines, h.Test[1:])
		if h.Test[0] == "CMD-SHELL" {
			lines = append(lines, []string{"sh", "-c", h.Test[1]})
		}
	}
	v.file(programs+"/java", binary)
	for _, kv := range config.Env {
		if name, value, _ := strings.Cut(kv, "="); slices.Contains([]string{"JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS"}, name) {
			v.java(append([]string{"java"}, strings.Fields(value)...))
		}
	}
	for _, line := range lines {
		v.line(words(line))
		v.java(words(line))
	}
	return &v.Memory
}

// A vision is a tree that grows by what is named.
type vision struct {
	tree.Memory
	dir string
}

func (v *vision) at(name string) string {
	if path.IsAbs(name) {
		return path.Clean(name)
	}
	return path.Join(v.dir, name)
}

// python puts a Python of a version below the prefix of its program.
func (v *vision) python(program, version string) {
	v.file(program, binary)
	v.file(path.Join(path.Dir(path.Dir(program)), "lib", "python"+version, "os.py"), "")
}

// environment puts a virtual environment.
func (v *vision) environment(dir string) {
	v.file(path.Join(dir, "pyvenv.cfg"), "home = "+programs+"\n")
	for _, name := range []string{"python", "python3"} {
		if at := path.Join(dir, "bin", name); !v.has(at) {
			v.Symlink(at, programs+"/python3")
		}
	}
}

func (v *vision) has(name string) bool {
	_, err := v.Lstat(context.Background(), name)
	return err == nil
}

// file puts a file where there is nothing yet.
func (v *vision) file(name, text string) {
	if name != "/" && !v.has(name) {
		v.File(name, 0o755, []byte(text))
	}
}

// plainWord matches the names of commands, versioned the pythons with a
// version, reference MODULE:APP, module a module's name.
var (
	plainWord = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.+-]*$`) })
	versioned = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^python(3\.\d+)$`) })
	reference = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([A-Za-z_][\w.]*):[A-Za-z_]`) })
	module    = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z_][\w.]*$`) })
)

// managers run the scripts of package.json, and runners programs of packages.
var (
	managers = []string{"npm", "yarn", "pnpm"}
	loads    = []string{"-r", "--require", "--import", "--loader"} // options of node
	verbs    = []string{"run", "run-script", "exec", "--silent", "-s"}
)

// line puts what the words of a command line name.
func (v *vision) line(words []string) {
	manager, dir := "", v.dir
	for i, w := range words {
		before := ""
		if i > 0 {
			before = words[i-1]
		}
		switch {
		case strings.ContainsAny(w, "$`*{}<>\x00") || strings.Contains(w, "://") || command.IsAssign(w):
			continue
		case before == "-m" || before == "--module":
			v.module(w)
			continue
		case slices.Contains(loads, before) && !strings.HasPrefix(w, "-"):
			v.file(path.Join(dir, "node_modules", w, "index.js"), "")
			v.file(v.at(w), "")
			continue
		case (before == "-y" || before == "--fpm-config") && slices.ContainsFunc(words[:i], func(p string) bool { return decide.Language(p) == "PHP" }):
			v.file(v.at(w), fpm)
			continue
		case before == "-t" && slices.ContainsFunc(words[:i], func(p string) bool { return decide.Language(p) == "PHP" }):
			v.file(path.Join(v.at(w), "index.php"), "")
			continue
		case slices.Contains([]string{"--prefix", "-C", "--cwd", "--dir"}, before):
			dir = v.at(w)
			continue
		}
		if m := reference().FindStringSubmatch(w); m != nil {
			v.module(m[1])
		}
		if strings.HasPrefix(w, "-") {
			if option, value, ok := strings.Cut(w, "="); ok && strings.Contains(value, "/") {
				v.program(value)
				if slices.Contains(loads, option) {
					v.file(v.at(value), "")
				}
			}
			continue
		}
		if manager != "" && !slices.Contains(verbs, w) {
			v.script(dir, w)
			manager = ""
		}
		switch base := path.Base(w); {
		case slices.Contains(managers, base):
			manager = base
			v.script(dir, "start")
		case base == "npx" || base == "pnpx":
			manager = base
		}
		if i > 0 && slices.ContainsFunc(words[:i], func(p string) bool { return slices.Contains([]string{"PHP", "Ruby", "Perl"}, decide.Language(p)) }) {
			v.file(v.at(w), "")
		}
		v.program(w)
		if before != "" && path.Base(before) == "node" || i > 1 && slices.Contains(words[:i], "node") {
			v.main(w)
		}
		if slices.ContainsFunc(words[:i], func(p string) bool { return decide.Language(p) == "Python" }) && !v.has(v.at(w)) {
			v.file(path.Join(v.at(w), "__main__.py"), "")
		}
	}
}

// script puts a package.json with a script of that name, and a program of a
// package.
func (v *vision) script(dir, name string) {
	v.file(path.Join(dir, "server.js"), "")
	v.File(path.Join(dir, "package.json"), 0o644, []byte(`{"main":"server.js","scripts":{"start":"node server.js","`+name+`":"node server.js"}}`))
	name, _, _ = strings.Cut(name, "@")
	if plainWord().MatchString(name) {
		v.file(path.Join(dir, "node_modules/.bin", name), "#!/usr/bin/env node\n")
	}
}

// main puts the file that node is given.
func (v *vision) main(w string) {
	at := v.at(w)
	switch {
	case w == "." || strings.HasSuffix(w, "/"):
		v.file(path.Join(at, "index.js"), "")
	case path.Ext(w) == "" && !v.has(at+".js"):
		v.file(at+".js", "")
	}
}

// module puts a module or package of Python in the working directory.
func (v *vision) module(name string) {
	if !module().MatchString(name) {
		return
	}
	dir := v.dir
	for part := range strings.SplitSeq(name, ".") {
		dir = path.Join(dir, part)
		v.file(path.Join(dir, "__init__.py"), "")
	}
	v.file(path.Join(dir, "__main__.py"), "")
}

// program puts a program or file by its name.
func (v *vision) program(w string) {
	base := path.Base(w)
	interpreter, starts := of(w)
	at := v.at(w)
	switch {
	case w == "" || base == "." || base == "/":
		return
	case versioned().MatchString(base):
		version := versioned().FindStringSubmatch(base)[1]
		if path.IsAbs(w) && !strings.Contains(w, "/usr/") {
			v.environment(path.Dir(path.Dir(at)))
			return
		}
		v.python(path.Join(programs, base), version)
		if path.IsAbs(w) {
			v.python(at, version)
		}
		return
	case decide.Language(base) == "Python" && strings.Contains(w, "/"):
		if !strings.HasPrefix(at, "/usr/") {
			v.environment(path.Dir(path.Dir(at)))
		}
		v.python(at, version)
		return
	case !strings.Contains(w, "/") && interpreters[path.Ext(w)] == "":
		if !plainWord().MatchString(w) || command.IsBuiltin(w, "bash") {
			return
		}
		at = path.Join(programs, w)
	}
	if interpreter == "" {
		interpreter = interpreters[path.Ext(w)]
	}
	text := binary
	switch {
	case base == "catalina.sh":
		text = tomcat
		for _, dir := range []string{path.Dir(at), programs} {
			v.archive(path.Join(dir, "bootstrap.jar"), []string{"org.apache.catalina.startup.Bootstrap"})
		}
	case starts:
		text = "#!/bin/sh\nexec " + interpreter + " \"$@\"\n"
	case interpreter == "python3":
		text = "#!" + programs + "/python3\n"
	case interpreter == "sh" || interpreter == "bash" || interpreter == "" && strings.Contains(w, "/") && slices.Contains(entry, base):
		text = "#!/bin/sh\nexec \"$@\"\n"
	case interpreter != "":
		text = "#!/usr/bin/env " + interpreter + "\n"
	}
	if interpreter != "" && !v.has(path.Join(programs, interpreter)) && interpreter != "sh" && interpreter != "bash" {
		v.file(path.Join(programs, interpreter), binary)
	}
	v.file(at, text)
	if !strings.Contains(w, "/") {
		if interpreter == "python3" && v.has(v.at(".venv/pyvenv.cfg")) {
			v.file(v.at(".venv/bin/"+w), "#!"+v.at(".venv/bin/python")+"\n")
		}
		v.file(path.Join(programs, w), text) // a name with an extension may be either
	}
}
