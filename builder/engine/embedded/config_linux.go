package embedded

import (
	"errors"
	"fmt"
	"io"
	"os"

	buildkitd "github.com/moby/buildkit/cmd/buildkitd/config"
	"github.com/moby/buildkit/util/bklog"
	resolverconfig "github.com/moby/buildkit/util/resolver/config"
	"github.com/sirupsen/logrus"

	"github.com/whittle-oci/whittle/builder/oci"
)

// registries reads the registry section of a buildkitd.toml: mirrors, plain
// HTTP, certificate authorities. A file that is named must be there; the usual
// places may be empty.
func registries(name string, log logrus.FieldLogger) (map[string]resolverconfig.RegistryConfig, error) {
	names := []string{name}
	if name == "" {
		names = oci.RegistryFiles()
	}
	for _, n := range names {
		cfg, err := buildkitd.LoadFile(n)
		if errors.Is(err, os.ErrNotExist) && name == "" {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading the registries in %s: %w", n, err)
		}
		if len(cfg.Registries) > 0 {
			log.Debugf("registries are configured by %s", n)
		}
		return cfg.Registries, nil
	}
	return nil, nil
}

// quiet sends what BuildKit logs to our log, for debugging only: what a user
// should know travels as progress, warnings and errors.
func quiet(log logrus.FieldLogger) {
	std := logrus.StandardLogger()
	std.SetOutput(io.Discard)
	if l, ok := log.(*logrus.Logger); ok && l.IsLevelEnabled(logrus.TraceLevel) {
		std.SetOutput(l.Out)
		std.SetLevel(logrus.DebugLevel)
	}
	bklog.L = logrus.NewEntry(std)
}
