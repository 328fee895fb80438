//go:build linux

package e2e

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// TestPackagedServer builds a web server that a package brought, whose
// configuration, modules and state directories no COPY names, and asks it.
func TestPackagedServer(t *testing.T) {
	_, img, _ := build(t, "nginx")
	have := files(t, img)
	for _, name := range []string{"/etc/nginx/nginx.conf", "/etc/nginx/mime.types", "/usr/lib/nginx/modules/ngx_http_echo_module.so"} {
		if _, ok := have[name]; !ok {
			t.Errorf("%s is not in the image", name)
		}
	}
	for _, name := range []string{"/etc/init.d/nginx", "/usr/bin/apt-get", "/bin/sh", "/usr/bin/sh", "/usr/share/man/man8/nginx.8.gz"} {
		if _, ok := have[name]; ok {
			t.Errorf("%s is in the image", name)
		}
	}
	c := unpack(t, img)
	for _, user := range []string{ownUser, randomUser} {
		cmd := c.command(t, user)
		var log bytes.Buffer
		cmd.Stdout, cmd.Stderr = &log, &log
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for page, want := range map[string]string{"/": "<h1>from a package</h1>", "/echo": "from a module"} {
			if got := get(t, "http://127.0.0.1:18085"+page, &log); !strings.Contains(got, want) {
				t.Errorf("as %q %s is %q, want %q\n%s", user, page, got, want, &log)
			}
		}
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
		_ = cmd.Wait()
	}
}
