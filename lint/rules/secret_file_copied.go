package rules

import (
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/credential"
	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
)

var secretFileCopied = rule.Rule{
	Meta: rule.Meta{
		Name:     "secret-file-copied",
		Aliases:  []string{"DS-0031"},
		Family:   rule.Secrets,
		Summary:  "no COPY or ADD names a credential file",
		Why:      "Files such as .env, id_rsa or .npmrc hold credentials, and so do others that are copied to where credentials are kept: COPY deploy_key /root/.ssh/id_ed25519. Copied into any layer they stay in it, even when a later instruction deletes them. Mount them as a secret, and name them in .dockerignore. Where the build context is known, files that only their content tells, such as a .pem with a private key, are reported, too, and those whose content shows no credential, such as an .npmrc of settings or with ${NPM_TOKEN} in it, are not.",
		Bad:      "FROM debian:12\nCOPY .env /app/.env\n",
		Good:     "FROM debian:12\nRUN --mount=type=secret,id=env,target=/app/.env true\n",
		Severity: rule.Error,
		Fixable:  rule.Never,
		Presets:  []string{"recommended"},
	},
	Check: checkSecretFileCopied,
}

func checkSecretFileCopied(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		for _, s := range localSources(in) {
			copied, name := s.Text, s.Text
			kind, ok := credential.File(name)
			if !ok {
				name = copiedTo(in, s.Text)
				kind, ok = credential.File(name)
				copied += " as " + name
			}
			var holds, known bool
			if ok && p.Context != nil {
				holds, known = p.Context.Holds(s.Text, name)
			}
			switch {
			case !ok, known && !holds: // settings, or a variable in place of the credential
			case name == s.Text && (kind.Certain || inContext(p, name)), name != s.Text && (holds || kind.Certain && kind.Holds(nil)):
				// Of files that hold settings, too, the destination says nothing.
				p.Report(rule.Finding{
					Span: s.Span, Message: copied + " holds " + kind.What + " as a rule and stays in the layer; mount it with RUN --mount=type=secret",
					Minor: !known && slices.Contains(mostlySettings, path.Base(strings.ToLower(name))),
				})
			}
		}
	}
}

// mostlySettings are files that hold settings alone as often as credentials:
// without their content the name is no proof.
var mostlySettings = []string{".npmrc", ".pypirc"}

// keyDirectories are what keys are kept in, beside settings and public halves.
var keyDirectories = []string{".aws", ".ssh", ".gnupg", ".azure", "gcloud"}

// copiedTo is the path that a COPY or ADD gives a file of the context, "" where
// that says nothing about its content: several files, a directory by its slash,
// public halves and what is for others to fill in.
func copiedTo(in dockerfile.Instruction, source string) string {
	base := path.Base(source)
	if strings.ContainsAny(source, "*?[") || strings.HasSuffix(source, "/") || base == "." || credential.Example(base) || path.Ext(base) == ".pub" {
		return ""
	}
	words := in.Words()
	to := words[len(words)-1].Text
	if strings.HasSuffix(to, "/") || len(words) > 2 {
		if "."+base == path.Base(to) {
			return "" // COPY ssh /root/.ssh/
		}
		to = path.Join(to, base)
	}
	if slices.Contains(keyDirectories, path.Base(to)) {
		return "" // COPY keys /root/.ssh
	}
	return to
}

// localSources are the files and directories of the build context that a COPY
// or ADD takes.
func localSources(in dockerfile.Instruction) []dockerfile.Word {
	if in.Keyword != "copy" && in.Keyword != "add" {
		return nil
	}
	if from, ok := in.Flag("from"); ok && from.Value != "" {
		return nil
	}
	words := in.Words()
	if len(words) < 2 {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(words[:len(words)-1]), func(w dockerfile.Word) bool {
		return strings.Contains(w.Text, "://") || strings.HasPrefix(w.Text, "<<") || strings.HasPrefix(w.Text, "git@")
	})
}

// inContext reports whether the build context has a file of that name with a
// credential in it.
func inContext(p *rule.Pass, name string) bool {
	return p.Context != nil && slices.Contains(p.Context.Files(), strings.TrimPrefix(path.Clean("/"+name), "/"))
}
