package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/unverified"
)

var pipTrustedHost = rule.Rule{
	Meta: rule.Meta{
		Name:     "pip-trusted-host",
		Aliases:  []string{"CKV2_DOCKER_4", "CKV2_DOCKER_16"},
		Family:   rule.Secrets,
		Summary:  "pip verifies TLS certificates",
		Why:      "A trusted host is one whose certificate pip does not look at, or which it asks over plain HTTP: anyone in between decides what is installed. Install the certificate of the index's authority into the image and name it with PIP_CERT.",
		Bad:      "FROM python:3.13\nRUN pip install --trusted-host pypi.example.test app==1.0\nENV PIP_TRUSTED_HOST=pypi.example.test\n",
		Good:     "FROM python:3.13\nRUN pip install app==1.0\n",
		Severity: rule.Warning,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended"},
	},
	Check: checkPipTrustedHost,
}

func checkPipTrustedHost(p *rule.Pass) {
	const what = "makes pip install without TLS verification, so that anyone in between can change what it installs"
	flag := unverified.Flag([]string{"pip", "pip3", "pipx", "uv", "python", "python3"}, "--trusted-host=", "--allow-insecure-host=")
	unverified.Arguments(p, func(c dockerfile.Command, i int) unverified.Off {
		// pip config set global.trusted-host NAME
		if strings.HasSuffix(c.Args[i].Text, ".trusted-host") && i > 0 && c.Args[i-1].Text == "set" && strings.HasPrefix(c.Name, "pip") {
			return unverified.Off{Words: 2, Text: true}
		}
		return flag(c, i)
	}, what)
	unverified.Variables(p, []string{"PIP_TRUSTED_HOST", "UV_INSECURE_HOST"}, func(v string) bool { return v != "" }, what)
}
