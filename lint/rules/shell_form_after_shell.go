package rules

import "github.com/whittle-oci/whittle/lint/rule"

var shellFormAfterShell = rule.Rule{
	Meta: rule.Meta{
		Name:     "shell-form-after-shell",
		Aliases:  []string{"DL3025", "b86987e1-6397-4619-81d5-8807f2387c79", "prefer-json-notation"},
		Family:   rule.Hygiene,
		Summary:  "CMD and ENTRYPOINT are in JSON form after SHELL, too",
		Why:      "SHELL is set for RUN as a rule, and stays in force for CMD and ENTRYPOINT, whose program then does not see signals. A JSON list names the program, or the shell where one is meant.",
		Bad:      "FROM debian:12\nSHELL [\"/bin/bash\", \"-c\"]\nCMD nginx -g daemon\n",
		Good:     "FROM debian:12\nSHELL [\"/bin/bash\", \"-c\"]\nCMD [\"nginx\", \"-g\", \"daemon\"]\n",
		Severity: rule.Info,
		Fixable:  rule.Sometimes,
		Yields:   []string{"invalid-json-form"},
		Presets:  []string{"hadolint"},
	},
	Check: func(p *rule.Pass) { checkShellForm(p, true) },
}
