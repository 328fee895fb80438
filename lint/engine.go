package lint

import "github.com/whittle-oci/whittle/lint/rule"

// Engine lists the rules that the engine itself reports, which have no Check:
// they are about what stands around the rules.
func Engine() []*rule.Meta {
	return []*rule.Meta{&IgnoreFile, &Syntax, &UnexplainedIgnore, &UnusedIgnore}
}

// Syntax is the rule that text which BuildKit does not take breaks: one
// instruction, or the whole file. It cannot be switched off.
var Syntax = rule.Meta{
	Name: "syntax", Aliases: []string{"DL1000"}, Summary: "the file is a Dockerfile that BuildKit can build", Severity: rule.Error, Family: rule.Hygiene,
	Why: `BuildKit does not take the file, so no build can. It cannot be switched off.

Beside what the parser refuses, that is what BuildKit refuses when it turns the file into a build, where it stops at the first: types, keys and values of mounts, ` + "`--chmod`, `--platform`, `--checksum`, STOPSIGNAL, EXPOSE, `${…}`" + ` and quotes that do not end. A variable that is not known here, because the base image or a build argument may set it, is taken to have a value that suits its place. ` + "`whittle lint --online`" + ` knows what the base image sets.`,
	Bad:     "FROM scratch\nRUN <<EOF\n",
	Good:    "FROM scratch\nRUN <<EOF\nEOF\n",
	Presets: []string{"recommended", "hadolint"},
}

// UnexplainedIgnore is the rule that a comment without a reason breaks.
var UnexplainedIgnore = rule.Meta{
	Name: "unexplained-ignore", Summary: "suppression comments give a reason", Severity: rule.Warning, Family: rule.Hygiene,
	Why: `Whoever meets the comment later cannot tell whether its reason still holds. Write it behind the rules:

    # whittle ignore=fat-base -- the vendor supports no other base
    # hadolint ignore=DL3006 # the same

` + "`require-reason: true` in `.whittle.yaml` switches this rule on.",
	Bad:  "# whittle ignore=untagged-base\nFROM debian\n",
	Good: "# whittle ignore=untagged-base -- replaced by the pipeline\nFROM debian\n",
}

// UnusedIgnore is the rule that a comment which switches nothing off breaks.
var UnusedIgnore = rule.Meta{
	Name: "unused-ignore", Summary: "suppression comments suppress something", Severity: rule.Info, Family: rule.Hygiene, Fixable: rule.Sometimes,
	Why: `The finding was fixed and the comment stayed, or it stands where it reaches nothing. It would hide the next finding of its kind. Only rules that ran are judged: names that only other tools know are left alone. A name that nobody knows is reported with the nearest one.

` + "`enable: [unused-ignore]` in `.whittle.yaml` switches this rule on.",
	Bad:  "# whittle ignore=untagged-base\nFROM debian:12\n",
	Good: "# whittle ignore=untagged-base\nFROM debian\n",
}

// IgnoreFile is the rule that a line of a .dockerignore breaks which does not do
// what it says. It is reported in that file, once for all its Dockerfiles.
var IgnoreFile = rule.Meta{
	Name: "ignore-file", Summary: "every line of .dockerignore does what it says", Severity: rule.Warning, Family: rule.Hygiene,
	Why: `A build takes an ignore file without a word, whatever it matches, so a slip shows as a large context, a secret in a layer or a file that is missing. Reported are lines that no build takes; paths outside of the context and of a machine; a comment behind a pattern, which belongs to the pattern; a name that only means the root of the context while one further down comes along; and an exception that nothing above makes necessary or a line below undoes.

A leading slash and line ends of Windows do no harm and are not reported, nor are patterns for what may be there one day. ` + "[copy-everything](copy-everything.md) and [secret-in-context](secret-in-context.md) say what an ignore file should leave out." + ` The finding is in the ignore file, and ` + "`ignore: [ignore-file]` in `.whittle.yaml` switches it off.",
	Bad:     "../secrets\nnode_modules # dependencies\n",
	Good:    "secrets\n**/node_modules\n",
	Presets: []string{"recommended"},
}
