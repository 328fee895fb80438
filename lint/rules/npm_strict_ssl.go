package rules

import (
	"slices"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/unverified"
)

var npmStrictSSL = rule.Rule{
	Meta: rule.Meta{
		Name:     "npm-strict-ssl",
		Aliases:  []string{"CKV2_DOCKER_12", "CKV2_DOCKER_13"},
		Family:   rule.Secrets,
		Summary:  "npm and yarn verify TLS certificates",
		Why:      "With strict-ssl off, whoever stands between the build and the registry decides which packages are installed, and their scripts run in the build. Name the certificate of the registry's authority with the setting cafile instead.",
		Bad:      "FROM node:24\nRUN npm config set strict-ssl false\nENV NPM_CONFIG_STRICT_SSL=false\n",
		Good:     "FROM node:24\nRUN npm config set cafile /etc/ssl/company.pem\n",
		Severity: rule.Warning,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended"},
	},
	Check: checkNpmStrictSSL,
}

func checkNpmStrictSSL(p *rule.Pass) {
	const what = "skips TLS verification, so that anyone in between can change packages"
	flag := unverified.Flag([]string{"npm", "yarn", "pnpm", "npx", "bun"}, "--strict-ssl=false", "--no-strict-ssl")
	unverified.Arguments(p, func(c dockerfile.Command, i int) unverified.Off {
		if !slices.Contains([]string{"npm", "yarn", "pnpm"}, c.Name) {
			return unverified.Off{}
		}
		// npm config set strict-ssl false
		if word := c.Args[i].Text; word == "strict-ssl" || word == "enableStrictSsl" || word == "--strict-ssl" {
			if i+1 < len(c.Args) && unverified.No(c.Args[i+1].Text) {
				return unverified.Off{Words: 2, Instead: "true"}
			}
		} else if word == "strict-ssl=false" {
			return unverified.Off{Words: 1, Instead: "strict-ssl=true"}
		}
		return flag(c, i)
	}, what)
	unverified.Variables(p, []string{"NPM_CONFIG_STRICT_SSL", "YARN_STRICT_SSL", "YARN_ENABLE_STRICT_SSL"}, unverified.No, what)
}
