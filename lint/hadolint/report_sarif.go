package hadolint

import (
	"io"
	"strings"
)

type object map[string]any // encoding/json writes its keys in order

// sarif writes SARIF 2.1.0. hadolint names ShellCheck's text by its own
// language.
func sarif(w io.Writer, results []Result, o Options) error {
	found := []object{}
	_ = each(results, func(r Result, f Finding) error {
		language := "dockerfile"
		if strings.HasPrefix(f.Code, "SC") {
			language = "sh"
		}
		level := f.Severity
		if level == "info" || level == "style" {
			level = "note"
		}
		found = append(found, object{
			"ruleId": f.Code, "level": level, "message": object{"text": f.Message},
			"locations": []object{{"physicalLocation": object{
				"artifactLocation": object{"uri": r.File},
				"region":           object{"startLine": f.Line, "endLine": f.Line, "startColumn": f.Col, "endColumn": f.Col, "sourceLanguage": language},
			}}},
		})
		return nil
	})
	return write(w, object{
		"$schema": "http://json.schemastore.org/sarif-2.1.0", "version": "2.1.0",
		"runs": []object{{
			"defaultSourceLanguage": "dockerfile",
			"tool": object{"driver": object{
				"name": "Hadolint", "fullName": "whittle hadolint", "downloadUri": "https://github.com/whittle-oci/whittle", "version": o.Version,
				"shortDescription": object{"text": "whittle's rules under hadolint's codes"},
			}},
			"results": found,
		}},
	})
}
