package report

import (
	"slices"
	"testing"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/image"
)

// TestTempPrograms are in /tmp, where docker lets nothing run unless it is told to.
func TestTempPrograms(t *testing.T) {
	p := &image.Plan{TempPrograms: true, Entries: []image.Entry{{Path: "/run", Type: image.Dir, Mode: 0o1777}, {Path: "/tmp", Type: image.Dir, Mode: 0o1777}}}
	if got, want := readOnly(p), []string{"--read-only", "--tmpfs /run", "--tmpfs /tmp:exec"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestReadOnly(t *testing.T) {
	entries := []image.Entry{
		{Path: "/run", Type: image.Dir, Mode: 0o755},
		{Path: "/run/httpd", Type: image.Dir, Mode: 0o755, UID: 33},
		{Path: "/run/lock", Type: image.Dir, Mode: 0o1777},
		{Path: "/srv/data", Type: image.Dir, Mode: 0o775, UID: 33},
		{Path: "/srv/site", Type: image.Dir, Mode: 0o755},
		{Path: "/var/log", Type: image.Dir, Mode: 0o755},
		{Path: "/var/log/httpd", Type: image.Dir, Mode: 0o750},
		{Path: "/var/log/httpd/error.log", Type: image.File, Mode: 0o640},
		{Path: "/var/log/old", Type: image.Dir, Mode: 0o755},
		{Path: "/var/log/old/1", Type: image.File, Mode: 0o640, Size: 5},
	}
	for _, test := range []struct {
		name, user string
		want       []string
	}{
		{"root writes where it alone may", "", []string{"--tmpfs /run", "--tmpfs /run/httpd", "--tmpfs /run/lock", "--tmpfs /srv/data", "--tmpfs /var/log/httpd"}},
		{"root by number", "0:0", []string{"--tmpfs /run:uid=0,gid=0", "--tmpfs /run/httpd:uid=0,gid=0", "--tmpfs /run/lock", "--tmpfs /srv/data:uid=0,gid=0", "--tmpfs /var/log/httpd:uid=0,gid=0"}},
		{"another user does not", "33:0", []string{"--tmpfs /run/lock", "--tmpfs /srv/data:uid=33,gid=0"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := &image.Plan{Entries: entries}
			p.Config = dockerspec.DockerOCIImageConfig{}
			p.Config.User = test.user
			if got := readOnly(p); !slices.Equal(got, append([]string{"--read-only"}, test.want...)) {
				t.Errorf("got %q", got)
			}
		})
	}
}
