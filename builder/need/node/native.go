package node

import (
	"context"
	"errors"
	"path"
	"strings"

	"github.com/whittle-oci/whittle/builder/need"
	whittleelf "github.com/whittle-oci/whittle/builder/need/elf"
)

// native makes roots of the closure of the native modules that are kept, which
// node opens by dlopen(3): those that Node.js could load. Packages bring
// modules for other systems, which it passes over, too.
func (r *Runtime) native(ctx context.Context, env *need.Env, _ *need.Set, have *contents, out *need.Found) error {
	if len(have.modules) == 0 {
		return nil
	}
	node, err := r.files.Info(ctx, env.Tree, have.node)
	if err != nil {
		return nil // the ELF provider says what is wrong with it
	}
	for _, f := range have.modules {
		if f.Library {
			continue
		}
		loads, err := r.loads(ctx, env, node, f.Path)
		if err != nil {
			return err
		}
		if loads {
			out.Needs = append(out.Needs, need.Need{Kind: need.Module, Path: f.Path, By: f.Path, Reason: f.Reason, Strength: need.Expected, Entry: &f.Entry, Droppable: f.Droppable})
		}
	}
	return nil
}

// loads reports whether Node.js could load a native module: an ELF file for the
// same machine and the same C library.
func (r *Runtime) loads(ctx context.Context, env *need.Env, node *whittleelf.Info, name string) (bool, error) {
	if other, ok := r.settled.other[name]; ok {
		return !other, nil
	}
	if r.settled.other == nil {
		r.settled.other = map[string]bool{}
	}
	info, err := r.files.Info(ctx, env.Tree, name)
	r.settled.other[name] = true
	switch {
	case errors.Is(err, whittleelf.ErrNotELF), errors.Is(err, whittleelf.ErrBroken):
		return false, nil
	case err != nil:
		return false, err
	case info.Machine != node.Machine || info.Class != node.Class:
		return false, nil
	}
	r.settled.other[name] = !sameLibc(node, info)
	return !r.settled.other[name], nil
}

// sameLibc reports whether a module needs the C library that a program has, as
// far as either names one.
func sameLibc(program, module *whittleelf.Info) bool {
	a, b := libc(program), libc(module)
	return a == "" || b == "" || a == b
}

func libc(info *whittleelf.Info) string {
	if strings.Contains(path.Base(info.Interp), "ld-musl") {
		return "musl"
	}
	for _, lib := range info.Needed {
		switch {
		case strings.HasPrefix(lib, "libc.musl-"), lib == "libc.so":
			return "musl"
		case lib == "libc.so.6":
			return "glibc"
		}
	}
	if info.Interp != "" {
		return "glibc"
	}
	return ""
}
