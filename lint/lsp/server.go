// Package lsp is the linter as a language server: findings as one types, fixes
// and ignores as code actions, the rule's page on hover, names of rules in
// comments. Formatting is left to others.
//
// It speaks the Language Server Protocol 3.17 over two streams. What needs the
// world around it, such as configuration and programs, is handed in.
package lsp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sourcegraph/jsonrpc2"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/embedded"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

// Config is what a server is told by the program around it.
type Config struct {
	Version string // of the program
	// Rules are those that completion offers and whose pages are shown.
	Rules []rule.Meta
	// Find finds a rule by any of its names, those beyond Rules among them.
	Find func(name string) (rule.Meta, bool)
	// Page is the page of a rule, as Markdown.
	Page func(rule.Meta) string
	// Options are what a file is checked with; path is "" for a document that
	// is no file. ok is false for files that are not to be checked.
	Options func(ctx context.Context, path string) (opts lint.Options, ok bool, err error)
	// Parts are the Dockerfiles that stand in a Compose or Bake file, given by its
	// path and its text. is is false for any other file, which is a Dockerfile.
	Parts func(ctx context.Context, path, language string, text []byte) (parts []Part, is bool, err error)
	// IgnoreFile checks an ignore file, given by its path. is is false for any
	// other file.
	IgnoreFile func(ctx context.Context, path string, file *source.File) (diags []lint.Diagnostic, is bool, err error)
	// Delay is how long to wait for the next key before a check.
	Delay time.Duration
}

// A Part is a Dockerfile within a document.
type Part struct {
	Block   embedded.Block
	Options lint.Options // that it is checked with
}

// ErrNoShutdown is an end that the client did not announce.
var ErrNoShutdown = errors.New("the client went away without a shutdown")

// Serve talks to one client until it ends the talk, r does, or ctx.
func Serve(ctx context.Context, r io.Reader, w io.Writer, cfg Config) error {
	s := &server{cfg: cfg, units: utf16Units, docs: map[string]*document{}, requests: map[string]context.CancelFunc{}}
	stream := newStream(r, w)
	conn := jsonrpc2.NewConn(ctx, stream, s, jsonrpc2.SetLogger(log.New(io.Discard, "", 0)))
	<-conn.DisconnectNotify()
	s.work.Wait()
	select {
	case <-stream.written:
	case <-time.After(farewell): // nobody reads
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != leaving {
		return ErrNoShutdown
	}
	return nil
}

// farewell is how long the last words may take.
const farewell = time.Second

// A phase is how far the talk has come.
type phase int

const (
	waiting phase = iota // for initialize
	running
	leaving // after shutdown
)

type server struct {
	cfg  Config
	work sync.WaitGroup

	// speaking is held while findings are sent, so that older ones do not come
	// last.
	speaking sync.Mutex

	mu       sync.Mutex
	phase    phase
	units    encoding
	client   initializeParams
	docs     map[string]*document
	changes  int // of all documents, to tell texts apart
	requests map[string]context.CancelFunc
}

// Handle implements jsonrpc2.Handler. Documents change in the order of the
// messages; questions are answered beside.
func (s *server) Handle(ctx context.Context, conn *jsonrpc2.Conn, req *jsonrpc2.Request) {
	s.mu.Lock()
	phase := s.phase
	s.mu.Unlock()
	switch {
	case req.Method == "exit":
		_ = conn.Close()
	case req.Method == "initialize" && phase == waiting:
		s.initialize(ctx, conn, req)
	case phase == waiting && !req.Notif:
		refuse(ctx, conn, req, codeNotInitialized, "the first request is initialize")
	case phase == leaving && !req.Notif, req.Method == "initialize":
		refuse(ctx, conn, req, jsonrpc2.CodeInvalidRequest, req.Method+" comes too late")
	case phase != running:
	case req.Notif:
		s.notified(ctx, conn, req)
	default:
		s.asked(ctx, conn, req)
	}
}

func refuse(ctx context.Context, conn *jsonrpc2.Conn, req *jsonrpc2.Request, code int64, message string) {
	_ = conn.ReplyWithError(ctx, req.ID, &jsonrpc2.Error{Code: code, Message: message})
}

func (s *server) initialize(ctx context.Context, conn *jsonrpc2.Conn, req *jsonrpc2.Request) {
	var p initializeParams
	if err := decode(req, &p); err != nil {
		refuse(ctx, conn, req, jsonrpc2.CodeInvalidParams, err.Error())
		return
	}
	s.mu.Lock()
	s.client, s.phase = p, running
	if slices.Contains(p.Capabilities.General.PositionEncodings, string(utf8Units)) {
		s.units = utf8Units
	}
	units := s.units
	s.mu.Unlock()
	_ = conn.Reply(ctx, req.ID, initializeResult{
		ServerInfo: serverInfo{"whittle", s.cfg.Version},
		Capabilities: serverCapabilities{
			PositionEncoding:   string(units),
			TextDocumentSync:   syncOptions{OpenClose: true, Change: syncIncremental},
			HoverProvider:      true,
			CodeActionProvider: codeActionOptions{[]string{kindQuickFix, kindFixAll}},
			CompletionProvider: &completionOptions{[]string{"=", ",", ":"}},
		},
	})
}

// asked answers a request beside the messages that follow.
func (s *server) asked(ctx context.Context, conn *jsonrpc2.Conn, req *jsonrpc2.Request) {
	var answer func(context.Context, snapshot) (any, error)
	var about positionParams
	switch req.Method {
	case "shutdown":
		s.mu.Lock()
		s.phase = leaving
		s.mu.Unlock()
		_ = conn.Reply(ctx, req.ID, nil)
		return
	case "textDocument/hover":
		answer = func(ctx context.Context, d snapshot) (any, error) { return s.hover(ctx, d, about.Position) }
	case "textDocument/completion":
		answer = func(ctx context.Context, d snapshot) (any, error) { return s.complete(ctx, d, about.Position) }
	case "textDocument/codeAction":
		var p codeActionParams
		if err := decode(req, &p); err != nil {
			refuse(ctx, conn, req, jsonrpc2.CodeInvalidParams, err.Error())
			return
		}
		answer = func(ctx context.Context, d snapshot) (any, error) { return s.actions(ctx, d, p) }
	default:
		refuse(ctx, conn, req, jsonrpc2.CodeMethodNotFound, "there is no method "+req.Method)
		return
	}
	if err := decode(req, &about); err != nil {
		refuse(ctx, conn, req, jsonrpc2.CodeInvalidParams, err.Error())
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	id := req.ID.String()
	s.mu.Lock()
	d, open := s.docs[about.TextDocument.URI]
	var snap snapshot
	if open {
		snap = d.snapshot
	}
	s.requests[id] = cancel
	s.mu.Unlock()
	s.work.Go(func() {
		defer cancel()
		var result any
		var err error
		if open {
			result, err = guarded(func() (any, error) { return answer(ctx, snap) })
		}
		s.mu.Lock()
		delete(s.requests, id)
		s.mu.Unlock()
		switch {
		case ctx.Err() != nil:
			refuse(context.WithoutCancel(ctx), conn, req, codeRequestCancelled, "cancelled")
		case err != nil:
			refuse(ctx, conn, req, jsonrpc2.CodeInternalError, err.Error())
		default:
			_ = conn.Reply(ctx, req.ID, result)
		}
	})
}

// guarded turns a panic into an error: an editor's server outlives a rule that
// stumbles over half a line.
func guarded[T any](do func() (T, error)) (out T, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("whittle failed inside: %v", r)
		}
	}()
	return do()
}

// notified takes in what happens in the editor. What cannot be understood is
// passed over, as there is nobody to tell.
func (s *server) notified(ctx context.Context, conn *jsonrpc2.Conn, req *jsonrpc2.Request) {
	switch req.Method {
	case "initialized":
		s.watch(ctx, conn)
	case "textDocument/didOpen":
		var p didOpenParams
		if decode(req, &p) == nil {
			s.open(ctx, conn, p.TextDocument)
		}
	case "textDocument/didChange":
		var p didChangeParams
		if decode(req, &p) == nil {
			s.change(ctx, conn, p)
		}
	case "textDocument/didSave":
		var p didOpenParams
		if decode(req, &p) == nil {
			s.again(ctx, conn, p.TextDocument.URI)
		}
	case "textDocument/didClose":
		var p didOpenParams
		if decode(req, &p) == nil {
			s.close(ctx, conn, p.TextDocument.URI)
		}
	case "workspace/didChangeConfiguration", "workspace/didChangeWatchedFiles":
		s.again(ctx, conn, "")
	case "$/cancelRequest":
		var p cancelParams
		var id jsonrpc2.ID
		if decode(req, &p) != nil || json.Unmarshal(p.ID, &id) != nil {
			return
		}
		s.mu.Lock()
		if cancel := s.requests[id.String()]; cancel != nil {
			cancel()
		}
		s.mu.Unlock()
	}
}

// watched are the files that decide how a Dockerfile is checked.
var watched = []string{
	"**/.whittle.yaml", "**/.hadolint.{yaml,yml}", "**/.trivyignore", "**/.trivyignore.yaml", "**/*.dockerignore",
	"**/{compose,docker-compose}*.{yaml,yml}", "**/docker-bake*.{hcl,json}",
}

// watch asks to hear of changes of files that decide about findings.
func (s *server) watch(ctx context.Context, conn *jsonrpc2.Conn) {
	s.mu.Lock()
	able := s.client.Capabilities.Workspace.DidChangeWatchedFiles.DynamicRegistration
	s.mu.Unlock()
	if !able {
		return
	}
	var w fileWatchers
	for _, glob := range watched {
		w.Watchers = append(w.Watchers, fileWatcher{glob})
	}
	call, err := conn.DispatchCall(ctx, "client/registerCapability", registrationParams{[]registration{
		{"whittle", "workspace/didChangeWatchedFiles", w},
	}})
	if err != nil {
		return
	}
	// A client that refuses sends its own changes when files are saved.
	s.work.Go(func() { _ = call.Wait(ctx, nil) })
}

// decode reads the parameters of a message.
func decode(req *jsonrpc2.Request, to any) error {
	if req.Params == nil {
		return fmt.Errorf("%s has no parameters", req.Method)
	}
	if err := json.Unmarshal(*req.Params, to); err != nil {
		return fmt.Errorf("%s: %w", req.Method, err)
	}
	return nil
}

// isConfiguration reports whether a document decides how others are checked.
func isConfiguration(uri string) bool {
	base := path.Base(uri)
	return slices.Contains([]string{".whittle.yaml", ".hadolint.yaml", ".hadolint.yml", ".trivyignore", ".trivyignore.yaml"}, base) || strings.HasSuffix(base, ".dockerignore")
}
