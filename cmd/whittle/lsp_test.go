package main

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/lint/lsp/lsptest"
)

// TestLanguageServer talks to the program as an editor does, over its standard
// input and output.
func TestLanguageServer(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return (&url.URL{Scheme: "file", Path: path}).String()
	}
	const config = "lint:\n  only: [sudo, stage-name-case, shellcheck-2046, NoEmptyContinuation]\n"
	conf := file(".whittle.yaml", config)
	text := "FROM debian:12 AS Base\r\nRUN echo 'é😀' && sudo ls $(ls)\r\n"
	dockerfile := file("my app/Dockerfile", "FROM is-not-saved\n")

	// The test's program is whittle when that is its name (testscript.Main).
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "whittle")
	if err := os.Symlink(self, program); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "lsp", "--stdio")
	cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+filepath.Join(dir, "cache"))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	e := lsptest.Start(t, out, in)
	e.Initialize(`{"workspace":{"workspaceEdit":{"documentChanges":true},"didChangeWatchedFiles":{"dynamicRegistration":true}}}`)

	// The text of the editor is checked with the configuration above the file.
	if p := e.Open(dockerfile, text); p.Codes() != "0:18-0:22 stage-name-case; 1:18-1:31 sudo; 1:26-1:31 shellcheck-2046" {
		t.Errorf("opened: %s", p.Codes())
	}
	e.Replace("é😀", "😀\\\r\n\r\né")
	p := e.Diagnostics()
	if p.Codes() != "0:18-0:22 stage-name-case; 2:0-2:0 empty-continuation; 3:6-3:19 sudo; 3:14-3:19 shellcheck-2046" {
		t.Errorf("changed: %s", p.Codes())
	}
	e.Replace("\\\r\n\r\n", "")
	e.Diagnostics()

	// Fixes and ignores; the finding is gone after.
	at := e.Of("sudo")
	for _, title := range []string{"Ignore sudo here", "Ignore shellcheck-2046 here", "Apply all fixes of whittle that build the same image"} {
		actions := e.Actions(lsptest.Range{Start: at, End: at})
		if title == "Ignore shellcheck-2046 here" {
			at = e.Of("$(ls)")
			actions = e.Actions(lsptest.Range{Start: at, End: at})
		}
		i := slices.IndexFunc(actions, func(a lsptest.Action) bool { return a.Title == title })
		if i < 0 {
			t.Fatalf("%s is not among %+v", title, actions)
		}
		e.Replace(e.Text, e.Apply(actions[i]))
		p = e.Diagnostics()
	}
	if want := "FROM debian:12 AS base\r\n# whittle ignore=sudo,shellcheck-2046\r\nRUN echo '😀é' && sudo ls $(ls)\r\n"; e.Text != want || p.Codes() != "" {
		t.Errorf("%q has %s, want %q", e.Text, p.Codes(), want)
	}

	// Pages, offline, and names.
	for at, want := range map[string]string{"sudo,": "# sudo\n", "shellcheck-2046": "www.shellcheck.net/wiki/SC2046"} {
		if got := e.Hover(e.Of(at)); !strings.Contains(got, want) {
			t.Errorf("hover on %s: %q", at, got)
		}
	}
	e.Replace("sudo,shellcheck-2046", "")
	if items := e.Complete(e.Of("\r\nRUN")); len(items) < 50 || items[0].Label != "shellcheck-2046" && items[0].Label != "sudo" {
		t.Errorf("%+v", items[:min(3, len(items))])
	}
	e.Diagnostics()

	// The configuration changes on disk.
	file(".whittle.yaml", "lint:\n  onlyy: [sudo]\n")
	e.Notify("workspace/didChangeWatchedFiles", map[string]any{"changes": []any{map[string]any{"uri": conf, "type": 2}}})
	if p := e.Diagnostics(); p.Codes() != "" {
		t.Errorf("with a wrong configuration: %s", p.Codes())
	}
	if _, messages, watching := e.Seen(); len(messages) != 1 || !strings.Contains(messages[0], "only") || !watching {
		t.Errorf("shown: %q, watching: %v", messages, watching)
	}
	file(".whittle.yaml", "lint:\n  only: [DL3004, ignore-file]\n")
	e.Notify("textDocument/didSave", map[string]any{"textDocument": map[string]any{"uri": conf}})
	if p := e.Diagnostics(); p.Codes() != "2:18-2:31 sudo" {
		t.Errorf("with another configuration: %s", p.Codes())
	}

	// A Compose or Bake file shows what its Dockerfiles do wrong, and no more; an
	// ignore file is no Dockerfile.
	for name, c := range map[string]struct{ text, want string }{
		"compose.yaml":         {"services:\n  a:\n    build:\n      dockerfile_inline: |\n        FROM debian:12\n        RUN sudo ls\n", "5:12-5:19 sudo"},
		"compose.dev.yml":      {"services:\n  a:\n    image: x\n", ""},
		"docker-bake.hcl":      {"target \"a\" {\n  dockerfile-inline = <<E\nFROM debian:12\nRUN sudo ls\nE\n}\n", "3:4-3:11 sudo"},
		"bake/docker-bake.hcl": {"target \"a\" {", ""},
		"sub/.dockerignore":    {"*.log\n../secrets\n", "1:0-1:10 ignore-file"},
		"sub/a.dockerignore":   {"a # b\nFROM debian\n", "0:0-0:5 ignore-file"},
	} {
		if p := e.Open(file(name, c.text), c.text); p.Codes() != c.want {
			t.Errorf("%s: %s, want %s", name, p.Codes(), c.want)
		}
	}
	e.Quit()
	if err := cmd.Wait(); err != nil {
		t.Errorf("the program ends with %v", err)
	}
}
