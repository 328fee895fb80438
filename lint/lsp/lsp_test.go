package lsp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sourcegraph/jsonrpc2"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/docs"
	"github.com/whittle-oci/whittle/lint/lsp"
	"github.com/whittle-oci/whittle/lint/lsp/lsptest"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules"
)

// chosen are rules with and without fixes.
func chosen(t *testing.T) []rule.Rule {
	t.Helper()
	var out []rule.Rule
	for _, r := range rules.All() {
		if slices.Contains([]string{"maintainer", "stage-name-case", "latest-base", "sudo", "add-for-copy", "apt-yes"}, r.Name) {
			out = append(out, r)
		}
	}
	if len(out) != 6 {
		t.Fatalf("%d rules", len(out))
	}
	return out
}

func config(t *testing.T) lsp.Config {
	t.Helper()
	all := chosen(t)
	var metas []rule.Meta
	for _, r := range all {
		metas = append(metas, r.Meta)
	}
	return lsp.Config{
		Version: "1.2.3", Rules: metas, Delay: time.Millisecond,
		Page: docs.Page,
		Find: func(name string) (rule.Meta, bool) {
			i := slices.IndexFunc(metas, func(m rule.Meta) bool { return m.Is(name) })
			if i < 0 {
				return rule.Meta{}, false
			}
			return metas[i], true
		},
		Options: func(context.Context, string) (lint.Options, bool, error) { return lint.Options{Rules: all}, true, nil },
	}
}

// serve starts a server; end waits for it.
func serve(t *testing.T, cfg lsp.Config) (e *lsptest.Editor, end func() error) {
	t.Helper()
	toServer, fromEditor := io.Pipe()
	toEditor, fromServer := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- lsp.Serve(t.Context(), toServer, fromServer, cfg)
		fromServer.Close()
	}()
	return lsptest.Start(t, toEditor, fromEditor), func() error { return <-ended }
}

const full = `{"workspace":{"workspaceEdit":{"documentChanges":true},"didChangeWatchedFiles":{"dynamicRegistration":true}}}`

// TestLifecycle keeps to the order of the protocol.
func TestLifecycle(t *testing.T) {
	e, end := serve(t, config(t))
	wantCode(t, e.Call("textDocument/hover", map[string]any{}, nil), -32002)
	can := e.Initialize(full)
	if can["positionEncoding"] != "utf-16" || can["hoverProvider"] != true || can["documentFormattingProvider"] != nil {
		t.Errorf("the server can %v", can)
	}
	wantCode(t, e.Call("initialize", map[string]any{}, nil), jsonrpc2.CodeInvalidRequest)
	wantCode(t, e.Call("textDocument/formatting", map[string]any{}, nil), jsonrpc2.CodeMethodNotFound)
	wantCode(t, e.Call("textDocument/hover", "a string", nil), jsonrpc2.CodeInvalidParams)
	wantCode(t, e.Call("textDocument/hover", map[string]any{"position": map[string]any{"line": -1}}, nil), jsonrpc2.CodeInvalidParams)
	if err := e.Call("textDocument/hover", map[string]any{"textDocument": map[string]any{"uri": "file:///nobody"}}, nil); err != nil {
		t.Errorf("a document that is not open: %v", err)
	}
	if err := e.Call("shutdown", nil, nil); err != nil {
		t.Fatal(err)
	}
	wantCode(t, e.Call("textDocument/hover", map[string]any{}, nil), jsonrpc2.CodeInvalidRequest)
	e.Notify("exit", nil)
	if err := end(); err != nil {
		t.Error(err)
	}

	e, end = serve(t, config(t))
	e.Initialize(`{}`)
	e.Notify("exit", nil)
	if err := end(); !errors.Is(err, lsp.ErrNoShutdown) {
		t.Errorf("an exit without shutdown: %v", err)
	}
}

func wantCode(t *testing.T, err error, code int64) {
	t.Helper()
	if e, ok := errors.AsType[*jsonrpc2.Error](err); !ok || e.Code != code {
		t.Errorf("the answer is %v, want code %d", err, code)
	}
}

// TestTyping follows changes of ranges, with characters of one, two and four
// bytes and both kinds of line ends.
func TestTyping(t *testing.T) {
	for _, end := range []string{"\n", "\r\n"} {
		e, _ := serve(t, config(t))
		e.Initialize(full)
		lines := func(s string) string { return strings.ReplaceAll(s, "\n", end) }
		p := e.Open("file:///src/Dockerfile", lines("FROM a:1 AS Base\nRUN echo 'é😀' && sudo ls\n"))
		if want := "0:12-0:16 stage-name-case; 1:18-1:25 sudo"; p.Codes() != want {
			t.Errorf("opened: %s, want %s", p.Codes(), want)
		}
		if d := p.Diagnostics[0]; d.Severity != 4 || d.Source != "whittle" || !strings.HasSuffix(d.CodeDescription.Href, "/stage-name-case.md") {
			t.Errorf("%+v", d)
		}
		e.Replace("é😀' && sudo", lines("😀é'  &&\\\n  sudo"))
		if p := e.Diagnostics(); p.Codes() != "0:12-0:16 stage-name-case; 2:2-2:9 sudo" {
			t.Errorf("after a line break: %s", p.Codes())
		}
		e.Replace("B", "b")
		e.Replace(lines("\\\n  sudo"), "")
		e.Replace("'😀", "'ä")
		e.Replace(":1", ":latest")
		if p := e.Diagnostics(); p.Codes() != "0:5-0:13 latest-base" {
			t.Errorf("after four changes: %s of %q", p.Codes(), e.Text)
		}
		e.Version++
		e.Notify("textDocument/didChange", map[string]any{
			"textDocument":   map[string]any{"uri": e.URI, "version": e.Version},
			"contentChanges": []any{map[string]any{"text": "MAINTAINER x"}, map[string]any{"text": "FROM a:1\nMAINTAINER x"}},
		})
		if p := e.Diagnostics(); p.Codes() != "1:0-1:10 maintainer" {
			t.Errorf("after a new text: %s", p.Codes())
		}
		e.Notify("textDocument/didClose", map[string]any{"textDocument": map[string]any{"uri": e.URI}})
		if p := e.Await(func(p lsptest.Published) bool { return p.Version == nil }); len(p.Diagnostics) > 0 {
			t.Errorf("a closed document has %s", p.Codes())
		}
		e.Quit()
	}
}

// TestUTF8 counts bytes with a client that does.
func TestUTF8(t *testing.T) {
	e, _ := serve(t, config(t))
	if can := e.Initialize(`{"general":{"positionEncodings":["utf-16","utf-8"]}}`); can["positionEncoding"] != "utf-8" {
		t.Errorf("the server can %v", can)
	}
	if p := e.Open("file:///Dockerfile", "FROM a:1\nRUN echo 'é😀' && sudo ls\n"); p.Codes() != "1:21-1:28 sudo" {
		t.Errorf("%s", p.Codes())
	}
}

// TestLatestWins checks only what is there when the typing stops.
func TestLatestWins(t *testing.T) {
	cfg := config(t)
	var checks atomic.Int32
	cfg.Delay = 50 * time.Millisecond
	options := cfg.Options
	cfg.Options = func(ctx context.Context, path string) (lint.Options, bool, error) {
		checks.Add(1)
		return options(ctx, path)
	}
	e, _ := serve(t, cfg)
	e.Initialize(full)
	e.Open("file:///Dockerfile", "FROM a:1\n# c\n")
	for range 50 {
		e.Replace("# c", "# cc")
	}
	e.Replace("a:1", "a:latest")
	if p := e.Diagnostics(); p.Codes() != "0:5-0:13 latest-base" {
		t.Errorf("%s", p.Codes())
	}
	if n := checks.Load(); n > 10 {
		t.Errorf("%d checks of 52 texts", n)
	}
}

// slow is a checker that waits until nobody wants its answer.
type slow struct{ started, cancelled chan struct{} }

func (s slow) Check(ctx context.Context, f *dockerfile.File) ([]lint.Diagnostic, error) {
	if !strings.Contains(string(f.Bytes), "slow") {
		return nil, nil
	}
	s.started <- struct{}{}
	<-ctx.Done()
	s.cancelled <- struct{}{}
	return nil, ctx.Err()
}

// TestCancel ends a check when the text changes, and a request when the client
// takes it back.
func TestCancel(t *testing.T) {
	cfg := config(t)
	s := slow{make(chan struct{}, 9), make(chan struct{}, 9)}
	cfg.Options = func(context.Context, string) (lint.Options, bool, error) {
		return lint.Options{Rules: chosen(t), Checkers: []lint.Checker{s}}, true, nil
	}
	e, end := serve(t, cfg)
	e.Initialize(full)
	e.Open("file:///Dockerfile", "FROM a:1\n")
	e.Replace("a:1", "slow:latest")
	<-s.started
	wantCode(t, e.TakenBack("textDocument/hover", map[string]any{
		"textDocument": map[string]any{"uri": e.URI}, "position": lsptest.Position{},
	}, s.started), -32800)
	<-s.cancelled
	e.Replace("slow", "fast")
	<-s.cancelled
	if p := e.Diagnostics(); p.Codes() != "0:5-0:16 latest-base" {
		t.Errorf("%s", p.Codes())
	}
	e.Replace("fast", "slow")
	<-s.started
	e.Quit()
	if err := end(); err != nil {
		t.Error(err)
	}
	<-s.cancelled
}

// TestMalformed answers what is no message and goes on.
func TestMalformed(t *testing.T) {
	in, out := io.Pipe()
	var said strings.Builder
	ended := make(chan error, 1)
	go func() { ended <- lsp.Serve(t.Context(), in, &said, config(t)) }()
	for _, m := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{}}}`, `{"jsonrpc`, `[]`, `null`, `{"jsonrpc":"2.0"}`, `{"jsonrpc":"2.0","method":1}`, `"\ud800"`,
		`{"jsonrpc":"2.0","method":"textDocument/didChange","params":{"contentChanges":7}}`, `{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":{}}}`,
		`{"jsonrpc":"2.0","id":"last","method":"shutdown"}`, `{"jsonrpc":"2.0","method":"exit"}`,
	} {
		if _, err := fmt.Fprintf(out, "content-length:%d\r\nContent-Type: x\r\n\r\n%s", len(m), m); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	for _, want := range []string{`"id":1,`, `-32700`, `-32600`, `"id":"last"`} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("no %s in %s", want, said.String())
		}
	}
}

// TestFixes offers a quick fix for each finding, and applies what is safe at
// once.
func TestFixes(t *testing.T) {
	for _, capabilities := range []string{full, `{}`} {
		e, _ := serve(t, config(t))
		e.Initialize(capabilities)
		text := "FROM a:latest AS Base\r\n# 😀\r\nMAINTAINER é\r\nRUN echo é😀 && apt-get install x\r\nFROM a:1 \\\r\n # é😀\r\n  AS Next"
		e.Open("file:///Dockerfile", text)
		at := e.Of("install")
		actions := e.Actions(lsptest.Range{Start: at, End: at}, "quickfix")
		if len(actions) != 2 || len(actions[0].Diagnostics) != 1 || actions[0].Diagnostics[0].Code != "apt-yes" || actions[1].Title != "Ignore apt-yes here" {
			t.Fatalf("%+v", actions)
		}
		if got, want := e.Apply(actions[0]), strings.Replace(text, "install", "install -y", 1); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		all := e.Actions(lsptest.Range{}, "source.fixAll")
		if len(all) != 1 || all[0].Kind != "source.fixAll.whittle" {
			t.Fatalf("%+v", all)
		}
		want := strings.NewReplacer("Base", "base", "Next", "next").Replace(text)
		if got := e.Apply(all[0]); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if n := len(all[0].Edits()); n != 2 {
			t.Errorf("%d edits: lines that stay are in them", n)
		}
		if got := e.Actions(lsptest.Range{}, "refactor"); len(got) > 0 {
			t.Errorf("%+v", got)
		}
		e.Replace(text, "FROM a:1\n")
		if got := e.Actions(lsptest.Range{End: lsptest.Position{Line: 1}}); len(got) > 0 {
			t.Errorf("a clean file has %+v", got)
		}
	}
}

// TestIgnores writes the comment that suppresses a finding, and the finding is
// gone.
func TestIgnores(t *testing.T) {
	for _, c := range []struct{ name, text, at, title, want string }{
		{"over the instruction", "FROM a:1\n  RUN x && \\\n sudo y\n", "sudo", "Ignore sudo here", "FROM a:1\n  # whittle ignore=sudo\n  RUN x && \\\n sudo y\n"},
		{"in CRLF", "FROM a:latest\r\n", "a:", "Ignore latest-base here", "# whittle ignore=latest-base\r\nFROM a:latest\r\n"},
		{"behind directives", "# syntax=docker/dockerfile:1\nFROM a:latest", "a:latest", "Ignore latest-base here", "# syntax=docker/dockerfile:1\n# whittle ignore=latest-base\nFROM a:latest"},
		{"in the comment that is there", "# whittle ignore=sudo -- why\nFROM a:latest\n", "a:", "Ignore latest-base here", "# whittle ignore=sudo,latest-base -- why\nFROM a:latest\n"},
		{"not in another tool's", "# hadolint ignore=DL3004\nFROM a:latest\n", "a:", "Ignore latest-base here", "# hadolint ignore=DL3004\n# whittle ignore=latest-base\nFROM a:latest\n"},
		{"of a trigger", "FROM a:1\nONBUILD RUN sudo x\n", "sudo", "Ignore sudo here", "FROM a:1\n# whittle ignore=sudo\nONBUILD RUN sudo x\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, _ := serve(t, config(t))
			e.Initialize(full)
			e.Open("file:///Dockerfile", c.text)
			at := e.Of(c.at)
			actions := e.Actions(lsptest.Range{Start: at, End: at})
			i := slices.IndexFunc(actions, func(a lsptest.Action) bool { return a.Title == c.title })
			if i < 0 {
				t.Fatalf("%+v", actions)
			}
			got := e.Apply(actions[i])
			if got != c.want {
				t.Fatalf("got %q, want %q", got, c.want)
			}
			e.Replace(c.text, got)
			if p := e.Diagnostics(); len(p.Diagnostics) > 0 {
				t.Errorf("still there: %s", p.Codes())
			}
		})
	}
}

// TestHover shows pages on findings and on names in comments.
func TestHover(t *testing.T) {
	e, _ := serve(t, config(t))
	e.Initialize(full)
	e.Open("file:///Dockerfile", "FROM a:1\n# hadolint ignore=DL3006, DL3004 # why\nRUN x\n# check=skip=MaintainerDeprecated\nRUN sudo x\n")
	for _, c := range []struct{ at, want string }{
		{"sudo", "warning: "}, {"udo", "# sudo\n"}, {"DL3004", "# sudo\n"}, {"3004 #", "# sudo\n"}, {"Deprecated", "# maintainer\n"},
		{"DL3006", ""}, {"why", ""}, {"FROM", ""}, {"ignore", ""}, {" x\n# check", ""},
	} {
		got := e.Hover(e.Of(c.at))
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("on %q: %q, want %q", c.at, got, c.want)
		}
	}
}

// TestComplete offers names where a comment wants one.
func TestComplete(t *testing.T) {
	e, _ := serve(t, config(t))
	e.Initialize(full)
	for _, c := range []struct {
		comment string // | is the cursor
		first   string // of the offers, "" for none
		applied string
	}{
		{"# whittle ignore=|", "sudo", "# whittle ignore=sudo"},
		{"# whittle ignore=la|te -- 😀", "sudo", "# whittle ignore=sudo -- 😀"},
		{"# whittle ignore=sudo, |", "add-for-copy", "# whittle ignore=sudo, add-for-copy"},
		{"# whittle stage ignore=x,|", "sudo", "# whittle stage ignore=x,sudo"},
		{"# hadolint global ignore=|", "DL3004", "# hadolint global ignore=DL3004"},
		{"# check=error=true;skip=|", "MaintainerDeprecated", "# check=error=true;skip=MaintainerDeprecated"},
		{"# trivy:ignore:|", "DS-0010", "# trivy:ignore:DS-0010"},
		{"# checkov:skip=|", "CKV2_DOCKER_1", "# checkov:skip=CKV2_DOCKER_1"},
		{"# ignore |", "", ""},
		{"# shellcheck disable=|", "", ""}, // ShellCheck knows no names but its own
		{"# whittle ignore=sudo -- why |", "", ""},
		{"RUN x|", "", ""},
	} {
		before, after, _ := strings.Cut(c.comment, "|")
		text := "FROM a:1\n" + before + after + "\nRUN sudo 😀\n"
		e.Open("file:///Dockerfile", text)
		items := e.Complete(lsptest.Position{Line: 1, Character: len(before)})
		if slices.ContainsFunc(items, func(i lsptest.Item) bool { return rule.Tool(i.Label) == "KICS" }) {
			t.Errorf("%s offers numbers of KICS", c.comment)
		}
		if c.first == "" {
			if len(items) > 0 {
				t.Errorf("%s offers %v", c.comment, items)
			}
			continue
		}
		if len(items) < 10 || items[0].Label != c.first || items[0].Detail == "" {
			t.Errorf("%s offers %v", c.comment, items)
			continue
		}
		var a lsptest.Action
		a.Edit.Changes = map[string][]lsptest.TextEdit{e.URI: {items[0].TextEdit}}
		if got, want := e.Apply(a), strings.Replace(text, before+after, c.applied, 1); got != want {
			t.Errorf("%s gives %q, want %q", c.comment, got, want)
		}
	}
}

// broken is a checker whose program is not there, or a rule that stumbles.
type broken struct{ err error }

func (b broken) Check(context.Context, *dockerfile.File) ([]lint.Diagnostic, error) {
	if b.err == nil {
		panic("half a line")
	}
	return nil, b.err
}

// TestTrouble says what is wrong once, and goes on.
func TestTrouble(t *testing.T) {
	for _, b := range []broken{{errors.New("no such program")}, {}} {
		cfg := config(t)
		cfg.Options = func(context.Context, string) (lint.Options, bool, error) {
			return lint.Options{Rules: chosen(t), Checkers: []lint.Checker{b}}, true, nil
		}
		e, _ := serve(t, cfg)
		e.Initialize(full)
		if p := e.Open("file:///Dockerfile", "FROM a:latest\n"); p.Codes() != "0:5-0:13 latest-base" {
			t.Errorf("%s", p.Codes())
		}
		e.Replace("a:", "b:")
		e.Diagnostics()
		if _, messages, _ := e.Seen(); len(messages) != 1 || !strings.Contains(messages[0], "no such program") && !strings.Contains(messages[0], "half a line") {
			t.Errorf("shown: %q", messages)
		}
	}

	cfg := config(t)
	wrong := atomic.Bool{}
	wrong.Store(true)
	options := cfg.Options
	cfg.Options = func(ctx context.Context, path string) (lint.Options, bool, error) {
		if wrong.Load() {
			return lint.Options{}, false, errors.New(".whittle.yaml:2: no such setting")
		}
		return options(ctx, path)
	}
	e, _ := serve(t, cfg)
	e.Initialize(full)
	if p := e.Open("file:///Dockerfile", "FROM a:latest\n"); p.Codes() != "" {
		t.Errorf("%s", p.Codes())
	}
	if _, _, watching := e.Seen(); !watching {
		t.Error("the server does not watch the configuration")
	}
	if _, messages, _ := e.Seen(); len(messages) != 1 || !strings.Contains(messages[0], "no such setting") {
		t.Errorf("shown: %q", messages)
	}
	if e.Open("file:///other/Dockerfile", "FROM a:latest\n"); true {
		if _, messages, _ := e.Seen(); len(messages) != 1 {
			t.Errorf("shown for two documents: %q", messages)
		}
	}
	wrong.Store(false)
	e.Notify("workspace/didChangeWatchedFiles", map[string]any{"changes": []any{}})
	if p := e.Diagnostics(); p.Codes() != "0:5-0:13 latest-base" {
		t.Errorf("after the configuration changed: %s", p.Codes())
	}
}
