package main

import (
	"fmt"
	"path/filepath"
	"reflect"

	"github.com/whittle-oci/whittle/lint/hadolint"
)

// A settingsCase is one of hadolint's cases about its own configuration: a
// command line, an environment or a file, and the settings it means.
type settingsCase struct {
	ID    string            `json:"id"`
	Kind  string            `json:"kind"` // argv, env or file
	Argv  []string          `json:"argv"`
	Env   map[string]string `json:"env"`
	YAML  string            `json:"yaml"`
	Fails bool              `json:"fails"`
	Error string            `json:"error"`
	Want  map[string]any    `json:"config"`
}

func settingsCases(r *report, corpus string) error {
	var cases []settingsCase
	if err := readJSON(filepath.Join(corpus, "hadolint-config-cases.json"), &cases); err != nil {
		return err
	}
	t := table{}
	for _, c := range cases {
		got, err := c.read()
		agree := err == nil && !c.Fails && c.Error == "" && reflect.DeepEqual(said(got), c.Want) || err != nil && (c.Fails || c.Error != "")
		if agree {
			t.at(c.Kind).agree++
			continue
		}
		t.at(c.Kind).missed++
		r.failf("%s: %v, %v; want %v", c.ID, said(got), err, c.Want)
	}
	t.print(r.out, "hadolint's configuration")
	fmt.Fprintf(r.out, "agreement %.2f %%\n", percent(t.sum().agree, t.sum().total()))
	return nil
}

func (c settingsCase) read() (hadolint.Config, error) {
	switch c.Kind {
	case "argv":
		return hadolint.FromArguments(c.Argv)
	case "env":
		return hadolint.FromEnvironment(func(name string) (string, bool) { v, ok := c.Env[name]; return v, ok }), nil
	}
	return hadolint.Parse("file", []byte(c.YAML))
}

// said gives the settings that a configuration sets, as JSON has them.
func said(c hadolint.Config) map[string]any {
	out := map[string]any{}
	list := func(key string, items []string) {
		if len(items) > 0 {
			any := make([]any, len(items))
			for i, s := range items {
				any[i] = s
			}
			out[key] = any
		}
	}
	list("files", c.Files)
	list("formats", c.Formats)
	list("output", c.Outputs)
	list("ignored", c.Ignored)
	list("trustedRegistries", c.Registries)
	for severity, rules := range c.Severities {
		list("override."+severity, rules)
	}
	for key, word := range map[string]string{"config": c.File, "file-path-in-report": c.PathInReport, "failure-threshold": c.Threshold} {
		if word != "" {
			out[key] = word
		}
	}
	for key, b := range map[string]*bool{
		"no-fail": c.NoFail, "no-color": c.NoColor, "verbose": c.Verbose, "strict-labels": c.StrictLabels, "disable-ignore-pragma": c.DisablePragma,
	} {
		if b != nil {
			out[key] = *b
		}
	}
	if c.Version {
		out["version"] = true
	}
	if len(c.Labels) > 0 {
		labels := map[string]any{}
		for name, kind := range c.Labels {
			labels[name] = kind
		}
		out["label-schema"] = labels
	}
	return out
}
