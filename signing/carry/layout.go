package carry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/whittle-oci/whittle/builder/oci"
	"github.com/whittle-oci/whittle/builder/oci/staging"
)

// layout is an OCI layout (OCI image spec, image-layout.md). Manifests that
// refer to others, and those with a tag, have an entry in index.json.
type layout struct {
	dir oci.Dir

	mu      sync.Mutex
	pending []v1.Descriptor // entries that index.json does not have yet
	read    bool
	of      map[string][]v1.Descriptor // what is there, by subject
}

// refName names an entry of index.json.
const refName = "org.opencontainers.image.ref.name"

func open(r oci.Ref, c oci.Client) (place, error) {
	r, err := r.Resolve()
	if err != nil {
		return nil, err
	}
	switch r.Kind {
	case oci.Registry:
		return &registry{r.Name.Context(), c}, nil
	case oci.Layout:
		return &layout{dir: oci.Dir(r.Path)}, nil
	}
	return nil, &oci.FormatError{Place: r.Place(), Err: fmt.Errorf("a %s holds no signatures; copy from a registry or an OCI layout directory", r.Kind)}
}

// create is open for a place that need not be there. undo removes what was made.
func create(r oci.Ref, c oci.Client) (p place, undo func() error, err error) {
	undo = func() error { return nil }
	if r.Name != nil && r.Kind == oci.Registry {
		return &registry{r.Name.Context(), c}, undo, nil
	}
	if r.Name != nil || r.Kind != oci.Layout && r.Kind != oci.Path {
		return nil, undo, &oci.FormatError{Place: r.Place(), Err: errors.New("signatures cannot be kept there; copy to a registry or an OCI layout directory")}
	}
	l := &layout{dir: oci.Dir(r.Path)}
	entries, err := os.ReadDir(r.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.MkdirAll(r.Path, 0o755); err != nil {
			return nil, undo, err
		}
		undo = func() error { return os.RemoveAll(r.Path) }
	case err != nil:
		return nil, undo, err
	case len(entries) > 0:
		_, err := l.dir.Index() // what is there is a layout
		return l, undo, err
	default:
		undo = func() error { return emptied(r.Path) }
	}
	for name, text := range map[string]string{"index.json": `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}`, "oci-layout": `{"imageLayoutVersion":"1.0.0"}`} {
		if err := staging.ReplaceFile(filepath.Join(r.Path, name), []byte(text)); err != nil {
			return nil, undo, errors.Join(err, undo())
		}
	}
	return l, undo, nil
}

// emptied removes what is in a directory that was there, and empty.
func emptied(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	return err
}

func (l *layout) String() string { return "OCI layout " + string(l.dir) }

func (l *layout) manifest(_ context.Context, digest string) ([]byte, types.MediaType, error) {
	h, err := v1.NewHash(digest)
	if err != nil {
		return nil, "", err
	}
	raw, err := l.dir.Blob(h, oci.MaxManifest, "manifest")
	if err != nil {
		return nil, "", err
	}
	var doc document
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, "", fmt.Errorf("reading the manifest %s: %w", l.dir.Name(digest), err)
	}
	kind := doc.MediaType
	switch { // it may be left out (OCI image spec 1.0)
	case kind == "" && doc.Manifests != nil:
		kind = types.OCIImageIndex
	case kind == "":
		kind = types.OCIManifestSchema1
	}
	return raw, kind, nil
}

func (l *layout) entries() ([]v1.Descriptor, error) {
	raw, err := l.dir.Index()
	if err != nil {
		return nil, err
	}
	index, err := oci.ParseIndex(raw)
	if err != nil {
		return nil, &oci.FormatError{Place: l.String(), Err: fmt.Errorf("reading index.json: %w", err)}
	}
	return index.Manifests, nil
}

func (l *layout) tagged(ctx context.Context, tag string) ([]byte, types.MediaType, error) {
	list, err := l.entries()
	if err != nil {
		return nil, "", err
	}
	for _, d := range list {
		if d.Annotations[refName] == tag || oci.IsNamed(d, tag) {
			raw, kind, err := l.manifest(ctx, d.Digest.String())
			if d.MediaType != "" {
				kind = d.MediaType
			}
			return raw, kind, err
		}
	}
	return nil, "", nil
}

// only is the one image there is, besides what refers to it.
func (l *layout) only(ctx context.Context) ([]byte, types.MediaType, error) {
	list, err := l.entries()
	if err != nil {
		return nil, "", err
	}
	var found []string
	for _, d := range list {
		subject, err := l.subject(ctx, d.Digest.String())
		if err != nil {
			return nil, "", err
		}
		if subject == "" && !isLegacyTag(d.Annotations[refName]) && !slices.Contains(found, d.Digest.String()) {
			found = append(found, d.Digest.String())
		}
	}
	if len(found) != 1 {
		return nil, "", &oci.FormatError{Place: l.String(), Err: fmt.Errorf("it holds %d images; name one by tag or digest: %s", len(found), strings.Join(found, ", "))}
	}
	return l.manifest(ctx, found[0])
}

func isLegacyTag(tag string) bool {
	return strings.HasPrefix(tag, "sha256-") && slices.ContainsFunc(legacySuffixes, func(s string) bool { return strings.HasSuffix(tag, s) })
}

func (l *layout) subject(ctx context.Context, digest string) (string, error) {
	raw, _, err := l.manifest(ctx, digest)
	if err != nil {
		return "", err
	}
	var m struct {
		Subject *v1.Descriptor `json:"subject"`
	}
	if err := json.Unmarshal(raw, &m); err != nil || m.Subject == nil {
		return "", err
	}
	return m.Subject.Digest.String(), nil
}

func (l *layout) referrers(ctx context.Context, digest string) ([]v1.Descriptor, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.read {
		list, err := l.entries()
		if err != nil {
			return nil, err
		}
		l.of = map[string][]v1.Descriptor{}
		for _, d := range list {
			subject, err := l.subject(ctx, d.Digest.String())
			if err != nil {
				return nil, err
			}
			if subject != "" {
				l.of[subject] = append(l.of[subject], d)
			}
		}
		l.read = true
	}
	return l.of[digest], nil
}

// blob is a file of the layout.
type blob struct {
	file string
	desc v1.Descriptor
}

// Digest implements partial.CompressedLayer, as do the others.
func (b blob) Digest() (v1.Hash, error) { return b.desc.Digest, nil }

// Size is that of the descriptor.
func (b blob) Size() (int64, error) { return b.desc.Size, nil }

// MediaType is that of the descriptor.
func (b blob) MediaType() (types.MediaType, error) { return b.desc.MediaType, nil }

// Compressed opens the file.
func (b blob) Compressed() (io.ReadCloser, error) { return os.Open(b.file) }

func (l *layout) file(h v1.Hash) string {
	return filepath.Join(string(l.dir), "blobs", h.Algorithm, h.Hex)
}

func (l *layout) layer(_ context.Context, d v1.Descriptor) (v1.Layer, error) {
	return partial.CompressedToLayer(blob{l.file(d.Digest), d})
}

// putBlob writes a blob whole or not at all, and compares it with its digest.
func (l *layout) putBlob(ctx context.Context, d v1.Descriptor, from place) error {
	file := l.file(d.Digest)
	if d.Digest.Algorithm != "sha256" {
		return fmt.Errorf("%s: a digest of the kind %s is not known", l, d.Digest.Algorithm)
	}
	if info, err := os.Stat(file); err == nil && info.Size() == d.Size && sumOf(file) == d.Digest.Hex {
		return nil
	}
	layer, err := from.layer(ctx, d)
	if err != nil {
		return err
	}
	rc, err := layer.Compressed()
	if err != nil {
		return fmt.Errorf("reading %s@%s: %w", from, d.Digest, err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return drained(rc, err)
	}
	set := staging.New(ctx)
	defer set.Discard()
	out, err := set.File(file)
	if err != nil {
		return drained(rc, err)
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(out, sum), io.LimitReader(rc, d.Size+1))
	err = errors.Join(drained(rc, err), out.Close())
	if err != nil {
		return fmt.Errorf("reading %s@%s: %w", from, d.Digest, err)
	}
	if n != d.Size || hex.EncodeToString(sum.Sum(nil)) != d.Digest.Hex {
		return &oci.ChangedError{Ref: from.String() + "@" + d.Digest.String(), What: "blob"}
	}
	return set.Commit()
}

func sumOf(file string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return ""
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func (l *layout) putManifest(_ context.Context, raw []byte, d v1.Descriptor) error {
	if err := l.dir.Put(raw); err != nil {
		return fmt.Errorf("writing %s: %w", l, err)
	}
	var m struct {
		ArtifactType string            `json:"artifactType"`
		Subject      *v1.Descriptor    `json:"subject"`
		Annotations  map[string]string `json:"annotations"`
		Config       struct {
			MediaType string `json:"mediaType"`
		} `json:"config"`
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return err
	}
	if m.Subject == nil {
		return nil
	}
	if d.ArtifactType, d.Annotations = m.ArtifactType, m.Annotations; d.ArtifactType == "" {
		d.ArtifactType = m.Config.MediaType
	}
	l.pend(d)
	return nil
}

func (l *layout) pend(d v1.Descriptor) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pending = append(l.pending, d)
}

func (l *layout) tag(_ context.Context, tag string, _ []byte, d v1.Descriptor) error {
	if d.Annotations = nil; tag != "" {
		d.Annotations = map[string]string{refName: tag}
	}
	l.pend(d)
	return nil
}

// finish writes the entries into index.json. A name leads to one image, so that
// it is taken from another that had it.
func (l *layout) finish(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	raw, err := l.dir.Index()
	if err != nil {
		return err
	}
	var doc map[string]json.RawMessage
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &doc); err != nil {
		return err
	}
	if err := json.Unmarshal(doc["manifests"], &list); err != nil {
		return err
	}
	for _, d := range l.pending {
		list = slices.DeleteFunc(list, func(raw json.RawMessage) bool {
			var have v1.Descriptor
			if json.Unmarshal(raw, &have) != nil {
				return false
			}
			name := d.Annotations[refName]
			return have.Annotations[refName] == name && (name != "" || have.Digest == d.Digest)
		})
		entry, err := json.Marshal(d)
		if err != nil {
			return err
		}
		list = append(list, entry)
	}
	if doc["manifests"], err = json.Marshal(list); err != nil {
		return err
	}
	if raw, err = json.Marshal(doc); err != nil {
		return err
	}
	if len(raw) > oci.MaxManifest {
		return fmt.Errorf("%s: its index.json would have more than %d bytes, and nothing would read it again", l, oci.MaxManifest)
	}
	l.pending, l.read = nil, false
	return staging.ReplaceFile(filepath.Join(string(l.dir), "index.json"), raw)
}
