package report

import (
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/image"
)

// readOnly gives the options of docker run for a read-only root: a tmpfs for
// every directory that is there to be written to and holds nothing yet, for the
// user that the image has. Volumes are writable by themselves, and what is
// written to the working directory or the home is nobody's to guess.
func readOnly(p *image.Plan) []string {
	out := []string{"--read-only"}
	user, group, numeric := strings.Cut(p.Config.User, ":")
	for _, e := range Writable(p) {
		option := "--tmpfs " + e.Path
		if numeric && e.Mode&0o002 == 0 {
			option += ":uid=" + user + ",gid=" + group
		}
		out = append(out, option)
	}
	return out
}

// Writable lists the directories of an image that are there to be written to
// and hold no files yet. Of those that lie in each other all are listed: what is
// mounted on the outer one hides the inner ones, and programs expect them.
func Writable(p *image.Plan) []image.Entry {
	var out []image.Entry
	for _, e := range p.Entries {
		if e.Type != image.Dir || !written(p, e) {
			continue
		}
		out = append(out, e)
	}
	return out
}

// written reports whether a directory is there to be written to.
func written(p *image.Plan, e image.Entry) bool {
	if e.Mode&0o002 == 0 && (e.Mode&0o020 == 0 || e.UID == 0) || e.Path == path.Clean("/"+p.Config.WorkingDir) {
		return false
	}
	for _, kv := range p.Config.Env {
		if home, ok := strings.CutPrefix(kv, "HOME="); ok && home == e.Path {
			return false
		}
	}
	for v := range p.Config.Volumes {
		if v = path.Clean(v); e.Path == v || strings.HasPrefix(e.Path, v+"/") {
			return false
		}
	}
	return !slices.ContainsFunc(p.Entries, func(o image.Entry) bool {
		return o.Type != image.Dir && strings.HasPrefix(o.Path, e.Path+"/")
	})
}
