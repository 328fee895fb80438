package need

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/tree"
)

// Limits on one closure. They are far above what real images have.
const (
	maxNeeds  = 4 << 20  // needs that are looked at
	maxRounds = 100      // rounds of settling
	maxRead   = 16 << 30 // bytes of files that are read; an Env may say less
)

// An item is a need on the worklist, with what it inherits from who asked.
type item struct {
	Need
	root bool // it is one of those that Close was given
	must bool // who asked cannot start without it, whether or not that is needed
}

// rank orders what may be said of a file: what is needed comes before what is
// only there, what was asked for first before what follows from it. It does
// not depend on the way on which a file was reached.
func (it item) rank() int {
	r := int(Required - it.Strength)
	if !it.root {
		r += 4
	}
	if it.Droppable {
		r += 8
	}
	return r
}

// names are strings as numbers, which a map finds faster when there are many.
type names map[string]uint32

func (n names) number(s string) uint32 {
	i, ok := n[s]
	if !ok {
		i = uint32(len(n)) + 1 //nolint:gosec // maxNeeds bounds it
		n[s] = i
	}
	return i
}

// asked tells items apart that a provider answers in the same way.
type asked struct {
	path, name, instruction uint32
	kind                    Kind
}

// seen tells items apart that have the same consequences. by and reason are of
// those whose consequences depend on who asks.
type seen struct {
	asked
	by, reason       uint32
	strength         Strength
	shell, droppable bool
}

// key is what an item is told apart by, given the real path of its file.
func (c *closer) key(real string, it item) seen {
	a := asked{path: c.names.number(real), instruction: c.names.number(it.Instruction), kind: it.Kind}
	a.name = a.path
	if it.Path != real {
		a.name = c.names.number(it.Path)
	}
	return seen{asked: a, strength: it.Strength, shell: it.Shell, droppable: it.Droppable}
}

// closer is the worklist of one Close.
type closer struct {
	env       *Env
	tree      *metered
	providers []Provider
	set       *Set
	queue     []item
	names     names
	passed
	answers map[asked]*answer // nil where no provider claims the file
	facts   facts
	pending map[string]Need // kept links and directories that wait, by path
	needs   int
}

// passed is what has been asked for and need not be asked for again.
type passed struct {
	done    map[seen]bool
	settled map[seen]bool // by settling
	bundles map[bundled]bool
}

// bundled tells apart the ways in which a bundle is needed: what its needs
// inherit from who asks.
type bundled struct {
	bundle      *Bundle
	strength    Strength
	instruction string
	shell       bool
}

type answer struct {
	found  Found
	err    error // *image.RefusedError or *image.UnsupportedError
	head   []byte
	askers []Asker // those that have to know who asks
}

// Close finds the transitive closure of what roots ask for: a worklist of needs,
// each of which is admitted, resolved and shown to the providers, whose needs are
// put on the list in turn. Every provider that claims a file answers for it.
//
// Errors are *image.RefusedError when something that is required cannot be
// met, *image.UnsupportedError when a runtime is not known or there is more to
// look at than the limits allow, and whatever reading the tree gave otherwise. Where there are several, the one of the
// first instruction counts.
func Close(ctx context.Context, env *Env, roots Found, providers []Provider) (*Set, error) {
	if env.heads == nil {
		env.heads = map[string][]byte{}
	}
	within := *env
	bounded := &metered{Tree: env.Tree, left: cmp.Or(env.MaxRead, maxRead)}
	within.Tree = bounded
	n := len(roots.Needs) // most needs are roots where there are many
	c := &closer{
		env: &within, tree: bounded, providers: providers, set: newSet(n),
		names: make(names, n), passed: passed{make(map[seen]bool, n), map[seen]bool{}, map[bundled]bool{}}, answers: map[asked]*answer{}, pending: map[string]Need{},
		facts: facts{map[Fact]bool{}, map[ShellUse]bool{}, map[image.Component]bool{}, map[image.Warning]bool{}, nil},
	}
	c.note(roots)
	c.queue = make([]item, 0, n)
	for _, r := range roots.Needs {
		c.queue = append(c.queue, item{r, true, r.Strength == Required})
	}
	var last Found
	for round := 0; ; round++ {
		if round == maxRounds {
			return nil, unknown("what the image needs depends on itself in more than %d steps", maxRounds)
		}
		if err := c.drain(ctx); err != nil {
			return nil, c.known(err)
		}
		var err error
		if last, err = c.settle(ctx); err != nil {
			return nil, c.known(err)
		}
		if len(c.queue) == 0 {
			break
		}
	}
	if err := c.known(First(c.facts.failures...)); err != nil {
		return nil, err
	}
	c.note(last)
	for _, name := range slices.Sorted(maps.Keys(c.pending)) {
		if c.pending[name].Kind != KeptLink {
			continue
		}
		res, err := tree.Resolve(ctx, env.Tree, name)
		if err != nil {
			return nil, fmt.Errorf("resolving %s: %w", name, err)
		}
		c.leave(name, tree.Entry{}, "is a link to "+res.Path+", which was left out")
	}
	c.facts.into(c.set)
	return c.set, nil
}

// unknown is the answer where a closure is too large to be found: the image is
// shipped as it was built, and says why.
func unknown(format string, args ...any) error {
	return &image.UnsupportedError{Why: fmt.Sprintf(format, args...)}
}

// known replaces an answer by that where more was to be read than may be:
// nothing that was found so far is all there is.
func (c *closer) known(err error) error {
	if !c.tree.exceeded {
		return err
	}
	return unknown("to see what the image needs, more than %s would have to be read", image.FormatSize(cmp.Or(c.env.MaxRead, maxRead)))
}

// First picks the error that a person should see first: the one of the
// instruction that starts first, and of one instruction that of an unknown
// runtime, whose image can be shipped as it was built.
func First(errs ...error) error {
	rank := func(err error) (int, int, string) {
		if u, ok := errors.AsType[*image.UnsupportedError](err); ok {
			return order(u.Instruction), 0, u.Error()
		}
		if r, ok := errors.AsType[*image.RefusedError](err); ok {
			return order(r.Instruction), 1, r.Error()
		}
		return -1, 0, err.Error()
	}
	errs = slices.DeleteFunc(slices.Clone(errs), func(err error) bool { return err == nil })
	if len(errs) == 0 {
		return nil
	}
	return slices.MinFunc(errs, func(a, b error) int {
		i, k, s := rank(a)
		j, l, t := rank(b)
		return cmp.Or(cmp.Compare(i, j), cmp.Compare(k, l), cmp.Compare(s, t))
	})
}

// drain works until the list is empty.
func (c *closer) drain(ctx context.Context) error {
	for len(c.queue) > 0 {
		if c.needs++; c.needs > maxNeeds {
			return unknown("the image needs more than %d files", maxNeeds)
		}
		if c.needs%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		last := len(c.queue) - 1
		if c.env.Next != nil {
			i := c.env.Next(len(c.queue))
			c.queue[i], c.queue[last] = c.queue[last], c.queue[i]
		}
		it := c.queue[last]
		c.queue = c.queue[:last]
		if err := c.look(ctx, it); err != nil {
			return err
		}
		if c.tree.exceeded {
			return errMuch // providers may have gone on without what they could not read
		}
	}
	return nil
}

// look resolves one need, admits it, and asks the providers what it brings.
func (c *closer) look(ctx context.Context, it item) error {
	switch it.Kind {
	case Link:
		return c.link(ctx, it)
	case KeptLink, KeptDir:
		c.pending[it.Path] = it.Need
		return nil
	case Named:
		if c.named(it.Path, it.Reason) {
			return nil
		}
	}
	res, err := c.resolve(ctx, it.Need)
	if Missing(err) {
		c.missing(it, err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("resolving %s: %w", it.Path, err)
	}
	v := Visit{Need: it.Need, Path: res.Path, Entry: res.Entry}
	if it.Kind == Named {
		if !res.Entry.IsRegular() {
			return nil
		}
		if v, err = c.classify(ctx, v); err != nil {
			return err
		}
		it.Need = v.Need
	}
	key := c.key(res.Path, it)
	if c.done[key] {
		if f := c.set.File(res.Path); f != nil { // this need may give it a better reason
			c.set.put(res.Path, f.Entry, it.Need, it.rank())
		}
		return c.ask(ctx, v, it, key)
	}
	if ok, err := c.admit(ctx, v, res.Links, it.must); !ok || err != nil {
		return err
	}
	for _, l := range res.Links {
		if err := c.link(ctx, item{Need{Kind: Link, Path: l, Reason: it.Reason, Droppable: it.Droppable, Shell: it.Shell}, it.root, false}); err != nil {
			return err
		}
	}
	c.set.put(res.Path, res.Entry, it.Need, it.rank())
	return c.ask(ctx, v, it, key)
}

func (c *closer) resolve(ctx context.Context, n Need) (tree.Resolved, error) {
	if n.Entry != nil {
		return tree.Resolved{Path: n.Path, Entry: *n.Entry}, nil
	}
	return tree.Resolve(ctx, c.env.Tree, n.Path)
}

// link puts a symbolic link itself into the set.
func (c *closer) link(ctx context.Context, it item) error {
	e, err := c.env.Tree.Lstat(ctx, it.Path)
	if err != nil {
		return fmt.Errorf("reading the link %s: %w", it.Path, err)
	}
	n := it.Need
	n.Kind = Link
	if it.Kind == Link && it.By != "" { // asked for by itself
		if ok, err := c.admit(ctx, Visit{Need: n, Path: it.Path, Entry: e}, nil, it.must); !ok || err != nil {
			return err
		}
	}
	c.set.put(it.Path, e, n, it.rank())
	return nil
}

// named takes care of paths that stand for more than a file: account files,
// which are written anew, and what a runtime mounts. It reports whether the
// path is one.
func (c *closer) named(name, reason string) bool {
	if slices.Contains(AccountFiles, name) {
		c.facts.facts[Fact{Accounts, "", name + ", " + reason}] = true
		c.facts.facts[Fact{Names, "", name + ", " + reason}] = true
		return true
	}
	return slices.Contains(Mounted, name)
}

// classify says what a file is that a text names.
func (c *closer) classify(ctx context.Context, v Visit) (Visit, error) {
	v.Need.Kind = Config
	if v.Entry.Mode&0o111 == 0 {
		return v, nil
	}
	head, err := c.env.Head(ctx, v.Path)
	if err != nil {
		return v, err
	}
	v.Head = head
	if strings.HasPrefix(string(head), "#!") || strings.HasPrefix(string(head), "\x7fELF") {
		v.Need.Kind = Program
	}
	return v, nil
}

// admit asks whether a file and the links to it may be in the image. must says
// that who asked cannot start without it: keeping it out by exclude: is refused
// where that has to start, and warned of where it may.
func (c *closer) admit(ctx context.Context, v Visit, links []string, must bool) (bool, error) {
	if c.env.Admit == nil {
		return true, nil
	}
	visits := []Visit{v}
	for _, l := range links {
		visits = append(visits, Visit{Need: Need{Kind: Link, Path: l}, Path: l})
	}
	for _, at := range visits {
		verdict, err := c.env.Admit(ctx, at)
		if err != nil {
			return false, err
		}
		if verdict.Exclude != "" {
			c.set.Matched[verdict.Exclude] = true
		}
		if verdict.Left == "" {
			continue
		}
		if verdict.Exclude != "" {
			message := fmt.Sprintf("exclude: %s takes out %s, which %s cannot start without: %s", verdict.Exclude, at.Path, orElse(v.Need.By, v.Need.Instruction), v.Need.Reason)
			switch {
			case v.Need.Strength == Required:
				c.facts.failures = append(c.facts.failures, &image.RefusedError{Instruction: v.Need.Instruction, Message: message, Hint: "take it out of exclude:, or start something else"})
				return false, nil
			case must:
				c.facts.warnings[image.NewWarning(v.Need.Instruction, message, "take it out of exclude:, or exclude: what cannot start, too")] = true
			}
		}
		c.leave(v.Path, v.Entry, verdict.Left)
		if verdict.Warning != "" {
			c.facts.warnings[image.NewWarning("COPY", verdict.Warning, verdict.Hint)] = true
		}
		return false, nil
	}
	return true, nil
}

func (c *closer) leave(name string, e tree.Entry, why string) {
	l := image.Left{Path: name, Why: why}
	if e.IsRegular() {
		l.Files, l.Bytes = 1, e.Size
	}
	c.set.Left = append(c.set.Left, l)
}

// runnable says why a file could not be executed, nil when it could.
func (c *closer) runnable(v Visit) *image.RefusedError {
	switch {
	case !v.Entry.IsRegular():
		return &image.RefusedError{Instruction: v.Need.Instruction, Message: v.Need.Path + " is not a file that can be run"}
	case v.Entry.Mode&0o111 == 0:
		return &image.RefusedError{
			Instruction: v.Need.Instruction,
			Message:     v.Need.Path + " is not executable",
			Hint:        "add the x bit where the file is made, for instance COPY --chmod=0755",
		}
	}
	return nil
}

// missing says what follows from a file that is not there.
func (c *closer) missing(it item, err error) {
	if it.must {
		c.fail(it, &image.RefusedError{
			Instruction: it.Instruction,
			Message:     it.Path + " is not in the built image",
			Hint:        "copy or build it in the final stage, or correct the path",
			Err:         err,
		})
	}
}

// ask puts what a file needs on the list, once for all needs of the same
// consequences.
func (c *closer) ask(ctx context.Context, v Visit, it item, key seen) error {
	if it.Kind == Program {
		if bad := c.runnable(v); bad != nil {
			c.fail(it, bad)
			return nil
		}
	}
	if !v.Entry.IsRegular() || it.Kind == Data {
		c.done[key] = true
		return nil
	}
	a, ok := c.answers[key.asked]
	if !ok {
		var err error
		if a, err = c.answer(ctx, v); err != nil {
			return err
		}
		c.answers[key.asked] = a
	}
	if a == nil {
		c.done[key] = true
		return nil
	}
	c.take(a.found, it, key)
	if a.err != nil {
		c.fail(it, a.err)
	}
	if len(a.askers) == 0 {
		return nil
	}
	v.Head, key.by, key.reason = a.head, c.names.number(it.By), c.names.number(it.Reason)
	if c.done[key] {
		return nil
	}
	var own answer
	for _, p := range a.askers {
		if err := own.add(p.Needs(ctx, c.env, v)); err != nil {
			return err
		}
	}
	c.take(own.found, it, key)
	if own.err != nil {
		c.fail(it, own.err)
	}
	return nil
}

// take notes what a provider found, unless it was done.
func (c *closer) take(f Found, it item, key seen) {
	if c.done[key] {
		return
	}
	c.done[key] = true
	c.note(f)
	c.enqueue(f.Needs, it)
	for _, b := range f.Bundles {
		way := bundled{b, it.Strength, it.Instruction, it.Shell}
		if c.bundles[way] {
			continue
		}
		c.bundles[way] = true
		c.note(Found{Facts: b.Facts})
		c.enqueue(b.Needs, it)
	}
}

// answer asks the providers that claim a file and need not know for whom. It is
// nil when none does.
func (c *closer) answer(ctx context.Context, v Visit) (*answer, error) {
	if v.Head == nil && (v.Need.Kind == Program || v.Need.Kind == Module) {
		head, err := c.env.Head(ctx, v.Path)
		if err != nil {
			return nil, err
		}
		v.Head = head
	}
	var a *answer
	v.Need.By, v.Need.Reason = "", ""
	for _, p := range c.providers {
		if !p.Claims(v) {
			continue
		}
		if a == nil {
			a = &answer{head: v.Head}
		}
		if k, ok := p.(Asker); ok && k.Asks(v) {
			a.askers = append(a.askers, k)
			continue
		}
		if err := a.add(p.Needs(ctx, c.env, v)); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// add adds what a provider said. It returns the error when that is about the
// reading rather than the file.
func (a *answer) add(f Found, err error) error {
	if err != nil && !errors.As(err, new(*image.RefusedError)) && !errors.As(err, new(*image.UnsupportedError)) {
		return err
	}
	a.found.Needs = append(a.found.Needs, f.Needs...)
	a.found.Facts = append(a.found.Facts, f.Facts...)
	a.found.Shells = append(a.found.Shells, f.Shells...)
	a.found.Components = append(a.found.Components, f.Components...)
	a.found.Warnings = append(a.found.Warnings, f.Warnings...)
	a.found.Bundles = append(a.found.Bundles, f.Bundles...)
	a.err = First(a.err, err)
	return nil
}

// enqueue puts needs on the list with what they inherit from who asked.
func (c *closer) enqueue(needs []Need, by item) {
	for _, n := range needs {
		must := n.Strength == Required
		n.Strength = min(n.Strength, by.Strength)
		n.Instruction = orElse(n.Instruction, by.Instruction)
		n.Shell = n.Shell || by.Shell
		c.queue = append(c.queue, item{n, false, must})
	}
}

// fail judges a file that could not run by how sure it is that it is run.
func (c *closer) fail(it item, err error) {
	if u, ok := errors.AsType[*image.UnsupportedError](err); ok {
		if it.Strength > Optional || it.Kind == Module {
			c.facts.failures = append(c.facts.failures, u)
			return
		}
		c.facts.warnings[image.NewWarning("", u.Error(), "include: what it needs, or exclude: it")] = true
		return
	}
	bad, _ := errors.AsType[*image.RefusedError](err)
	switch {
	case it.Strength == Required:
		c.facts.failures = append(c.facts.failures, bad)
	case it.Kind == Module:
		c.facts.warnings[image.NewWarning("", fmt.Sprintf("%s is kept and could not run: %s", it.Path, bad.Message), bad.Hint)] = true
	default:
		c.facts.warnings[image.NewWarning(bad.Instruction, fmt.Sprintf("%s, %s, could not run: %s", it.Path, it.Reason, bad.Message), bad.Hint)] = true
	}
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// Mounted are paths that a runtime mounts or writes; a build leaves stubs.
var Mounted = []string{"/dev", "/proc", "/sys", "/.dockerenv", "/etc/hosts", "/etc/resolv.conf", "/etc/hostname", "/etc/mtab", "/run/.containerenv", "/run/secrets", "/run/buildkit"}

// AccountFiles are written anew for the user that the image gets (passwd(5),
// group(5), shadow(5), subuid(5); the second of each name is a backup).
var AccountFiles = []string{"/etc/passwd", "/etc/passwd-", "/etc/group", "/etc/group-", "/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-", "/etc/subuid", "/etc/subuid-", "/etc/subgid", "/etc/subgid-"}

// Below reports whether a path is a directory or lies in it.
func Below(name, dir string) bool {
	return name == dir || dir == "/" || strings.HasPrefix(name, path.Clean(dir)+"/")
}
