package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/whittle-oci/whittle/builder/frontend"
	"github.com/whittle-oci/whittle/lint/config"
	"github.com/whittle-oci/whittle/lint/docs"
	"github.com/whittle-oci/whittle/lint/format"
	"github.com/whittle-oci/whittle/lint/rules"
	signing "github.com/whittle-oci/whittle/signing/config"
)

// pages gives the files by their path in the repository.
func pages(root string) (map[string][]byte, error) {
	out := map[string][]byte{}
	var err error
	if out["docs/whittle.schema.json"], err = schema(); err != nil {
		return nil, err
	}
	if out["docs/policy.schema.json"], err = policySchema(); err != nil {
		return nil, err
	}
	if out["docs/inspect.schema.json"], err = inspectSchema(); err != nil {
		return nil, err
	}
	if out["docs/diff.schema.json"], err = diffSchema(); err != nil {
		return nil, err
	}
	for name, tables := range map[string]map[string]string{
		"docs/lint.md":         {"lint-settings": settings(config.Settings()), "formats": format.Table()},
		"docs/inspect.md":      {"inspect-rules": inspectRules()},
		"docs/custom-rules.md": {"rule-settings": settings(config.RuleSettings()), "fix-settings": settings(config.FixSettings())},
	} {
		page, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return nil, err
		}
		text := string(page)
		for marker, table := range tables {
			if text, err = docs.Splice(text, marker, table); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
		out[name] = []byte(text)
	}
	return out, nil
}

// settings is a table of keys.
func settings(list []config.Setting) string {
	var b strings.Builder
	b.WriteString("| key | takes | says |\n| --- | --- | --- |\n")
	for _, s := range list {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", s.Name, takes(s), strings.ReplaceAll(s.Help, "|", "\\|"))
	}
	return b.String()
}

func takes(s config.Setting) string {
	among := strings.Join(s.Among, ", ")
	switch s.Kind {
	case config.Bool:
		return "true or false"
	case config.List:
		if s.Rules {
			return "rules"
		}
		return "a list of words"
	case config.Words:
		if s.Rules {
			return "rules, each with " + among
		}
		return "names, each with " + among
	case config.Overrides:
		return "a list of settings with `files`"
	case config.Rules:
		return "a list of [rules](custom-rules.md)"
	case config.Expression:
		return "a regular expression"
	case config.FixKind:
		return "see below"
	}
	if among != "" {
		return among
	}
	return "text"
}

// schema is the JSON Schema of .whittle.yaml.
func schema() ([]byte, error) {
	var names []string
	for _, r := range docs.All(rules.All()) {
		names = append(names, r.Name)
	}
	sections := config.Schema{"lint": config.LintSchema(names), "build": buildSchema()}
	sections["sign"], sections["verify"] = signing.Schemas()
	for _, name := range config.Sections() {
		switch section := sections[name].(type) {
		case config.Schema:
			section["type"] = []string{"object", "null"}
		case map[string]any:
			section["type"] = []string{"object", "null"}
		}
	}
	return encoded("whittle", config.Schema{"title": ".whittle.yaml", "description": "Configuration of Whittle", "type": "object", "additionalProperties": false, "properties": sections})
}

// policySchema is the JSON Schema of a policy file: the section verify alone.
func policySchema() ([]byte, error) {
	_, verify := signing.Schemas()
	verify["title"] = "A policy for whittle verify --policy"
	return encoded("policy", verify)
}

// encoded adds what makes a schema a file in docs.
func encoded(name string, s map[string]any) ([]byte, error) {
	s["$schema"], s["$id"] = "https://json-schema.org/draft/2020-12/schema", "https://raw.githubusercontent.com/whittle-oci/whittle/main/docs/"+name+".schema.json"
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	err := enc.Encode(s)
	return b.Bytes(), err
}

// buildSchema describes the settings of a build.
func buildSchema() config.Schema {
	properties := config.Schema{}
	for _, s := range frontend.Settings() {
		one := config.Schema{"type": []string{"string", "number", "boolean"}}
		switch s.Kind {
		case frontend.Bool:
			one = config.Schema{"type": "boolean"}
		case frontend.List:
			one = config.Schema{"anyOf": []config.Schema{{"type": "string"}, {"type": "array", "items": config.Schema{"type": "string"}}}}
		case frontend.Smoke:
			words := config.Schema{"type": "array", "items": config.Schema{"type": "string"}, "minItems": 1}
			request := config.Schema{"type": "object", "properties": config.Schema{"http": config.Schema{"type": "string"}}, "required": []string{"http"}, "additionalProperties": false}
			one = config.Schema{"anyOf": []config.Schema{{"type": "string"}, words, request}}
		case frontend.Commands:
			words := config.Schema{"type": "array", "items": config.Schema{"type": "string"}, "minItems": 1}
			one = config.Schema{"anyOf": []config.Schema{{"type": "string"}, {"type": "array", "items": config.Schema{"anyOf": []config.Schema{{"type": "string"}, words}}}}}
		}
		one["description"] = s.Help
		properties[s.Name] = one
	}
	return config.Schema{"type": "object", "additionalProperties": false, "properties": properties}
}
