package frontend

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestConfigOrder(t *testing.T) {
	file, err := FromFile(".whittle.yaml", []byte("lint: {}\nbuild:\n  include: [/a, /b]\n  user: \"7\"\n  no-shell: true\n  max-size: 20MB\n"))
	if err != nil {
		t.Fatal(err)
	}
	build := map[string]string{"WHITTLE_USER": "8", "WHITTLE_EXCLUDE": "/x,/y\n/z", "VERSION": "1"}
	args, err := FromArgs(build)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]string{"VERSION": "1"}, build); d != "" {
		t.Errorf("what reaches the user's build (-want +got):\n%s", d)
	}
	c, err := config(map[string]Value{"user": {"--user", []string{"9"}}}, args, file)
	if err != nil {
		t.Fatal(err)
	}
	if c.Plan.User != "9" || !c.Plan.NoShell || c.Budget.Bytes != 20e6 {
		t.Errorf("user %s, no-shell %v, max-size %d", c.Plan.User, c.Plan.NoShell, c.Budget.Bytes)
	}
	if got := strings.Join(c.Plan.Include, " ") + "|" + strings.Join(c.Plan.Exclude, " "); got != "/a /b|/x /y /z" {
		t.Errorf("lists %s", got)
	}
}

// TestCommands reads command lines from every source.
func TestCommands(t *testing.T) {
	want := [][]string{{"worker", "--queue", "a b"}, {"sh", "-c", "migrate, then exit"}}
	file, err := FromFile(".whittle.yaml", []byte("build:\n  commands:\n    - worker --queue 'a b'\n    - [sh, -c, \"migrate, then exit\"]\n"))
	if err != nil {
		t.Fatal(err)
	}
	args, err := FromArgs(map[string]string{"WHITTLE_COMMANDS": "worker --queue 'a b'\n\n[\"sh\",\"-c\",\"migrate, then exit\"]"})
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range []map[string]Value{file, args} {
		c, err := config(source)
		if d := cmp.Diff(want, c.Plan.Commands); d != "" || err != nil {
			t.Errorf("%v (-want +got)\n%s", err, d)
		}
	}
}

func TestConfigErrors(t *testing.T) {
	for text, want := range map[string]string{
		"biuld:\n  user: x\n":           `.whittle.yaml:1: no such section "biuld"; did you mean build?`,
		"build:\n  exlude: [/a]\n":      `.whittle.yaml:2: no such setting "exlude"; did you mean exclude?`,
		"build:\n  no-shell: perhaps\n": `.whittle.yaml:2: no-shell: "perhaps" is neither true nor false`,
		"build:\n  include: [a/b]\n":    `.whittle.yaml:2: include: "a/b" is not an absolute path in the image`,
		"build:\n  commands: {a: b}\n":  `.whittle.yaml:2: commands: want a list`,
		"build:\n  commands: [[]]\n":    `.whittle.yaml:2: commands: want command lines, each a text or a list of words`,
		"build:\n  commands: [\"'\"]\n": `.whittle.yaml:2: commands: "'" cannot be cut into words`,
		"build:\n  user: [1]\n":         `.whittle.yaml:2: user: want one value`,
		"build:\n  max-size: 20 apples": `.whittle.yaml:2: max-size: "20 apples" is not a size; write 20MB or 512KiB`,
		"build:\n  max-files: some":     `.whittle.yaml:2: max-files: "some" is not a number from 1 on`,
		"build:\n  max-packages: -1":    `.whittle.yaml:2: max-packages: "-1" is not a number from 1 on`,
		"build:\n  contents: sometimes": `.whittle.yaml:2: contents: "sometimes" is none of auto, true, false`,
		"- build\n":                     `.whittle.yaml:1: want sections: lint, build, sign, verify`,
		"build:\n  include: {a: b}\n":   `.whittle.yaml:2: include: want a list`,
	} {
		file, err := FromFile(".whittle.yaml", []byte(text))
		if err == nil {
			_, err = config(file)
		}
		if err == nil || err.Error() != want {
			t.Errorf("%q:\n got %v\nwant %s", text, err, want)
		}
	}
	if _, err := FromArgs(map[string]string{"WHITTLE_NOSHELL": "1"}); err == nil || !strings.Contains(err.Error(), "did you mean WHITTLE_NO_SHELL?") {
		t.Errorf("unknown build argument: %v", err)
	}
}

func TestParseSize(t *testing.T) {
	for s, want := range map[string]int64{
		"0": 0, "512": 512, "1kB": 1000, "1KiB": 1024, "1.5MB": 1500000, "2 GiB": 2 << 30, "20m": 20e6, " 7 B ": 7, ".5k": 500, "1.": 1,
		"0.1GB": 100_000_000, "1.0000000005GB": 1_000_000_000, "9223372036854775807": math.MaxInt64, "8589934591.9GiB": 9223372036747401625,
	} {
		if got, err := ParseSize(s); err != nil || got != want {
			t.Errorf("%s is %d, %v; want %d", s, got, err, want)
		}
	}
	for _, s := range []string{
		"", "x", "-1", "+1", "1TB", "MB", ".", "1e300GB", "1e3", "nan", "NaN", "inf", "+Inf", "infinity", "0x10", "0x1p4", "1_000", "1,5MB", "1.5.5", "١٢",
		"9223372036854775808", "8589934592GiB", "99999999999999999999GB", strings.Repeat("9", 1000), "1MB\n2", "1 M B",
	} {
		if n, err := ParseSize(s); err == nil {
			t.Errorf("%q was read as %d", s, n)
		}
	}
}

func FuzzParseSize(f *testing.F) {
	for _, s := range []string{"1.5MB", "nan", "0x1p4", "9223372036854775807"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if n, err := ParseSize(s); err == nil && n < 0 {
			t.Errorf("%q is %d", s, n)
		}
	})
}

// TestSplitList keeps globs whole.
func TestSplitList(t *testing.T) {
	for s, want := range map[string]string{
		"/a, /b\n/c,,\n":          "/a|/b|/c",
		"/srv/{a,b}/*.js,/c":      "/srv/{a,b}/*.js|/c",
		"/x/{a,{b,c},d},/y/{e,f}": "/x/{a,{b,c},d}|/y/{e,f}",
		"/x/[a,b],/y":             "/x/[a,b]|/y",
		"/x/{a,/y":                "/x/{a|/y", // not closed: two items
		"/x/{a\n,b}":              "/x/{a|b}", // a newline always cuts
		`/x/\{a,/y\}`:             `/x/\{a|/y\}`,
		"/x/[a,/y":                "/x/[a|/y",
		"":                        "",
		" , ":                     "",
		"/x/{a\\},b},/y":          "/x/{a\\},b}|/y",
	} {
		if got := strings.Join(SplitList(s), "|"); got != want {
			t.Errorf("%q gives %s, want %s", s, got, want)
		}
	}
}

func FuzzConfigFile(f *testing.F) {
	f.Add([]byte("build:\n  include: [/a]\n"))
	f.Add([]byte("lint: {preset: strict}\n"))
	f.Add([]byte("&a [*a]"))
	f.Fuzz(func(_ *testing.T, b []byte) {
		v, err := FromFile("f", b)
		if err == nil {
			_, _ = config(v)
		}
	})
}
