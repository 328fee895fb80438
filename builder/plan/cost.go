package plan

import (
	"context"
	"fmt"
)

// shellUse is a reason for which the image has a shell.
type shellUse struct{ instruction, why, shell, hint string }

// withShell notes the files that f carries as the cost of a shell.
func (m *maker) withShell(f func() error) error {
	m.inShell++
	defer func() { m.inShell-- }()
	return f()
}

// shellCosts warns about what a shell brings along: what came for it and is
// not the Dockerfile's own.
func (m *maker) shellCosts(context.Context) error {
	var bytes int64
	var files int
	for _, name := range m.forShell {
		e, ok := m.entries[name]
		if _, own := m.changed[name]; !ok || own && m.in.Base != nil && e.Package == "" {
			continue
		}
		bytes += e.Size
		files++
	}
	for _, u := range m.shells {
		m.warn(u.instruction, fmt.Sprintf("%s, so the image has %s, which with the commands that are run costs %s in %d files", u.why, u.shell, FormatSize(bytes), files), u.hint)
	}
	return nil
}

// FormatSize writes a number of bytes for people, in powers of 1000 as
// registries and docker do.
func FormatSize(n int64) string {
	for _, u := range []struct {
		unit  string
		bytes float64
	}{{"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}} {
		if float64(n) >= u.bytes {
			return fmt.Sprintf("%.2f %s", float64(n)/u.bytes, u.unit)
		}
	}
	return fmt.Sprintf("%d B", n)
}
