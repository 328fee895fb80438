package plan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/whittle-oci/whittle/builder/elf"
	"github.com/whittle-oci/whittle/builder/runtimes"
	"github.com/whittle-oci/whittle/builder/tree"
)

// link puts the symbolic link at the real path name into the plan.
func (m *maker) link(ctx context.Context, name, reason string) error {
	if _, ok := m.entries[name]; ok {
		return nil
	}
	e, err := m.t.Lstat(ctx, name)
	if err != nil {
		return err
	}
	m.entries[name] = &Entry{Path: name, Type: Symlink, Mode: 0o777, Source: name, Linkname: e.Linkname, Reason: reason}
	return nil
}

// carry puts the file that name leads to into the plan, with the links on the
// way, and returns where it really is.
func (m *maker) carry(ctx context.Context, name, reason string) (tree.Resolved, *Entry, error) {
	res, err := tree.Resolve(ctx, m.t, name)
	if err != nil {
		return res, nil, err
	}
	for _, l := range res.Links {
		if err := m.link(ctx, l, reason); err != nil {
			return res, nil, err
		}
	}
	return res, m.place(res.Path, res.Entry, reason), nil
}

// place puts the regular file or directory at the real path name into the
// plan. An entry that is there keeps its reason.
func (m *maker) place(name string, e tree.Entry, reason string) *Entry {
	if have, ok := m.entries[name]; ok {
		return have
	}
	out := &Entry{
		Path: name, Type: File, Source: name, Mode: permissions(e.Mode), UID: e.UID, GID: e.GID, Size: e.Size, Reason: reason,
		sourceMode: permissions(e.Mode), sourceUID: e.UID, sourceGID: e.GID,
	}
	switch {
	case e.IsDir():
		out.Type, out.Size = Dir, 0
	case e.IsSymlink():
		out.Type, out.Size, out.Mode, out.Linkname = Symlink, 0, 0o777, e.Linkname
	}
	m.entries[name] = out
	return out
}

func permissions(mode fs.FileMode) fs.FileMode {
	return mode & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)
}

// executable is how a program was asked for.
type executable struct {
	instruction string // ENTRYPOINT, CMD, HEALTHCHECK or "" for what they need
	name        string // path in the tree
	reason      string
	serves      bool // it is what the container is there for
}

// program carries an executable file with everything it needs to start: its
// loader and libraries, or its interpreter and the commands of its script.
func (m *maker) program(ctx context.Context, x executable) error {
	res, entry, err := m.carry(ctx, x.name, x.reason)
	if err != nil {
		return m.missing(x, err)
	}
	if !res.Entry.IsRegular() {
		return &RefusedError{Instruction: x.instruction, Message: x.name + " is not a file that can be run"}
	}
	entry.program = true
	if m.done[res.Path] {
		return nil
	}
	m.done[res.Path] = true
	m.plan.Programs = append(m.plan.Programs, res.Path)
	if x.serves || x.instruction == "ENTRYPOINT" || x.instruction == "CMD" {
		m.mains = append(m.mains, res.Path)
	}
	if res.Entry.Mode&0o111 == 0 {
		return &RefusedError{
			Instruction: x.instruction,
			Message:     x.name + " is not executable",
			Hint:        "add the x bit where the file is made, for instance COPY --chmod=0755",
		}
	}
	r, err := m.t.Open(ctx, res.Path)
	if err != nil {
		return err
	}
	head := make([]byte, 256)
	n, err := r.ReadAt(head, 0)
	if n == 0 && err != nil {
		return fmt.Errorf("reading %s: %w", res.Path, err)
	}
	if s, ok := runtimes.Shebang(head[:n]); ok {
		return m.script(ctx, x, res, s)
	}
	return m.binary(ctx, x, res.Path)
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
	deps, info, err := elf.Closure(ctx, m.t, real, elf.Options{LibraryPath: m.libPath})
	if err != nil {
		return m.unloadable(x, real, err)
	}
	for _, d := range deps {
		_, e, err := m.carry(ctx, d.Path, d.Reason)
		if err != nil {
			return fmt.Errorf("carrying %s, %s: %w", d.Path, d.Reason, err)
		}
		e.library = true
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
	return fmt.Errorf("reading %s: %w", real, err)
}

// lookPath finds a command as execvp(3) does: names with a slash from WORKDIR,
// others along PATH. The second result is false when it is nowhere.
func (m *maker) lookPath(ctx context.Context, name string) (string, bool, error) {
	if name == "" {
		return "", false, nil
	}
	var tries []string
	if path.Base(name) != name {
		tries = []string{path.Join("/", m.config.WorkingDir, name)}
		if path.IsAbs(name) {
			tries = []string{path.Clean(name)}
		}
	} else {
		for _, dir := range m.pathVar {
			tries = append(tries, path.Join("/", dir, name))
		}
	}
	for _, try := range tries {
		res, err := tree.Resolve(ctx, m.t, try)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, tree.ErrLoop) {
			continue
		}
		if err != nil {
			return "", false, err
		}
		if res.Entry.IsRegular() {
			return try, true, nil
		}
	}
	return "", false, nil
}
