package main

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// messages are of the form of govulncheck -format json.
const messages = `{"config":{"protocol_version":"v1.0.0"}}
{"osv":{"id":"GO-2025-0001","summary":"Called"}}
{"osv":{"id":"GO-2025-0002","summary":"Imported"}}
{"osv":{"id":"GO-2025-0003","summary":"Required"}}
{"osv":{"id":"GO-2025-0004"}}
{"finding":{"osv":"GO-2025-0003","trace":[{"module":"m","version":"v1.0.0"}]}}
{"finding":{"osv":"GO-2025-0002","trace":[{"module":"m","version":"v1.0.0","package":"m/p"}]}}
{"finding":{"osv":"GO-2025-0001","trace":[{"module":"m","version":"v1.0.0"}]}}
{"finding":{"osv":"GO-2025-0001","fixed_version":"v1.2.0","trace":[{"module":"m","version":"v1.0.0","package":"m/p","function":"F"},{"module":"us","package":"us"}]}}
{"finding":{"osv":"GO-2025-0004","trace":[{"module":"stdlib","version":"v1.26.8","package":"os","function":"G"}]}}
`

func TestReached(t *testing.T) {
	got, err := reached(strings.NewReader(messages))
	want := map[string]string{"GO-2025-0001": "Called (m v1.0.0, fixed in v1.2.0)", "GO-2025-0004": "(stdlib v1.26.8, fixed in none)"}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
	if _, err := reached(strings.NewReader(`{"finding":`)); err == nil {
		t.Error("half a message is read")
	}
}

// TestCompare wants an answer for each finding, and a finding for each answer.
func TestCompare(t *testing.T) {
	found := map[string]string{"GO-2025-0001": "one", "GO-2025-0004": "four"}
	for _, tc := range []struct{ page, want string }{
		{"| GO-2025-0001 | because |\n|GO-2025-0004|because|\n", ""},
		{"| vulnerability | answer |\n| --- | --- |\n| GO-2025-0001, GO-2025-0004 | because |\n", ""},
		{"| GO-2025-0001 | because |\n", "GO-2025-0004 is not answered: four"},
		{"| GO-2025-0001, GO-2025-0004 | |\n", "GO-2025-0001 is not answered: one\nGO-2025-0004 is not answered: four"},
		{"GO-2025-0001 and GO-2025-0004 are known\n", "GO-2025-0001 is not answered: one\nGO-2025-0004 is not answered: four"},
		{"| GO-2025-0001, GO-2025-0004 | because |\n| GO-2024-0009 | because |\n", "GO-2024-0009 is answered and not found any more: take the answer out"},
	} {
		got := ""
		if err := compare(found, answered(tc.page)); err != nil {
			got = err.Error()
		}
		if got != tc.want {
			t.Errorf("%q:\n%s\nwant:\n%s", tc.page, got, tc.want)
		}
	}
	if got := answered("| GO-2025-0001 | see GO-2025-0002 |\n"); !slices.Equal(got, []string{"GO-2025-0001"}) {
		t.Errorf("answered: %q", got)
	}
}
