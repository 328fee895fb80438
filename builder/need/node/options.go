package node

import (
	"slices"
	"strings"
)

// valued are the options of node whose value is the next word unless "="
// joins it (src/node_options.cc of Node.js 18 to 24; read in 2026). V8's own
// options take none that way.
var valued = strings.Fields(`
	-r --require --import --loader --experimental-loader -C --conditions --env-file --env-file-if-exists --title --icu-data-dir --openssl-config
	--tls-cipher-list --tls-keylog --dns-result-order --unhandled-rejections --input-type --experimental-default-type --es-module-specifier-resolution
	--experimental-specifier-resolution --experimental-policy --policy-integrity --diagnostic-dir --report-dir --report-directory --report-filename --report-signal
	--redirect-warnings --trace-event-categories --trace-event-file-pattern --trace-require-module --heapsnapshot-signal --heapsnapshot-near-heap-limit
	--max-http-header-size --secure-heap --secure-heap-min --v8-pool-size --cpu-prof-dir --cpu-prof-name --cpu-prof-interval --heap-prof-dir --heap-prof-name
	--heap-prof-interval --inspect-port --debug-port --inspect-publish-uid --disable-warning --disable-proto --watch-path --test-name-pattern --test-skip-pattern
	--test-reporter --test-reporter-destination --test-concurrency --test-shard --test-timeout --test-isolation --test-global-setup --test-coverage-include
	--test-coverage-exclude --test-coverage-branches --test-coverage-functions --test-coverage-lines --localstorage-file --experimental-sea-config
	--build-snapshot-config --snapshot-blob --network-family-autoselection-attempt-timeout --run --allow-fs-read --allow-fs-write --security-revert
	--use-largepages --max-semi-space-size-percentage --watch-kill-signal --experimental-config-file`)

// without are the options with which node runs no file: a text, or nothing.
var without = strings.Fields("-e --eval -p --print -pe -v --version -h --help --v8-options -c --check -i --interactive --test --completion-bash --build-sea")

// A commandLine is a command line of node in its parts.
type commandLine struct {
	modules  []string // of -r, --require and --import
	loaders  []string // of --loader and --experimental-loader
	envFiles []string // of --env-file, without which node does not start
	config   []string // of --openssl-config and --snapshot-blob
	icu      string   // of --icu-data-dir
	run      string   // of --run: a script of package.json
	rest     []string // the arguments of that
	system   bool     // the system's certificate authorities are read
	watch    bool     // node looks for changes of its files
	script   string   // the file that is run, "" for none
	at       int      // where that is among the words, which its arguments follow
	text     string   // of --eval or --print
}

// parse reads the arguments of node.
func parse(args []string) commandLine {
	var out commandLine
	none := false
	for i := 0; i < len(args); i++ {
		word := args[i]
		if word == "--" {
			i++
			switch {
			case out.run != "":
				out.rest = args[i:]
			case i < len(args) && !none:
				out.script, out.at = args[i], i
			}
			return out
		}
		if word == "-" {
			return out // standard input
		}
		if !strings.HasPrefix(word, "-") {
			if !none && out.run == "" {
				out.script, out.at = word, i
			}
			return out
		}
		name, value, joined := strings.Cut(word, "=")
		switch {
		case slices.Contains(without, name):
			none = true
			if (name == "-e" || name == "--eval" || name == "-p" || name == "--print" || name == "-pe") && !joined && i+1 < len(args) {
				i++
				value = args[i]
			}
			out.text += value + "\n"
			continue
		case !joined && slices.Contains(valued, name):
			i++
			if i < len(args) {
				value = args[i]
			}
		}
		out.option(name, value)
	}
	return out
}

// option takes down what an option says of files.
func (c *commandLine) option(name, value string) {
	switch name {
	case "-r", "--require", "--import":
		c.modules = append(c.modules, value)
	case "--loader", "--experimental-loader":
		c.loaders = append(c.loaders, value)
	case "--env-file":
		c.envFiles = append(c.envFiles, value)
	case "--openssl-config", "--snapshot-blob":
		c.config = append(c.config, value)
	case "--icu-data-dir":
		c.icu = value
	case "--run":
		c.run = value
	case "--use-openssl-ca", "--use-system-ca":
		c.system = true
	case "--watch", "--watch-path":
		c.watch = true
	}
}

// words cuts NODE_OPTIONS as node does: at blanks, where double quotes hold
// words together and a backslash within them takes the meaning of what follows
// (ParseNodeOptionsEnvVar in src/node_options.cc).
func words(text string) []string {
	var out []string
	var word strings.Builder
	in, begun := false, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && in && i+1 < len(text):
			i++
			word.WriteByte(text[i])
		case c == '"':
			in, begun = !in, true
		case c == ' ' && !in:
			if begun {
				out = append(out, word.String())
			}
			word.Reset()
			begun = false
		default:
			word.WriteByte(c)
			begun = true
		}
	}
	if begun {
		out = append(out, word.String())
	}
	return out
}
