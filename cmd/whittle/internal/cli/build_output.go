package cli

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/moby/buildkit/client"
	"github.com/tonistiigi/go-csvvalue"

	"github.com/whittle-oci/whittle/builder/oci/staging"
)

// stagedOutput is a file or directory that is written beside its place and
// moved there when the build has gone well. Without a place it is thrown away.
type stagedOutput struct{ tmp, dest string }

// discard removes what was not published.
func (r *buildRequest) discard() {
	if r.load != nil {
		_ = r.load.Close()
	}
	for _, s := range r.staged {
		_ = os.RemoveAll(s.tmp)
	}
	r.staged = nil
	for _, d := range r.local {
		_ = d.Close()
	}
}

// noRoom tries whether directories that a build writes to have no room left.
// BuildKit often knows only that the other end has closed the connection: EOF.
func (r *buildRequest) noRoom() error {
	for _, s := range r.staged {
		if info, err := os.Stat(s.tmp); err != nil || !info.IsDir() {
			continue
		}
		probe := filepath.Join(s.tmp, ".whittle-room")
		err := os.WriteFile(probe, make([]byte, 64<<10), 0o600)
		_ = os.Remove(probe)
		if err != nil {
			return fmt.Errorf("writing %s: %w", s.dest, err)
		}
	}
	return nil
}

// publish moves what was written into place.
func (r *buildRequest) publish(ctx context.Context, a *app) error {
	if r.loaded != nil {
		select {
		case err := <-r.loaded:
			if err != nil {
				return fmt.Errorf("loading the image into the docker engine: %w", err)
			}
			a.log.Infof("loaded %s into the docker engine", strings.Join(r.names, ", "))
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	for _, s := range r.staged {
		if s.dest == "" {
			continue
		}
		if err := os.Rename(s.tmp, s.dest); err != nil {
			return fmt.Errorf("writing %s: %w", s.dest, err)
		}
	}
	return nil
}

// output translates --push and -o. What --load needs depends on the engine.
func (f *buildFlags) output(r *buildRequest) error {
	if f.dryRun {
		return nil
	}
	for _, o := range f.outputs {
		if err := f.export(r, o); err != nil {
			return err
		}
	}
	if f.push {
		r.solve.Exports = append(r.solve.Exports, client.ExportEntry{Type: client.ExporterImage, Attrs: f.pushAttrs(r)})
	}
	for i := range r.solve.Exports {
		if err := f.annotate(&r.solve.Exports[i]); err != nil {
			return err
		}
	}
	return nil
}

// compressionAttrs give the layer its compression. gzip is at its best level:
// images are pushed once and pulled often.
func (f *buildFlags) compressionAttrs(attrs map[string]string) {
	set := func(k, v string) {
		if _, ok := attrs[k]; !ok {
			attrs[k] = v
		}
	}
	set("compression", f.compression)
	if attrs["compression"] == "gzip" {
		set("compression-level", "9")
	}
	set("force-compression", "true")
	set("oci-mediatypes", "true")
}

// pushAttrs push by name, or by digest alone when the tags wait for the
// signatures.
func (f *buildFlags) pushAttrs(r *buildRequest) map[string]string {
	attrs := map[string]string{"push": "true", "name": strings.Join(r.names, ",")}
	if f.sign {
		attrs["push-by-digest"], attrs["name-canonical"] = "true", "true"
		attrs["name"] = strings.Join(repositories(r.names), ",")
	}
	f.compressionAttrs(attrs)
	return attrs
}

// export reads one -o.
func (f *buildFlags) export(r *buildRequest, spec string) error {
	fields, err := csvvalue.Fields(spec, nil)
	if err != nil {
		return usage{fmt.Errorf("-o %s: %w", spec, err)}
	}
	e := client.ExportEntry{Attrs: map[string]string{}}
	if len(fields) == 1 && !strings.Contains(fields[0], "=") {
		fields = []string{"type=local", "dest=" + fields[0]}
	}
	for _, field := range fields {
		k, v, ok := strings.Cut(field, "=")
		if !ok {
			return usage{fmt.Errorf("-o %s: %q is not NAME=VALUE", spec, field)}
		}
		if k == "type" {
			e.Type = v
		} else {
			e.Attrs[k] = v
		}
	}
	dest := e.Attrs["dest"]
	delete(e.Attrs, "dest")
	switch e.Type {
	case "registry":
		e.Type, e.Attrs["push"] = client.ExporterImage, "true"
	case client.ExporterImage:
	case client.ExporterLocal, client.ExporterTar, client.ExporterOCI, client.ExporterDocker:
	default:
		return usage{fmt.Errorf("-o %s: the type is none of registry, image, oci, docker, local, tar", spec)}
	}
	if e.Type == client.ExporterImage || e.Type == client.ExporterOCI || e.Type == client.ExporterDocker {
		if _, ok := e.Attrs["name"]; !ok && len(r.names) > 0 {
			e.Attrs["name"] = strings.Join(r.names, ",")
		}
		f.compressionAttrs(e.Attrs)
	}
	if e.Type != client.ExporterImage {
		if err := r.stage(&e, dest, spec); err != nil {
			return err
		}
	}
	r.solve.Exports = append(r.solve.Exports, e)
	return nil
}

// stage makes the output go to a temporary place beside dest.
func (r *buildRequest) stage(e *client.ExportEntry, dest, spec string) error {
	tar := true
	if v, ok := e.Attrs["tar"]; ok {
		var err error
		if tar, err = strconv.ParseBool(v); err != nil {
			return usage{fmt.Errorf("-o %s: tar=%s is neither true nor false", spec, v)}
		}
	}
	directory := e.Type == client.ExporterLocal || !tar
	if dest == "" && !directory || dest == "-" {
		e.Output = func(map[string]string) (io.WriteCloser, error) { return keepOpen{os.Stdout}, nil }
		return nil
	}
	if dest == "" {
		return usage{fmt.Errorf("-o %s: want dest=PATH", spec)}
	}
	if info, err := os.Stat(dest); err == nil && info.IsDir() != directory {
		return usage{fmt.Errorf("-o %s: %s exists and is of another kind", spec, dest)}
	}
	parent := filepath.Dir(filepath.Clean(dest))
	if directory {
		return r.stageDir(e, dest, parent)
	}
	tmp, err := os.CreateTemp(parent, ".whittle-")
	if err != nil {
		return fmt.Errorf("writing %s: %w", dest, err)
	}
	if err := tmp.Chmod(0o644); err != nil {
		return fmt.Errorf("writing %s: %w", dest, err)
	}
	r.staged = append(r.staged, stagedOutput{tmp.Name(), dest})
	e.Output = func(map[string]string) (io.WriteCloser, error) { return tmp, nil }
	return nil
}

func (r *buildRequest) stageDir(e *client.ExportEntry, dest, parent string) error {
	entries, err := os.ReadDir(dest)
	if err == nil && len(entries) > 0 {
		// A layout may be added to, and a directory of files written over,
		// as buildx does; there is no moving into place then.
		e.OutputDir = dest
		return nil
	}
	if err == nil {
		if err := os.Remove(dest); err != nil {
			return fmt.Errorf("writing %s: %w", dest, err)
		}
	} else if !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("writing %s: %w", dest, err)
	}
	tmp, err := os.MkdirTemp(parent, ".whittle-")
	if err != nil {
		return fmt.Errorf("writing %s: %w", dest, err)
	}
	if err := os.Chmod(tmp, 0o755); err != nil {
		return fmt.Errorf("writing %s: %w", dest, err)
	}
	r.staged = append(r.staged, stagedOutput{tmp, dest})
	e.OutputDir = tmp
	return nil
}

// keepOpen is standard output for an exporter, which closes what it writes to.
type keepOpen struct{ io.Writer }

func (keepOpen) Close() error { return nil }

// annotate puts --annotation on image outputs.
func (f *buildFlags) annotate(e *client.ExportEntry) error {
	if e.Type == client.ExporterLocal || e.Type == client.ExporterTar {
		return nil
	}
	for _, s := range f.annotations {
		kind, rest := "manifest", s
		if k, r, ok := strings.Cut(s, ":"); ok && strings.Contains("manifest index manifest-descriptor index-descriptor", k) {
			kind, rest = k, r
		}
		name, v, ok := strings.Cut(rest, "=")
		if !ok {
			return usage{fmt.Errorf("--annotation %s: want NAME=VALUE", s)}
		}
		key := "annotation-" + kind + "." + name
		if kind == "manifest" {
			key = "annotation." + name
		}
		e.Attrs[key] = v
	}
	return nil
}

// repositories are names without their tags, each once.
func repositories(names []string) []string {
	var out []string
	seen := map[string]bool{}
	for _, n := range names {
		repo, _, _ := cutTag(n)
		if !seen[repo] {
			seen[repo] = true
			out = append(out, repo)
		}
	}
	return out
}

// writeMetadata writes --metadata-file as buildx does: JSON values as they
// are, descriptors decoded, everything else as text.
func writeMetadata(ctx context.Context, name string, response map[string]string) error {
	out := map[string]any{}
	for k, v := range response {
		if dt, err := base64.StdEncoding.DecodeString(v); err == nil && json.Valid(dt) && len(dt) > 0 && dt[0] == '{' {
			out[k] = json.RawMessage(dt)
			continue
		}
		if strings.HasPrefix(v, "{") && json.Valid([]byte(v)) {
			out[k] = json.RawMessage(v)
			continue
		}
		out[k] = v
	}
	dt, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return fmt.Errorf("writing --metadata-file: %w", err)
	}
	if err := staging.WriteFile(ctx, name, append(dt, '\n')); err != nil {
		return fmt.Errorf("writing --metadata-file: %w", err)
	}
	return nil
}
