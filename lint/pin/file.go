package pin

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/convert"
	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/fix"
	"github.com/whittle-oci/whittle/lint/source"
	"github.com/whittle-oci/whittle/lint/suppress"
)

// A Status says what became of a reference, or would.
type Status string

// The values of Status.
const (
	Current  Status = "current"  // the digest is the tag's
	Stale    Status = "stale"    // the tag has moved on
	Unpinned Status = "unpinned" // there is no digest
	Pinned   Status = "pinned"   // a digest was written
	Updated  Status = "updated"  // a stale digest was replaced
	Left     Status = "left"     // there is nothing to write, Why says why
	Failed   Status = "failed"   // nobody could say, Err says why
)

// A Result is about one reference to an image, or one download.
type Result struct {
	Text   string // the reference or URL with the defaults of ARGs filled in
	Kind   string // what names it: FROM, COPY --from, RUN --mount, syntax or ADD
	Pos    source.Pos
	Status Status
	Was    string // the digest that stands in the file, "" for none
	Now    string // the digest that the tag has, "" where it was not asked
	Why    string
	Err    error

	ask   func(context.Context, *Resolver) (string, error)
	write func(now string) (source.Edit, bool)
}

// A Mode says what is written.
type Mode int

// The modes.
const (
	Check  Mode = iota // nothing
	Add                // digests and checksums where there are none
	Update             // those, and new ones in place of stale ones
)

// File looks at the images that a Dockerfile names and at what it downloads
// with ADD. It returns the text with the digests and checksums that the mode
// asks for, which is src's own where nothing is to be written, and what became
// of every reference, in the order of the file. The tag stays: debian:12 becomes
// debian:12@sha256:…, and debian, whose digest could not be told to be stale,
// debian:latest@sha256:…. Text that is no Dockerfile is a
// *dockerfile.SyntaxError; what cannot
// be asked about is in the results.
//
// What was written is converted again, with the same arguments. Where BuildKit
// would refuse more of it than before, the file is left as it is, with an error.
func (r *Resolver) File(ctx context.Context, src *source.File, mode Mode) ([]byte, []Result, error) {
	f, err := dockerfile.Parse(src)
	if err != nil {
		return nil, nil, err
	}
	results := append(references(f), downloads(f)...)
	slices.SortStableFunc(results, func(a, b Result) int {
		return cmp.Or(cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Col, b.Pos.Col))
	})
	var wait sync.WaitGroup
	for i := range results {
		x := &results[i]
		if x.Status == "" && (mode != Add || x.Was == "") {
			wait.Go(func() { x.Now, x.Err = x.ask(ctx, r) })
		}
	}
	wait.Wait()
	var sets []fix.Set
	for i := range results {
		if e, ok := results[i].settle(mode); ok && !slices.ContainsFunc(sets, func(s fix.Set) bool { return s[0].Span == e.Span }) {
			sets = append(sets, fix.Set{e})
		}
	}
	if len(sets) == 0 {
		return src.Bytes, results, nil
	}
	out, _ := fix.Apply(src.Bytes, sets)
	if err := worse(f, source.NewFile(src.Name, out)); err != nil {
		return nil, nil, err
	}
	return out, results, nil
}

// worse says what BuildKit would refuse of a text and does not refuse of the
// file that it is made from.
func worse(before *dockerfile.File, text *source.File) error {
	after, err := dockerfile.Parse(text)
	if err != nil {
		return fmt.Errorf("%s is left as it is; with digests BuildKit would not read it: %w", text.Name, err)
	}
	after.For(before.Build())
	was, now := convert.Refusals(before, nil), convert.Refusals(after, nil)
	for i, r := range now {
		if i >= len(was) || len(now) > len(was) && r.Err.Error() != was[i].Err.Error() {
			return fmt.Errorf("%s is left as it is; with digests BuildKit would refuse line %d: %w", text.Name, text.Pos(r.Span.Start).Line, r.Err)
		}
	}
	if len(after.Problems) > len(before.Problems) {
		return fmt.Errorf("%s is left as it is; with digests BuildKit would refuse it: %w", text.Name, after.Problems[0].Err)
	}
	return nil
}

// references lists the images that a file names. Those that there is nothing to
// ask about have a status already.
func references(f *dockerfile.File) []Result {
	off := switchedOff(f)
	var out []Result
	for _, ref := range f.ImageRefs() {
		name, digest, _ := strings.Cut(ref.Text, "@")
		x := Result{Text: ref.Text, Kind: ref.Kind.String(), Pos: f.Pos(ref.Span.Start), Was: digest}
		x.ask = func(ctx context.Context, r *Resolver) (string, error) { return r.Digest(ctx, ref.Text) }
		if !tagged(name) && digest == "" {
			name += ":latest" // what the digest is of, so that it can be told when it is stale
		}
		x.write = func(now string) (source.Edit, bool) {
			return source.Edit{Span: ref.Place, New: name + "@" + now}, ref.Writable()
		}
		switch {
		case !ref.Known:
			x.Text = string(f.Bytes[ref.Span.Start:ref.Span.End])
			x.Status, x.Why = Left, "a variable without a value is in it"
		case off(Rule(ref.Kind), x.Pos.Line):
			x.Status, x.Why = Left, "a comment switches "+Rule(ref.Kind)+" off here"
		case digest != "" && !tagged(name):
			x.Status, x.Why = Left, "it names a digest and no tag that could move"
		case !ref.Writable() && digest == "":
			x.Why = ref.Why
		}
		out = append(out, x)
	}
	return out
}

// checksumRule is the lint rule about downloads without a checksum.
const checksumRule = "add-without-checksum"

// downloads lists what a file downloads with ADD.
func downloads(f *dockerfile.File) []Result {
	off := switchedOff(f)
	var out []Result
	for _, d := range f.Downloads() {
		x := Result{Text: d.URL, Kind: "ADD", Pos: f.Pos(d.Span.Start), Was: d.Checksum}
		x.ask = func(ctx context.Context, r *Resolver) (string, error) { return r.Checksum(ctx, d.URL) }
		x.write = d.Check
		_, writable := d.Check("")
		switch {
		case !d.Known:
			x.Status, x.Why = Left, "a variable without a value is in it"
		case off(checksumRule, x.Pos.Line):
			x.Status, x.Why = Left, "a comment switches "+checksumRule+" off here"
		case strings.HasPrefix(d.URL, "http://"):
			x.Status, x.Why = Left, errPlain.Error()
		case !d.Alone:
			x.Status, x.Why = Left, "ADD checks one source; give it an ADD of its own"
		case !writable:
			x.Status, x.Why = Left, "a variable is a part of it, and another value has another checksum"
		}
		out = append(out, x)
	}
	return out
}

// switchedOff tells whether a comment suppresses a rule at a line.
func switchedOff(f *dockerfile.File) func(rule string, line int) bool {
	comments := lint.Suppressions(f).Comments
	return func(rule string, line int) bool {
		return slices.ContainsFunc(comments, func(c suppress.Comment) bool {
			_, off := c.Has(func(name string) bool { return name == rule })
			return off && c.Covers(line)
		})
	}
}

// Rule is the name of the lint rule about references of a kind without a
// digest.
func Rule(kind dockerfile.RefKind) string {
	switch kind {
	case dockerfile.FromRef:
		return "base-without-digest"
	case dockerfile.SyntaxRef:
		return "syntax-without-digest"
	}
	return "image-without-digest"
}

// tagged reports whether a reference without its digest has a tag.
func tagged(name string) bool {
	return strings.Contains(name[strings.LastIndexByte(name, '/')+1:], ":")
}

// settle decides what became of a reference that was asked about, and gives the
// edit that the mode asks for.
func (x *Result) settle(mode Mode) (source.Edit, bool) {
	switch {
	case x.Status != "":
		return source.Edit{}, false
	case x.Err != nil:
		x.Status = Failed
		return source.Edit{}, false
	case mode == Add && x.Was != "":
		x.Status, x.Why = Left, "it has a digest; --update would look whether it is stale"
		return source.Edit{}, false
	case x.Was == x.Now:
		x.Status = Current
		return source.Edit{}, false
	}
	e, ok := x.write(x.Now)
	if mode == Check || !ok {
		x.Status = Unpinned
		if x.Was != "" {
			x.Status = Stale
		}
		return source.Edit{}, false
	}
	x.Status = Pinned
	if x.Was != "" {
		x.Status = Updated
	}
	return e, true
}
