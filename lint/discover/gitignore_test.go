package discover_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whittle-oci/whittle/lint/discover"
)

// in lists what a search finds, as paths below the directory.
func in(t *testing.T, dir, below string) (dockerfiles, sources []string) {
	t.Helper()
	found, err := discover.In(filepath.Join(dir, below))
	if err != nil {
		t.Fatal(err)
	}
	rel := func(names []string) []string {
		var out []string
		for _, n := range names {
			r, err := filepath.Rel(dir, n)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, r)
		}
		return out
	}
	return rel(found.Dockerfiles), rel(found.Sources)
}

const tree = `
-- repo/.git/info/exclude --
/excluded
-- repo/.gitignore --
# build output
out/
*.tmp.Dockerfile
/top.Dockerfile
!keep.tmp.Dockerfile
docs/*.Dockerfile
{braces}
-- repo/Dockerfile --
-- repo/top.Dockerfile --
-- repo/a.tmp.Dockerfile --
-- repo/keep.tmp.Dockerfile --
-- repo/excluded/Dockerfile --
-- repo/out/Dockerfile --
-- repo/{braces}/Dockerfile --
-- repo/docs/x.Dockerfile --
-- repo/docs/deep/x.Dockerfile --
-- repo/.devcontainer/Dockerfile --
-- repo/node_modules/x/Dockerfile --
-- repo/sub/.gitignore --
Dockerfile
!/deep/
-- repo/sub/Dockerfile --
-- repo/sub/top.Dockerfile --
-- repo/sub/out/Dockerfile --
-- repo/sub/compose.yaml --
-- repo/sub/inner/Dockerfile.dev --
-- outside/.gitignore --
skipped/
-- outside/skipped/Dockerfile --
-- outside/Dockerfile --
`

func TestIn(t *testing.T) {
	dir := unpack(t, tree)
	files, sources := in(t, dir, "repo")
	want := []string{
		"repo/.devcontainer/Dockerfile", "repo/Dockerfile", "repo/docs/deep/x.Dockerfile", "repo/keep.tmp.Dockerfile", "repo/sub/inner/Dockerfile.dev", "repo/sub/top.Dockerfile",
	}
	if d := cmp.Diff(want, files); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"repo/sub/compose.yaml"}, sources); d != "" {
		t.Error(d)
	}
	// What a repository ignores above the directory holds in it; a directory
	// that is named is looked through although it is ignored itself.
	files, _ = in(t, dir, "repo/docs")
	if d := cmp.Diff([]string{"repo/docs/deep/x.Dockerfile"}, files); d != "" {
		t.Error(d)
	}
	files, _ = in(t, dir, "repo/out")
	if d := cmp.Diff([]string{"repo/out/Dockerfile"}, files); d != "" {
		t.Error(d)
	}
	files, _ = in(t, dir, "outside")
	if d := cmp.Diff([]string{"outside/Dockerfile"}, files); d != "" {
		t.Error(d)
	}
}

func TestUnreadable(t *testing.T) {
	if found, err := discover.In(filepath.Join(t.TempDir(), "nowhere")); err == nil || len(found.Dockerfiles) > 0 {
		t.Errorf("%v, %v", found, err)
	}
}

// Git is asked what it ignores of the same tree, for patterns made at random.
func TestAgainstGit(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Fatal("git is not there; make setup installs it")
	}
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(from ...string) string { return from[random.IntN(len(from))] }
	part := func() string {
		return pick("a", "b", "*", "a*", "?", "**", "[ab]", "[!a]", "Dockerfile", "*.Dockerfile", "x{a,b}", `\#a`, "a ")
	}
	for range 60 {
		dir := t.TempDir()
		git := func(args ...string) string {
			cmd := exec.CommandContext(t.Context(), "git", args...)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "HOME="+dir)
			out, err := cmd.Output()
			if err != nil && args[0] == "init" {
				t.Fatal(err)
			}
			return string(out)
		}
		git("init", "-q")
		var ignore strings.Builder
		for range 4 {
			line := pick("", "", "/", "!") + part()
			for random.IntN(2) == 0 {
				line += "/" + part()
			}
			fmt.Fprintln(&ignore, line+pick("", "", "/", " "))
		}
		write := func(name, text string) {
			path := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write(pick(".gitignore", "a/.gitignore"), ignore.String())
		for _, d := range []string{"", "a/", "b/", "a/b/", "b/a/", "x{a,b}/", "#a/", "a/b/a/b/", "a /"} {
			write(d+"Dockerfile", "")
			write(d+"a.Dockerfile", "")
		}
		files, _ := in(t, dir, "")
		want := strings.FieldsFunc(git("ls-files", "-z", "--others", "--exclude-standard", "*Dockerfile"), func(r rune) bool { return r == 0 })
		found := map[string]bool{}
		for _, f := range files {
			found[f] = true
		}
		for _, w := range want {
			if !found[w] {
				t.Errorf("%q: git finds %s", ignore.String(), w)
			}
			delete(found, w)
		}
		for f := range found {
			t.Errorf("%q: git leaves out %s", ignore.String(), f)
		}
		if t.Failed() {
			return
		}
	}
}
