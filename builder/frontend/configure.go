package frontend

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/dockerui"
	gateway "github.com/moby/buildkit/frontend/gateway/client"

	"github.com/whittle-oci/whittle/builder/tree"
	"github.com/whittle-oci/whittle/builder/tree/reftree"
)

// configName is the configuration file, beside the Dockerfile or at the root
// of the context.
const configName = ".whittle.yaml"

// maxConfig is the largest configuration file that is read, in bytes.
const maxConfig = 1 << 20

// configure puts flags, build arguments and the configuration file together.
func (b *build) configure(ctx context.Context, args map[string]Value) error {
	flags := map[string]Value{}
	for name, items := range b.Args {
		if _, ok := lookup(func(s Setting) string { return s.Name }, name); !ok {
			return &ConfigError{"--" + name, "no such setting"}
		}
		flags[name] = Value{"--" + name, items}
	}
	name, data := b.ConfigName, b.Config
	if name == "" {
		var err error
		if name, data, err = b.findConfig(ctx); err != nil {
			return err
		}
	}
	b.yaml = data
	file := map[string]Value{}
	if data != nil {
		var err error
		if file, err = FromFile(name, data); err != nil {
			return err
		}
	}
	var err error
	b.config, err = config(flags, args, file)
	return err
}

// findConfig reads the configuration beside the Dockerfile, else at the root
// of the context. Nothing else is transferred, and .dockerignore does not hide
// it.
func (b *build) findConfig(ctx context.Context) (string, []byte, error) {
	opts := b.client.BuildOpts().Opts
	dir := path.Dir(b.src.Filename)
	local := opts["dockerfilekey"]
	if local == "" {
		local = dockerui.DefaultLocalNameDockerfile
	}
	beside := path.Join(dir, configName)
	data, err := b.readLocal(ctx, local, beside)
	if data != nil || err != nil {
		return beside, data, err
	}
	if opts["contextkey"] != "" {
		local = opts["contextkey"]
	} else {
		local = dockerui.DefaultLocalNameContext
	}
	if _, remote := opts["context"]; remote {
		return b.readContext(ctx)
	}
	data, err = b.readLocal(ctx, local, configName)
	return configName, data, err
}

// readLocal reads one file of a directory that the client shares, nil when it
// is not there.
func (b *build) readLocal(ctx context.Context, local, name string) ([]byte, error) {
	st := llb.Local(local,
		llb.FollowPaths([]string{name}), llb.SessionID(b.client.BuildOpts().SessionID),
		llb.SharedKeyHint(local+"-"+configName), llb.Differ(llb.DiffNone, false),
		llb.WithCustomName("[internal] load "+configName))
	return b.readState(ctx, st, name)
}

// readContext reads the configuration from a context that is not the client's
// directory: a Git repository, a tarball.
func (b *build) readContext(ctx context.Context) (string, []byte, error) {
	st, err := b.ui.MainContext(ctx)
	if err != nil || st == nil {
		return configName, nil, err
	}
	data, err := b.readState(ctx, *st, configName)
	return configName, data, err
}

func (b *build) readState(ctx context.Context, st llb.State, name string) ([]byte, error) {
	def, err := st.Marshal(ctx)
	if err != nil {
		return nil, fmt.Errorf("looking for %s: %w", name, err)
	}
	res, err := b.client.Solve(ctx, gateway.SolveRequest{Definition: def.ToPB()})
	if err != nil {
		// A client that shares no such directory has no configuration.
		return nil, nil
	}
	ref, err := res.SingleRef()
	if err != nil {
		return nil, err
	}
	data, err := tree.ReadFile(ctx, reftree.New(ctx, ref), "/"+name, maxConfig)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return data, nil
}
