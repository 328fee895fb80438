package lsp

import (
	"cmp"
	"context"
	"time"

	"github.com/sourcegraph/jsonrpc2"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/embedded"
	"github.com/whittle-oci/whittle/lint/format"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

// A document is what an editor has open.
type document struct {
	snapshot
	stop context.CancelFunc // ends the check under way
	told string             // the last trouble that was shown
}

// A snapshot is a document at one time.
type snapshot struct {
	uri string
	// language is what the client takes the document for.
	language string
	version  int // the client's
	change   int // ours
	text     text
	found    *findings // nil until there are any
}

// findings are what was said of a snapshot.
type findings struct {
	file  *source.File
	diags []lint.Diagnostic
	opts  lint.Options
	// within is true where the document is no Dockerfile but holds some, or is
	// an ignore file: comments do not switch findings off there.
	within bool
}

func (s *server) open(ctx context.Context, conn *jsonrpc2.Conn, t textDocument) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.docs[t.URI]; old != nil {
		old.stop()
	}
	d := &document{snapshot: snapshot{uri: t.URI, language: t.LanguageID, version: t.Version, text: newText([]byte(t.Text), s.units)}, stop: func() {}}
	s.docs[t.URI] = d
	s.schedule(ctx, conn, d, 0)
}

func (s *server) change(ctx context.Context, conn *jsonrpc2.Conn, p didChangeParams) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.docs[p.TextDocument.URI]
	if d == nil {
		return
	}
	for _, c := range p.Changes {
		d.text = d.text.change(c)
	}
	d.version = p.TextDocument.Version
	s.schedule(ctx, conn, d, s.cfg.Delay)
}

// again checks a document once more, and all of them when what changed may
// decide about others; "" is such a change.
func (s *server) again(ctx context.Context, conn *jsonrpc2.Conn, uri string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := uri == "" || isConfiguration(uri)
	for _, d := range s.docs {
		if all || d.uri == uri {
			s.schedule(ctx, conn, d, 0)
		}
	}
}

func (s *server) close(ctx context.Context, conn *jsonrpc2.Conn, uri string) {
	s.mu.Lock()
	d := s.docs[uri]
	if d != nil {
		d.stop()
		delete(s.docs, uri)
	}
	s.mu.Unlock()
	if d != nil {
		s.speaking.Lock()
		defer s.speaking.Unlock()
		_ = conn.Notify(ctx, "textDocument/publishDiagnostics", publishDiagnosticsParams{URI: uri, Diagnostics: []diagnostic{}})
	}
}

// schedule has a document checked after a while, unless it changes before then.
// s.mu is held.
func (s *server) schedule(ctx context.Context, conn *jsonrpc2.Conn, d *document, delay time.Duration) {
	d.stop()
	ctx, d.stop = context.WithCancel(ctx)
	s.changes++
	d.change, d.found = s.changes, nil
	snap := d.snapshot
	s.work.Go(func() {
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		found, err := s.check(ctx, snap)
		if ctx.Err() != nil {
			return
		}
		s.trouble(ctx, conn, snap.uri, err)
		s.publish(ctx, conn, snap, found)
	})
}

// publish sends findings, unless the document is another by now.
func (s *server) publish(ctx context.Context, conn *jsonrpc2.Conn, snap snapshot, found *findings) {
	s.speaking.Lock()
	defer s.speaking.Unlock()
	if !s.keep(snap, found) {
		return
	}
	out := []diagnostic{}
	for _, d := range found.diags {
		out = append(out, shown(snap.text, d))
	}
	_ = conn.Notify(ctx, "textDocument/publishDiagnostics", publishDiagnosticsParams{URI: snap.uri, Version: &snap.version, Diagnostics: out})
}

// keep remembers findings, unless the document is another by now.
func (s *server) keep(snap snapshot, found *findings) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.docs[snap.uri]
	if d == nil || d.change != snap.change {
		return false
	}
	d.found = found
	return true
}

// findings are those of a snapshot, made now when there are none yet.
func (s *server) findings(ctx context.Context, snap snapshot) (*findings, error) {
	if snap.found != nil {
		return snap.found, nil
	}
	found, err := s.check(ctx, snap)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return found, nil // the check under way tells of it
	}
	s.keep(snap, found)
	return found, nil
}

// check checks a snapshot. What goes wrong with other programs does not keep
// our own rules from speaking: there are findings with an error, too.
func (s *server) check(ctx context.Context, snap snapshot) (*findings, error) {
	file := source.NewFile(nameOf(snap.uri), snap.text.bytes)
	found := &findings{file: file}
	if s.cfg.IgnoreFile != nil {
		diags, is, err := s.cfg.IgnoreFile(ctx, pathOf(snap.uri), file)
		if is || err != nil {
			found.diags, found.within = diags, true
			return found, err
		}
	}
	if s.cfg.Parts != nil {
		parts, is, err := s.cfg.Parts(ctx, pathOf(snap.uri), snap.language, snap.text.bytes)
		if is || err != nil {
			return s.checkParts(ctx, found, parts, err)
		}
	}
	opts, ok, err := s.cfg.Options(ctx, pathOf(snap.uri))
	if err != nil || !ok {
		return found, err
	}
	found.opts = opts
	found.diags, err = guarded(func() ([]lint.Diagnostic, error) { return lint.Run(ctx, file, opts) })
	if err != nil && len(opts.Checkers) > 0 && ctx.Err() == nil {
		opts.Checkers = nil
		found.diags, _ = guarded(func() ([]lint.Diagnostic, error) { return lint.Run(ctx, file, opts) })
	}
	return found, err
}

// checkParts checks the Dockerfiles within a document. Their findings have the
// places of the document.
func (s *server) checkParts(ctx context.Context, found *findings, parts []Part, err error) (*findings, error) {
	found.within = true
	for _, p := range parts {
		text := embedded.In(found.file, p.Block)
		diags, failed := guarded(func() ([]lint.Diagnostic, error) { return lint.Run(ctx, text.File, p.Options) })
		err = cmp.Or(err, failed)
		for _, d := range diags {
			d.File, d.Span = found.file, text.Span(d.Span)
			if d.Fix != nil {
				fix := d.Fix
				d.Fix = nil
				if edits, ok := text.Edits(fix.Edits); ok {
					d.Fix = &rule.Fix{Title: fix.Title, Safety: fix.Safety, Edits: edits}
				}
			}
			found.diags = append(found.diags, d)
		}
	}
	return found, err
}

// trouble shows what went wrong with a document, once until it is something
// else, and once for all that have the same.
func (s *server) trouble(ctx context.Context, conn *jsonrpc2.Conn, uri string, err error) {
	said := ""
	if err != nil {
		said = err.Error()
	}
	known := true
	s.mu.Lock()
	if d := s.docs[uri]; d != nil {
		known = false
		for _, other := range s.docs { // one configuration is of many documents
			known = known || other.told == said
		}
		d.told = said
	}
	s.mu.Unlock()
	if said != "" && !known {
		_ = conn.Notify(ctx, "window/showMessage", messageParams{messageError, "whittle: " + said})
	}
}

// severities are the protocol's.
var severities = map[rule.Severity]int{rule.Error: severityError, rule.Warning: severityWarning, rule.Info: severityInformation, rule.Style: severityHint}

func shown(t text, d lint.Diagnostic) diagnostic {
	return diagnostic{
		Range: t.rangeOf(d.Span), Severity: severities[d.Severity], Code: d.Rule.Name, Source: "whittle", Message: d.Message,
		CodeDescription: &codeDescription{format.URL(d.Rule)},
	}
}
