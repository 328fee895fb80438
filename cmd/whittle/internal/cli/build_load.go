package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/solver/pb"

	"github.com/whittle-oci/whittle/builder/engine"
)

// fit adds what --load needs, and fits the outputs to what the engine can give.
func (f *buildFlags) fit(ctx context.Context, a *app, r *buildRequest, e *engine.Engine) error {
	if f.dryRun {
		return nil
	}
	if e.Docker != nil {
		return f.fitDocker(r, e)
	}
	if f.load {
		return f.loadExport(ctx, r)
	}
	if len(r.solve.Exports) == 0 && !r.cacheOnly {
		a.log.Warn("no output is asked for, so the result stays in the build cache; --push, --load or -o takes it out")
	}
	return nil
}

// exporterMoby is the output into the images of the docker engine that builds.
const exporterMoby = "moby"

// fitDocker builds into the images of a docker engine. Without any output the
// image is loaded, as buildx does with this driver.
func (f *buildFlags) fitDocker(r *buildRequest, e *engine.Engine) error {
	for i := range r.solve.Exports {
		if err := fitDockerExport(&r.solve.Exports[i], e); err != nil {
			return err
		}
	}
	if !e.Docker.Containerd {
		for k := range r.solve.FrontendAttrs {
			if strings.HasPrefix(k, "attest:") {
				return notInDocker(e, "attach attestations")
			}
		}
	}
	if f.load || len(r.solve.Exports) == 0 && !r.cacheOnly {
		if err := f.addExport(r, client.ExportEntry{Type: exporterMoby}); err != nil {
			return err
		}
		r.loaded = make(chan error, 1)
		r.loaded <- nil // there is nothing to wait for but the build
	}
	// Images of this engine come before those of registries, as with buildx.
	if r.solve.FrontendAttrs["image-resolve-mode"] == "" {
		r.solve.FrontendAttrs["image-resolve-mode"] = pb.AttrImageResolveModePreferLocal
	}
	return nil
}

// fitDockerExport changes one output into what the BuildKit inside docker
// knows, or says that it cannot do it.
func fitDockerExport(x *client.ExportEntry, e *engine.Engine) error {
	whole := e.Docker.Containerd
	switch x.Type {
	case client.ExporterImage:
		if x.Attrs["push-by-digest"] == "true" {
			return notInDocker(e, "push without a tag, as --sign needs")
		}
		if x.Attrs["push"] == "true" && !whole {
			return notInDocker(e, "push")
		}
		x.Type = exporterMoby
	case client.ExporterOCI:
		if !whole {
			return notInDocker(e, "write OCI images")
		}
	case client.ExporterDocker:
		if !whole {
			return notInDocker(e, "write docker tars")
		}
	}
	return nil
}

func notInDocker(e *engine.Engine, what string) error {
	err := fmt.Errorf("the builder %s cannot %s, as its image store is not containerd's", e.Name, what)
	if e.Docker.Containerd {
		err = fmt.Errorf("the builder %s cannot %s", e.Name, what)
	}
	return usage{hinted{err, "leave --builder out to build with the engine in this program; --load hands its image to docker"}}
}

// loadExport streams a docker tar into the docker engine.
func (f *buildFlags) loadExport(ctx context.Context, r *buildRequest) error {
	docker, err := openDocker(ctx)
	if err != nil {
		return err
	}
	r.docker = docker
	kind := client.ExporterDocker
	if docker.KeepsIndexes(ctx) {
		kind = client.ExporterOCI
	} else if len(f.platforms) > 1 {
		return usage{errors.New("--load takes one platform; this docker engine keeps no image indexes, as its image store is not containerd's")}
	}
	pr, pw := io.Pipe()
	if err := f.addExport(r, client.ExportEntry{
		Type: kind, Output: func(map[string]string) (io.WriteCloser, error) { return pw, nil },
	}); err != nil {
		return err
	}
	r.load = pr
	r.loaded = make(chan error, 1)
	go func() {
		err := docker.Load(ctx, pr)
		// The exporter must not wait for a reader that has gone.
		pr.CloseWithError(errors.Join(err, io.ErrClosedPipe))
		r.loaded <- err
	}()
	return nil
}

// addExport adds an output into docker's images. It is compressed as a push is,
// though docker would take anything: BuildKit keeps the layer as it was first
// compressed, and a push of it must not depend on what was built before.
func (f *buildFlags) addExport(r *buildRequest, e client.ExportEntry) error {
	e.Attrs = map[string]string{"name": strings.Join(r.names, ",")}
	f.compressionAttrs(e.Attrs)
	if err := f.annotate(&e); err != nil {
		return err
	}
	r.solve.Exports = append(r.solve.Exports, e)
	return nil
}
