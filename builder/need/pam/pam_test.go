package pam

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestLines reads rules of all forms of pam.d(5).
func TestLines(t *testing.T) {
	for text, want := range map[string][]rule{
		"":                              nil,
		"# auth required pam_unix.so\n": nil,
		"auth required pam_unix.so nullok # why\n":                         {{module: "pam_unix.so", args: []string{"nullok"}}},
		"auth [success=1 default=ignore] /lib/security/pam_x.so a=[b c]\n": {{module: "/lib/security/pam_x.so", args: []string{"a=[b", "c]"}}},
		"-session optional pam_systemd.so\n":                               {{module: "pam_systemd.so", args: []string{}, optional: true}},
		"@include common-auth\n":                                           {{includes: []string{"common-auth"}}},
		"auth include ../../etc/shadow\n":                                  {{includes: []string{"shadow"}}},
		"account substack system-auth":                                     {{includes: []string{"system-auth"}}},
		"auth sufficient \\\n  pam_y.so\n":                                 {{module: "pam_y.so", args: []string{}}},
		"auth required\n[auth required pam_z.so\nnothing at all here\n":    {{module: "pam_z.so", args: []string{}}, {module: "all", args: []string{"here"}}},
	} {
		if d := cmp.Diff(want, lines(text), cmp.AllowUnexported(rule{})); d != "" {
			t.Errorf("%q (-want +got):\n%s", text, d)
		}
	}
}

// FuzzLines reads any text and ends.
func FuzzLines(f *testing.F) {
	f.Add("auth [a=1 b] m.so x=[y] # c\n@include z\n-session include w \\\n q")
	f.Fuzz(func(t *testing.T, text string) {
		for _, r := range lines(text) {
			if r.module == "" && len(r.includes) == 0 {
				t.Errorf("an empty rule of %q", text)
			}
		}
	})
}
