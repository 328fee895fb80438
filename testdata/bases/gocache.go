package bases

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// goCache packs what Go's compiler makes of the standard packages that the
// applications import, in the ways they are built: as written, and with paths
// trimmed and cgo off as a static build is. The official image has nothing like
// it; here a step of go build takes seconds and not half a minute of compiling
// the same packages again.
//
// The files are younger than any build, for Go renews the times of what it uses
// and drops what has not been used for days (cmd/go/internal/cache), and both
// would become part of the step's layer.
func (m *maker) goCache(ctx context.Context, file string) error {
	cache, err := os.MkdirTemp(m.dir, "gocache")
	if err != nil {
		return err
	}
	defer os.RemoveAll(cache)
	for _, flags := range []string{"", "-trimpath"} {
		cmd := exec.CommandContext(ctx, "go", append([]string{"build"}, strings.Fields(flags+" encoding/json flag fmt html/template io log net/http os/user time")...)...)
		cmd.Env = append(os.Environ(), "GOCACHE="+cache, "GOFLAGS=", "CGO_ENABLED=0")
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("compiling standard packages: %w\n%s", err, tail(out.String(), 20))
		}
	}
	young := time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	return pack(file, func(w *tar.Writer) error {
		for _, parent := range []string{"root/", "root/.cache/"} {
			if err := dir(w, parent, 0o700); err != nil {
				return err
			}
		}
		return filepath.WalkDir(cache, func(name string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(cache, name)
			if err == nil && d.Type().IsRegular() {
				err = os.Chtimes(name, young, young)
			}
			if err != nil {
				return err
			}
			return add(w, name, filepath.Join("root/.cache/go-build", rel))
		})
	})
}
