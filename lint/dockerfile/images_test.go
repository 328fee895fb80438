package dockerfile_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/source"
)

func TestImageRefs(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string // kind, text as it stands, reference, text to change
	}{
		{"from", "FROM a:1 AS x\nFROM x\nFROM scratch\nFROM --platform=linux/arm64 b@sha256:0\n", []string{"FROM a:1=a:1 a:1", "FROM b@sha256:0=b@sha256:0 b@sha256:0"}},
		{"copy", "FROM scratch\nCOPY --from=a:1 --chown=1 /a /a\nCOPY --from=\"b/c\" /a /a\nCOPY --from=named /a /a\nCOPY --from=0 /a /a\nADD a:1 /\nONBUILD COPY --from=d:1 /a /a\n", []string{"COPY --from a:1=a:1 a:1", "COPY --from \"b/c\"=b/c b/c", "COPY --from d:1=d:1 d:1"}},
		{"mounts", "FROM scratch\nRUN --mount=from=a:1,target=/a --mount=type=bind,target=/b,from=b/c --mount=type=cache,target=/c true\nRUN --mount=type=bind,\"from=d:1\",target=/d true\n", []string{"RUN --mount a:1=a:1 a:1", "RUN --mount b/c=b/c b/c"}},
		{"syntax", "#syntax = docker/dockerfile:1\nFROM scratch\n", []string{"syntax docker/dockerfile:1=docker/dockerfile:1 docker/dockerfile:1"}},
		{"syntax after a line of its own", "#!/usr/bin/x\n# syntax=a/b\n# c\nFROM scratch\n", []string{"syntax a/b=a/b a/b"}},
		{"default", "ARG A=a:1 B='b:1'\nARG C=$A\nARG V=1\nFROM $A\nFROM ${B}\nFROM ${C}\nFROM c:$V\nFROM ${A:-x}\nFROM ${D:-d:1}\nFROM $E\n", []string{
			"FROM $A=a:1 a:1", "FROM ${B}=b:1 b:1", "FROM ${C}=a:1 -", "FROM c:$V=c:1 -", "FROM ${A:-x}=a:1 -", "FROM ${D:-d:1}=d:1 -", "FROM $E=? -",
		}},
		{"default in part", "ARG A=a:1 B=b:1 C=c:1 D=d:1 E=e:1 F=f:1\nARG X=${B}-slim Y=$C P=linux/$E\nARG F=f:2\nFROM ${A} AS a\nFROM ${A}-slim\nFROM $B\nFROM $C\nFROM $Y-x\nFROM $D\nARG D\nFROM --platform=$P $E\nFROM $F\n", []string{
			"FROM ${A}=a:1 -", "FROM ${A}-slim=a:1-slim -", "FROM $B=b:1 -", "FROM $C=c:1 -", "FROM $Y-x=c:1-x -", "FROM $D=d:1 -", "FROM $E=e:1 -", "FROM $F=f:2 -",
		}},
		{"default in whole", "ARG A=a:1\nARG C=$A\nFROM \"${A}\"\nFROM ${C} AS x\nFROM ${A:-x}\nARG C=z\n", []string{"FROM \"${A}\"=a:1 a:1", "FROM ${C}=a:1 -", "FROM ${A:-x}=a:1 -"}},
		{"the last key of a mount, without regard to case", "FROM scratch\nRUN --mount=from=a:1,From=b:2,target=/a true\n", []string{"RUN --mount b:2=b:2 b:2"}},
		{"variable of a stage", "FROM scratch AS x\nARG I=a:1\nCOPY --from=$I /a /a\nRUN --mount=from=${I},target=/a true\n", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := dockerfile.Parse(source.NewFile("Dockerfile", []byte(c.text)))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range f.ImageRefs() {
				place := "-"
				if r.Writable() {
					place = c.text[r.Place.Start:r.Place.End]
				}
				if !r.Known {
					r.Text = "?"
				}
				got = append(got, fmt.Sprintf("%s %s=%s %s", r.Kind, c.text[r.Span.Start:r.Span.End], r.Text, place))
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
}
