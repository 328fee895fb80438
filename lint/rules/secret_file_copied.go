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
		Why:      "Files such as .env, id_rsa or .npmrc hold credentials. Copied into any layer they stay in it, even when a later instruction deletes them. Mount them as a secret, and name them in .dockerignore. Where the build context is known, files that only their content tells, such as a .pem with a private key, are reported, too, and those whose content shows no credential, such as an .npmrc of settings or with ${NPM_TOKEN} in it, are not.",
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
			kind, ok := credential.File(s.Text)
			if !ok || !kind.Certain && !inContext(p, s.Text) {
				continue
			}
			if p.Context != nil {
				if holds, known := p.Context.Holds(s.Text); known && !holds {
					continue // settings, or a variable in place of the credential
				}
			}
			p.Reportf(s.Span, s.Text+" holds "+kind.What+" as a rule and stays in the layer; mount it with RUN --mount=type=secret")
		}
	}
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
