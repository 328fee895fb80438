package inspect

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/oci"
)

// A making is how an image was made, beside what is in it: two builds of one
// thing that are not the same image differ here.
type making struct {
	times   map[string]int64 // of files, by path
	config  *v1.ConfigFile
	media   string   // media type of the manifest
	packed  []string // digests of the layers as they travel
	diffIDs []v1.Hash
}

// makingOf reads what the manifest and the configuration say.
func makingOf(src *oci.Source) (making, error) {
	m := making{times: map[string]int64{}, config: src.Config, diffIDs: src.Config.RootFS.DiffIDs}
	if media, err := src.MediaType(); err == nil {
		m.media = string(media) // of a docker archive it is not known
	}
	layers, err := src.Layers()
	if err != nil {
		return m, fmt.Errorf("reading the image manifest: %w", err)
	}
	for _, l := range layers {
		if d, err := l.Digest(); err == nil { // likewise
			m.packed = append(m.packed, d.String())
		}
	}
	return m, nil
}

// made says in words what differs in how two images were made. alike is whether
// nothing else does.
func made(a, b *snapshot, alike bool) []string {
	out := []string{}
	note := func(differs bool, format string, args ...any) {
		if differs {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	times := 0
	for name, from := range a.times {
		if to, both := b.times[name]; both && from != to {
			times++
		}
	}
	note(times > 0, "times of %d files", times)
	note(!a.config.Created.Equal(b.config.Created.Time), "the time of creation")
	note(!equalJSON(a.config.History, b.config.History), "the history")
	note(!equalJSON(others(a.config), others(b.config)), "author, versions or other fields of the configuration")
	sameLayers := slices.Equal(a.diffIDs, b.diffIDs)
	switch {
	case len(a.diffIDs) != len(b.diffIDs):
		note(true, "%d layers and %d", len(a.diffIDs), len(b.diffIDs))
	case alike && !sameLayers && times == 0:
		note(true, "the order of entries in layers, or what else their archives say")
	}
	note(sameLayers && !slices.Equal(a.packed, b.packed) && len(a.packed) == len(b.packed), "the compression of layers")
	note(a.media != b.media && a.media != "" && b.media != "", "the format of the manifest: %s and %s", a.media, b.media)
	return out
}

// others are the fields of a configuration that say nothing of how the image
// runs, and are not told apart.
func others(c *v1.ConfigFile) *v1.ConfigFile {
	c = c.DeepCopy()
	c.Created, c.History, c.RootFS, c.Config = v1.Time{}, nil, v1.RootFS{}, v1.Config{}
	return c
}

func equalJSON(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}

// Attached compares what hangs on two images, as counts of things by their kind
// and name: what hangs on both as often is no difference.
func Attached(a, b map[Thing]int) []image.Difference {
	all := maps.Clone(a)
	for t := range b {
		all[t] += 0
	}
	out := []image.Difference{}
	for _, t := range slices.SortedFunc(maps.Keys(all), compareThings) {
		if a[t] != b[t] {
			out = append(out, image.Difference{Kind: t.Kind, Name: t.Name, From: times(a[t]), To: times(b[t])})
		}
	}
	return out
}

func times(n int) string {
	switch n {
	case 0:
		return ""
	case 1:
		return "attached"
	}
	return fmt.Sprintf("attached %d times", n)
}

// A Thing is something that hangs on an image.
type Thing struct {
	Kind string // signature, attestation or artifact
	Name string // what it is, on what it hangs and who signed it, as it says itself
}

func compareThings(a, b Thing) int {
	kinds := []string{"signature", "attestation", "artifact"}
	return cmp.Or(cmp.Compare(slices.Index(kinds, a.Kind), slices.Index(kinds, b.Kind)), cmp.Compare(a.Name, b.Name))
}
