package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("go.json", `[{"cycle":"1.10","eol":"2019-02-25"},{"cycle":"1.9","eol":true},{"cycle":"1.26","eol":false},{"cycle":"1.25","eol":"2027-01-01","link":"https://go.dev/x"}]`)
	got, err := table(dir, "2026-11-30")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`const asOf = "2026-11"`, `"golang": "1.9 ? 1.10 2019-02 1.25 - 1.26 -", // https://go.dev/x`} {
		if !strings.Contains(string(got), want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	for day, data := range map[string]string{"2026": "[]", "2026-11-30": "{}", "2026-11-29": `[{"cycle":"1"}]`} {
		write("go.json", data)
		if _, err := table(dir, day); err == nil {
			t.Errorf("%s on %s was taken", data, day)
		}
	}
}

// TestCurrent holds the table to its data.
func TestCurrent(t *testing.T) {
	dir := filepath.Join("..", "..", "rules", "internal", "families")
	have, err := os.ReadFile(filepath.Join(dir, "ended_data.go"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(have), `asOf = "`)
	month, _, _ := strings.Cut(rest, `"`)
	want, err := table(filepath.Join(dir, "data"), month+"-30")
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != string(have) {
		t.Error("the table is not that of the data; run make update")
	}
}
