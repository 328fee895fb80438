package lsp

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
	"github.com/whittle-oci/whittle/lint/suppress"
)

// The kinds of actions that are offered.
const (
	kindQuickFix = "quickfix"
	kindFixAll   = "source.fixAll.whittle"
)

// actions offers the fixes of the findings in a range, comments that switch
// them off, and all safe fixes at once.
func (s *server) actions(ctx context.Context, snap snapshot, p codeActionParams) (any, error) {
	found, err := s.findings(ctx, snap)
	if err != nil {
		return nil, err
	}
	out := []codeAction{}
	if wanted(p.Context.Only, kindQuickFix) {
		asked := source.Span{Start: snap.text.offset(p.Range.Start), End: snap.text.offset(p.Range.End)}
		var here []lint.Diagnostic
		for _, d := range found.diags {
			if d.Span.Start <= asked.End && asked.Start <= d.Span.End {
				here = append(here, d)
			}
		}
		out = append(out, s.fixes(snap, here)...)
		if !found.within {
			out = append(out, s.ignores(snap, found.file, here)...)
		}
	}
	if wanted(p.Context.Only, kindFixAll) && slices.ContainsFunc(found.diags, isSafe) {
		all, err := guarded(func() (*codeAction, error) { return s.fixAll(ctx, snap, found) })
		if err != nil {
			return nil, err
		}
		if all != nil {
			out = append(out, *all)
		}
	}
	return out, nil
}

// wanted reports whether a kind is among those asked for; a kind stands for
// those below it, and none for all.
func wanted(only []string, kind string) bool {
	return len(only) == 0 || slices.ContainsFunc(only, func(o string) bool {
		return o == "" || kind == o || strings.HasPrefix(kind, o+".")
	})
}

func isSafe(d lint.Diagnostic) bool { return d.Fix != nil && d.Fix.Safety == rule.Safe }

func (s *server) fixes(snap snapshot, here []lint.Diagnostic) []codeAction {
	var out []codeAction
	for _, d := range here {
		if d.Fix == nil {
			continue
		}
		title := d.Fix.Title
		if d.Fix.Safety == rule.Unsafe {
			title += " (may build a different image)"
		}
		out = append(out, codeAction{
			Title: title, Kind: kindQuickFix, IsPreferred: isSafe(d),
			Diagnostics: []diagnostic{shown(snap.text, d)}, Edit: s.edit(snap, d.Fix.Edits),
		})
	}
	return out
}

// ignores offers a comment for each rule and instruction.
func (s *server) ignores(snap snapshot, file *source.File, here []lint.Diagnostic) []codeAction {
	parsed, err := dockerfile.Parse(file)
	if err != nil {
		return nil
	}
	comments := lint.Suppressions(parsed).Comments
	var out []codeAction
	seen := map[string]bool{}
	for _, d := range here {
		in, ok := parsed.At(file.Pos(d.Span.Start).Line)
		title := fmt.Sprintf("Ignore %s here", d.Rule.Name)
		if !ok || d.Rule.Is(lint.Syntax.Name) || seen[fmt.Sprint(title, in.Index)] {
			continue
		}
		seen[fmt.Sprint(title, in.Index)] = true
		out = append(out, codeAction{
			Title: title, Kind: kindQuickFix, Diagnostics: []diagnostic{shown(snap.text, d)},
			Edit: s.edit(snap, []source.Edit{ignore(file, comments, in.Node.StartLine, d.Rule.Name)}),
		})
	}
	return out
}

// ignore adds a rule to the comment that stands over an instruction, or a
// comment to the instruction.
func ignore(file *source.File, comments []suppress.Comment, line int, name string) source.Edit {
	for _, c := range comments {
		if c.Tool == "whittle" && c.Scope == suppress.Instruction && c.First == line && len(c.Names) > 0 && file.Pos(c.Span.Start).Line < line {
			at := c.Names[len(c.Names)-1].Span.End
			return source.Edit{Span: source.Span{Start: at, End: at}, New: "," + name}
		}
	}
	at := file.LineStart(line)
	text := string(file.Line(line))
	indent := text[:len(text)-len(strings.TrimLeft(text, " \t"))]
	return source.Edit{Span: source.Span{Start: at, End: at}, New: indent + "# whittle ignore=" + name + lineEnd(file.Bytes)}
}

// lineEnd is how the lines of a file end.
func lineEnd(b []byte) string {
	if line, _, ok := strings.Cut(string(b), "\n"); ok && strings.HasSuffix(line, "\r") {
		return "\r\n"
	}
	return "\n"
}

// fixAll applies the safe fixes until none is left.
func (s *server) fixAll(ctx context.Context, snap snapshot, found *findings) (*codeAction, error) {
	if found.within {
		return nil, nil // one fix at a time, at its place
	}
	opts := found.opts
	opts.Unsafe = false
	fixed, _, err := lint.Fix(ctx, found.file, opts)
	if err != nil || fixed == found.file {
		return nil, err
	}
	return &codeAction{
		Title: "Apply all fixes of whittle that build the same image", Kind: kindFixAll,
		Edit: s.edit(snap, changed(found.file.Bytes, fixed.Bytes)),
	}, nil
}

// edit turns edits of bytes into the client's form.
func (s *server) edit(snap snapshot, edits []source.Edit) *workspaceEdit {
	list := []textEdit{}
	for _, e := range edits {
		list = append(list, textEdit{snap.text.rangeOf(e.Span), e.New})
	}
	s.mu.Lock()
	versioned := s.client.Capabilities.Workspace.WorkspaceEdit.DocumentChanges
	s.mu.Unlock()
	if versioned {
		return &workspaceEdit{DocumentChanges: []documentEdit{{textDocument{URI: snap.uri, Version: snap.version}, list}}}
	}
	return &workspaceEdit{Changes: map[string][]textEdit{snap.uri: list}}
}
