package oci

import (
	"maps"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// directAttrs are the attributes that mean something to Write, with the values
// they may have where those are few. The compression is that of the image.
var directAttrs = map[string][]string{
	"name":              nil,
	"push":              {"true", "false"},
	"tar":               nil, // read by ParseOutput
	"mode":              {"copy", "delete"},
	"compression":       {"gzip", "zstd"},
	"force-compression": {"true", "false"},
	"oci-mediatypes":    {"true"},
}

// CheckDirect refuses outputs that Write cannot write as they say, before any
// work is done; names are those of the image. Errors are *OutputError.
func CheckDirect(outputs []Output, names []name.Tag) error {
	for _, o := range outputs {
		for _, attr := range slices.Sorted(maps.Keys(o.Attrs)) {
			v := o.Attrs[attr]
			values, ok := directAttrs[attr]
			if !ok {
				return o.wrong("%q is not known here; want name, push, tar, compression or mode", attr+"="+v)
			}
			if values != nil && !slices.Contains(values, v) {
				return o.wrong("%s=%s: want %s", attr, v, strings.Join(values, " or "))
			}
		}
		of, err := o.Names(names)
		switch {
		case err != nil:
			return err
		case o.Type == TypeCacheOnly:
			return o.wrong("there is no build cache here")
		case o.Type == TypeImage && !o.Push():
			return o.wrong("there is no image store here; push=true pushes to the registry")
		case o.Type == TypeImage && len(of) == 0:
			return o.wrong("what is pushed needs a name: -t NAME or name=NAME")
		case o.Type == TypeDocker && o.Dir:
			return o.wrong("a docker image is a tar; type=oci can be a directory")
		case o.Type == TypeDocker && len(of) == 0:
			return o.wrong("a docker tar needs a name: -t NAME or name=NAME")
		}
	}
	return nil
}

// Names are those of the image in this output: names, or where there are none,
// those of its name attribute, separated by commas. It is so in buildx.
func (o Output) Names(names []name.Tag) ([]name.Tag, error) {
	if len(names) > 0 || o.Attrs["name"] == "" {
		return names, nil
	}
	var out []name.Tag
	for n := range strings.SplitSeq(o.Attrs["name"], ",") {
		tag, err := ParseTag(n)
		if err != nil {
			return nil, o.wrong("%w", err)
		}
		out = append(out, tag)
	}
	return out, nil
}

// PushedNames are the names under which the outputs push an image: names, or
// those that an output has of its own, each once.
func PushedNames(outputs []Output, names []name.Tag) ([]name.Tag, error) {
	var out []name.Tag
	seen := map[string]bool{}
	for _, o := range outputs {
		if !o.Push() {
			continue
		}
		of, err := o.Names(names)
		if err != nil {
			return nil, err
		}
		for _, n := range of {
			if !seen[n.Name()] {
				seen[n.Name()] = true
				out = append(out, n)
			}
		}
	}
	return out, nil
}
