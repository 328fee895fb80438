package lint

import "github.com/whittle-oci/whittle/lint/rule"

// Engine lists the rules that the engine itself reports, which have no Check:
// they are about what stands around the rules.
func Engine() []*rule.Meta { return []*rule.Meta{&Syntax, &UnexplainedIgnore, &UnusedIgnore} }

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
