package frontend

import (
	"context"
	"slices"
	"strings"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"

	"github.com/whittle-oci/whittle/builder/graph"
	"github.com/whittle-oci/whittle/builder/image"
)

// timeless makes the headers of compiled modules hash-based and unchecked (PEP
// 552) where they agree with their sources. It runs below the directories that
// it is given, by the stage's own interpreter, and nothing of the application
// runs. What goes wrong leaves a module as it is, which is then compiled again
// when it is imported.
const timeless = `
import os, sys
for top in sys.argv[1:]:
    for root, dirs, files in os.walk(top):
        if os.path.basename(root) != "__pycache__":
            continue
        for name in files:
            try:
                if not name.endswith(".pyc"):
                    continue
                source = os.lstat(os.path.join(os.path.dirname(root), name.split(".")[0] + ".py"))
                with open(os.path.join(root, name), "r+b") as f:
                    head = f.read(16)
                    number = lambda i: int.from_bytes(head[i:i + 4], "little")
                    if len(head) == 16 and number(4) == 0 and number(8) == int(source.st_mtime) & 0xFFFFFFFF and number(12) == source.st_size & 0xFFFFFFFF:
                        f.seek(4)
                        f.write(b"\1" + bytes(11))
            except OSError:
                pass
`

// independent gives a state, a stage or its base image, in which compiled modules do not
// depend on the times of their sources, which all become one. Where the build
// runs nothing, it is not known that the builder can, and the state stays.
func (b *build) independent(ctx context.Context, def *pb.Definition, st llb.State, compiled *image.Bytecode, env []string) (llb.State, error) {
	if compiled == nil {
		return st, nil
	}
	g, err := graph.Parse(def)
	if err != nil {
		return st, err
	}
	runs := slices.ContainsFunc(g.Order, func(d digest.Digest) bool { return g.Ops[d].GetExec() != nil })
	if !runs {
		b.warn(ctx, "compiled modules of Python depend on the times of their sources, which no step of the build can change, so they are compiled again when they are imported", nil, "", "")
		return st, nil
	}
	args := append([]string{compiled.Program, "-I", "-S", "-B", "-c", strings.TrimSpace(timeless)}, compiled.Dirs...)
	opts := []llb.RunOption{llb.Args(args), llb.Network(pb.NetMode_NONE), llb.WithCustomName("[whittle] make compiled modules independent of times")}
	for _, kv := range env {
		if value, ok := strings.CutPrefix(kv, "LD_LIBRARY_PATH="); ok {
			opts = append(opts, llb.AddEnv("LD_LIBRARY_PATH", value))
		}
	}
	return st.Dir("/").User("0").Run(opts...).Root(), nil
}
