package frontend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/dockerui"
	digest "github.com/opencontainers/go-digest"

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
	flags, err := FromFlags(b.Args)
	if err != nil {
		return err
	}
	b.yaml = configFile{b.ConfigName, b.Config, b.ReadConfig}
	if b.ConfigName == "" {
		if b.yaml, err = b.findConfig(ctx); err != nil {
			return err
		}
	}
	file := map[string]Value{}
	if b.yaml.data != nil {
		if file, err = FromFile(b.yaml.name, b.yaml.data); err != nil {
			return err
		}
	}
	b.config, err = config(flags, args, file)
	b.config.Plan.Commands = append(b.config.Plan.Commands, b.Commands...)
	return err
}

// A configFile is the content of .whittle.yaml, nil when there is none, with
// the path under which it was found and what reads its neighbours.
type configFile struct {
	name string
	data []byte
	read func(ctx context.Context, path string) ([]byte, error)
}

// findConfig reads the configuration beside the Dockerfile, else at the root
// of the context. Nothing else is transferred, and .dockerignore does not hide
// it.
func (b *build) findConfig(ctx context.Context) (configFile, error) {
	from := func(local string) func(context.Context, string) ([]byte, error) {
		return func(ctx context.Context, name string) ([]byte, error) {
			return b.readState(ctx, b.local(local, name, configName), name)
		}
	}
	f := configFile{name: path.Join(path.Dir(b.src.Filename), configName), read: from(b.dockerfileDir())}
	var err error
	if f.data, err = f.read(ctx, f.name); f.data != nil || err != nil {
		return f, err
	}
	f = configFile{name: configName, read: b.readContext}
	if local, ok := b.contextDir(); ok {
		f.read = from(local)
	}
	f.data, err = f.read(ctx, f.name)
	return f, err
}

// ignoreFile reads the ignore file that decides about the client's directory:
// that of the Dockerfile's own name, else the one at the root of the context. data
// is nil when there is none, or none that BuildKit could read.
func (b *build) ignoreFile(ctx context.Context) (name string, data []byte) {
	root, ok := b.contextDir()
	if !ok {
		return "", nil // nothing is left out of a repository or an archive
	}
	name = b.src.Filename + dockerui.DefaultDockerignoreName
	if data := b.readSingle(ctx, b.dockerfileDir(), name); data != nil {
		return name, data
	}
	name = dockerui.DefaultDockerignoreName
	return name, b.readSingle(ctx, root, name)
}

// readSingle reads one file of a directory that the client shares, as BuildKit
// reads the Dockerfile: a reference to single files need not show directories. It
// gives nil when the file is not there or cannot be read.
func (b *build) readSingle(ctx context.Context, local, name string) []byte {
	def, err := b.local(local, name, name).Marshal(ctx)
	if err != nil {
		return nil
	}
	ref, err := b.request(ctx, def.ToPB(), false)
	if err != nil || ref == nil {
		return nil
	}
	data, err := dockerui.ReadFile(ctx, ref, name)
	if err != nil {
		return nil
	}
	return data
}

// dockerfileDir is the name under which the client shares the Dockerfile's
// directory.
func (b *build) dockerfileDir() string {
	return cmp.Or(b.client.BuildOpts().Opts["dockerfilekey"], dockerui.DefaultLocalNameDockerfile)
}

// contextDir is the name under which the client shares the context. ok is false
// where the context is not the client's directory.
func (b *build) contextDir() (name string, ok bool) {
	opts := b.client.BuildOpts().Opts
	_, remote := opts["context"]
	return cmp.Or(opts["contextkey"], dockerui.DefaultLocalNameContext), !remote
}

// local is one file of a directory that the client shares. What is the file's
// kind.
func (b *build) local(dir, name, what string) llb.State {
	return llb.Local(dir,
		llb.FollowPaths([]string{name}), llb.SessionID(b.client.BuildOpts().SessionID),
		llb.SharedKeyHint(dir+"-"+what), llb.Differ(llb.DiffNone, false),
		llb.WithCustomName("[internal] load "+what))
}

// readContext reads a file of a context that is not the client's directory: a
// Git repository, a tarball.
func (b *build) readContext(ctx context.Context, name string) ([]byte, error) {
	st, err := b.ui.MainContext(ctx)
	if err != nil || st == nil {
		return nil, err
	}
	return b.readState(ctx, *st, name)
}

// fetch reads a file of the network that has a digest.
func (b *build) fetch(ctx context.Context, address, sum string) ([]byte, error) {
	data, err := b.readState(ctx, llb.HTTP(address, llb.Checksum(digest.Digest(sum)), llb.Filename(configName), llb.WithCustomName("[internal] load "+address)), configName)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read, or is not what its digest says: %w", address, err)
	}
	if data == nil {
		return nil, fmt.Errorf("%s cannot be read", address)
	}
	return data, nil
}

func (b *build) readState(ctx context.Context, st llb.State, name string) ([]byte, error) {
	def, err := st.Marshal(ctx)
	if err != nil {
		return nil, fmt.Errorf("looking for %s: %w", name, err)
	}
	ref, err := b.request(ctx, def.ToPB(), false)
	if notShared(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for %s: %w", name, err)
	}
	data, err := tree.ReadFile(ctx, reftree.New(ctx, ref), "/"+name, maxConfig)
	if errors.Is(err, fs.ErrNotExist) || notShared(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return data, nil
}

// notShared reports whether a client refuses a directory because it shares none
// of that name (moby/buildkit, session/filesync). It has no configuration then.
// The type of the error is lost on some ways.
func notShared(err error) bool {
	return err != nil && strings.Contains(err.Error(), "no access allowed to dir")
}
