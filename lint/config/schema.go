package config

import "strings"

// A Schema is a JSON Schema, to be encoded.
type Schema map[string]any

// LintSchema describes the lint section. rules are the names of rules that are
// known, for editors to complete.
func LintSchema(rules []string) Schema {
	w := schemaWriter{rules}
	override := w.object(Settings(), func(s Setting) bool { return !s.File })
	override["required"] = []string{"files"}
	override["properties"].(Schema)["files"] = described(words(Schema{"type": "string"}), "globs of the files that the settings are for")
	section := w.object(Settings(), func(s Setting) bool { return s.Kind != Overrides })
	section["properties"].(Schema)["overrides"] = described(Schema{"type": "array", "items": override}, help("overrides"))
	return section
}

func help(name string) string {
	s, _ := setting(name)
	return s.Help
}

// A schemaWriter makes schemas of settings.
type schemaWriter struct{ rules []string }

func (w schemaWriter) object(settings []Setting, wanted func(Setting) bool) Schema {
	properties := Schema{}
	for _, s := range settings {
		if wanted(s) {
			properties[s.Name] = described(w.value(s), s.Help)
		}
	}
	return Schema{"type": "object", "additionalProperties": false, "properties": properties}
}

// value describes what a setting takes.
func (w schemaWriter) value(s Setting) Schema {
	all := func(Setting) bool { return true }
	word := Schema{"type": "string"}
	switch {
	case len(s.Among) > 0:
		word["enum"] = s.Among
	case s.Rules:
		word = w.ruleName()
	}
	switch s.Kind {
	case Bool:
		return Schema{"type": "boolean"}
	case List:
		if s.Name == "instruction" {
			word["enum"] = append(upper(instructions), instructions...)
		}
		return words(word)
	case Words:
		out := Schema{"type": "object", "additionalProperties": word}
		if s.Rules {
			out["propertyNames"] = w.ruleName()
			out["additionalProperties"] = Schema{"type": "string", "enum": s.Among}
		}
		return out
	case Rules:
		rule := w.object(RuleSettings(), all)
		rule["required"] = []string{"name", "message"}
		rule["oneOf"] = []Schema{{"required": []string{"instruction"}}, {"required": []string{"command"}}}
		rule["properties"].(Schema)["name"].(Schema)["pattern"] = kebab().String()
		return Schema{"type": "array", "items": rule}
	case Expression:
		return Schema{"type": "string", "format": "regex"}
	case FixKind:
		return w.object(FixSettings(), all)
	}
	return word
}

// ruleName is a rule of ours, or what may be one of another tool or of one's
// own.
func (w schemaWriter) ruleName() Schema {
	return Schema{"anyOf": []Schema{{"type": "string", "enum": w.rules}, {"type": "string"}}}
}

// words is one word or a list of them.
func words(word Schema) Schema {
	return Schema{"anyOf": []Schema{word, {"type": "array", "items": word}}}
}

func described(s Schema, text string) Schema {
	out := Schema{"description": text}
	for k, v := range s {
		out[k] = v
	}
	return out
}

func upper(in []string) []string {
	out := make([]string, len(in))
	for i, s := range in {
		out[i] = strings.ToUpper(s)
	}
	return out
}
