//go:build linux

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// goApp writes the Go hello with a Dockerfile of its own.
func goApp(t *testing.T, text string) string {
	t.Helper()
	dir := dockerfile(t, text)
	for _, f := range []string{"go.mod", "main.go"} {
		data, err := os.ReadFile(filepath.Join(world.root, "testdata", "apps", "gohello", f))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, f), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestStaticDecisions holds what is done to go build, and said of it, to ways
// in which Dockerfiles call it.
func TestStaticDecisions(t *testing.T) {
	const head, tail = "FROM golang:1.26 AS build\nWORKDIR /src\nCOPY . .\n", "FROM debian:12-slim\nCOPY --from=build /hello /hello\nENTRYPOINT [\"/hello\"]\n"
	for _, tc := range []struct {
		name, run, args, want string
		small                 bool // stripped
	}{
		{name: "what follows needs the program", run: "RUN go build -o /hello . && chmod 0755 /hello && /hello && cp /hello /copy\n", want: "go: made static: no package outside the standard library uses cgo", small: true},
		{name: "in a subshell, with its output elsewhere", run: "RUN mkdir -p /x && (cd /src && go build -o /hello . >/x/log 2>&1) && /hello | grep Hello\n", want: "go: made static: no package outside the standard library uses cgo", small: true},
		{name: "cgo is off as written", run: "RUN CGO_ENABLED=0 GOOS=linux go build -o /hello .\n", want: "go: made static: cgo is off as written", small: true},
		{name: "cgo and flags are the user's", run: "ENV CGO_ENABLED=0\nRUN go build -trimpath -ldflags=-X=main.v=1 -o /hello .\n", want: "go: left as written: cgo is off and the flags are set as written"},
		{name: "cgo is on as written", run: "RUN CGO_ENABLED=1 go build -o /hello .\n", want: "go: left as written: the command sets CGO_ENABLED itself"},
		{name: "static: off", run: "RUN go build -o /hello .\n", args: "--static=off", want: "go: left as written: static: off"},
		{name: "two steps", run: "RUN go build -o /other .\nRUN CGO_ENABLED=1 go build -o /hello .\n", want: "line 5: the command sets CGO_ENABLED itself"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ref := reference("static")
			args := []string{"build", goApp(t, head+tc.run+tail), "-t", ref, "--push", "--progress", "plain"}
			if tc.args != "" {
				args = append(args, tc.args)
			}
			res := whittle(t, shared(), args...)
			if res.code != 0 || !strings.Contains(res.stderr, tc.want) {
				t.Fatalf("exit %d, want %q in\n%s", res.code, tc.want, res.stderr)
			}
			img := pull(t, ref)
			if n := files(t, img)["/hello"]; (n <= maxGoHello) != tc.small {
				t.Errorf("the program has %d bytes", n)
			}
			runs(t, img, "Hello, world!")
		})
	}
	t.Run("behind make", func(t *testing.T) {
		// The standard library's own cgo makes it dynamic.
		dir := goApp(t, "FROM golang:1.26\nWORKDIR /src\nCOPY . .\nRUN make\nENTRYPOINT [\"/hello\"]\n")
		for name, text := range map[string]string{
			"Makefile": "all:\n\tgo build -o /hello .\n",
			"user.go":  "package main\n\nimport \"os/user\"\n\nvar _, _ = user.Current()\n",
		} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		ref := reference("static")
		res := whittle(t, shared(), "build", dir, "-t", ref, "--push", "--progress", "plain")
		if want := "go: left as written: no RUN is seen to call go build for /hello"; res.code != 0 || !strings.Contains(res.stderr, want) {
			t.Fatalf("exit %d, want %q in\n%s", res.code, want, res.stderr)
		}
		runs(t, pull(t, ref), "Hello, world!")
	})
}
