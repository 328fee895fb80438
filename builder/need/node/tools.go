package node

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
)

// toolOf is the name of the installed package that a file belongs to, "" for
// none: of the innermost, by its real path.
func toolOf(real string) string {
	i := strings.LastIndex(real, "/node_modules/")
	if i < 0 {
		return ""
	}
	return packageName(real[i+len("/node_modules/"):])
}

// starts gives the command that some tools start, which their arguments name
// (the manuals of dotenv-cli 8, @dotenvx/dotenvx 1, env-cmd 10, cross-env 7; read
// in 2026).
func starts(real string, args []string) ([]string, bool) {
	var values []string // options whose value is the next word
	switch toolOf(real) {
	case "dotenv-cli":
		values = []string{"-e", "-p", "-v"}
	case "@dotenvx/dotenvx":
		if len(args) == 0 || args[0] != "run" {
			return nil, false
		}
		args, values = args[1:], []string{"-f", "--env-file", "-e", "--env", "-fv", "--env-vault-file", "-l", "--log-level"}
	case "env-cmd":
		values = []string{"-f", "--file", "-e", "--environments", "-r", "--rc-file"}
	case "cross-env":
		i := slices.IndexFunc(args, func(a string) bool { return !strings.Contains(a, "=") })
		if i < 0 {
			return nil, false
		}
		return args[i:], true
	default:
		return nil, false
	}
	for len(args) > 0 {
		switch {
		case args[0] == "--":
			return args[1:], len(args) > 1
		case slices.Contains(values, args[0]) && len(args) > 1:
			args = args[2:]
		case strings.HasPrefix(args[0], "-"):
			args = args[1:]
		default:
			return args, true
		}
	}
	return nil, false
}

// developmentTools are packages whose programs are for development, with the
// way out (their own manuals; 2026).
var developmentTools = map[string]string{
	"nodemon": "start the program with node", "ts-node-dev": "compile it, and start the result with node", "ts-node": "compile it, and start the result with node", "tsx": "compile it, and start the result with node",
	"@nestjs/cli": "start dist/main.js with node", "vite": "build the pages, and serve them with a web server", "react-scripts": "build the pages, and serve them with a web server", "webpack-dev-server": "build the pages, and serve them with a web server",
	"@vue/cli-service": "build the pages, and serve them with a web server", "@angular/cli": "build the pages, and serve them with a web server", "parcel": "build the pages, and serve them with a web server", "concurrently": "start one program in each container",
}

// development warns about a tool that is there for development.
func development(c need.Command, real string) []image.Warning {
	name := toolOf(real)
	hint, ok := developmentTools[name]
	if !ok {
		return nil
	}
	return []image.Warning{image.NewWarning(c.Instruction, fmt.Sprintf("%s is made for development, and brings %s with all it needs", name, path.Base(real)), hint)}
}
