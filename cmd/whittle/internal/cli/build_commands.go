package cli

import (
	"path/filepath"
	"slices"

	"github.com/whittle-oci/whittle/lint/discover"
)

// composeCommands gives the command lines with which services of Compose files
// start the image of a Dockerfile, each once: what they run has to be in the
// image, too. A Compose file that cannot be read is passed over with a warning.
func composeCommands(a *app, dockerfile string) [][]string {
	abs, err := filepath.Abs(dockerfile)
	if err != nil {
		return nil
	}
	var out [][]string
	for _, file := range discover.Sources(filepath.Dir(abs)) {
		builds, err := discover.Builds(file)
		if err != nil {
			a.log.Warnf("the commands of its services are not known: %v", err)
			continue
		}
		for _, b := range builds {
			if name, err := filepath.Abs(b.Dockerfile); err != nil || b.Dockerfile == "" || name != abs || len(b.Command) == 0 {
				continue
			}
			if !slices.ContainsFunc(out, func(have []string) bool { return slices.Equal(have, b.Command) }) {
				a.log.Infof("the service %s of %s starts the image with %q", b.Name, file, b.Command)
				out = append(out, b.Command)
			}
		}
	}
	return out
}
