package templates

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

type pyproject struct {
	Project struct {
		Name         string            `toml:"name"`
		Requires     string            `toml:"requires-python"`
		Dependencies []string          `toml:"dependencies"`
		Scripts      map[string]string `toml:"scripts"`
	} `toml:"project"`
	BuildSystem map[string]any `toml:"build-system"`
	Tool        struct {
		Poetry struct {
			Name         string         `toml:"name"`
			Dependencies map[string]any `toml:"dependencies"`
			Scripts      map[string]any `toml:"scripts"`
			PackageMode  *bool          `toml:"package-mode"`
		} `toml:"poetry"`
		UV struct {
			Required  string `toml:"required-version"`
			Workspace any    `toml:"workspace"`
		} `toml:"uv"`
	} `toml:"tool"`
}

// pythonFiles are what python starts where nothing names it.
var pythonFiles = []string{"main.py", "app.py", "server.py", "run.py", "bot.py", "wsgi.py", "src/main.py", "src/app.py"}

func claimPython(p *project) (string, bool) {
	file := p.first("uv.lock", "poetry.lock", "Pipfile", "requirements.txt", "setup.py")
	if file == "" && p.has("pyproject.toml") {
		// Linters are configured there in projects of any language.
		var m pyproject
		p.toml("pyproject.toml", &m)
		if m.Project.Name != "" || m.Tool.Poetry.Name != "" || m.Tool.Poetry.Dependencies != nil || m.BuildSystem != nil {
			file = "pyproject.toml"
		}
	}
	if file == "" {
		file = p.first(append([]string{"manage.py"}, pythonFiles[:3]...)...)
	}
	return file, false
}

// pythonProject is what the files of a project say of it.
type pythonProject struct {
	pyproject
	requirements []string // names of packages that are asked for
}

func (m pythonProject) depends(name string) bool { return slices.Contains(m.requirements, name) }

// requirementName is the name that begins a requirement (PEP 508).
func requirementName() *regexp.Regexp { return regexp.MustCompile(`^\s*([A-Za-z0-9][A-Za-z0-9._-]*)`) }

// pythonName writes the name of a package as PEP 503 normalizes it.
func pythonName(s string) string {
	m := requirementName().FindStringSubmatch(s)
	if m == nil {
		return ""
	}
	return regexp.MustCompile(`[-_.]+`).ReplaceAllString(strings.ToLower(m[1]), "-")
}

func pythonReleases() []string { return span("3.", 7, 30) }

func fillPython(p *project) (string, error) {
	m := pythonProject{}
	p.toml("pyproject.toml", &m.pyproject)
	if p.err != nil {
		return "", p.err
	}
	manager, err := p.pythonManager(&m)
	if err != nil {
		return "", err
	}
	if err := p.pythonVersion(m); err != nil {
		return "", err
	}
	p.pythonLibraries(m)
	start, err := p.pythonStart(m)
	if err != nil {
		return "", err
	}
	p.command("start", start)
	return manager, p.err
}

func (p *project) pythonVersion(m pythonProject) error {
	var pipfile struct {
		Requires struct {
			Version string `toml:"python_version"`
			Full    string `toml:"python_full_version"`
		} `toml:"requires"`
	}
	p.toml("Pipfile", &pipfile)
	poetry, _ := m.Tool.Poetry.Dependencies["python"].(string)
	file := p.line(".python-version")
	if parts(file) == nil { // pypy and names of virtual environments
		file = ""
	}
	version, err := p.agree("Python", 2, pythonReleases(),
		wish{file, ".python-version", true},
		wish{strings.TrimPrefix(p.line("runtime.txt"), "python-"), "runtime.txt", true},
		wish{may2(pipfile.Requires.Full, pipfile.Requires.Version), "Pipfile, requires", true},
		wish{p.toolVersion("python"), ".tool-versions", true},
		wish{m.Project.Requires, "pyproject.toml, requires-python", false},
		wish{poetry, "pyproject.toml, tool.poetry.dependencies.python", false},
	)
	if err != nil {
		return err
	}
	if version == "" {
		version = "3"
		p.warn("nothing names a version of Python, so the image follows python:3; .python-version or requires-python name one")
	}
	p.set("version", version)
	return p.err
}

// What installs the managers where the project asks for no version of them, the
// releases of November 2025.
const (
	uvVersion     = "0.9"
	poetryVersion = "2.2.1"
	pipenvVersion = "2025.0.4"
)

// pythonManager chooses what installs the dependencies, and reads which they are.
func (p *project) pythonManager(m *pythonProject) (string, error) {
	var locks []string
	for _, f := range []string{"uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock"} {
		if p.has(f) {
			locks = append(locks, f)
		}
	}
	if len(locks) > 1 {
		return "", &Error{Problem: "there are several lock files: " + strings.Join(locks, ", "), Hint: "delete those that are not kept up to date", Choices: locks}
	}
	for _, r := range m.Project.Dependencies {
		m.requirements = append(m.requirements, pythonName(r))
	}
	for name := range m.Tool.Poetry.Dependencies {
		if name != "python" {
			m.requirements = append(m.requirements, pythonName(name))
		}
	}
	isPackage := m.BuildSystem != nil || p.has("setup.py")
	for _, lock := range locks {
		switch lock {
		case "uv.lock":
			p.set("manager", uvVersion)
			if v := parts(strings.TrimLeft(m.Tool.UV.Required, "=~<> ")); v != nil {
				p.set("manager", strings.Join(v, "."))
			}
			p.set("workspace", "")
			if m.Tool.UV.Workspace != nil {
				p.set("workspace", " --all-packages")
				return "", &Error{Problem: "pyproject.toml describes a workspace of uv, for which there is no template", Hint: "write a Dockerfile"}
			}
			p.set("manifests", strings.Join(p.all("pyproject.toml", "uv.lock", ".python-version"), " "))
			p.found("dependencies", "uv sync --locked", "uv.lock")
			return "uv", p.pythonLock(*m, "uv.lock", "uv lock")
		case "poetry.lock":
			p.set("manager", poetryVersion)
			p.set("manifests", "pyproject.toml poetry.lock")
			if isPackage && (m.Tool.Poetry.PackageMode == nil || *m.Tool.Poetry.PackageMode) && p.pythonIsPackage(*m) {
				p.set("package", "yes")
			}
			p.found("dependencies", "poetry install --only main", "poetry.lock")
			return "poetry", p.pythonLock(*m, "poetry.lock", "poetry lock")
		case "Pipfile.lock":
			p.set("manager", pipenvVersion)
			p.set("manifests", "Pipfile Pipfile.lock")
			p.found("dependencies", "pipenv sync", "Pipfile.lock")
			return "pipenv", p.pipfile(m)
		default:
			return "", &Error{Problem: lock + ": there is no template for pdm", Hint: "pdm export -o requirements.txt writes what the template python reads, or write a Dockerfile"}
		}
	}
	if p.has("Pipfile") {
		return "", &Error{Problem: "there is a Pipfile without Pipfile.lock", Hint: "pipenv lock writes it"}
	}
	files := p.all("requirements.txt", "requirements.in", "constraints.txt")
	if p.has("requirements.txt") {
		p.set("requirements", "requirements.txt")
		for i := 0; i < len(files); i++ {
			for l := range strings.Lines(p.text(files[i])) {
				if more, ok := strings.CutPrefix(strings.TrimSpace(l), "-r "); ok {
					if more = path.Clean(strings.TrimSpace(more)); p.has(more) && !slices.Contains(files, more) {
						files = append(files, more)
					}
				}
				if n := pythonName(l); n != "" && files[i] != "constraints.txt" {
					m.requirements = append(m.requirements, n)
				}
			}
		}
		if strings.Contains(p.text("requirements.txt"), "-e .") || slices.ContainsFunc(files, func(f string) bool { return strings.Contains(f, "/") }) {
			// What is installed in part lies in the sources.
			files = []string{"."}
		}
		p.word("manifests", strings.Join(files, ":"), "requirements.txt")
		p.set("manifests", strings.Join(files, " "))
		p.found("dependencies", "pip install -r requirements.txt", "requirements.txt")
		if !pinnedRequirements(p.text("requirements.txt")) {
			p.warn("requirements.txt does not say all versions, so each build may have others; pip freeze or uv pip compile write them")
		}
		return "pip", nil
	}
	if p.has("pyproject.toml") && (m.Project.Name != "" || m.Tool.Poetry.Name != "") || p.has("setup.py") {
		p.set("package", "yes")
		p.found("dependencies", "pip install .", p.first("pyproject.toml", "setup.py"))
		p.warn("there is no lock file, so each build may have other versions; uv lock writes one")
	}
	return "pip", nil
}

// pythonIsPackage reports whether a project has something to install.
func (p *project) pythonIsPackage(m pythonProject) bool {
	name := strings.ReplaceAll(pythonName(may2(m.Project.Name, m.Tool.Poetry.Name)), "-", "_")
	return name != "" && (p.isDir(name) || p.isDir("src/"+name) || p.has(name+".py"))
}

// pinnedRequirements reports whether every requirement names its version.
func pinnedRequirements(text string) bool {
	for l := range strings.Lines(text) {
		if pythonName(l) != "" && !strings.Contains(l, "==") && !strings.Contains(l, " @ ") {
			return false
		}
	}
	return true
}

// pythonLock refuses a lock file that does not know what pyproject.toml asks for.
func (p *project) pythonLock(m pythonProject, file, command string) error {
	var lock struct {
		Package []struct {
			Name string `toml:"name"`
		} `toml:"package"`
	}
	p.toml(file, &lock)
	if p.err != nil {
		return p.err
	}
	known := map[string]bool{}
	for _, x := range lock.Package {
		known[pythonName(x.Name)] = true
	}
	for _, r := range slices.Sorted(slices.Values(m.requirements)) {
		if !known[r] {
			return lockError(file, r, "pyproject.toml", "it does not know it", command)
		}
	}
	return nil
}

func (p *project) pipfile(m *pythonProject) error {
	var pipfile struct {
		Packages map[string]any `toml:"packages"`
	}
	var lock struct {
		Default map[string]any `json:"default"`
	}
	p.toml("Pipfile", &pipfile)
	p.json("Pipfile.lock", &lock)
	if p.err != nil {
		return p.err
	}
	known := map[string]bool{}
	for name := range lock.Default {
		known[pythonName(name)] = true
	}
	for _, name := range sorted(pipfile.Packages) {
		n := pythonName(name)
		m.requirements = append(m.requirements, n)
		if !known[n] {
			return lockError("Pipfile.lock", n, "Pipfile", "it does not know it", "pipenv lock")
		}
	}
	return nil
}

// pythonNative are packages without wheels, which are compiled against
// libraries, with Debian's packages of what runs then (Debian 12 and 13).
func pythonNative() map[string]string {
	return map[string]string{
		"psycopg2": "libpq5", "mysqlclient": "libmariadb3", "uwsgi": "", "python-ldap": "libldap2", "pycairo": "libcairo2", "gdal": "", "pyodbc": "unixodbc",
	}
}

func (p *project) pythonLibraries(m pythonProject) {
	var libraries []string
	for _, name := range sorted(pythonNative()) {
		if !m.depends(name) {
			continue
		}
		p.set("compiler", name)
		p.found("compiler", "python:"+p.values["version"], name+" has no wheels")
		if l := pythonNative()[name]; l != "" {
			libraries = append(libraries, l)
			p.found("library", l, name)
		}
	}
	p.set("libraries", strings.Join(libraries, " "))
	p.set("port", "")
}

// The names of applications in a source.
func flaskApp() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^(\w+)\s*(?::\s*\w+\s*)?=\s*(?:flask\.)?Flask\(`)
}
func flaskMaker() *regexp.Regexp { return regexp.MustCompile(`(?m)^def (create_app|make_app)\(`) }
func asgiApp() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^(\w+)\s*(?::\s*\w+\s*)?=\s*(?:\w+\.)?(?:FastAPI|Starlette|Litestar|FastHTML|Quart)\(`)
}
func guard() *regexp.Regexp { return regexp.MustCompile(`(?m)^if\s+__name__\s*==\s*["']__main__["']`) }

// pythonStart gives what starts.
func (p *project) pythonStart(m pythonProject) ([]string, error) {
	if argv, err := p.asked(); argv != nil || err != nil {
		return argv, err
	}
	if argv := p.procfile(); argv != nil {
		return argv, nil
	}
	if p.has("manage.py") {
		return p.django(m)
	}
	if argv, err := p.pythonApp(m); argv != nil || err != nil {
		return argv, err
	}
	scripts := sorted(m.Project.Scripts)
	if len(scripts) == 0 {
		scripts = sorted(m.Tool.Poetry.Scripts)
	}
	switch {
	case len(scripts) == 1:
		p.found("start", scripts[0], "pyproject.toml, scripts")
		if p.values["package"] == "" && p.values["manager"] == "" {
			p.set("package", "yes")
		}
		return scripts, nil
	case len(scripts) > 1:
		return nil, &Error{Problem: "pyproject.toml has several scripts: " + strings.Join(scripts, ", "), Hint: "choose with --start " + scripts[0], Choices: scripts}
	}
	if f := p.first(pythonFiles...); f != "" {
		p.found("start", "python "+f, "the file is there, and nothing names another")
		return []string{"python", f}, nil
	}
	var modules []string
	for _, dir := range append(p.dirs("."), p.dirs("src")...) {
		if p.has(path.Join(dir, "__main__.py")) {
			modules = append(modules, strings.TrimPrefix(dir, "src/"))
		}
	}
	if len(modules) == 1 && !p.isDir("src/"+modules[0]) {
		p.found("start", "python -m "+modules[0], modules[0]+"/__main__.py")
		return []string{"python", "-m", modules[0]}, nil
	}
	var guarded []string
	for _, f := range p.pythonSources() {
		if guard().MatchString(p.text(f)) {
			guarded = append(guarded, f)
		}
	}
	if len(guarded) == 1 {
		p.found("start", "python "+guarded[0], `the only file with if __name__ == "__main__"`)
		return []string{"python", guarded[0]}, nil
	}
	e := &Error{Problem: "nothing shows what starts", Hint: `say it with --start "python FILE"`, Choices: guarded}
	if len(guarded) > 1 {
		e.Problem += ": these could: " + strings.Join(guarded, ", ")
	}
	return nil, e
}

// pythonSources lists the modules in the root that are no tests or tools.
func (p *project) pythonSources() (out []string) {
	for _, e := range p.root {
		n := e.Name()
		if path.Ext(n) == ".py" && p.has(n) && n != "setup.py" && n != "conftest.py" && n != "manage.py" && !strings.HasPrefix(n, "test_") && !strings.HasSuffix(n, "_test.py") {
			out = append(out, n)
		}
	}
	return out
}

// procfile gives the process web of a Procfile, where it needs no shell.
func (p *project) procfile() []string {
	for l := range strings.Lines(p.text("Procfile")) {
		kind, line, ok := strings.Cut(l, ":")
		if !ok || strings.TrimSpace(kind) != "web" {
			continue
		}
		argv, ok := plainCommand(strings.TrimSpace(line))
		if !ok {
			p.warn("the process web of Procfile needs a shell, so it is passed over; say --start")
			return nil
		}
		p.found("start", strings.TrimSpace(line), "Procfile, web")
		return argv
	}
	return nil
}

// port is where servers listen that the template starts.
const pythonPort = "8000"

func (p *project) django(m pythonProject) ([]string, error) {
	p.set("port", pythonPort)
	var wsgi []string
	p.walk(3, func(name string) bool {
		if path.Base(name) == "wsgi.py" && strings.Count(name, "/") == 1 {
			wsgi = append(wsgi, path.Dir(name)+".wsgi")
		}
		return false
	})
	switch {
	case len(wsgi) == 1 && m.depends("gunicorn"):
		p.found("start", "gunicorn "+wsgi[0], "manage.py, gunicorn is a dependency")
		return []string{"gunicorn", "--bind", "0.0.0.0:" + pythonPort, wsgi[0]}, nil
	case len(wsgi) == 1 && m.depends("uvicorn") && p.has(strings.ReplaceAll(strings.TrimSuffix(wsgi[0], ".wsgi"), ".", "/")+"/asgi.py"):
		module := strings.TrimSuffix(wsgi[0], ".wsgi") + ".asgi:application"
		p.found("start", "uvicorn "+module, "manage.py, uvicorn is a dependency")
		return []string{"uvicorn", module, "--host", "0.0.0.0", "--port", pythonPort}, nil
	case len(wsgi) > 1:
		return nil, &Error{Problem: "there are several modules wsgi: " + strings.Join(wsgi, ", "), Hint: `say which starts with --start "gunicorn MODULE"`, Choices: wsgi}
	}
	p.found("start", "python manage.py runserver", "manage.py, and no server among the dependencies")
	p.warn("runserver is Django's server for development; gunicorn among the dependencies is started instead")
	return []string{"python", "manage.py", "runserver", "--noreload", "0.0.0.0:" + pythonPort}, nil
}

// pythonApp finds an application of a web framework, and its server.
func (p *project) pythonApp(m pythonProject) ([]string, error) {
	type application struct{ name, file string }
	var asgi, wsgi []application
	p.walk(2, func(name string) bool {
		if path.Ext(name) != ".py" || strings.Contains(name, "test") || strings.HasSuffix(name, "setup.py") {
			return false
		}
		if strings.Count(name, "/") > 0 && !p.has(path.Join(path.Dir(name), "__init__.py")) && path.Dir(name) != "app" {
			return false
		}
		text := p.text(name)
		module := strings.TrimSuffix(strings.ReplaceAll(strings.TrimSuffix(name, ".py"), "/", "."), ".__init__")
		if a := asgiApp().FindStringSubmatch(text); a != nil {
			asgi = append(asgi, application{module + ":" + a[1], name})
		} else if a := flaskApp().FindStringSubmatch(text); a != nil {
			wsgi = append(wsgi, application{module + ":" + a[1], name})
		} else if a := flaskMaker().FindStringSubmatch(text); a != nil && m.depends("flask") {
			wsgi = append(wsgi, application{module + ":" + a[1] + "()", name})
		}
		return false
	})
	all := slices.Concat(asgi, wsgi)
	if len(all) > 1 {
		var names []string
		for _, a := range all {
			names = append(names, a.name)
		}
		return nil, &Error{Problem: "there are several applications: " + strings.Join(names, ", "), Hint: `say which starts with --start, such as --start "gunicorn ` + names[0] + `"`, Choices: names}
	}
	switch {
	case len(all) == 0:
		return nil, nil
	case len(asgi) == 1 && (m.depends("uvicorn") || p.extra("fastapi")):
		p.set("port", pythonPort)
		p.found("start", "uvicorn "+asgi[0].name, asgi[0].file)
		return []string{"uvicorn", asgi[0].name, "--host", "0.0.0.0", "--port", pythonPort}, nil
	case len(asgi) == 1 && m.depends("hypercorn"):
		p.set("port", pythonPort)
		p.found("start", "hypercorn "+asgi[0].name, asgi[0].file)
		return []string{"hypercorn", asgi[0].name, "--bind", "0.0.0.0:" + pythonPort}, nil
	case len(asgi) == 1:
		return nil, &Error{Problem: asgi[0].file + " is an application of ASGI, and no server is among the dependencies", Hint: "add uvicorn to them, or say --start"}
	case m.depends("gunicorn"):
		p.set("port", pythonPort)
		p.found("start", "gunicorn "+wsgi[0].name, wsgi[0].file)
		return []string{"gunicorn", "--bind", "0.0.0.0:" + pythonPort, wsgi[0].name}, nil
	case m.depends("waitress"):
		p.set("port", pythonPort)
		p.found("start", "waitress-serve "+wsgi[0].name, wsgi[0].file)
		argv := []string{"waitress-serve", "--host", "0.0.0.0", "--port", pythonPort}
		if name, call := strings.CutSuffix(wsgi[0].name, "()"); call {
			return append(argv, "--call", name), nil
		}
		return append(argv, wsgi[0].name), nil
	}
	p.set("port", pythonPort)
	p.found("start", "flask run", wsgi[0].file+", and no server among the dependencies")
	p.warn("flask run is a server for development; gunicorn among the dependencies is started instead")
	return []string{"flask", "--app", wsgi[0].name, "run", "--host", "0.0.0.0", "--port", pythonPort}, nil
}

// extra reports whether a requirement asks for the extra standard of a package,
// which brings its server.
func (p *project) extra(name string) bool {
	for _, f := range []string{"requirements.txt", "pyproject.toml", "Pipfile"} {
		if strings.Contains(p.text(f), name+"[standard]") || strings.Contains(p.text(f), name+"[all]") {
			return true
		}
	}
	return false
}
