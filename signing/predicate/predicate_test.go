package predicate_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/signing/predicate"
)

func TestTests(t *testing.T) {
	text := func(s string) predicate.Match { return predicate.Match{Text: s} }
	for _, c := range []struct {
		test      predicate.Test
		predicate string
		found     string // "" where it fails
		says      string
	}{
		{predicate.MaxFiles(3), `{"version":2,"after":{"files":3}}`, "3 files", ""},
		{predicate.MaxFiles(2), `{"version":2,"after":{"files":3}}`, "", "the image has 3 files"},
		{predicate.MaxFiles(2), `{"version":2,"after":{"files":0,"unknown":"too large"}}`, "", "too large"},
		{predicate.MaxFiles(2), `{"version":3,"after":{"files":1}}`, "", "version 3"},
		{predicate.MaxFiles(2), `{"files":1}`, "", "not of the form"},
		{predicate.MaxFiles(2), `null`, "", "not of the form"},
		{predicate.MaxFiles(2), `[]`, "", "not of the form"},
		{predicate.NoShell(), `{"after":{"user":"1","files":2}}`, "no shell", ""},
		{predicate.NoShell(), `{"after":{"user":"1","shell":"/bin/sh"}}`, "", "the shell /bin/sh"},
		{predicate.NoShell(), `{"after":{}}`, "", "not of the form"},
		{predicate.UserNotRoot(), `{"after":{"user":"65532:65532"}}`, "user 65532:65532", ""},
		{predicate.UserNotRoot(), `{"after":{"user":""}}`, "", `user is ""`},
		{predicate.UserNotRoot(), `{"after":{"user":"0"}}`, "", `user is "0"`},
		{predicate.UserNotRoot(), `{"after":{"user":"00:5"}}`, "", `user is "00:5"`},
		{predicate.UserNotRoot(), `{"after":{"user":"root"}}`, "", "root"},
		{predicate.UserNotRoot(), `{"after":{}}`, "", "does not say"},
		{predicate.NoLintErrors(), `{"findings":[]}`, "0 findings, none an error", ""},
		{predicate.NoLintErrors(), `{"findings":[{"rule":"a","severity":"warning"}]}`, "1 findings, none an error", ""},
		{predicate.NoLintErrors(), `{"findings":[{"rule":"sudo","severity":"error","file":"Dockerfile","line":3}]}`, "", "Dockerfile:3: sudo is an error"},
		{predicate.NoLintErrors(), `{"findings":[{"severity":"Error"}]}`, "", `"Error"`},
		{predicate.NoLintErrors(), `{}`, "", "not of the form"},
		{predicate.BuilderID(text("https://b")), `{"runDetails":{"builder":{"id":"https://b"}}}`, "https://b", ""},
		{predicate.BuilderID(text("https://b")), `{"builder":{"id":"https://b"}}`, "https://b", ""},
		{predicate.BuilderID(text("https://b")), `{"builder":{"id":"https://bb"}}`, "", "the builder is https://bb"},
		{predicate.BuilderID(text("https://b")), `{}`, "", "names no builder"},
		{predicate.SourceURI(text("https://git/x.git")), `{"buildDefinition":{"externalParameters":{"configSource":{"uri":"https://git/x.git#refs/heads/main"}}}}`, "https://git/x.git#refs/heads/main", ""},
		{predicate.SourceURI(text("https://git/x.git#v1")), `{"invocation":{"configSource":{"uri":"https://git/x.git#v2"}}}`, "", "https://git/x.git#v2"},
		{predicate.SourceURI(predicate.Match{Regexp: regexp.MustCompile(`\Ahttps://github.com/org/.*\z`)}), `{"buildDefinition":{"externalParameters":{"workflow":{"repository":"https://github.com/org/x"}}}}`, "https://github.com/org/x", ""},
		{predicate.MaxSeverity("medium"), `{"scanner":{"result":{"Results":[{"Vulnerabilities":[{"VulnerabilityID":"CVE-1","Severity":"MEDIUM"}]}]}}}`, "1 vulnerabilities, none above medium", ""},
		{predicate.MaxSeverity("medium"), `{"scanner":{"result":{"Results":[{"Vulnerabilities":[{"VulnerabilityID":"CVE-1","Severity":"HIGH"}]}]}}}`, "", "CVE-1 is high"},
		{predicate.MaxSeverity("low"), `{"scanner":{"result":{"matches":[{"vulnerability":{"id":"CVE-2","severity":"Unknown"}}]}}}`, "", "CVE-2 is unknown"},
		{predicate.MaxSeverity("none"), `{"scanner":{"result":{"matches":[{"vulnerability":{"id":"CVE-2","severity":"Negligible"}}]}}}`, "", "CVE-2 is low"},
		{predicate.MaxSeverity("none"), `{"scanner":{"result":{"matches":[]}}}`, "0 vulnerabilities, none above none", ""},
		{predicate.MaxSeverity("none"), `{"scanner":{"result":{}}}`, "", "neither Trivy's nor Grype's"},
		{predicate.MaxSeverity("none"), `{"scanner":{}}`, "", "not of the form"},
	} {
		found, err := c.test(json.RawMessage(c.predicate))
		if found != c.found || (err == nil) != (c.found != "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %q, %v", c.predicate, found, err)
		}
	}
}

func FuzzTests(f *testing.F) {
	f.Add([]byte(`{"version":2,"after":{"files":3,"user":"0","shell":"/bin/sh"}}`))
	f.Add([]byte(`{"findings":[{"severity":"error"}]}`))
	f.Add([]byte(`{"scanner":{"result":{"Results":[{"Vulnerabilities":[{"Severity":"HIGH"}]}]}}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, test := range []predicate.Test{
			predicate.MaxFiles(1), predicate.NoShell(), predicate.UserNotRoot(), predicate.NoLintErrors(),
			predicate.BuilderID(predicate.Match{Text: "x"}), predicate.SourceURI(predicate.Match{Text: "x"}), predicate.MaxSeverity("low"),
		} {
			if found, err := test(raw); (err == nil) != (found != "") {
				t.Errorf("%q: found %q, %v", raw, found, err)
			}
		}
	})
}
