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
		var options []string
		if numeric && e.Mode&0o002 == 0 {
			options = append(options, "uid="+user, "gid="+group)
		}
		// docker mounts a tmpfs noexec unless it is told otherwise.
		if p.TempPrograms && e.Path == "/tmp" {
			options = append(options, "exec")
		}
		option := "--tmpfs " + e.Path
		if len(options) > 0 {
			option += ":" + strings.Join(options, ",")
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
	shared := e.Mode&0o002 != 0 || e.Mode&0o020 != 0 && e.UID != 0
	if !shared && !(root(p.Config.User) && variable(e.Path)) || e.Path == path.Clean("/"+p.Config.WorkingDir) {
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
		return o.Type != image.Dir && strings.HasPrefix(o.Path, e.Path+"/") && !emptyLog(o)
	})
}

// root reports whether a user of an image is root, to whom directories of its
// own are as good as those that everyone may write to.
func root(user string) bool {
	name, _, _ := strings.Cut(user, ":")
	return name == "" || name == "0" || name == "root"
}

// variable reports whether a directory is one of those that the Filesystem
// Hierarchy Standard 3.0 has for what programs write while they run (3.15, 5.5,
// 5.10, 5.14).
func variable(name string) bool {
	return name == "/run" || slices.ContainsFunc([]string{"/run/", "/var/cache/", "/var/log/", "/var/spool/"}, func(dir string) bool { return strings.HasPrefix(name, dir) })
}

// emptyLog reports whether an entry is a log that a package left for its
// program, which makes it itself where it is missing.
func emptyLog(e image.Entry) bool {
	return e.Type == image.File && e.Size == 0 && strings.HasPrefix(e.Path, "/var/log/")
}
