package rules

import (
	"bytes"
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/accounts"
	"github.com/whittle-oci/whittle/lint/rules/internal/edit"
	"github.com/whittle-oci/whittle/lint/source"
)

var finalStageRoot = rule.Rule{
	Meta: rule.Meta{
		Name:    "final-stage-root",
		Aliases: []string{"DL3002", "DS-0002", "CIS-DI-0001", "CKV_DOCKER_8", "last-user-is-root", "67fd0c4a-68cf-46d7-8c41-bc9fba7e40ae"},
		Family:  rule.Root,
		Summary: "the USER of the image is not root",
		Why: "A process that runs as root in a container is root on the host as soon as it gets out. The user of the image is the one that the final stage or a stage it is made from sets last; " +
			"root in a stage that only builds does no harm and is not reported. missing-user is about images that set none.\n\n" + whyShown + " Where the base image is known to run as an ordinary user, it is that one again.",
		Bad:      "FROM debian:12\nUSER root\nCMD [\"app\"]\n",
		Good:     "FROM debian:12\nUSER root\nRUN make install\nUSER 65532:65532\nCMD [\"app\"]\n",
		Severity: rule.Warning,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkFinalStageRoot,
}

func checkFinalStageRoot(p *rule.Pass) {
	final := p.File.Final()
	in, user, known, found := accounts.Last(p.File, final.Index)
	if !found || !known {
		return
	}
	message := "the image runs as root: USER is " + user
	if !accounts.Root(user) {
		if !rootByNumber(p.File, accounts.Name(user)) {
			return
		}
		message = "the image runs as root: the user " + accounts.Name(user) + " is created with the number 0"
	}
	finding := rule.Finding{Span: in.Arguments(), Message: message}
	base, _ := p.File.BaseName(accounts.Base(p.File, final.Index))
	to, safety := accounts.Ordinary, accounts.LessThanRoot(p.File, base)
	if user := baseUser(base); user != "" {
		to, safety = user, rule.Unsafe
	}
	if edits := belowRoot(p.File, in, to); edits != nil {
		finding.Fix = &rule.Fix{Title: "Run as " + to, Safety: safety, Edits: edits}
	}
	p.Report(finding)
}

// rootByNumber reports whether a RUN creates the user with the number of root.
func rootByNumber(f *dockerfile.File, name string) bool {
	for _, a := range accounts.Created(f, f.Final().Index) {
		if a.Name == name && a.UID == "0" {
			return true
		}
	}
	return false
}

// baseUser is the number of the user that a base image is known to run as.
func baseUser(base string) string {
	user, ok := accounts.Runs(base)
	if number := accounts.Number(base, user); number != "" {
		return number
	}
	if !ok || strings.Trim(user, "0123456789:") != "" {
		return ""
	}
	return user
}

// belowRoot changes a USER, or adds one where a RUN after it may need root. One
// that a build argument chooses stays.
func belowRoot(f *dockerfile.File, in dockerfile.Instruction, user string) []source.Edit {
	span := in.Arguments()
	if bytes.ContainsRune(f.Bytes[span.Start:span.End], '$') {
		return nil
	}
	final := f.Final()
	needed := in.Stage != final.Index
	for _, after := range f.In(in.Stage) {
		needed = needed || after.Index > in.Index && after.Keyword == "run"
	}
	if !needed {
		for span.End < len(f.Bytes) && (f.Bytes[span.End] == ' ' || f.Bytes[span.End] == '\t') {
			span.End++
		}
		return []source.Edit{{Span: span, New: user}}
	}
	return edit.AtEndOfStage(f, final, "USER "+user)
}
