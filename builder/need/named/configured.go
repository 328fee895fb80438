package named

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/elf"
	"github.com/whittle-oci/whittle/builder/tree"
)

const (
	maxConfiguration = 256 << 10 // bytes of a configuration that is read for command lines
	maxValues        = 8         // places of one of its lines at which a command line may begin
)

// shells are the texts by which a program names the one that it gives command
// lines to.
var shells = []string{"/bin/sh", "/bin/bash", "/usr/bin/sh", "sh"}

// joined matches what only command lines have: commands joined to others, or
// to files.
var joined = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\s\|\s*\w|&&|\s>>?\s*[/&]`) })

// configured asks for what command lines in a configuration start, where the
// image's program gives such to a shell: checks, parameters and hooks of
// agents and monitors.
func (p *Provider) configured(ctx context.Context, env *need.Env, v need.Visit) (need.Found, error) {
	var out need.Found
	by, err := p.runsLines(ctx, env)
	if err != nil || by == "" {
		return out, err
	}
	data, err := tree.ReadFile(ctx, env.Tree, v.Path, maxConfiguration)
	if err != nil {
		return out, fmt.Errorf("reading the configuration %s: %w", v.Path, err)
	}
	if err := p.list(ctx, env); err != nil {
		return out, err
	}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") || !joined().MatchString(line) {
			continue
		}
		found := p.value(line)
		if len(found) == 0 {
			continue
		}
		words, reason := map[string]string{}, fmt.Sprintf("has the command line %q for %s", shorten(line), by)
		for _, name := range found {
			words[name] = reason
		}
		if err := p.programsOf(ctx, env, &file{path: v.Path}, &out, words, always); err != nil {
			return out, err
		}
		out.Needs = append(out.Needs, need.Need{Kind: need.Program, Path: "/bin/sh", By: v.Path, Reason: v.Path + " " + reason, Strength: need.Optional, Shell: true, Droppable: true})
	}
	return out, nil
}

// value gives the programs of the command line that a line of a configuration
// ends with: the longest end of it that begins with one.
func (p *Provider) value(line string) []string {
	for n := 0; n < maxValues && joined().MatchString(line); n++ {
		line = strings.TrimLeft(line, " \t")
		line = strings.Trim(line, `"'`)
		if found := commandLine(line); len(found) > 0 && p.onPath[found[0]] != "" && begins(line, found[0]) {
			return found
		}
		i := strings.IndexAny(line, " \t=,:")
		if i < 0 {
			return nil
		}
		line = line[i+1:]
	}
	return nil
}

// begins reports whether a program is the first word of a command line.
func begins(line, program string) bool {
	first := strings.Fields(line)[0]
	return first == program || strings.HasSuffix(first, "/"+program)
}

// runsLines gives the program of the image that gives command lines to a
// shell, "" for none.
func (p *Provider) runsLines(ctx context.Context, env *need.Env) (string, error) {
	if p.runs != nil {
		return *p.runs, nil
	}
	by := ""
	for _, line := range env.Lines {
		if len(line) == 0 || by != "" {
			continue
		}
		at, ok, err := env.LookPath(ctx, line[0])
		if err != nil {
			return "", err
		}
		if !ok || p.interprets(at) {
			continue
		}
		res, ok, err := tree.FindFile(ctx, env.Tree, at)
		if err != nil {
			return "", err
		}
		if !ok {
			continue
		}
		info, err := p.elf.Info(ctx, env.Tree, res.Path)
		if errors.Is(err, elf.ErrNotELF) || errors.Is(err, elf.ErrBroken) {
			continue
		}
		if err != nil {
			return "", err
		}
		runs := info.Calls(commands...) != ""
		if !runs && info.Calls(starts...) != "" {
			text, err := p.elf.Text(ctx, env.Tree, res.Path)
			if err != nil {
				return "", err
			}
			found, _ := text.Has(append([]string{shellFlag}, shells...))
			runs = len(found) > 1 && found[0] == shellFlag
		}
		if runs {
			by = res.Path
		}
	}
	p.runs = &by
	return by, nil
}
