package rules

import (
	"path"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/rule"
)

var secretFileCopied = rule.Rule{
	Meta: rule.Meta{
		Name:     "secret-file-copied",
		Family:   rule.Secrets,
		Summary:  "no COPY or ADD takes a file of secrets",
		Why:      "Files such as .env, id_rsa or .npmrc hold credentials. Copied into any layer they stay in it, even when a later instruction deletes them. Mount them as a secret, and name them in .dockerignore.",
		Bad:      "FROM debian:12\nCOPY .env /app/.env\n",
		Good:     "FROM debian:12\nRUN --mount=type=secret,id=env,target=/app/.env true\n",
		Severity: rule.Error,
		Fixable:  rule.Never,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkSecretFileCopied,
}

func checkSecretFileCopied(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		var sources []string
		switch c := in.Command.(type) {
		case *instructions.CopyCommand:
			if c.From != "" {
				continue
			}
			sources = c.SourcePaths
		case *instructions.AddCommand:
			sources = c.SourcePaths
		}
		for _, s := range sources {
			if secretFile(path.Base(s)) || strings.Contains("/"+s, "/.aws/") || strings.Contains("/"+s, "/.ssh/") {
				span, _ := in.Find(s)
				p.Reportf(span, s+" holds secrets as a rule and stays in the layer; mount it with RUN --mount=type=secret")
			}
		}
	}
}

// secretFile knows names of files that hold credentials.
func secretFile(base string) bool {
	switch base {
	case ".env", ".npmrc", ".netrc", ".pypirc", ".git-credentials", ".dockercfg", ".pgpass", ".htpasswd", ".aws", ".ssh", "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "credentials.json", "service-account.json", "secrets.yml", "secrets.yaml", "kubeconfig":
		return true
	}
	if strings.HasPrefix(base, ".env.") {
		return !slices.Contains([]string{".env.example", ".env.sample", ".env.template", ".env.dist"}, base)
	}
	return slices.Contains([]string{".pem", ".key", ".p12", ".pfx", ".jks", ".keystore", ".ppk"}, path.Ext(base)) && !strings.Contains(base, "pub") && !strings.Contains(base, "cert")
}
