package frontend

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// linuxImages is a registry of images that say nothing of themselves.
type linuxImages struct{}

// ResolveImageConfig implements llb.ImageMetaResolver.
func (linuxImages) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	return ref, digest.FromString(ref), []byte(`{"os": "linux", "architecture": "arm64", "config": {}}`), nil
}

// TestCompiling tells which stages do nothing but compile Go, so that they may
// run on another platform than the image's.
func TestCompiling(t *testing.T) {
	const end = "FROM scratch\nCOPY --from=build /app /app\n"
	for _, tc := range []struct {
		name, dockerfile, want string
	}{
		{"one stage", "FROM golang:1 AS build\nWORKDIR /src\nCOPY . .\nRUN go mod download\nRUN go build -o /app .\n" + end, "[[0]]"},
		{"packages and tools besides", "FROM golang:1 AS build\nRUN apk add --no-cache git && mkdir /out\nRUN --mount=type=cache,target=/root/.cache go build -o /app .\n" + end, "[[0]]"},
		{"a chain of stages", "FROM golang:1 AS base\nRUN go mod download\nFROM base AS build\nRUN go build -o /app .\n" + end, "[[0 1]]"},
		{"two of them", "FROM golang:1 AS build\nRUN go build -o /app .\nFROM golang:2 AS more\nRUN go build -o /more .\n" + end + "COPY --from=more /more /\n", "[[0] [1]]"},
		{"variables of the platform", "FROM golang:1 AS build\nARG TARGETARCH\nRUN GOARCH=$TARGETARCH go build -o /app .\n" + end, "[[0]]"},
		{"a platform is given", "FROM --platform=linux/arm64 golang:1 AS build\nRUN go build -o /app .\n" + end, "[]"},
		{"it ends in the image", "FROM golang:1 AS build\nRUN go build -o /app .\nFROM build\nCMD /app\n", "[]"},
		{"a stage beside it does more", "FROM golang:1 AS base\nFROM base AS build\nRUN go build -o /app .\nFROM base AS assets\nRUN make assets\n" + end + "COPY --from=assets /a /a\n", "[]"},
		{"another RUN is not known", "FROM golang:1 AS build\nRUN ./generate.sh\nRUN go build -o /app .\n" + end, "[]"},
		{"it is asked what runs", "FROM golang:1 AS build\nRUN curl -O https://example.test/$(uname -m)\nRUN go build -o /app .\n" + end, "[]"},
		{"the program is started", "FROM golang:1 AS build\nRUN go build -o /app . && /app --version\n" + end, "[]"},
		{"go install", "FROM golang:1 AS build\nRUN go install .\nFROM scratch\nCOPY --from=build /go/bin/app /app\n", "[]"},
		{"cgo on", "FROM golang:1 AS build\nENV CGO_ENABLED=1\nRUN go build -o /app .\n" + end, "[]"},
		{"no Go", "FROM gcc:1 AS build\nRUN gcc -o /app app.c\n" + end, "[]"},
		{"another stage runs something of it", "FROM golang:1 AS build\nRUN go build -o /app .\nFROM alpine:1 AS run\nRUN --mount=from=build,target=/b /b/app >/out\n" + end + "COPY --from=run /out /\n", "[]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			opt := dockerfile2llb.ConvertOpt{MetaResolver: linuxImages{}, SourceMap: llb.NewSourceMap(nil, "Dockerfile", "Dockerfile", []byte(tc.dockerfile)), TargetPlatform: &ocispecs.Platform{OS: "linux", Architecture: "arm64"}}
			conv, err := dockerfile2llb.Dockerfile2LLB(t.Context(), []byte(tc.dockerfile), opt)
			if err != nil {
				t.Fatal(err)
			}
			def, err := conv.State.Marshal(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			f, err := readFile([]byte(tc.dockerfile), "")
			if err != nil {
				t.Fatal(err)
			}
			got, err := f.compiling(def.ToPB())
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tc.want, strings.ReplaceAll(fmt.Sprint(got), "[]]", "[]")); d != "" {
				t.Errorf("stages (-want +got):\n%s", d)
			}
		})
	}
}

// TestOnBuilder changes the line of a FROM and no other.
func TestOnBuilder(t *testing.T) {
	const file = "# syntax=docker/dockerfile:1\nARG V=1\n  from golang:$V as build\nRUN go build\nFROM\tscratch\n"
	got, err := onBuilder(file, 3)
	if err != nil {
		t.Fatal(err)
	}
	got, err = onBuilder(got, 5)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff("# syntax=docker/dockerfile:1\nARG V=1\n  from --platform=$BUILDPLATFORM golang:$V as build\nRUN go build\nFROM --platform=$BUILDPLATFORM\tscratch\n", got); d != "" {
		t.Error(d)
	}
	for _, line := range []int{0, 1, 4, 9} {
		if _, err := onBuilder(file, line); err == nil {
			t.Errorf("line %d is taken for a FROM", line)
		}
	}
}
