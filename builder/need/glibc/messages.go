package glibc

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/elf"
	"github.com/whittle-oci/whittle/builder/tree"
)

// messageDir has the messages of programs in other languages, by locale
// (GNU gettext 0.21, "Locating Message Catalog Files").
const messageDir = "/usr/share/locale"

// minDomain is the shortest name of a catalogue that is looked for in a
// program's text, in bytes.
const minDomain = 3

// messages asks for the catalogues of messages in the language that the
// environment names: glibc's own, and those that a file of the image names.
func (p *Provider) messages(ctx context.Context, env *need.Env, v need.Visit, info *elf.Info, out *need.Found) error {
	sets, domains := info.Calls("setlocale"), info.Calls("bindtextdomain", "textdomain", "dgettext", "dcgettext", "dcngettext")
	if sets == "" && domains == "" {
		return nil
	}
	var text *elf.Text
	for _, language := range languages(env) {
		res, ok, err := tree.Find(ctx, env.Tree, path.Join(messageDir, language, "LC_MESSAGES"))
		if err != nil {
			return err
		}
		if !ok || !res.Entry.IsDir() {
			continue
		}
		entries, err := env.Tree.ReadDir(ctx, res.Path)
		if err != nil {
			return err
		}
		if domains != "" && text == nil {
			if text, err = p.elf.Text(ctx, env.Tree, v.Path); err != nil {
				return err
			}
		}
		for _, e := range entries {
			domain, catalogue := strings.CutSuffix(e.Name, ".mo")
			if !catalogue || !(domain == "libc" && sets != "") && !(domains != "" && names(text, domain)) {
				continue
			}
			out.Needs = append(out.Needs, need.Need{
				Kind: need.Data, Path: path.Join(res.Path, e.Name), By: v.Path, Strength: need.Expected, Droppable: true,
				Reason: fmt.Sprintf("messages in the language that the environment names (%s), for %s", language, v.Path),
			})
		}
	}
	return nil
}

// names reports whether a text has the name of a catalogue: linkers let it
// share the end of a longer one.
func names(text *elf.Text, domain string) bool {
	if len(domain) < minDomain {
		return false
	}
	if text.Unended() {
		found, _ := text.Has([]string{domain})
		return len(found) > 0
	}
	return slices.ContainsFunc(text.Strings, func(s string) bool { return strings.HasSuffix(s, domain) })
}

// languages are the directories of messages that the image's variables lead to,
// nothing where they ask for none (gettext(3), setlocale(3)).
func languages(env *need.Env) []string {
	chosen := ""
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if value, _ := env.Getenv(name); chosen == "" {
			chosen = value
		}
	}
	if plain, _, _ := strings.Cut(chosen, "."); plain == "" || plain == "C" || plain == "POSIX" {
		return nil
	}
	list, _ := env.Getenv("LANGUAGE")
	var out []string
	for _, name := range append(strings.Split(list, ":"), chosen) {
		name, modifier, _ := strings.Cut(name, "@")
		name, _, _ = strings.Cut(name, ".")
		language, _, _ := strings.Cut(name, "_")
		for _, dir := range []string{name, language} {
			if dir == "" || strings.Contains(dir, "/") {
				continue
			}
			if modifier != "" {
				out = append(out, dir+"@"+modifier)
			}
			out = append(out, dir)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
