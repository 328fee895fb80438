package shell

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/tree"
)

const supervisor = "supervisord"

// expansion matches what supervisord fills in (supervisord.org/configuration).
var expansion = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`%\([A-Za-z0-9_]+\)[sd0-9]*`) })

// supervised asks for the programs that a configuration of supervisord starts.
func (p *Provider) supervised(ctx context.Context, env *need.Env, s *need.Set, out *need.Found) error {
	if !started(env, s, supervisor) {
		return nil
	}
	for _, f := range s.Files() {
		if !f.Kept && !f.Read || !f.Entry.IsRegular() || f.Entry.Size > maxTable || !slices.Contains([]string{".conf", ".ini"}, path.Ext(f.Path)) {
			continue
		}
		data, err := tree.ReadFile(ctx, env.Tree, f.Path, maxTable)
		if err != nil {
			return fmt.Errorf("reading the programs of %s: %w", f.Path, err)
		}
		if err := p.programs(ctx, env, f.Path, string(data), out); err != nil {
			return err
		}
	}
	return nil
}

// programs asks for those of one configuration.
func (p *Provider) programs(ctx context.Context, env *need.Env, name, data string, out *need.Found) error {
	section := ""
	for line := range strings.Lines(data) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), " ;")
		if strings.HasPrefix(line, "[") {
			section, _, _ = strings.Cut(strings.Trim(line, "[]"), ":")
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		if !ok || !slices.Contains([]string{"program", "fcgi-program", "eventlistener", supervisor}, section) {
			continue
		}
		switch {
		case key == "user":
			out.Facts = append(out.Facts, need.Fact{Kind: need.Root, Reason: fmt.Sprintf("%s says %q, which only root can become", name, line)})
		case key == "command" && section != supervisor:
			found, _, err := p.commands(ctx, env, name, "/bin/sh", []byte(expansion().ReplaceAllString(value, "x")+"\n"))
			if err != nil {
				return err
			}
			out.Needs = append(out.Needs, found.Needs...)
			out.Facts = append(out.Facts, found.Facts...)
			out.Warnings = append(out.Warnings, found.Warnings...)
		}
	}
	return nil
}
