package plan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/elf"
	"github.com/whittle-oci/whittle/builder/runtimes"
	"github.com/whittle-oci/whittle/builder/tree"
)

// executable is how a program was asked for.
type executable struct {
	instruction string // ENTRYPOINT, CMD, HEALTHCHECK, which ask for it, or "" when none does
	name        string // path in the tree
	reason      string
}

// program carries an executable file with everything it needs to start: its
// loader and libraries, or its interpreter and the commands of its script.
func (m *maker) program(ctx context.Context, x executable) error {
	if isShell(x.name) {
		return m.shell(ctx, x, orDefault(x.instruction, x.reason))
	}
	return m.carryProgram(ctx, x)
}

func (m *maker) carryProgram(ctx context.Context, x executable) error {
	res, err := tree.Resolve(ctx, m.t, x.name)
	if err == nil && !res.Entry.IsRegular() {
		return &RefusedError{Instruction: x.instruction, Message: x.name + " is not a file that can be run"}
	}
	var entry *Entry
	if err == nil {
		_, entry, err = m.carry(ctx, x.name, x.reason)
	}
	if err != nil {
		return m.missing(x, err)
	}
	entry.program = true
	if m.done[res.Path] {
		return nil
	}
	m.done[res.Path] = true
	m.plan.Programs = append(m.plan.Programs, res.Path)
	if x.instruction == "ENTRYPOINT" || x.instruction == "CMD" {
		m.mains = append(m.mains, res.Path)
	}
	if res.Entry.Mode&0o111 == 0 {
		return &RefusedError{
			Instruction: x.instruction,
			Message:     x.name + " is not executable",
			Hint:        "add the x bit where the file is made, for instance COPY --chmod=0755",
		}
	}
	head, err := m.head(ctx, res.Path)
	if err != nil {
		return err
	}
	if s, ok := runtimes.Shebang(head); ok {
		return m.script(ctx, x, res, s)
	}
	return m.binary(ctx, x, res.Path)
}

// head reads the beginning of a file, enough for a #! line.
func (m *maker) head(ctx context.Context, real string) ([]byte, error) {
	r, err := m.t.Open(ctx, real)
	if err != nil {
		return nil, err
	}
	head := make([]byte, 256)
	n, err := r.ReadAt(head, 0)
	if n == 0 && err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading %s: %w", real, err)
	}
	return head[:n], nil
}

// lenient carries a program of which nobody has said that it is run for sure:
// what keeps it from running is a warning.
func (m *maker) lenient(ctx context.Context, x executable) error {
	err := m.program(ctx, x)
	if bad, ok := errors.AsType[*RefusedError](err); ok {
		m.warn(bad.Instruction, fmt.Sprintf("%s, %s, could not run: %s", x.name, x.reason, bad.Message), bad.Hint)
		return nil
	}
	return err
}

// optionalProgram carries a program that need not work for the image to: even
// one in a language that is not known is a warning.
func (m *maker) optionalProgram(ctx context.Context, x executable) error {
	err := m.lenient(ctx, x)
	if u, ok := errors.AsType[*UnsupportedError](err); ok {
		m.warn("", u.Error(), "include: what it needs, or exclude: it")
		return nil
	}
	return err
}

// mention carries a file that a command line or a script names. Nothing
// happens when it is not there: it may be an output, or mounted.
func (m *maker) mention(ctx context.Context, instruction, name, reason string) error {
	switch {
	case slices.Contains(accountFiles, name):
		m.evidence.set(&m.evidence.users, name+", "+reason)
		m.evidence.set(&m.evidence.names, name+", "+reason)
		return nil
	case slices.Contains(pseudo, name):
		return nil
	}
	res, err := tree.Resolve(ctx, m.t, name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, tree.ErrLoop) || err == nil && !res.Entry.IsRegular() {
		return nil
	}
	if err != nil {
		return err
	}
	why, err := m.secret(ctx, res.Path, res.Entry)
	if err != nil {
		return err
	}
	if why != "" {
		m.warnSecret(res.Path, why)
		return nil
	}
	if res.Entry.Mode&0o111 != 0 {
		head, err := m.head(ctx, res.Path)
		if err != nil {
			return err
		}
		if bytes.HasPrefix(head, []byte("#!")) || bytes.HasPrefix(head, []byte("\x7fELF")) {
			return m.lenient(ctx, executable{instruction, name, reason})
		}
	}
	if _, _, err = m.carry(ctx, name, reason); err != nil {
		return err
	}
	if err := (&keeper{maker: m}).support(ctx, res.Path, res.Entry); err != nil {
		return err
	}
	return m.configuration(ctx, res.Path, res.Entry)
}

// missing explains a program that is not there.
func (m *maker) missing(x executable, err error) error {
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, tree.ErrLoop) {
		return fmt.Errorf("resolving %s: %w", x.name, err)
	}
	return &RefusedError{
		Instruction: x.instruction,
		Message:     x.name + " is not in the built image",
		Hint:        "copy or build it in the final stage, or correct the path",
		Err:         err,
	}
}

// binary carries the closure of an ELF file.
func (m *maker) binary(ctx context.Context, x executable, real string) error {
	if rt := runtimeName(real); rt != "" {
		return &UnsupportedError{x.instruction, x.name, rt}
	}
	deps, info, err := elf.Closure(ctx, m.t, real, elf.Options{LibraryPath: m.libPath, Preload: m.preload})
	if err != nil {
		return m.unloadable(x, real, err)
	}
	for _, d := range deps {
		if rt := runtimeLibrary(d.Real); rt != "" && x.instruction != "" {
			return &UnsupportedError{x.instruction, x.name, rt}
		}
		_, e, err := m.carry(ctx, d.Path, d.Reason)
		if err != nil {
			return fmt.Errorf("carrying %s, %s: %w", d.Path, d.Reason, err)
		}
		e.library = true
	}
	if info.Go != nil && len(deps) > 0 {
		m.plan.GoDynamic = append(m.plan.GoDynamic, real)
	}
	for _, dir := range slices.Concat(info.RPath, info.RunPath) {
		dir = strings.NewReplacer("${ORIGIN}", path.Dir(real), "$ORIGIN", path.Dir(real)).Replace(dir)
		if path.IsAbs(dir) {
			m.loads = append(m.loads, path.Clean(dir))
		}
	}
	m.note(real, info)
	m.noteLibraries(deps)
	return nil
}

// unloadable turns what the closure says into a refusal.
func (m *maker) unloadable(x executable, real string, err error) error {
	if lib, ok := errors.AsType[*elf.MissingError](err); ok {
		return &RefusedError{
			Instruction: x.instruction,
			Message:     lib.Error(),
			Hint:        "install the package that has it in the final stage, or link statically",
			Err:         err,
		}
	}
	if v, ok := errors.AsType[*elf.VersionError](err); ok {
		return &RefusedError{
			Instruction: x.instruction,
			Message:     v.Error(),
			Hint:        "build on the same distribution release as the final stage's base, or an older one",
			Err:         err,
		}
	}
	if errors.Is(err, elf.ErrNotELF) {
		return &RefusedError{
			Instruction: x.instruction,
			Message:     real + " is neither an ELF file nor a script that begins with #!",
			Hint:        "name its interpreter in a #! line",
			Err:         err,
		}
	}
	if errors.Is(err, elf.ErrBroken) {
		return &RefusedError{
			Instruction: x.instruction,
			Message:     err.Error(),
			Hint:        "build or copy it once more, the file is damaged or cut short",
			Err:         err,
		}
	}
	return fmt.Errorf("reading %s: %w", real, err)
}

// lookPath finds a command as execvp(3) does: names with a slash from WORKDIR,
// others along PATH, where a file that is not executable is passed over. The
// second result is false when it is nowhere.
func (m *maker) lookPath(ctx context.Context, name string) (string, bool, error) {
	if name == "" {
		return "", false, nil
	}
	var tries []string
	if strings.Contains(name, "/") {
		tries = []string{m.fromWorkdir(name)}
	} else {
		for _, dir := range m.pathVar {
			tries = append(tries, path.Join(m.fromWorkdir(dir), name))
		}
	}
	found := ""
	for _, try := range tries {
		res, err := tree.Resolve(ctx, m.t, try)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, tree.ErrLoop) {
			continue
		}
		if err != nil {
			return "", false, err
		}
		if !res.Entry.IsRegular() {
			continue
		}
		if res.Entry.Mode&0o111 != 0 {
			return try, true, nil
		}
		if found == "" {
			found = try
		}
	}
	return found, found != "", nil
}
