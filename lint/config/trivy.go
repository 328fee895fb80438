package config

import (
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/whittle-oci/whittle/lint/suppress"
)

// ParseTrivyIgnore reads .trivyignore, one rule a line, or .trivyignore.yaml.
// Rules that are no misconfigurations, such as CVEs, do no harm. today, as
// 2006-01-02, is for those that hold until a day.
func ParseTrivyIgnore(name string, data []byte, today string) (File, error) {
	f := File{Name: name, Dir: filepath.Dir(name), Suppresses: true}
	if filepath.Ext(name) == ".yaml" {
		return f, f.trivyYAML(data, today)
	}
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		until := ""
		for _, w := range words[1:] {
			if day, ok := strings.CutPrefix(w, "exp:"); ok {
				until = day
			}
		}
		if until == "" || today <= until {
			f.Ignore = append(f.Ignore, trivyRule(words[0])...)
		}
	}
	return f, nil
}

func (f *File) trivyYAML(data []byte, today string) error {
	var doc struct {
		Misconfigurations []struct {
			ID    string   `yaml:"id"`
			Paths []string `yaml:"paths"`
			Until string   `yaml:"expired_at"`
		} `yaml:"misconfigurations"`
	}
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return Invalid(f.Name, err)
	}
	for _, m := range doc.Misconfigurations {
		if m.Until != "" && m.Until < today {
			continue
		}
		ignore := trivyRule(m.ID)
		if len(m.Paths) == 0 {
			f.Ignore = append(f.Ignore, ignore...)
			continue
		}
		f.Overrides = append(f.Overrides, Override{Files: m.Paths, Layer: Layer{Ignore: ignore}})
	}
	return nil
}

// trivyRule is a rule of trivy's, or nothing where a word is none.
func trivyRule(word string) []string {
	id := suppress.TrivyID(word)
	if id == "" || id[0] < 'A' || id[0] > 'Z' {
		return nil
	}
	return []string{id}
}
