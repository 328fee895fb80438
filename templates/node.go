package templates

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

type packageJSON struct {
	Name           string            `json:"name"`
	Main           any               `json:"main"`
	Scripts        map[string]string `json:"scripts"`
	Dependencies   map[string]string `json:"dependencies"`
	Dev            map[string]string `json:"devDependencies"`
	Optional       map[string]string `json:"optionalDependencies"`
	Engines        any               `json:"engines"` // a map; a list in old ones
	PackageManager string            `json:"packageManager"`
	Workspaces     any               `json:"workspaces"`
}

func (p *project) packageJSON() (m packageJSON) {
	p.json("package.json", &m)
	return m
}

func (m packageJSON) depends(name string) bool {
	return m.Dependencies[name] != "" || m.Dev[name] != ""
}

func (m packageJSON) engine(name string) string {
	engines, _ := m.Engines.(map[string]any)
	s, _ := engines[name].(string)
	return s
}

// nodeFiles are what node starts where package.json names nothing: npm start
// runs the first, and the others are habit.
var nodeFiles = []string{"server.js", "index.js", "app.js", "main.js", "server.mjs", "index.mjs", "src/server.js", "src/index.js", "src/app.js", "src/main.js"}

// nodeMain gives the file that main of package.json means.
func (p *project) nodeMain(m packageJSON) string {
	main, _ := m.Main.(string)
	if main == "" {
		return ""
	}
	main = path.Clean(main)
	if !outside(main) {
		if f := p.first(main, main+".js", path.Join(main, "index.js")); f != "" || m.Scripts["build"] != "" && strings.HasSuffix(main, "js") {
			return main
		}
	}
	return ""
}

// siteMakers are the builders of single page applications, with the directory
// that they leave (the defaults in their manuals).
var siteMakers = []struct{ name, out string }{{"vite", "dist"}, {"react-scripts", "build"}, {"@vue/cli-service", "dist"}, {"parcel", "dist"}, {"astro", "dist"}, {"@11ty/eleventy", "_site"}}

// site says what builds a site of files in a project that starts no server.
func (p *project) site(m packageJSON) (maker, out string) {
	if m.Scripts["build"] == "" || p.nodeServes(m) {
		return "", ""
	}
	for _, s := range siteMakers {
		if m.depends(s.name) {
			return s.name, s.out
		}
	}
	return "", ""
}

// previews are start scripts that serve for a developer.
func previews() *regexp.Regexp {
	return regexp.MustCompile(`^(vite|react-scripts|vue-cli-service|parcel|eleventy|astro)\b`)
}

// nodeServes reports whether something of a project starts on Node.js.
func (p *project) nodeServes(m packageJSON) bool {
	if s := strings.TrimSpace(m.Scripts["start"]); s != "" {
		return !previews().MatchString(s)
	}
	return p.nodeMain(m) != "" || p.first(nodeFiles...) != ""
}

func claimNode(p *project) (string, bool) {
	if !p.has("package.json") {
		return "", false
	}
	m := p.packageJSON()
	if maker, _ := p.site(m); maker != "" {
		return "", false // of the template static
	}
	return "package.json", p.options.Start == "" && !p.nodeServes(m)
}

func nodeReleases() []string { return span("", 12, 40) }

// nodeVersion is the major release that the project asks for.
func (p *project) nodeVersion(m packageJSON) (string, error) {
	wishes := []wish{}
	for _, file := range []string{".nvmrc", ".node-version"} {
		switch s := p.line(file); {
		case s == "" || s == "node" || s == "stable" || strings.HasPrefix(s, "lts/"):
		default:
			wishes = append(wishes, wish{s, file, true})
		}
	}
	wishes = append(wishes, wish{p.toolVersion("nodejs", "node"), ".tool-versions", true})
	engine := m.engine("node")
	wishes = append(wishes, wish{engine, "package.json, engines.node", parts(engine) != nil})
	version, err := p.agree("Node.js", 1, nodeReleases(), wishes...)
	if err == nil && version == "" {
		version = "lts"
		p.warn("nothing names a version of Node.js, so the image follows node:lts; engines.node in package.json names one")
	}
	return version, err
}

// toolVersion gives what .tool-versions says of a tool.
func (p *project) toolVersion(names ...string) string {
	for l := range strings.Lines(p.text(".tool-versions")) {
		if f := strings.Fields(l); len(f) > 1 && slices.Contains(names, f[0]) && parts(f[1]) != nil {
			return f[1]
		}
	}
	return ""
}

// A nodeManager is a package manager of Node.js.
type nodeManager struct {
	name, lock, cache string
	install           string // all, by the lock file
	production        string // what runs alone
	prune             string // after a build with all
	run               string // a script
}

// nodeManagers are the package managers by their lock files. yarn is the first,
// classic one; berry has commands of its own.
var nodeManagers = []nodeManager{
	{"npm", "package-lock.json", "/root/.npm", "npm ci", "npm ci --omit=dev", "npm prune --omit=dev", "npm run"},
	{"npm", "npm-shrinkwrap.json", "/root/.npm", "npm ci", "npm ci --omit=dev", "npm prune --omit=dev", "npm run"},
	{"pnpm", "pnpm-lock.yaml", "/root/.local/share/pnpm/store", "pnpm install --frozen-lockfile", "pnpm install --frozen-lockfile --prod", "CI=true pnpm prune --prod", "pnpm run"},
	{"yarn", "yarn.lock", "/usr/local/share/.cache/yarn", "yarn install --frozen-lockfile", "yarn install --frozen-lockfile --production", "yarn install --frozen-lockfile --production --ignore-scripts --prefer-offline", "yarn run"},
}

// nodeManager chooses the package manager and makes the text know it.
func (p *project) nodeManager(m packageJSON) (nodeManager, error) {
	wanted, version, _ := strings.Cut(m.PackageManager, "@")
	version, _, _ = strings.Cut(version, "+")
	var found []nodeManager
	for _, x := range nodeManagers {
		if p.has(x.lock) {
			found = append(found, x)
		}
	}
	if f := p.first("bun.lock", "bun.lockb", "deno.lock"); f != "" && len(found) == 0 {
		return nodeManager{}, &Error{Problem: f + ": the template node has nothing for it", Hint: "write a Dockerfile on oven/bun or denoland/deno"}
	}
	if wanted != "" {
		i := slices.IndexFunc(found, func(x nodeManager) bool { return x.name == wanted })
		switch {
		case i >= 0:
			found = found[i : i+1]
		case len(found) > 0:
			return nodeManager{}, &Error{Problem: fmt.Sprintf("package.json asks for %s, and the lock file is %s", m.PackageManager, found[0].lock), Hint: "write the lock file with " + wanted + ", or change packageManager"}
		}
	}
	switch {
	case len(found) > 1 && found[0].name != found[1].name:
		var names []string
		for _, x := range found {
			names = append(names, x.lock)
		}
		return nodeManager{}, &Error{Problem: "there are several lock files: " + strings.Join(names, ", "), Hint: "delete those that are not kept up to date, or name the one in packageManager of package.json", Choices: names}
	case len(found) == 0:
		x := nodeManagers[0]
		if m.Dependencies != nil || m.Dev != nil {
			p.warn("there is no lock file, so each build may have other versions; npm install writes package-lock.json")
		}
		x.lock, x.install, x.production = "", "npm install", "npm install --omit=dev"
		return x, nil
	}
	x := found[0]
	if x.name == "yarn" && p.has(".yarnrc.yml") {
		if p.first(".pnp.cjs", ".pnp.js") != "" || !strings.Contains(p.text(".yarnrc.yml"), "nodeLinker: node-modules") {
			return nodeManager{}, &Error{Problem: "yarn installs without node_modules here (Plug'n'Play), for which the template node has nothing", Hint: "set nodeLinker: node-modules in .yarnrc.yml, or write a Dockerfile"}
		}
		x.cache = "/root/.yarn/berry/cache"
		x.install, x.production, x.prune = "yarn install --immutable", "yarn workspaces focus --production", "yarn workspaces focus --production"
	}
	switch {
	case x.name == "pnpm", x.name == "yarn" && p.has(".yarnrc.yml"):
		if wanted == "" || !plainWord().MatchString(version) {
			return nodeManager{}, &Error{Problem: fmt.Sprintf("%s says nothing of the version of %s", x.lock, x.name), Hint: fmt.Sprintf(`name it in packageManager of package.json, as "%s@VERSION"`, x.name)}
		}
		// --force, as the image has a yarn of its own.
		p.set("manager", fmt.Sprintf("npm install --global --force %s@%s", packageOf(x.name), version))
	}
	return x, nil
}

// packageOf is the package that installs a manager: yarn since its second
// version is another one.
func packageOf(manager string) string {
	if manager == "yarn" {
		return "@yarnpkg/cli-dist"
	}
	return manager
}

// installScripts run when packages are installed, with the project's sources.
var installScripts = []string{"preinstall", "install", "postinstall", "prepare", "preprepare", "postprepare", "prepublish"}

// nodeInstall sets what installs and builds.
func (p *project) nodeInstall(m packageJSON, x nodeManager, build bool) error {
	if err := p.nodeLock(m, x); err != nil {
		return err
	}
	p.set("cache", x.cache)
	p.set("secret", "")
	files := p.all("package.json", x.lock, ".npmrc", ".yarnrc", ".yarnrc.yml", "pnpm-workspace.yaml")
	if s := p.text(".npmrc"); strings.Contains(s, "_auth") || strings.Contains(s, "_password") {
		p.ignore = append(p.ignore, "", "# It has credentials: docker build --secret id=npmrc,src=.npmrc", ".npmrc")
		files = slices.DeleteFunc(files, func(f string) bool { return f == ".npmrc" })
		p.set("secret", " --mount=type=secret,id=npmrc,target=/root/.npmrc")
		p.found("secret", "npmrc", ".npmrc has credentials; build with --secret id=npmrc,src=.npmrc")
	}
	p.set("manifests", strings.Join(files, " "))
	scripts := slices.ContainsFunc(installScripts, func(s string) bool { return m.Scripts[s] != "" })
	switch {
	case m.Workspaces != nil || p.has("pnpm-workspace.yaml"):
		p.set("sources", "Workspaces are a part of what is installed.")
	case p.isDir(".yarn/releases"):
		p.set("sources", "The package manager is in this repository.")
	case scripts:
		p.set("sources", "Scripts of package.json run while packages are installed, with the sources.")
	case p.isDir("prisma") && m.depends("@prisma/client"):
		p.set("sources", "The client of Prisma is made of the schema while packages are installed.")
	}
	if !build && !scripts {
		p.set("install", x.production)
		p.found("dependencies", x.production, may2(x.lock, "package.json"))
		return nil
	}
	p.set("install", x.install)
	p.found("dependencies", x.install, may2(x.lock, "package.json"))
	var steps []string
	if build {
		steps = append(steps, x.run+" build")
		p.found("build", x.run+" build", "package.json, scripts.build")
	}
	if x.prune != "" {
		steps = append(steps, x.prune)
	}
	p.set("build", strings.Join(steps, " && "))
	return nil
}

func may2(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// nodeLock refuses a lock file that was not written for this package.json.
func (p *project) nodeLock(m packageJSON, x nodeManager) error {
	var known func(name string) bool
	switch x.lock {
	case "package-lock.json", "npm-shrinkwrap.json":
		var lock struct {
			Packages map[string]struct {
				Dependencies map[string]string `json:"dependencies"`
				Dev          map[string]string `json:"devDependencies"`
				Optional     map[string]string `json:"optionalDependencies"`
			} `json:"packages"`
			Dependencies map[string]any `json:"dependencies"`
		}
		p.json(x.lock, &lock)
		if p.err != nil {
			return p.err
		}
		root, current := lock.Packages[""]
		known = func(name string) bool {
			_, old := lock.Dependencies[name]
			return !current && old || root.Dependencies[name] != "" || root.Dev[name] != "" || root.Optional[name] != ""
		}
		if current {
			for _, list := range []map[string]string{m.Dependencies, m.Dev} {
				for _, name := range sorted(list) {
					have := root.Dependencies[name]
					if have == "" {
						have = root.Dev[name]
					}
					if have != "" && have != list[name] {
						return lockError(x.lock, name+" "+list[name], "package.json", "it has "+have, "npm install")
					}
				}
			}
		}
	case "pnpm-lock.yaml", "yarn.lock":
		text := p.text(x.lock)
		known = func(name string) bool {
			return strings.Contains(text, name+"@") || strings.Contains(text, name+":") || strings.Contains(text, name+"':") || strings.Contains(text, "/"+name+"/")
		}
	default:
		return nil
	}
	for _, list := range []map[string]string{m.Dependencies, m.Dev} {
		for _, name := range sorted(list) {
			if !known(name) && !strings.HasPrefix(list[name], "workspace:") {
				return lockError(x.lock, name, "package.json", "it does not know it", x.name+" install")
			}
		}
	}
	return nil
}

// lockError says that a lock file was written for something else.
func lockError(lock, what, manifest, how, command string) error {
	return &Error{Problem: fmt.Sprintf("%s disagrees with %s about %s: %s", lock, manifest, what, how), Hint: command + " brings it up to date"}
}

func fillNode(p *project) (string, error) {
	m := p.packageJSON()
	if p.err != nil {
		return "", p.err
	}
	version, err := p.nodeVersion(m)
	if err != nil {
		return "", err
	}
	p.set("version", version)
	x, err := p.nodeManager(m)
	if err != nil {
		return "", err
	}
	if config := p.first("next.config.js", "next.config.mjs", "next.config.ts", "next.config.cjs"); m.depends("next") && config != "" && standalone().MatchString(p.text(config)) {
		p.found("start", "node server.js", config+`: output "standalone"`)
		x.prune = "" // what the server requires is copied out
		return "next", p.nodeInstall(m, x, true)
	}
	start, err := p.nodeStart(m)
	if err != nil {
		return "", err
	}
	p.command("start", start)
	return "node", p.nodeInstall(m, x, m.Scripts["build"] != "")
}

func standalone() *regexp.Regexp { return regexp.MustCompile("output\\s*:\\s*[\"'`]standalone") }

// nodeStart gives what starts.
func (p *project) nodeStart(m packageJSON) ([]string, error) {
	if argv, err := p.asked(); argv != nil || err != nil {
		return argv, err
	}
	if s := strings.TrimSpace(m.Scripts["start"]); s != "" {
		around := m.Scripts["prestart"] != "" || m.Scripts["poststart"] != ""
		argv, plain := plainCommand(s)
		if plain && argv[0] == "node" && !around {
			p.found("start", s, "package.json, scripts.start")
			return argv, nil
		}
		if plain && slices.Contains([]string{"nodemon", "ts-node", "ts-node-dev", "tsx"}, argv[0]) && m.Dependencies[argv[0]] == "" {
			return nil, &Error{Problem: fmt.Sprintf("scripts.start of package.json runs %s, which is for development and is not installed in an image", argv[0]), Hint: "let scripts.start run what scripts.build makes, move " + argv[0] + " to dependencies, or say --start"}
		}
		p.found("start", "npm start", "package.json, scripts.start: "+s)
		return []string{"npm", "start"}, nil
	}
	if main := p.nodeMain(m); main != "" {
		p.found("start", "node "+main, "package.json, main")
		return []string{"node", main}, nil
	}
	if f := p.first(nodeFiles...); f != "" {
		p.found("start", "node "+f, "the file is there, and package.json names nothing")
		return []string{"node", f}, nil
	}
	return nil, &Error{Problem: "package.json has no script start, and no main file that is there", Hint: `add "start" to its scripts, or say --start "node FILE"`}
}
