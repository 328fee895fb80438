package bases

import (
	"archive/tar"
	"context"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// nginxImages are in the layout of the official image of nginx, with Debian's
// nginx in it.
func nginxImages() []base {
	return []base{{
		names: []string{"nginx:stable", "nginx:1.28", "nginx:latest"},
		make:  func(ctx context.Context, m *maker) ([]v1.Layer, error) { return m.layers(ctx, "nginx", "nginxfiles") },
		config: v1.Config{
			Env: []string{defaultPath}, Entrypoint: []string{"/docker-entrypoint.sh"}, Cmd: []string{"nginx", "-g", "daemon off;"},
			ExposedPorts: map[string]struct{}{"80/tcp": {}}, StopSignal: "SIGQUIT",
		},
	}}
}

// nginxFiles is what the official image has beside the package.
func (m *maker) nginxFiles(_ context.Context, file string) error {
	return pack(file, func(w *tar.Writer) error {
		for _, x := range []struct {
			name    string
			mode    int64
			content string
		}{
			{"docker-entrypoint.sh", 0o755, "#!/bin/sh\nset -e\nexec \"$@\"\n"},
			{"usr/share/nginx/html/50x.html", 0o644, "<h1>An error occurred.</h1>\n"},
			{"usr/share/nginx/html/index.html", 0o644, "<h1>Welcome to nginx!</h1>\n"},
		} {
			if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: x.name, Mode: x.mode, Size: int64(len(x.content))}); err != nil {
				return err
			}
			if _, err := io.WriteString(w, x.content); err != nil {
				return err
			}
		}
		return nil
	})
}
