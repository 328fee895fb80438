package rules

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/whittle-oci/whittle/lint/credential"
	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var secretInCommand = rule.Rule{
	Meta: rule.Meta{
		Name:     "secret-in-command",
		Family:   rule.Secrets,
		Summary:  "no command line has a password in it",
		Why:      "The text of a RUN is kept in the image's history, that of CMD, ENTRYPOINT and HEALTHCHECK in its configuration. A password in a URL, in a --password flag, in an Authorization header or in a variable of the script can be read by everyone who can pull the image.",
		Bad:      "FROM debian:12\nRUN curl -u admin:hunter2 https://example.test\n",
		Good:     "FROM debian:12\nRUN --mount=type=secret,id=netrc,target=/root/.netrc curl --netrc https://example.test\n",
		Severity: rule.Error,
		Fixable:  rule.Never,
		Presets:  []string{"recommended"},
	},
	Check: checkSecretInCommand,
}

func checkSecretInCommand(p *rule.Pass) {
	var before dockerfile.Command
	for in, c := range walk.Commands(p.File) {
		if piped, ok := printed(before, c); ok {
			p.Reportf(piped.Span, "the password for "+c.Name+" stays in the image's history; use RUN --mount=type=secret")
		}
		before = c
		for i, a := range c.Args {
			if !a.Literal {
				continue
			}
			if why := passwordArgument(c, i); why != "" && !makesFile(in, a.Text) {
				p.Reportf(a.Span, why+" stays in the image's history; use RUN --mount=type=secret")
			}
		}
		for _, a := range c.Assigns {
			name, value, _ := strings.Cut(a.Text, "=")
			if a.Literal && credential.Certain(name) && literalSecret(value) && in.Keyword == "run" {
				p.Reportf(a.Span, "the value of "+name+" stays in the image's history; use RUN --mount=type=secret")
			}
		}
	}
	for _, in := range p.File.Instructions {
		exported(p, in)
		if telling(in) {
			started(p, in)
		}
	}
}

// telling reports whether CMD, ENTRYPOINT or HEALTHCHECK may have a password in
// it, by what stands before one.
func telling(in dockerfile.Instruction) bool {
	if in.Keyword != "cmd" && in.Keyword != "entrypoint" && in.Keyword != "healthcheck" {
		return false
	}
	text := strings.ToLower(in.Text.Text)
	return slices.ContainsFunc([]string{"://", "pass", "pwd", "secret", "token", "key", "cred", "auth", "-u", "-p", "-a"}, func(w string) bool { return strings.Contains(text, w) })
}

// started reports what CMD, ENTRYPOINT and HEALTHCHECK give away.
func started(p *rule.Pass, in dockerfile.Instruction) {
	for _, c := range p.File.Starts(in) {
		for i, a := range c.Args {
			why := ""
			if a.Literal {
				why = passwordArgument(c, i)
			}
			if why == "" || makesFile(in, a.Text) {
				continue
			}
			value := a.Text
			if password, ok := credential.URLPassword(value); ok {
				value = password
			} else if _, joined, ok := strings.Cut(value, "="); ok && strings.HasPrefix(value, "-") {
				value = joined
			}
			p.Report(rule.Finding{
				Span: a.Span, Message: why + " stays in the image's configuration; give it to the container when it starts, or read it from a file",
				Minor: !credential.Looks(value),
			})
		}
	}
}

// makesFile reports whether the script of an instruction writes a file of a name, so that an argument
// with this name is the file's: curl … >secret && serve --password secret.
func makesFile(in dockerfile.Instruction, name string) bool {
	words := strings.Fields(in.Text.Text)
	for i, w := range words {
		if w == ">"+name || w == name && i > 0 && slices.Contains([]string{">", "-o", "--output"}, words[i-1]) {
			return true
		}
	}
	return false
}

// printed is the password that one command prints for the next to read.
func printed(first, next dockerfile.Command) (a dockerfile.Arg, ok bool) {
	if first.Name != "echo" && first.Name != "printf" || len(first.Args) == 0 || !subcommand(next, "--password-stdin") {
		return a, false
	}
	a = first.Args[len(first.Args)-1]
	return a, a.Literal && literalSecret(a.Text)
}

// exported reports export NAME=value and NAME=value on its own.
func exported(p *rule.Pass, in dockerfile.Instruction) {
	for set := range walk.Assigned(p.File, in) {
		if credential.Certain(set.Name) && literalSecret(strings.Trim(set.Value, `"'`)) {
			p.Reportf(set.Span, "the value of "+set.Name+" stays in the image's history; use RUN --mount=type=secret")
		}
	}
}

// sqlPassword finds the password that a statement gives an account: IDENTIFIED BY
// of MySQL, MariaDB and Oracle, PASSWORD of PostgreSQL and SQL Server.
var sqlPassword = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?is)\b(?:user|role|login|grant|alter)\b.*\b(?:identified\s+(?:with\s+\S+\s+)?by|password)\s*[=(]?\s*N?['"]([^'"]+)['"]`)
})

// passwordArgument says how an argument gives a password away, "" when it does
// not.
func passwordArgument(c dockerfile.Command, i int) string {
	a := c.Args[i].Text
	if strings.Contains(a, "://") && passwordURL(a) {
		return "the password in this URL"
	}
	if why := header(c, i); why != "" {
		return why
	}
	if strings.ContainsAny(a, `'"`) {
		if m := sqlPassword().FindStringSubmatch(a); len(m) > 1 && literalSecret(m[1]) {
			return "the password in this SQL statement"
		}
	}
	before := ""
	if i > 0 {
		before = c.Args[i-1].Text
	}
	switch c.Name {
	case "curl", "wget":
		if user := userPassword(a, before); user != "" && strings.Contains(user, ":") && !strings.HasSuffix(user, ":") && !strings.ContainsAny(user, "$<{") {
			return "the password after -u"
		}
	case "sshpass":
		if rest, ok := strings.CutPrefix(a, "-p"); ok && rest != "" || before == "-p" {
			return "the password of sshpass"
		}
	case "mysql", "mysqladmin", "mysqldump", "mariadb", "mariadb-admin":
		if rest, ok := strings.CutPrefix(a, "-p"); ok && literalSecret(rest) {
			return "the password after -p"
		}
	case "openssl":
		if rest, ok := strings.CutPrefix(a, "pass:"); ok && literalSecret(rest) && strings.HasPrefix(before, "-pass") {
			return "the passphrase of openssl"
		}
	case "docker", "podman", "nerdctl", "buildah", "skopeo", "helm", "oras", "crane", "regctl", "az":
		if before == "-p" && subcommand(c, "login") && literalSecret(a) {
			return "the password after -p"
		}
	case "redis-cli":
		if before == "-a" && literalSecret(a) {
			return "the password after -a"
		}
	case "aws", "npm", "pnpm", "yarn", "git":
		if name := configured(c, i); name != "" {
			return "the value of " + name
		}
	case "gpg", "gpg2", "keytool":
		return "" // an empty or agreed passphrase of a key that the build itself makes
	}
	flag, value, joined := strings.Cut(a, "=")
	if !joined && strings.HasPrefix(before, "--") && !strings.HasPrefix(a, "-") && !strings.Contains(before, "=") {
		flag, value = before, a
	}
	if strings.HasPrefix(flag, "--") && credential.Certain(strings.TrimLeft(flag, "-")) && literalSecret(value) {
		return "the value of " + flag
	}
	return ""
}

// subcommand reports whether a command is told to do something, such as login,
// in one of the words that are no flags.
func subcommand(c dockerfile.Command, name string) bool {
	return slices.ContainsFunc(c.Args, func(a dockerfile.Arg) bool { return a.Text == name })
}

// configured is the setting with a secret that an argument gives a value, as in
// aws configure set aws_secret_access_key VALUE, "" for none.
func configured(c dockerfile.Command, i int) string {
	if !subcommand(c, "config") && !subcommand(c, "configure") {
		return ""
	}
	name, value, joined := strings.Cut(c.Args[i].Text, "=")
	if !joined && i > 0 {
		name, value = c.Args[i-1].Text, name
	}
	last := name[strings.LastIndexAny(name, ":.")+1:] // of //registry.example/:_authToken
	if (credential.Certain(strings.TrimLeft(last, "_")) || strings.HasPrefix(last, "_auth")) && literalSecret(value) {
		return name
	}
	return ""
}

func passwordURL(text string) bool {
	_, ok := credential.URLPassword(text)
	return ok
}

// userPassword is the value of curl's -u or wget's --user, "" when the word is
// none.
func userPassword(a, before string) string {
	if before == "-u" || before == "--user" || before == "--proxy-user" || before == "-U" {
		return a
	}
	for _, flag := range []string{"--user=", "--proxy-user="} {
		if rest, ok := strings.CutPrefix(a, flag); ok {
			return rest
		}
	}
	return ""
}

// header says what a header of curl or wget gives away.
func header(c dockerfile.Command, i int) string {
	if c.Name != "curl" && c.Name != "wget" && c.Name != "http" {
		return ""
	}
	name, value, ok := strings.Cut(strings.TrimPrefix(c.Args[i].Text, "--header="), ":")
	if value = strings.TrimSpace(value); !ok || strings.ContainsAny(value, "$<{") {
		return ""
	}
	fields := strings.Fields(value)
	switch {
	case strings.EqualFold(name, "authorization") && len(fields) == 2 && literalSecret(fields[1]):
		return "the credential in this header"
	case !strings.Contains(name, "/") && !strings.HasPrefix(name, "-") && credential.Certain(name) && len(fields) == 1 && literalSecret(value):
		return "the value of the header " + name
	}
	return ""
}
