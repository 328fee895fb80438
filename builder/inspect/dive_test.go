package inspect

import (
	"errors"
	"strconv"
	"strings"
	"testing"
)

func number(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, errors.New("no size")
	}
	return n, nil
}

func TestDive(t *testing.T) {
	size := Size{Bytes: 900, Hidden: 100, Upper: 400}
	for text, want := range map[string]string{
		"":          "",
		"rules: {}": "",
		"rules: {lowestEfficiency: 0.9, highestWastedBytes: 100, highestUserWastedPercent: 0.25}": "",
		"rules: {lowestEfficiency: disabled, highestWastedBytes: 'disabled'}":                     "",
		"rules:\n  lowestEfficiency: 0.95":                                                        "of 1000 bytes in the layers 900 are seen in the end, less than the share 0.95 that lowestEfficiency of .dive-ci asks for",
		"rules: {highestWastedBytes: 99}":                                                         "layers hide 100 bytes, more than highestWastedBytes of .dive-ci allows (99)",
		"rules: {highestUserWastedPercent: 0.20}":                                                 "layers hide 100 bytes, more than the share 0.2 of the 400 above the first layer that highestUserWastedPercent of .dive-ci allows",
	} {
		w, err := ParseDive([]byte(text), number)
		if got := strings.Join(w.Exceeded(size), "; "); err != nil || got != want {
			t.Errorf("%q: %s, %v; want %s", text, got, err, want)
		}
		if over := w.Exceeded(Size{}); len(over) > 0 {
			t.Errorf("%q: an empty image wastes: %q", text, over)
		}
	}
	for text, want := range map[string]string{
		"rules: {lowestEfficiency: 95%}":       `lowestEfficiency: "95%" is not a number from 0 to 1`,
		"rules: {lowestEfficiency: .nan}":      "is not a number from 0 to 1",
		"rules: {highestWastedBytes: much}":    "highestWastedBytes: no size",
		"rules: {lowestWaste: 1}":              "there is no rule lowestWaste",
		"rules: [a]":                           "reading .dive-ci",
		"\x00":                                 "reading .dive-ci",
		"rules: {highestUserWastedPercent: 2}": "is not a number from 0 to 1",
	} {
		if w, err := ParseDive([]byte(text), number); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v; want %s", text, w, err, want)
		}
	}
}

func FuzzParseDive(f *testing.F) {
	f.Add([]byte("rules: {lowestEfficiency: 0.9, highestWastedBytes: 1}"))
	f.Fuzz(func(_ *testing.T, data []byte) {
		if w, err := ParseDive(data, number); err == nil {
			w.Exceeded(Size{Bytes: 1, Hidden: 1, Upper: 1})
		}
	})
}
