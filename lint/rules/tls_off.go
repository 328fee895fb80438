package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var tlsOff = rule.Rule{
	Meta: rule.Meta{
		Name:     "tls-off",
		Aliases:  []string{"CKV2_DOCKER_2", "CKV2_DOCKER_3", "CKV2_DOCKER_4", "CKV2_DOCKER_5", "CKV2_DOCKER_6"},
		Family:   rule.Secrets,
		Summary:  "no download goes without checking who sends it",
		Why:      "curl -k, wget --no-check-certificate and their like take a download from anyone who stands in between.",
		Bad:      "FROM debian:12\nRUN curl -k https://example.test/x -o /x\n",
		Good:     "FROM debian:12\nRUN curl -f https://example.test/x -o /x\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"recommended"},
	},
	Check: checkTLSOff,
}

func checkTLSOff(p *rule.Pass) {
	for _, c := range walk.Commands(p.File) {
		for _, a := range c.Args {
			bad := false
			switch c.Name {
			case "curl":
				bad = a.Text == "-k" || a.Text == "--insecure" || len(a.Text) > 2 && a.Text[0] == '-' && a.Text[1] != '-' && strings.Trim(a.Text[1:], "fsSLkOJgi") == "" && strings.Contains(a.Text, "k")
			case "wget":
				bad = a.Text == "--no-check-certificate"
			case "pip", "pip3":
				bad = strings.HasPrefix(a.Text, "--trusted-host")
			case "apk":
				bad = a.Text == "--allow-untrusted"
			case "apt-get", "apt":
				bad = a.Text == "--allow-unauthenticated" || a.Text == "--force-yes"
			case "yum", "dnf":
				bad = a.Text == "--nogpgcheck"
			}
			if bad {
				p.Reportf(a.Span, a.Text+" takes the download from anyone")
			}
		}
	}
	for _, in := range p.File.Instructions {
		for _, kv := range walk.Variables(in) {
			if kv.Key == "NODE_TLS_REJECT_UNAUTHORIZED" && kv.Value == "0" || kv.Key == "PYTHONHTTPSVERIFY" && kv.Value == "0" || kv.Key == "GIT_SSL_NO_VERIFY" && kv.Value != "" {
				p.Reportf(in.Span(), kv.Key+" turns the check of certificates off")
			}
		}
	}
}
