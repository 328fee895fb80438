package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/whittle-oci/whittle/builder/inspect"
	"github.com/whittle-oci/whittle/lint/config"
)

// inspectSchema is the JSON Schema of what inspect prints with --json.
func inspectSchema() ([]byte, error) { return printed("inspect", reflect.TypeFor[inspect.Judged]()) }

// diffSchema is that of what diff prints.
func diffSchema() ([]byte, error) { return printed("diff", reflect.TypeFor[inspect.Comparison]()) }

func printed(verb string, t reflect.Type) ([]byte, error) {
	one := typeSchema(t)
	one["$schema"], one["$id"] = "https://json-schema.org/draft/2020-12/schema", "https://raw.githubusercontent.com/whittle-oci/whittle/main/docs/"+verb+".schema.json"
	one["title"], one["description"] = verb, "What whittle "+verb+" --json prints"
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	err := enc.Encode(one)
	return b.Bytes(), err
}

// typeSchema describes what a type marshals to: structures of texts, numbers,
// lists and structures. Whatever else there is panics, in the test.
func typeSchema(t reflect.Type) config.Schema {
	switch t.Kind() {
	case reflect.Pointer:
		return typeSchema(t.Elem())
	case reflect.String:
		return config.Schema{"type": "string"}
	case reflect.Bool:
		return config.Schema{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return config.Schema{"type": "integer"}
	case reflect.Slice:
		return config.Schema{"type": "array", "items": typeSchema(t.Elem())}
	case reflect.Struct:
		properties, required := config.Schema{}, []string{}
		fields(t, properties, &required)
		return config.Schema{"type": "object", "properties": properties, "required": required, "additionalProperties": false}
	}
	panic(fmt.Sprintf("%s has no place in a schema", t))
}

func fields(t reflect.Type, properties config.Schema, required *[]string) {
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			inner := f.Type
			if inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			fields(inner, properties, required)
		case name != "-" && f.IsExported():
			properties[name] = typeSchema(f.Type)
			if !strings.Contains(options, "omitempty") {
				*required = append(*required, name)
			}
		}
	}
}

// inspectRules is the table of what inspect looks for.
func inspectRules() string {
	var b strings.Builder
	b.WriteString("| finding | as | severity | says |\n| --- | --- | --- | --- |\n")
	for _, r := range inspect.Rules() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", r.Name, strings.Join(r.Aliases, ", "), r.Severity, r.Summary)
	}
	return b.String()
}
