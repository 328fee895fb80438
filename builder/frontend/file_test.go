package frontend

import (
	"testing"
)

const stages = `FROM debian AS base
USER app

FROM base AS build
RUN go build .

FROM build AS test
RUN go test

FROM base
COPY --from=build /app /
ENTRYPOINT ["/app"]
`

// TestPlaces finds instructions in the stage that is built and in those it is
// made from, and nowhere else.
func TestPlaces(t *testing.T) {
	for _, tc := range []struct {
		target, instruction string
		line                int
		last, compiles      bool
	}{
		{"", "ENTRYPOINT", 12, true, false},
		{"", "USER", 2, true, false},
		{"", "RUN", 10, true, false},
		{"", "CMD", 10, true, false},
		{"TEST", "RUN", 8, false, true},
		{"build", "RUN", 5, false, true},
		{"test", "USER", 2, false, true},
		{"base", "ENTRYPOINT", 1, false, false},
	} {
		f, err := readFile([]byte(stages), tc.target)
		if err != nil {
			t.Fatal(err)
		}
		at := f.where(tc.instruction)
		if len(at) != 1 || at[0].Start.Line != tc.line || f.isLast() != tc.last || f.inBuilt(5) != tc.compiles {
			t.Errorf("target %q: %s is at %v (want line %d), last %v, compiles %v", tc.target, tc.instruction, at, tc.line, f.isLast(), f.inBuilt(5))
		}
	}
}
