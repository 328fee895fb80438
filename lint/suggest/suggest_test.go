package suggest_test

import (
	"testing"

	"github.com/whittle-oci/whittle/lint/suggest"
)

func TestName(t *testing.T) {
	among := []string{"include", "exclude", "user", "no-shell", "RUN"}
	for word, want := range map[string]string{
		"inculde": "include", "Exclude": "exclude", "exclud": "exclude", "users": "user", "run": "RUN",
		"shell": "", "platform-dependent": "", "": "",
	} {
		if got := suggest.Name(word, among); got != want {
			t.Errorf("%q is near %q, want %q", word, got, want)
		}
	}
	if got := suggest.Hint("usr", among); got != "did you mean user?" {
		t.Error(got)
	}
	if got := suggest.Hint("platforms", []string{"a", "b"}); got != "there are a, b" {
		t.Error(got)
	}
}

func TestTypo(t *testing.T) {
	among := []string{"VERSION", "builder", "base"}
	for word, want := range map[string]string{
		"VERSON": "VERSION", "bulider": "builder", "bas": "base", "base": "", "case": "base", "build": "builder", "version": "", "ba": "", "": "",
	} {
		if got := suggest.Typo(word, among); got != want {
			t.Errorf("%q is a typo of %q, want %q", word, got, want)
		}
	}
}

func TestSlip(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want bool
	}{
		{"APP_VERSION", "APP_VERSON", true}, {"APP_VERSION", "AppVersion", true}, {"GO_VERSION", "OG_VERSION", true},
		{"GO_VERSION", "JQ_VERSION", false}, {"JAVA_8", "JAVA_9", false}, {"A", "ABCD", false},
	} {
		if got := suggest.Slip(tc.a, tc.b); got != tc.want {
			t.Errorf("%s is a slip of %s: %v", tc.a, tc.b, got)
		}
	}
}
