package shellcheck

import (
	"fmt"
	"regexp"
	"strconv"
	"sync"

	"github.com/whittle-oci/whittle/lint/rule"
)

// code matches the names of ShellCheck's rules.
var code = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:SC|shellcheck-)([0-9]{4})$`) })

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
	if err != nil {
		return nil, false
	}
	if c, ok := common[n]; ok {
		return metaOf(n, c.severity), true
	}
	out := metaOf(n, rule.Warning)
	out.Presets = nil // nothing is known of it before it is found
	return out, true
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
	if c, ok := common[n]; ok {
		return c.summary
	}
	switch n / 1000 {
	case 1:
		return "the shell can read the script as it is meant"
	case 3:
		return "the script needs nothing that its shell may lack"
	}
	return "ShellCheck has nothing to say about the script"
}

// common are the rules that are broken most in Dockerfiles, with what ShellCheck
// counts them as.
var common = map[int]struct {
	severity rule.Severity
	summary  string
}{
	1007: {rule.Warning, "an assignment has no blank after its ="},
	1012: {rule.Warning, "a backslash is not lost before a letter"},
	2002: {rule.Style, "cat is not run where the next program reads files itself"},
	2005: {rule.Style, "echo does not print what a command prints already"},
	2006: {rule.Style, "commands are substituted with $( ), not with backticks"},
	2010: {rule.Warning, "the output of ls is not searched with grep"},
	2012: {rule.Info, "names of files are not taken from the output of ls"},
	2015: {rule.Info, "A && B || C does not stand for if"},
	2016: {rule.Info, "what is to expand is not in single quotes"},
	2027: {rule.Warning, "quotes inside quotes do not end them"},
	2028: {rule.Info, "echo is not given escape sequences"},
	2034: {rule.Warning, "no variable is set and never used"},
	2035: {rule.Info, "a glob cannot turn into an option"},
	2038: {rule.Warning, "find hands names to xargs with null bytes between them"},
	2043: {rule.Warning, "a loop runs more than once"},
	2045: {rule.Error, "no loop goes over the output of ls"},
	2046: {rule.Warning, "the output of a command is quoted"},
	2048: {rule.Warning, `"$@" is quoted`},
	2059: {rule.Info, "the format of printf holds no variable"},
	2061: {rule.Warning, "the pattern of find is quoted"},
	2086: {rule.Info, "variables are quoted"},
	2103: {rule.Info, "a script does not cd back"},
	2115: {rule.Warning, "rm of a variable cannot turn into rm of /"},
	2129: {rule.Style, "redirections to one file are put together"},
	2143: {rule.Style, "grep -q is asked, not what grep prints"},
	2154: {rule.Warning, "every variable that is read is set"},
	2155: {rule.Warning, "a declaration does not hide that a command failed"},
	2162: {rule.Info, "read keeps backslashes"},
	2164: {rule.Warning, "a cd that fails ends the script"},
	2166: {rule.Warning, "tests are joined with && and ||, not with -a and -o"},
	2174: {rule.Warning, "mkdir -p -m means every directory that it makes"},
	2181: {rule.Style, "a command is asked for its exit code directly"},
	2185: {rule.Info, "find is told where to look"},
	2196: {rule.Info, "grep -E stands for egrep"},
	2197: {rule.Info, "grep -F stands for fgrep"},
	2236: {rule.Style, "-n stands for ! -z"},
}
