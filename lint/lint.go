// Package lint runs rules over Dockerfiles and applies their fixes.
//
// It takes the rules as a value and so does not import package rules; a
// caller that wants all of them passes rules.All().
package lint

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/whittle-oci/whittle/lint/convert"
	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/fix"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

// Options configures a run. The zero value runs no rules.
type Options struct {
	Rules    []rule.Rule
	Checkers []Checker
	// Runs reports whether the findings of a rule of a Checker are wanted; nil
	// for all.
	Runs func(*rule.Meta) bool
	// Convert also reports what BuildKit refuses while it turns the file into a
	// build, as an error that nothing switches off.
	Convert bool
	// Unsafe also applies fixes that may build a different image.
	Unsafe bool
	// FixOnly names the rules whose fixes are applied; empty for all.
	FixOnly []string
	// Severity replaces the severities of rules, by their names or aliases.
	Severity map[string]rule.Severity
	// Builds are the ways in which the file is built; what is wrong in one is
	// reported. Without any it is the last stage with the defaults of all
	// arguments.
	Builds []dockerfile.Build
	// Settings, Context, Images and Downloads are handed to every rule.
	Settings  rule.Settings
	Context   rule.Context
	Images    rule.Images
	Downloads rule.Downloads
	// Suppressed keeps findings that a comment switches off.
	Suppressed bool
	// SuppressFrom names the tools whose comments count: whittle, hadolint, check and
	// the others of package suppress. Without any all do.
	SuppressFrom []string
	// RequireReason reports comments that do not say why.
	RequireReason bool
	// ReportUnused reports comments that switch nothing off.
	ReportUnused bool
	// Known refuses a name that no rule has; with ReportUnused such names in
	// comments are reported. Nil takes every name.
	Known func(name string) error
	// Gather leaves out a finding where another one says as much of the same
	// place: what a rule yields to.
	Gather bool
	// Directive is what BUILDKIT_DOCKERFILE_CHECK says, in place of the check
	// directive at the head of the file; "" for what stands there.
	Directive string
	// Today is the day of the run as 2006-01-02, for comments that hold until
	// one; "" holds them all.
	Today string
}

// A Checker looks at a file with more than a pure function has: BuildKit's own
// checks, another program.
type Checker interface {
	Check(ctx context.Context, f *dockerfile.File) ([]Diagnostic, error)
}

// A Diagnostic is a finding with the rule and the file it belongs to.
type Diagnostic struct {
	Rule     *rule.Meta
	Severity rule.Severity
	File     *source.File
	rule.Finding
}

// Run checks one file. Diagnostics come in the order of the file, and in the
// order of rule names where two begin at the same byte. Text that is not a
// Dockerfile is one diagnostic, not an error.
func Run(ctx context.Context, src *source.File, opts Options) ([]Diagnostic, error) {
	diags, err := check(ctx, src, opts)
	if bad, ok := errors.AsType[*dockerfile.SyntaxError](err); ok {
		return syntaxDiagnostics(src, bad), nil
	}
	return diags, err
}

func syntaxDiagnostics(src *source.File, bad *dockerfile.SyntaxError) []Diagnostic {
	out := []Diagnostic{syntaxDiagnostic(src, bad)}
	for _, more := range bad.More {
		out = append(out, syntaxDiagnostic(src, more))
	}
	return out
}

func syntaxDiagnostic(src *source.File, bad *dockerfile.SyntaxError) Diagnostic {
	line := min(max(bad.Line, 1), src.Lines())
	start := src.LineStart(line)
	return Diagnostic{Rule: &Syntax, Severity: rule.Error, File: src, Finding: rule.Finding{
		Span: source.Span{Start: start, End: start + len(src.Line(line))}, Message: bad.Err.Error(), Refusal: true,
	}}
}

// check is Run, except that it returns a *dockerfile.SyntaxError as it is.
func check(ctx context.Context, src *source.File, opts Options) ([]Diagnostic, error) {
	f, err := dockerfile.Parse(src)
	if err != nil {
		return nil, err
	}
	return Check(ctx, f, opts)
}

// Check is Run for a file that is parsed already.
func Check(ctx context.Context, f *dockerfile.File, opts Options) ([]Diagnostic, error) {
	var out []Diagnostic
	var refusals []convert.Refusal
	builds := opts.Builds
	if len(builds) == 0 {
		builds = []dockerfile.Build{{}}
	}
	for i, b := range builds {
		if i > 0 || b.Target != "" || len(b.Args) > 0 || b.Platform != "" || len(b.Contexts) > 0 {
			f.For(b)
		}
		more, err := oneBuild(ctx, f, opts)
		if err != nil {
			return nil, err
		}
		out = merged(out, more)
		if opts.Convert {
			refusals = append(refusals, convert.Refusals(f, opts.environment())...)
		}
	}
	for i := range out {
		if s, ok := opts.severity(out[i].Rule); ok {
			out[i].Severity = s
		}
	}
	if !opts.Suppressed {
		out = dropSuppressed(f, out, opts)
	}
	if opts.Gather {
		out = gathered(out)
	}
	out = impossible(f, out, refusals)
	out = append(out, refused(f, out)...)
	slices.SortStableFunc(out, func(a, b Diagnostic) int {
		return cmp.Or(cmp.Compare(a.Span.Start, b.Span.Start), cmp.Compare(a.Rule.Name, b.Rule.Name))
	})
	return out, nil
}

// oneBuild gives what rules and checkers say of a file as one build sees it.
func oneBuild(ctx context.Context, f *dockerfile.File, opts Options) ([]Diagnostic, error) {
	var out []Diagnostic
	for i := range opts.Rules {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r := &opts.Rules[i]
		p := &rule.Pass{File: f, Settings: opts.Settings, Context: opts.Context, Images: opts.Images, Downloads: opts.Downloads}
		r.Check(p)
		for _, found := range p.Findings() {
			d := Diagnostic{Rule: &r.Meta, Severity: r.Severity, File: f.File, Finding: found}
			if found.Minor {
				d.Severity = max(d.Severity-1, rule.Style)
			}
			out = append(out, d)
		}
	}
	for _, c := range opts.Checkers {
		more, err := c.Check(ctx, f)
		if err != nil {
			return nil, err
		}
		if opts.Runs != nil {
			more = slices.DeleteFunc(more, func(d Diagnostic) bool { return !opts.Runs(d.Rule) })
		}
		out = append(out, unsaid(out, more)...)
	}
	return out, nil
}

// merged adds what another build of the same file has to say and those before
// it had not.
func merged(have, more []Diagnostic) []Diagnostic {
	if len(have) == 0 {
		return more
	}
	type key struct {
		rule, message string
		span          source.Span
	}
	keyOf := func(d Diagnostic) key { return key{d.Rule.Name, d.Message, d.Span} }
	said := map[key]bool{}
	for _, d := range have {
		said[keyOf(d)] = true
	}
	return append(have, slices.DeleteFunc(more, func(d Diagnostic) bool { return said[keyOf(d)] })...)
}

// gathered leaves out the findings of rules that yield to another one's of the
// same place, or about the same.
func gathered(diags []Diagnostic) []Diagnostic {
	type key struct {
		rule  string
		span  source.Span
		about string
	}
	said := map[key]bool{}
	for _, d := range diags {
		said[key{d.Rule.Name, d.Span, ""}] = true
		if d.About != "" {
			said[key{d.Rule.Name, source.Span{}, d.About}] = true
		}
	}
	return slices.DeleteFunc(diags, func(d Diagnostic) bool {
		return slices.ContainsFunc(d.Rule.Yields, func(name string) bool {
			return said[key{name, d.Span, ""}] || d.About != "" && said[key{name, source.Span{}, d.About}]
		})
	})
}

// refused makes diagnostics of the instructions that BuildKit does not take,
// where no rule has said it better.
func refused(f *dockerfile.File, have []Diagnostic) []Diagnostic {
	said := map[int]bool{}
	for _, d := range have {
		if in, ok := f.At(f.Pos(d.Span.Start).Line); ok && d.Refusal {
			said[in.Index] = true
		}
	}
	var out []Diagnostic
	for _, p := range f.Problems {
		if !said[p.Index] {
			out = append(out, Diagnostic{Rule: &Syntax, Severity: rule.Error, File: f.File, Finding: rule.Finding{
				Span: f.Instructions[p.Index].Span(), Message: p.Err.Error(), Refusal: true,
			}})
		}
	}
	return out
}

// impossible adds the places that no build gets beyond. Where a rule says the
// same of a place, its finding becomes an error.
func impossible(f *dockerfile.File, have []Diagnostic, refusals []convert.Refusal) []Diagnostic {
	type key struct {
		span    source.Span
		message string
	}
	said := map[key]bool{}
	for _, r := range refusals {
		k := key{r.Span, r.Err.Error()}
		if said[k] {
			continue // of another build
		}
		said[k] = true
		at := -1
		for _, name := range r.Rules {
			if at < 0 {
				at = slices.IndexFunc(have, func(d Diagnostic) bool {
					return d.Rule.Name == name && d.Span.Start < max(r.Span.End, r.Span.Start+1) && r.Span.Start < max(d.Span.End, d.Span.Start+1)
				})
			}
		}
		if at < 0 {
			have = append(have, Diagnostic{Rule: &Syntax, Severity: rule.Error, File: f.File, Finding: rule.Finding{
				Span: r.Span, Message: r.Err.Error(), Refusal: true,
			}})
		} else {
			have[at].Severity, have[at].Refusal = rule.Error, true
		}
	}
	return have
}

// environment asks the registry for what base images set, where it may be asked.
func (o Options) environment() convert.Environment {
	if o.Images == nil {
		return nil
	}
	return func(ref string) ([]string, bool) {
		i, ok := o.Images.Image(ref)
		return i.Env, ok && i.Env != nil
	}
}

// severity is what a rule's findings count as, where that is set.
func (o Options) severity(m *rule.Meta) (rule.Severity, bool) {
	if len(o.Severity) == 0 {
		return 0, false
	}
	if s, ok := o.Severity[m.Name]; ok {
		return s, true
	}
	for _, name := range m.Aliases {
		if s, ok := o.Severity[name]; ok {
			return s, true
		}
	}
	return 0, false
}

// fixes reports whether a rule's fixes may be applied.
func (o Options) fixes(m *rule.Meta) bool {
	return len(o.FixOnly) == 0 || slices.ContainsFunc(o.FixOnly, m.Is)
}

// unsaid leaves out what a rule of ours has said about the same line under a
// name of its own.
func unsaid(have, more []Diagnostic) []Diagnostic {
	said := map[string][]Diagnostic{} // by the names of rules
	for _, d := range have {
		for _, name := range append([]string{d.Rule.Name}, d.Rule.Aliases...) {
			said[name] = append(said[name], d)
		}
	}
	for _, list := range said {
		slices.SortStableFunc(list, func(a, b Diagnostic) int { return cmp.Compare(a.Span.Start, b.Span.Start) })
	}
	return slices.DeleteFunc(more, func(d Diagnostic) bool {
		line := d.File.Pos(d.Span.Start).Line
		for _, name := range append([]string{d.Rule.Name}, d.Rule.Aliases...) {
			// The last that begins before the line is the one to ask.
			list := said[name]
			n, _ := slices.BinarySearchFunc(list, line, func(h Diagnostic, line int) int {
				return cmp.Compare(h.File.Pos(h.Span.Start).Line, line+1)
			})
			if n > 0 && list[n-1].File.Pos(list[n-1].Span.End).Line >= line {
				return true
			}
		}
		return false
	})
}

// maxRounds bounds the rounds of fixing. Fixes settle in two or three; a pair
// of rules that undo each other would never settle.
const maxRounds = 10

// A FixError is a fix that made things worse. The file is left as it was.
type FixError struct {
	Name  string
	Rules []string // names of the rules whose fixes were applied last
	Err   error
}

// Error names the rules, since the bug is in one of them.
func (e *FixError) Error() string { return fmt.Sprintf("%s: fixing %v: %v", e.Name, e.Rules, e.Err) }

// Unwrap returns the cause.
func (e *FixError) Unwrap() error { return e.Err }

// Fix applies fixes, looking again after each round, until none is left to
// apply. It returns the new text and the diagnostics that remain. When nothing
// was changed the text is src itself.
func Fix(ctx context.Context, src *source.File, opts Options) (*source.File, []Diagnostic, error) {
	cur, last := src, []string(nil)
	refusals := -1
	for range maxRounds {
		diags, err := check(ctx, cur, opts)
		if bad, broke := errors.AsType[*dockerfile.SyntaxError](err); broke {
			if cur != src {
				return src, nil, &FixError{src.Name, last, err}
			}
			return src, syntaxDiagnostics(src, bad), nil
		}
		if err != nil {
			return src, nil, err
		}
		var sets []fix.Set
		var names []string
		now := 0
		for _, d := range diags {
			if d.Refusal {
				now++
			}
			if d.Fix != nil && opts.fixes(d.Rule) && (d.Fix.Safety == rule.Safe || d.Fix.Safety == rule.Unsafe && opts.Unsafe) {
				sets = append(sets, d.Fix.Edits)
				names = append(names, d.Rule.Name)
			}
		}
		if refusals >= 0 && now > refusals {
			return src, nil, &FixError{src.Name, last, errors.New("BuildKit does not take the result")}
		}
		refusals = now
		out, taken := fix.Apply(cur.Bytes, sets)
		if len(taken) == 0 {
			return cur, diags, nil
		}
		last = nil
		for _, i := range taken {
			last = append(last, names[i])
		}
		cur = source.NewFile(src.Name, out)
	}
	return src, nil, &FixError{src.Name, last, fmt.Errorf("not settled after %d rounds", maxRounds)}
}
