package cli

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"strings"

	"github.com/moby/buildkit/client"

	"github.com/whittle-oci/whittle/builder/oci"
	"github.com/whittle-oci/whittle/builder/oci/staging"
)

// discard removes what was not published.
func (r *buildRequest) discard() {
	if r.load != nil {
		_ = r.load.Close()
	}
	if r.docker != nil {
		_ = r.docker.Close()
	}
	if r.places != nil {
		r.places.Discard()
	}
	for _, dir := range r.temporary {
		_ = os.RemoveAll(dir)
	}
	for _, d := range r.local {
		_ = d.Close()
	}
}

// outputError is what kept an output from being written. BuildKit often knows
// only that the other end has closed the connection: EOF.
func (r *buildRequest) outputError() error {
	if r.places == nil {
		return nil
	}
	return r.places.Err()
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
	if r.places == nil {
		return nil
	}
	return r.places.Commit()
}

// output translates --push and -o, and opens what they write to. What --load
// needs depends on the engine.
func (f *buildFlags) output(ctx context.Context, a *app, r *buildRequest) error {
	if f.dryRun {
		return nil
	}
	outputs, err := oci.ParseOutputs(f.outputs)
	if err != nil {
		return err
	}
	if r.places, err = a.prepare(ctx, outputs); err != nil {
		return err
	}
	for _, file := range []string{f.metadataFile, f.iidFile} {
		if r.places.Stdout && file != "" && staging.IsStdout(file) {
			return usage{fmt.Errorf("%s is standard output, which an output takes; name a file", file)}
		}
	}
	for _, o := range outputs {
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

// export makes one -o an exporter of BuildKit.
func (f *buildFlags) export(r *buildRequest, o oci.Output) error {
	switch {
	case o.Type == oci.TypeCacheOnly:
		r.cacheOnly = true
		return nil
	case o.Load():
		f.load = true
		if len(r.names) == 0 && o.Attrs["name"] != "" {
			r.names = strings.Split(o.Attrs["name"], ",")
		}
		return nil
	}
	e := client.ExportEntry{Type: o.Type, Attrs: maps.Clone(o.Attrs)}
	if o.Type == oci.TypeImage || o.Type == oci.TypeOCI || o.Type == oci.TypeDocker {
		if len(r.names) > 0 {
			e.Attrs["name"] = strings.Join(r.names, ",")
		}
		f.compressionAttrs(e.Attrs)
	}
	if o.Push() && e.Attrs["name"] == "" {
		return usage{fmt.Errorf("-o %s: what is pushed needs a name: -t NAME or name=NAME", o)}
	}
	p := r.places.Of(o)
	if e.OutputDir = p.Path; p.File != nil {
		e.Output = func(map[string]string) (io.WriteCloser, error) { return p.File, nil }
	}
	r.solve.Exports = append(r.solve.Exports, e)
	return nil
}

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
