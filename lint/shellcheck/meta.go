package shellcheck

import (
	"fmt"
	"regexp"
	"strconv"
	"sync"

	"github.com/whittle-oci/whittle/lint/rule"
)

// code matches the names of ShellCheck's rules.
var code = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:SC|sc|shellcheck-)([0-9]{4})$`) })

// Named reports whether a name is one of ShellCheck's: SC2086, shellcheck-2086.
func Named(name string) bool { return code().MatchString(name) }

// Meta is what is known of a rule by its name. It is false for names that
// ShellCheck does not use.
func Meta(name string) (*rule.Meta, bool) {
	m := code().FindStringSubmatch(name)
	if m == nil {
		return nil, false
	}
	n, err := strconv.Atoi(m[1])
	return metaOf(n, rule.Warning), err == nil
}

// metaOf makes the words of a rule. Its severity is that of the finding, since
// only ShellCheck knows it; the recommended rules are those of warnings and
// errors.
func metaOf(n int, severity rule.Severity) *rule.Meta {
	code := fmt.Sprintf("SC%d", n)
	url := "https://www.shellcheck.net/wiki/" + code
	presets := []string{"hadolint"}
	if severity >= rule.Warning {
		presets = []string{"recommended", "hadolint"}
	}
	return &rule.Meta{
		Name: fmt.Sprintf("shellcheck-%d", n), Aliases: []string{code}, Family: rule.Hygiene, Severity: severity, Fixable: rule.Sometimes, Presets: presets,
		Summary: summary(n), URL: url,
		Why: "A check of the ShellCheck program, which looks at the scripts of RUN when it is installed. Its page has examples: " + url + "\n\n" +
			"Besides the comments that work for every rule, `# shellcheck disable=" + code + "` above a RUN, or above a command between its lines, switches it off.",
	}
}

// summary says what a rule wants. The commonest in Dockerfiles have words of
// their own.
func summary(n int) string {
	if s, ok := summaries[n]; ok {
		return s
	}
	switch n / 1000 {
	case 1:
		return "the shell can read the script as it is meant"
	case 3:
		return "the script needs nothing that its shell may lack"
	}
	return "ShellCheck has nothing to say about the script"
}

var summaries = map[int]string{
	1007: "an assignment has no blank after its =",
	1012: "a backslash is not lost before a letter",
	2002: "cat is not run where the next program reads files itself",
	2005: "echo does not print what a command prints already",
	2006: "commands are substituted with $( ), not with backticks",
	2010: "the output of ls is not searched with grep",
	2012: "names of files are not taken from the output of ls",
	2015: "A && B || C does not stand for if",
	2016: "what is to expand is not in single quotes",
	2027: "quotes inside quotes do not end them",
	2028: "echo is not given escape sequences",
	2034: "no variable is set and never used",
	2035: "a glob cannot turn into an option",
	2038: "find hands names to xargs with null bytes between them",
	2043: "a loop runs more than once",
	2045: "no loop goes over the output of ls",
	2046: "the output of a command is quoted",
	2048: `"$@" is quoted`,
	2059: "the format of printf holds no variable",
	2061: "the pattern of find is quoted",
	2086: "variables are quoted",
	2103: "a script does not cd back",
	2115: "rm of a variable cannot turn into rm of /",
	2129: "redirections to one file are put together",
	2143: "grep -q is asked, not what grep prints",
	2154: "every variable that is read is set",
	2155: "a declaration does not hide that a command failed",
	2162: "read keeps backslashes",
	2164: "a cd that fails ends the script",
	2166: "tests are joined with && and ||, not with -a and -o",
	2174: "mkdir -p -m means every directory that it makes",
	2181: "a command is asked for its exit code directly",
	2185: "find is told where to look",
	2196: "grep -E stands for egrep",
	2197: "grep -F stands for fgrep",
	2236: "-n stands for ! -z",
}
