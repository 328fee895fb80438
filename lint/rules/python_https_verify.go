package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/unverified"
)

var pythonHTTPSVerify = rule.Rule{
	Meta: rule.Meta{
		Name:     "python-https-verify",
		Aliases:  []string{"CKV2_DOCKER_5"},
		Family:   rule.Secrets,
		Summary:  "Python verifies TLS certificates",
		Why:      "PYTHONHTTPSVERIFY=0 makes every program in the image that is written in Python take any certificate for the right one. Install the certificate of the server's authority instead.",
		Bad:      "FROM python:2.7\nENV PYTHONHTTPSVERIFY=0\n",
		Good:     "FROM python:2.7\nENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt\n",
		Severity: rule.Warning,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended"},
	},
	Check: checkPythonHTTPSVerify,
}

func checkPythonHTTPSVerify(p *rule.Pass) {
	unverified.Variables(p, []string{"PYTHONHTTPSVERIFY"}, unverified.No, "makes Python take any certificate for the right one")
}
