package rules

import (
	"slices"
	"strconv"
	"strings"

	"github.com/whittle-oci/whittle/lint/credential"
	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/mount"
)

var secretInVariable = rule.Rule{
	Meta: rule.Meta{
		Name:     "secret-in-variable",
		Aliases:  []string{"DL3064", "SecretsUsedInArgOrEnv", "DS-0031", "CIS-DI-0010", "secret-in-build-arg", "c3e1b6ae-d92c-44b3-8ed5-1f5442bab6a4"},
		Family:   rule.Secrets,
		Summary:  "no ENV or ARG holds a secret",
		Why:      "ENV stays in the image's configuration and ARG in its history, where anyone who can pull the image reads them. Mount the secret where it is needed: RUN --mount=type=secret,id=token,env=TOKEN.\n\nNames tell: PASSWORD, API_KEY, NPM_TOKEN. Settings around a secret (TOKEN_FILE, PASSWORD_MIN_LENGTH, TOKEN_BACKEND=vault), public keys, sockets, user names and what a framework ships to browsers (NEXT_PUBLIC_…, VITE_…) are not reported, nor is a value that is a path, an address, a switch or a fingerprint. A name without a value that looks like a secret, such as one without any, changeme or a plain word, is a warning. A password in an address, postgres://app:PASSWORD@db, is reported whatever the variable is called.",
		Bad:      "FROM debian:12\nARG NPM_TOKEN\nENV DB_PASSWORD=hunter2\n",
		Good:     "FROM debian:12\nRUN --mount=type=secret,id=token cat /run/secrets/token >/dev/null\nENV DB_PASSWORD_FILE=/run/secrets/db\n",
		Severity: rule.Error,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkSecretInVariable,
}

func checkSecretInVariable(p *rule.Pass) {
	var finder *mount.Finder
	for _, in := range p.File.Instructions {
		if in.Keyword != "env" && in.Keyword != "arg" {
			continue
		}
		for i, kv := range in.Pairs() {
			key := strings.Trim(kv.Key, `"'`)
			given, ok := p.File.Build().Args[key]
			ok = ok && in.Keyword == "arg"
			if !ok && !strings.Contains(kv.Value, "://") && !strings.Contains(kv.Value, ";") && !credential.Name(key) {
				continue
			}
			value, known := p.File.Expand(in, kv.Value)
			if ok {
				value, known = given, true
			}
			if known {
				if password, ok := credential.URLPassword(value); ok {
					p.Report(rule.Finding{
						Span: kv.Span, Message: "the password in the address that " + key + " is set to " + stays(p.File, in) + "; give it to the container or the RUN that needs it",
						Minor: !credential.Looks(password), About: about(in, key),
					})
					continue
				}
			}
			if !credential.Name(key) || credential.Public(key) || in.Keyword == "env" && known && strings.Trim(value, `"'`) == "" {
				continue // without a value it is a place for one that the container is given
			}
			if credential.HarmlessValue(kv.Value) || known && credential.HarmlessValue(value) || credential.Setting(key, value) || credential.Publishable(value) || keyOfPair(in, key) {
				continue
			}
			if finder == nil {
				finder = mount.NewFinder(p.File)
			}
			way := "use RUN --mount=type=secret"
			if in.Keyword == "env" && !usedByRun(finder, in, key) {
				way = "give it to the container when it starts, or to the RUN that needs it with --mount=type=secret"
			}
			p.Report(rule.Finding{
				Span: kv.Span, Message: "the name " + key + " says that it holds a secret, which " + stays(p.File, in) + "; " + way,
				Minor: !known || !credential.Looks(value), About: about(in, key),
				Fix: finder.Secret(in, i),
			})
		}
	}
}

// about tells the variable of one instruction from all others.
func about(in dockerfile.Instruction, name string) string {
	return strconv.Itoa(in.Index) + " " + name
}

// stays says where the value of an ENV or ARG can be read after the build.
func stays(f *dockerfile.File, in dockerfile.Instruction) string {
	switch {
	case in.Stage < 0 || !f.Shipped(in.Stage):
		return "stays in the cache and the provenance of the build"
	case in.Keyword == "env":
		return "stays in the image's configuration"
	}
	return "stays in the image's history"
}

// usedByRun reports whether a RUN behind an ENV names its variable.
func usedByRun(finder *mount.Finder, in dockerfile.Instruction, name string) bool {
	return slices.ContainsFunc(finder.Uses(name), func(u mount.Use) bool { return u.In.Keyword == "run" && u.In.Index > in.Index })
}

// keyOfPair reports whether a name is the key of an entry whose value is set
// beside it, as configuration of .NET is: Filters__0__Key, Filters__0__Value.
func keyOfPair(in dockerfile.Instruction, name string) bool {
	entry, ok := strings.CutSuffix(name, "__Key")
	return ok && slices.ContainsFunc(in.Pairs(), func(p dockerfile.Pair) bool { return p.Key == entry+"__Value" })
}
