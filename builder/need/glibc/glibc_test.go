package glibc

import (
	"slices"
	"testing"
)

// TestConverters follows names and aliases to files, and ends where aliases
// form a circle.
func TestConverters(t *testing.T) {
	s := &converters{aliases: map[string]string{}, modules: map[string][]string{}}
	s.parse("# comment\nalias\tUJIS//\tEUC-JP//\nmodule EUC-JP// INTERNAL EUC-JP 1\nmodule INTERNAL EUC-JP// EUC-JP 1\nmodule KOI8-R// INTERNAL KOI8-R.so\nalias A// B//\nalias B// A//\nmodule x\nalias y\n")
	for name, want := range map[string][]string{"ujis": {"EUC-JP.so"}, "EUC-JP//TRANSLIT": {"EUC-JP.so"}, "koi8-r": {"KOI8-R.so"}, "A": nil, "INTERNAL": nil, "": nil, "%s": nil} {
		if got := s.find(name); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

// TestNormalized writes character sets as glibc's directories have them.
func TestNormalized(t *testing.T) {
	for name, want := range map[string]string{"UTF-8": "utf8", "ISO-8859-15": "iso885915", "8859-1": "iso88591", "GB18030": "gb18030"} {
		if got := normalized(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// FuzzConverters reads any list and looks its names up.
func FuzzConverters(f *testing.F) {
	f.Add("alias UJIS// EUC-JP//\nmodule EUC-JP// INTERNAL EUC-JP 1\nalias EUC-JP// UJIS//\n", "UJIS")
	f.Fuzz(func(t *testing.T, list, name string) {
		s := &converters{aliases: map[string]string{}, modules: map[string][]string{}}
		s.parse(list)
		s.find(name)
	})
}
