package node

import (
	"path"
	"slices"
	"strings"
)

// A task is what a package manager is told to run.
type task struct {
	manager string   // npm, yarn, pnpm, or "node" for node --run
	script  string   // the name of a script of package.json
	program string   // the name of a program of a package, where there is no such script
	args    []string // of the script or program
	dir     string   // where it is run instead of WORKDIR, "" for there
	hooks   bool     // scripts that are named pre and post are run, too
	present bool     // a script that is not there is no fault
	fetch   bool     // a program that is not there is fetched
	words   string   // the command as it was written, for people
}

// managers are the programs that run scripts, by name. pnpx and npx run
// programs.
var managers = []string{"npm", "npx", "yarn", "yarnpkg", "pnpm", "pnpx"}

// options of package managers that change nothing about what is run
// (docs.npmjs.com/cli/v10/using-npm/config, classic.yarnpkg.com/docs/cli,
// pnpm.io/cli/run; read in 2026).
var (
	quietOptions = strings.Fields("-s --silent -q --quiet -d -dd -ddd --verbose --no-update-notifier --no-audit --no-fund --no-color --color --offline --prefer-offline --production --prod -P --no-progress --foreground-scripts --non-interactive --no-lockfile --frozen-lockfile --no-optional --no-bail --scripts-prepend-node-path --yes -y --no --no-install --legacy-peer-deps --ignore-engines")
	quietValues  = strings.Fields("--loglevel --omit --only --include --cache --reporter --registry --userconfig --globalconfig --network-timeout")
	dirOptions   = strings.Fields("--prefix -C --cwd --dir")
)

// notScripts are the commands of Yarn and pnpm that are no scripts, so that
// what follows is something else than its arguments.
var notScripts = strings.Fields("add audit autoclean bin cache check config constraints create dedupe deploy dlx env explain generate-lock-entry global help import info init install install-test ci link list licenses login logout npm outdated owner pack patch plugin policies prune publish rebuild remove server setup set store tag team unlink unplug up update upgrade upgrade-interactive version versions why workspace workspaces root fetch recursive multi m i in rm un uninstall ls la ll self-update doctor approve-builds")

// parseManager reads the arguments of a package manager. ok is false for what
// runs no script or program of the application in a way that is known.
func parseManager(argv []string) (t task, ok bool) {
	name := path.Base(argv[0])
	t = task{manager: name, words: strings.Join(append([]string{name}, argv[1:]...), " ")}
	if name == "yarnpkg" {
		t.manager = "yarn"
	}
	args, ok := t.before(argv[1:])
	if !ok {
		return t, false
	}
	switch name {
	case "npx", "pnpx":
		t.manager, t.fetch = strings.Replace(name, "x", "m", 1), true
		return t, t.execute(args)
	case "npm":
		return t, t.npm(args)
	}
	return t, t.other(args)
}

// before takes the options off that stand before a command.
func (t *task) before(args []string) ([]string, bool) {
	for len(args) > 0 && strings.HasPrefix(args[0], "-") && args[0] != "--" {
		name, value, joined := strings.Cut(args[0], "=")
		args = args[1:]
		switch {
		case slices.Contains(quietOptions, name):
			continue
		case name == "--if-present":
			t.present = true
			continue
		case name == "--ignore-scripts": // of pre and post
			continue
		case !slices.Contains(quietValues, name) && !slices.Contains(dirOptions, name):
			return nil, false
		case !joined:
			if len(args) == 0 {
				return nil, false
			}
			value, args = args[0], args[1:]
		}
		if slices.Contains(dirOptions, name) {
			t.dir = value
		}
	}
	return args, true
}

// npm reads a command of npm. It takes options wherever they stand, up to "--".
func (t *task) npm(args []string) bool {
	if len(args) == 0 {
		return false
	}
	verb := args[0]
	args = args[1:]
	t.hooks = true
	switch verb {
	case "start", "stop", "test":
		t.script = verb
	case "t", "tst":
		t.script = "test"
	case "run", "run-script", "rum", "urn":
		var ok bool
		if args, ok = t.before(args); !ok || len(args) == 0 || args[0] == "--" {
			return false
		}
		t.script, args = args[0], args[1:]
	case "exec", "x":
		t.fetch = true
		args, ok := t.before(args)
		return ok && t.execute(args)
	default:
		return false
	}
	return t.rest(args)
}

// rest takes the arguments of an npm script: words, and all that stands behind
// "--". What npm does not know before that it takes for a setting.
func (t *task) rest(args []string) bool {
	for i, a := range args {
		if a == "--" {
			t.args = append(t.args, args[i+1:]...)
			return true
		}
		if strings.HasPrefix(a, "-") {
			rest, ok := t.before(args[i:])
			return ok && t.rest(rest)
		}
		t.args = append(t.args, a)
	}
	return true
}

// other reads a command of Yarn or pnpm, which hand on all that follows the
// name of a script.
func (t *task) other(args []string) bool {
	if len(args) == 0 || args[0] == "--" {
		return false
	}
	t.hooks = true
	verb, rest := args[0], args[1:]
	switch verb {
	case "run", "run-script":
		var ok bool
		if rest, ok = t.before(rest); !ok || len(rest) == 0 {
			return false
		}
		t.script, t.program, t.args = rest[0], rest[0], rest[1:]
	case "exec":
		rest, ok := t.before(rest)
		return ok && t.execute(rest)
	case "node":
		t.program, t.args = "node", rest
		return t.manager == "yarn"
	case "t":
		t.script, t.args = "test", rest
	default:
		if slices.Contains(notScripts, verb) {
			return false
		}
		t.script, t.program, t.args = verb, verb, rest
	}
	return !slices.Contains(t.args, "--")
}

// execute reads what npm exec, npx and pnpm exec run.
func (t *task) execute(args []string) bool {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		return false
	}
	t.program, t.args = args[0], args[1:]
	if pkg, version, ok := strings.Cut(strings.TrimPrefix(t.program, "@"), "@"); ok && version != "" {
		t.program = t.program[:len(t.program)-len(version)-1]
		_ = pkg
	}
	return true
}
