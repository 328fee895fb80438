// Package lsptest is an editor for tests of the language server: it keeps the
// text of a document, sends its changes and applies edits to it. It counts in
// UTF-16 code units on its own, so as not to share the server's mistakes.
package lsptest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/sourcegraph/jsonrpc2"
)

// patience is how long an answer may take.
const patience = 30 * time.Second

// A Position counts lines and UTF-16 code units from 0.
type Position struct {
	Line      int `json:"line"`
	Character int `json:"character"`
}

// A Range is half open.
type Range struct {
	Start Position `json:"start"`
	End   Position `json:"end"`
}

// String writes a range as 1:2-1:5, counted from 0.
func (r Range) String() string {
	return fmt.Sprintf("%d:%d-%d:%d", r.Start.Line, r.Start.Character, r.End.Line, r.End.Character)
}

// A Diagnostic is what a server publishes.
type Diagnostic struct {
	Range           Range
	Severity        int
	Code            string
	CodeDescription struct{ Href string }
	Source          string
	Message         string
}

// A TextEdit replaces a range.
type TextEdit struct {
	Range   Range
	NewText string
}

// An Action is a code action.
type Action struct {
	Title       string
	Kind        string
	IsPreferred bool
	Diagnostics []Diagnostic
	Edit        struct {
		Changes         map[string][]TextEdit
		DocumentChanges []struct {
			TextDocument struct {
				URI     string
				Version int
			}
			Edits []TextEdit
		}
	}
}

// Edits are the edits of an action in either form.
func (a Action) Edits() []TextEdit {
	var out []TextEdit
	for _, c := range a.Edit.DocumentChanges {
		out = append(out, c.Edits...)
	}
	for _, c := range a.Edit.Changes {
		out = append(out, c...)
	}
	return out
}

// An Item is an offer of completion.
type Item struct {
	Label    string
	Detail   string
	SortText string
	TextEdit TextEdit
}

// Published is one message with diagnostics.
type Published struct {
	URI         string
	Version     *int
	Diagnostics []Diagnostic
}

// Codes are the rules of the diagnostics, as a list for messages.
func (p Published) Codes() string {
	var out []string
	for _, d := range p.Diagnostics {
		out = append(out, fmt.Sprintf("%s %s", d.Range, d.Code))
	}
	return strings.Join(out, "; ")
}

// An Editor talks to one server and has one document open.
type Editor struct {
	t    testing.TB
	conn *jsonrpc2.Conn

	URI     string
	Version int
	Text    string

	mu        sync.Mutex
	published []Published
	messages  []string
	watching  bool
	news      chan struct{}
}

type pipe struct {
	io.Reader
	io.WriteCloser
}

// Start connects to a server that reads from w and writes to r, without a
// greeting.
func Start(t testing.TB, r io.Reader, w io.WriteCloser) *Editor {
	t.Helper()
	e := &Editor{t: t, news: make(chan struct{}, 1)}
	// The codec is the library's, not the server's.
	stream := jsonrpc2.NewBufferedStream(pipe{r, w}, jsonrpc2.VSCodeObjectCodec{})
	e.conn = jsonrpc2.NewConn(t.Context(), stream, jsonrpc2.HandlerWithError(e.handle), jsonrpc2.SetLogger(log.New(io.Discard, "", 0)))
	t.Cleanup(func() { e.conn.Close() })
	return e
}

func (e *Editor) handle(_ context.Context, _ *jsonrpc2.Conn, req *jsonrpc2.Request) (any, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch req.Method {
	case "textDocument/publishDiagnostics":
		var p Published
		if err := json.Unmarshal(*req.Params, &p); err != nil {
			return nil, err
		}
		e.published = append(e.published, p)
	case "window/showMessage":
		var p struct{ Message string }
		if err := json.Unmarshal(*req.Params, &p); err != nil {
			return nil, err
		}
		e.messages = append(e.messages, p.Message)
	case "client/registerCapability":
		e.watching = strings.Contains(string(*req.Params), ".whittle.yaml")
	default:
		return nil, &jsonrpc2.Error{Code: jsonrpc2.CodeMethodNotFound, Message: req.Method}
	}
	select {
	case e.news <- struct{}{}:
	default:
	}
	return nil, nil
}

// Call asks the server something; errors are answers too.
func (e *Editor) Call(method string, params, result any) error {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(e.t.Context(), patience)
	defer cancel()
	return e.conn.Call(ctx, method, params, result)
}

// TakenBack asks the server something and takes the question back once the
// answer is being worked on.
func (e *Editor) TakenBack(method string, params any, begun <-chan struct{}) error {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(e.t.Context(), patience)
	defer cancel()
	const id = 4711
	call, err := e.conn.DispatchCall(ctx, method, params, jsonrpc2.PickID(jsonrpc2.ID{Num: id}))
	if err != nil {
		return err
	}
	select {
	case <-begun:
	case <-ctx.Done():
		return ctx.Err()
	}
	e.Notify("$/cancelRequest", map[string]any{"id": id})
	return call.Wait(ctx, nil)
}

// Notify tells the server something.
func (e *Editor) Notify(method string, params any) {
	e.t.Helper()
	if err := e.conn.Notify(e.t.Context(), method, params); err != nil {
		e.t.Fatal(err)
	}
}

// Initialize greets a server, with capabilities as JSON, and returns what it
// can do.
func (e *Editor) Initialize(capabilities string) map[string]any {
	e.t.Helper()
	var result struct{ Capabilities map[string]any }
	params := map[string]any{"processId": nil, "rootUri": nil, "capabilities": json.RawMessage(capabilities)}
	if err := e.Call("initialize", params, &result); err != nil {
		e.t.Fatal(err)
	}
	e.Notify("initialized", struct{}{})
	return result.Capabilities
}

func (e *Editor) document() map[string]any {
	return map[string]any{"uri": e.URI, "version": e.Version}
}

// Open opens a document and waits for what is said of it.
func (e *Editor) Open(uri, text string) Published {
	e.t.Helper()
	e.URI, e.Text, e.Version = uri, text, 1
	e.Notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{
		"uri": uri, "languageId": "dockerfile", "version": e.Version, "text": text,
	}})
	return e.Diagnostics()
}

// Replace puts text in place of what stands at the first place of old, and
// sends the change; it does not wait.
func (e *Editor) Replace(old, text string) {
	e.t.Helper()
	i := strings.Index(e.Text, old)
	if i < 0 {
		e.t.Fatalf("there is no %q in %q", old, e.Text)
	}
	r := Range{e.At(i), e.At(i + len(old))}
	e.Text = e.Text[:i] + text + e.Text[i+len(old):]
	e.Version++
	e.Notify("textDocument/didChange", map[string]any{
		"textDocument": e.document(), "contentChanges": []any{map[string]any{"range": r, "text": text}},
	})
}

// Diagnostics waits for what is said of the document as it is.
func (e *Editor) Diagnostics() Published {
	e.t.Helper()
	return e.Await(func(p Published) bool { return p.URI == e.URI && p.Version != nil && *p.Version == e.Version })
}

// Await waits for a message with diagnostics, and takes it and those before it.
func (e *Editor) Await(is func(Published) bool) Published {
	e.t.Helper()
	deadline := time.After(patience)
	for {
		e.mu.Lock()
		i := slices.IndexFunc(e.published, is)
		var p Published
		if i >= 0 {
			p = e.published[i]
			e.published = e.published[i+1:]
		}
		e.mu.Unlock()
		if i >= 0 {
			return p
		}
		select {
		case <-e.news:
		case <-deadline:
			e.t.Fatal("the server says nothing of the document")
		}
	}
}

// Seen are the diagnostics that nobody has waited for, and the messages that
// were shown.
func (e *Editor) Seen() (published []Published, messages []string, watching bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.published), slices.Clone(e.messages), e.watching
}

// Actions asks for the code actions of a range.
func (e *Editor) Actions(r Range, only ...string) []Action {
	e.t.Helper()
	var out []Action
	params := map[string]any{"textDocument": e.document(), "range": r, "context": map[string]any{"diagnostics": []any{}, "only": only}}
	if err := e.Call("textDocument/codeAction", params, &out); err != nil {
		e.t.Fatal(err)
	}
	return out
}

// Apply applies an action to the text.
func (e *Editor) Apply(a Action) string {
	e.t.Helper()
	edits := a.Edits()
	slices.SortFunc(edits, func(a, b TextEdit) int { return e.offset(b.Range.Start) - e.offset(a.Range.Start) })
	text := e.Text
	for _, edit := range edits {
		text = text[:e.offset(edit.Range.Start)] + edit.NewText + text[e.offset(edit.Range.End):]
	}
	return text
}

// Hover asks for what is shown at a place.
func (e *Editor) Hover(at Position) string {
	e.t.Helper()
	var out *struct{ Contents struct{ Value string } }
	if err := e.Call("textDocument/hover", map[string]any{"textDocument": e.document(), "position": at}, &out); err != nil {
		e.t.Fatal(err)
	}
	if out == nil {
		return ""
	}
	return out.Contents.Value
}

// Complete asks for completion at a place, and gives the offers in the order in
// which an editor shows them.
func (e *Editor) Complete(at Position) []Item {
	e.t.Helper()
	var out struct{ Items []Item }
	if err := e.Call("textDocument/completion", map[string]any{"textDocument": e.document(), "position": at}, &out); err != nil {
		e.t.Fatal(err)
	}
	slices.SortStableFunc(out.Items, func(a, b Item) int { return strings.Compare(a.SortText, b.SortText) })
	return out.Items
}

// Quit ends the talk as the protocol wants.
func (e *Editor) Quit() {
	e.t.Helper()
	if err := e.Call("shutdown", nil, nil); err != nil {
		e.t.Fatal(err)
	}
	e.Notify("exit", nil)
}

// At is the position of a byte of the text.
func (e *Editor) At(off int) Position {
	before := e.Text[:off]
	last := before[strings.LastIndexByte(before, '\n')+1:]
	return Position{strings.Count(before, "\n"), len(utf16.Encode([]rune(last)))}
}

// Of is the position of the first place of a text.
func (e *Editor) Of(text string) Position {
	e.t.Helper()
	i := strings.Index(e.Text, text)
	if i < 0 {
		e.t.Fatalf("there is no %q in %q", text, e.Text)
	}
	return e.At(i)
}

func (e *Editor) offset(p Position) int {
	off := 0
	for range p.Line {
		off += strings.IndexByte(e.Text[off:], '\n') + 1
	}
	units := 0
	for i, r := range e.Text[off:] {
		if units >= p.Character {
			return off + i
		}
		units += max(1, utf16.RuneLen(r))
	}
	return len(e.Text)
}
