package ruby

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/installation"
	"github.com/whittle-oci/whittle/builder/tree"
)

// Limits on what is read of Bundler.
const (
	maxLock    = 4 << 20
	maxGemfile = 256 << 10
)

// A locked gem is one that a Gemfile.lock asks for.
type locked struct {
	name, version string // the version with its platform, as it is written
	line          int
}

// parseLock reads the gems of a Gemfile.lock: lines of four blanks below specs:
// of a section GEM (bundler, lockfile_parser.rb). Those of GIT and PATH lie
// where these say.
func parseLock(text string) []locked {
	var out []locked
	section := ""
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, "\r\n")
		if line != "" && line[0] != ' ' {
			section = line
			continue
		}
		entry, ok := strings.CutPrefix(line, "    ")
		if section != "GEM" || !ok || entry == "" || entry[0] == ' ' {
			continue
		}
		name, version, ok := strings.Cut(entry, " (")
		version, end := strings.CutSuffix(version, ")")
		if ok && end && name != "" && !strings.ContainsAny(name+version, "/ ") {
			out = append(out, locked{name, version, n})
		}
	}
	return out
}

// gemfile is where Bundler reads an application's gems from, "" where there is
// none: BUNDLE_GEMFILE, or Gemfile or gems.rb in WORKDIR or above it.
func gemfile(ctx context.Context, env *need.Env) (string, error) {
	if v, _ := env.Getenv("BUNDLE_GEMFILE"); v != "" {
		return env.Abs(v), nil
	}
	for dir := env.Abs("."); ; dir = path.Dir(dir) {
		for _, name := range []string{"Gemfile", "gems.rb"} {
			_, ok, err := tree.FindFile(ctx, env.Tree, path.Join(dir, name))
			if err != nil || ok {
				return path.Join(dir, name), err
			}
		}
		if dir == "/" {
			return "", nil
		}
	}
}

// lockOf is the lock file of a Gemfile.
func lockOf(gemfile string) string {
	if path.Base(gemfile) == "gems.rb" {
		return path.Join(path.Dir(gemfile), "gems.locked")
	}
	return gemfile + ".lock"
}

// askedGems are the gems that an application's lock file names.
func askedGems(ctx context.Context, env *need.Env) (map[string]bool, error) {
	out := map[string]bool{}
	name, err := gemfile(ctx, env)
	if err != nil || name == "" {
		return out, err
	}
	text, err := tree.ReadOptional(ctx, env.Tree, lockOf(name), maxLock)
	if err != nil {
		return nil, err
	}
	for _, l := range parseLock(string(text)) {
		out[l.name] = true
	}
	return out, nil
}

// bundleSettings reads Bundler's files of settings, "KEY: value", the
// application's own last (bundler.io, bundle config).
func bundleSettings(ctx context.Context, env *need.Env) (map[string]string, error) {
	out := map[string]string{}
	getenv := func(name string) string { v, _ := env.Getenv(name); return v }
	names := []string{"/root/.bundle/config"}
	if home := getenv("HOME"); path.IsAbs(home) {
		names = append(names, path.Join(home, ".bundle/config"))
	}
	own := ".bundle"
	if v := getenv("BUNDLE_APP_CONFIG"); v != "" {
		own = v
	}
	for _, name := range append(names, path.Join(env.Abs(own), "config")) {
		text, err := tree.ReadOptional(ctx, env.Tree, name, maxGemfile)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(text)) {
			key, value, ok := strings.Cut(line, ": ")
			if ok && strings.HasPrefix(key, "BUNDLE_") {
				out[key] = strings.Trim(strings.TrimSpace(value), `"'`)
			}
		}
	}
	return out, nil
}

// always are the gems that a Gemfile asks for whatever the group and system:
// "gem" with a name alone, outside of any block. sure is false where the file
// decides by itself what it asks for.
func always(text string) (names []string, sure bool) {
	depth := 0
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), " #")
		switch first, _, _ := strings.Cut(line, " "); {
		case line == "" || line[0] == '#', first == "source" && !strings.HasSuffix(line, " do"), first == "ruby", first == "git_source":
		case strings.HasSuffix(line, " do") || strings.Contains(line, " do |"):
			depth++
		case first == "end":
			depth--
		case first == "gem":
			rest := strings.TrimSpace(strings.TrimPrefix(line, "gem"))
			if depth != 0 || len(rest) < 3 || strings.Contains(rest, ":") && !strings.Contains(rest, "require:") || strings.Contains(rest, "=>") || strings.Contains(rest, " if ") || strings.Contains(rest, " unless ") {
				continue
			}
			if end := strings.IndexByte(rest[1:], rest[0]); (rest[0] == '"' || rest[0] == '\'') && end > 0 && !strings.Contains(rest[1:1+end], "#{") {
				names = append(names, rest[1:1+end])
			}
		case slices.Contains([]string{"if", "unless", "else", "elsif", "case", "when", "eval_gemfile", "instance_eval", "gemspec"}, first):
			return nil, false
		}
	}
	return names, depth == 0
}

// checkLock refuses what Bundler refuses: a gem of the lock file that is not
// installed. Gems of groups that are left out are in the lock file, too, so
// that only those count that the Gemfile asks for always; and where no gem of
// the lock file is found at all, it is not known where they are.
func (r *Runtime) checkLock(ctx context.Context, env *need.Env, instruction string, p *place) error {
	name, err := gemfile(ctx, env)
	if err != nil || name == "" {
		return err
	}
	text, err := tree.ReadOptional(ctx, env.Tree, name, maxGemfile)
	if err != nil {
		return err
	}
	names, sure := always(string(text))
	if !sure {
		return nil
	}
	lock := lockOf(name)
	text, err = tree.ReadOptional(ctx, env.Tree, lock, maxLock)
	if err != nil || len(text) == 0 {
		return err
	}
	installed := map[string][]string{}
	for _, dir := range p.gems {
		for _, pattern := range []string{"specifications/*.gemspec", "specifications/default/*.gemspec"} {
			specs, err := installation.Glob(ctx, env.Tree, dir, pattern)
			if err != nil {
				return err
			}
			for _, s := range specs {
				if m := gemName().FindStringSubmatch(strings.TrimSuffix(path.Base(s), ".gemspec")); m != nil {
					installed[m[1]] = append(installed[m[1]], m[2])
				}
			}
		}
	}
	all := parseLock(string(text))
	if !slices.ContainsFunc(all, func(l locked) bool { return len(installed[l.name]) > 0 }) {
		return nil
	}
	for _, l := range all {
		version, _, _ := strings.Cut(l.version, "-")
		if !slices.Contains(names, l.name) || slices.Contains(installed[l.name], version) {
			continue
		}
		has := "which is not installed"
		if v := installed[l.name]; len(v) > 0 {
			slices.Sort(v)
			has = "and the built image has " + strings.Join(slices.Compact(v), ", ")
		}
		return &image.RefusedError{
			Instruction: instruction,
			Message:     fmt.Sprintf("%s:%d asks for the gem %s %s, %s in %s", lock, l.line, l.name, l.version, has, strings.Join(p.gems, ", ")),
			Hint:        "run bundle install in the final stage, or copy the directory of gems from the stage that did",
		}
	}
	return nil
}
