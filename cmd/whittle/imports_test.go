package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestImports holds the packages to the direction of imports in the README.
// The left side may reach nothing whose path begins with one of the right.
func TestImports(t *testing.T) {
	const mod = "github.com/whittle-oci/whittle/"
	never := map[string][]string{
		"lint/source": {mod, "github.com/", "golang.org/"},
		"lint/fix":    {mod + "lint/rule", mod + "lint/dockerfile"},
		"lint":        {mod + "lint/rules", mod + "cmd", "github.com/sirupsen/logrus", "net/http"},
		"lint/rules":  {mod + "cmd", "github.com/sirupsen/logrus", "net/http", "os/exec"},
	}
	for pkg, banned := range never {
		out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", mod+pkg).Output()
		if err != nil {
			t.Fatal(err)
		}
		for dep := range strings.FieldsSeq(string(out)) {
			if dep == mod+pkg {
				continue
			}
			if slices.ContainsFunc(banned, func(b string) bool { return strings.HasPrefix(dep, b) }) {
				t.Errorf("%s reaches %s", pkg, dep)
			}
		}
	}
}
