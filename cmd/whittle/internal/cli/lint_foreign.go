package cli

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/whittle-oci/whittle/lint/config"
	"github.com/whittle-oci/whittle/lint/discover"
	"github.com/whittle-oci/whittle/lint/hadolint"
)

// fromHadolint reads hadolint's configuration, which holds where there is no
// .whittle.yaml: the file beside the Dockerfile or above it, else that of the
// current directory.
func fromHadolint(dir string) ([]config.File, error) {
	name := cmp.Or(discover.Nearest(dir, hadolint.Names...), discover.Nearest(".", hadolint.Names...))
	if name == "" {
		return nil, nil
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	c, err := hadolint.Parse(relative(name), data)
	if errors.Is(err, hadolint.ErrEmpty) { // it says nothing
		return nil, nil
	}
	if err != nil {
		return nil, usage{err}
	}
	return []config.File{{Name: relative(name), Dir: filepath.Dir(name), Layer: c.Layer()}}, nil
}

// fromTrivy reads the findings that trivy ignores, from the nearest of its
// files beside the Dockerfile or above it.
func fromTrivy(dir string) ([]config.File, error) {
	name := discover.Nearest(dir, ".trivyignore", ".trivyignore.yaml")
	if name == "" {
		return nil, nil
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("reading the findings that trivy ignores: %w", err)
	}
	f, err := config.ParseTrivyIgnore(relative(name), data, time.Now().Format(time.DateOnly))
	f.Dir = filepath.Dir(name)
	return []config.File{f}, err
}
