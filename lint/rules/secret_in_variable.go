package rules

import (
	"slices"
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
		Why:      "ENV stays in the image's configuration and ARG in its history, where anyone who can pull the image reads them. Mount the secret where it is needed: RUN --mount=type=secret,id=token,env=TOKEN.\n\nNames tell: PASSWORD, API_KEY, NPM_TOKEN. Paths and switches around a secret (TOKEN_FILE, PASSWORD_MIN_LENGTH), public keys, sockets and user names are not reported, nor is a value that is a path, an address, a switch or a fingerprint. A placeholder in ENV, such as changeme, counts for less.",
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
			if !credential.Name(key) {
				continue
			}
			where := "ARG stays in the image's history"
			if in.Keyword == "env" {
				where = "ENV stays in the image's configuration"
				if value, known := p.File.Expand(in, kv.Value); known && strings.Trim(value, `"'`) == "" {
					continue // a place for a value that the container is given
				}
			}
			if credential.HarmlessValue(kv.Value) || keyOfPair(in, key) {
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
				Span: kv.Span, Message: "the name " + key + " says that it holds a secret, and " + where + "; " + way,
				Minor: in.Keyword == "env" && !strings.Contains(kv.Value, "$") && credential.Placeholder(strings.Trim(kv.Value, `"'`)),
				Fix:   finder.Secret(in, i),
			})
		}
	}
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
