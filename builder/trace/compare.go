package trace

import (
	"context"
	"errors"
	"io/fs"
	"path"

	"github.com/whittle-oci/whittle/builder/tree"
)

// A Missing is a file that one image's program opened and another image lacks.
type Missing struct {
	Path string `json:"path"`
	// Expected says why a minimal image may lack it, "" where nothing does.
	Expected string `json:"expected,omitempty"`
}

// expected are the files that a minimal image lacks on purpose. The patterns are
// those of path.Match.
var expected = []struct{ pattern, reason string }{
	{"/etc/ld.so.cache", "without it the loader looks through its directories"},
	{"/etc/nsswitch.conf", "without it glibc asks files and DNS"},
	{"/usr/lib/locale/locale-archive", "no locale of it is asked for"},
	{"/usr/lib/*/gconv/gconv-modules.cache", "without it iconv reads gconv-modules"},
	{"/usr/share/zoneinfo/Etc/UTC", "without a zone times are in UTC"},
	{"/var/cache/fontconfig/*", "without it fontconfig reads the fonts themselves"},
}

// inBundle reports whether a file is one of the certificates that a bundle of
// the image holds all of.
func inBundle(ctx context.Context, t tree.Tree, name string) bool {
	if ok, err := path.Match("/usr/share/ca-certificates/*/*.crt", name); err != nil || !ok {
		return false
	}
	_, ok, err := tree.FindFile(ctx, t, "/etc/ssl/certs/ca-certificates.crt")
	return err == nil && ok
}

// Lacks gives the files of opened that t does not have, in their order.
func Lacks(ctx context.Context, t tree.Tree, opened []string) (out []Missing, err error) {
	for _, name := range opened {
		_, err := tree.Resolve(ctx, t, name)
		switch {
		case err == nil:
			continue
		case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, tree.ErrLoop):
			return nil, err
		}
		m := Missing{Path: name}
		if inBundle(ctx, t, name) {
			m.Expected = "it is in the bundle of certificates"
		}
		for _, e := range expected {
			if ok, err := path.Match(e.pattern, name); err == nil && ok {
				m.Expected = e.reason
			}
		}
		out = append(out, m)
	}
	return out, nil
}
