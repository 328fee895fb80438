package static_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/graph"
	"github.com/whittle-oci/whittle/builder/static"
)

// build makes the definition of a stage with one RUN before and one after the
// script that is looked at.
func build(t *testing.T, script string, env ...string) *pb.Definition {
	t.Helper()
	return buildArgs(t, []string{"/bin/sh", "-c", script}, env...)
}

func buildArgs(t *testing.T, args []string, env ...string) *pb.Definition {
	t.Helper()
	st := llb.Image("docker.io/library/golang:1.26")
	for _, kv := range env {
		k, v, _ := strings.Cut(kv, "=")
		st = st.AddEnv(k, v)
	}
	st = st.Run(llb.Args([]string{"/bin/sh", "-c", "go mod download"})).Root()
	st = st.Run(llb.Args(args), llb.AddMount("/root/.cache", llb.Scratch(), llb.AsPersistentCacheDir("c", llb.CacheMountShared))).Root()
	st = st.Run(llb.Args([]string{"/bin/sh", "-c", "true"})).Root()
	def, err := st.Marshal(t.Context(), llb.LinuxAmd64)
	if err != nil {
		t.Fatal(err)
	}
	return def.ToPB()
}

func TestFind(t *testing.T) {
	for _, tc := range []struct {
		name, script string
		env, args    []string
		commands     []string
		doubt        string
		off          bool
	}{
		{name: "plain", script: "go build -o /app .", commands: []string{"go build -o /app ."}},
		{name: "none", script: "make build"},
		{name: "test only", script: "go test ./..."},
		{name: "two", script: "go build -o /a ./cmd/a && cd sub && go install ./...", commands: []string{"go build -o /a ./cmd/a", "go install ./..."}},
		{name: "in a string", script: "echo 'go build .'"},
		{name: "cgo on the line", script: "CGO_ENABLED=1 go build .", commands: []string{"go build ."}, doubt: "the command sets CGO_ENABLED itself"},
		{name: "cgo off on the line", script: "CGO_ENABLED=0 GOOS=linux go build .", commands: []string{"go build ."}, off: true},
		{name: "cgo computed", script: "CGO_ENABLED=$X go build .", commands: []string{"go build ."}, doubt: "the command sets CGO_ENABLED itself"},
		{name: "cgo of the script", script: "export CGO_ENABLED=1; go build .", commands: []string{"go build ."}, doubt: "the RUN sets CGO_ENABLED itself"},
		{name: "cgo off for the script", script: "export CGO_ENABLED=0 && go build . && go build ./b", commands: []string{"go build .", "go build ./b"}, off: true},
		{name: "cgo of the Dockerfile", script: "go build .", env: []string{"CGO_ENABLED=1"}, commands: []string{"go build ."}, doubt: "the Dockerfile sets CGO_ENABLED=1"},
		{name: "cgo off for the Dockerfile", script: "go build .", env: []string{"CGO_ENABLED=0"}, commands: []string{"go build ."}, off: true},
		{name: "off for one, on for the other", script: "CGO_ENABLED=0 go build ./a && go build ./b", env: []string{"CGO_ENABLED=1"}, commands: []string{"go build ./a", "go build ./b"}, doubt: "the Dockerfile sets CGO_ENABLED=1"},
		{name: "off for one, nothing for the other", script: "CGO_ENABLED=0 go build ./a && go build ./b", commands: []string{"go build ./a", "go build ./b"}},
		{name: "race", script: "go build -race .", commands: []string{"go build -race ."}, doubt: "go build is called with -race"},
		{name: "plugin", script: "go build -buildmode=plugin .", commands: []string{"go build -buildmode=plugin ."}, doubt: "go build sets a build mode"},
		{name: "flags in a variable of the Dockerfile", script: "go build $FLAGS .", env: []string{"FLAGS=-v -race"}, commands: []string{"go build $FLAGS ."}, doubt: "go build is called with -race"},
		{name: "harmless ones", script: "go build ${FLAGS} -o /out/$NAME ./cmd/$NAME", env: []string{"FLAGS=-v"}, commands: []string{"go build ${FLAGS} -o /out/$NAME ./cmd/$NAME"}},
		{name: "flags that are not known", script: "go build $FLAGS .", commands: []string{"go build $FLAGS ."}, doubt: "go build is given $FLAGS, which may hold flags"},
		{name: "flags that the script makes", script: "FLAGS=-race; go build $FLAGS .", env: []string{"FLAGS=-v"}, commands: []string{"go build $FLAGS ."}, doubt: "go build is given $FLAGS, which may hold flags"},
		{name: "the value of a flag", script: "go build -ldflags \"$L\" -o $OUT .", commands: []string{"go build -ldflags \"$L\" -o $OUT ."}},
		{name: "a tool", script: "go install example.test/tool@latest", commands: []string{"go install example.test/tool@latest"}, doubt: "go install fetches example.test/tool@latest"},
		{name: "settings that are written", script: "go env -w GOFLAGS=-mod=mod && go build .", commands: []string{"go build ."}, doubt: `the RUN also runs "go env -w GOFLAGS=-mod=mod", which writes settings of go`},
		{name: "flags of the script", script: "export GOFLAGS=-mod=mod && go build .", commands: []string{"go build ."}, doubt: "the RUN sets GOFLAGS itself"},
		{name: "exec form", args: []string{"go", "build", "-o", "/a b", "."}, commands: []string{"go build -o '/a b' ."}},
		{name: "behind a script", script: "./build.sh"},
		{name: "in words that are not parsed", script: "if go build"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			args := tc.args
			if args == nil {
				args = []string{"/bin/sh", "-c", tc.script}
			}
			steps, err := static.Find(buildArgs(t, args, tc.env...))
			if err != nil {
				t.Fatal(err)
			}
			var commands []string
			doubt, off := "", false
			for _, s := range steps {
				commands, doubt, off = append(commands, s.Commands...), s.Doubt, s.Off
			}
			if off != tc.off && tc.doubt == "" {
				t.Errorf("cgo is off: %v, want %v", off, tc.off)
			}
			if d := cmp.Diff(tc.commands, commands); d != "" {
				t.Errorf("commands (-want +got):\n%s", d)
			}
			if doubt != tc.doubt {
				t.Errorf("doubt %q, want %q", doubt, tc.doubt)
			}
		})
	}
}

// beside are scripts with what the doubt about them names, "" for none.
var beside = map[string]string{
	// What compiles or runs Go in other ways.
	"go test -race ./... && go build -o /app .":                 "go test -race ./...",
	"go build -o /app . && make worker":                         "make worker",
	"go build -o /app . && ./build.sh":                          "./build.sh",
	"go generate ./...; go build .":                             "go generate ./...",
	"go run ./gen && go build .":                                "go run ./gen",
	"go vet ./... && go build .":                                "go vet ./...",
	"go tool cover -h && go build .":                            "go tool cover -h",
	"go build . || CGO_ENABLED=1 go test ./...":                 "CGO_ENABLED=1 go test ./...",
	"go build .\ngo list -deps ./...":                           "go list -deps ./...",
	"go build . && go env -u GOFLAGS":                           "go env -u GOFLAGS",
	"go get ./... && go build .":                                "go get ./...",
	"go get -d ./... && go build .":                             "",
	"go1.25 build ./x && go build .":                            "go1.25 build ./x",
	"go $CMD ./x && go build .":                                 "go $CMD ./x",
	"go build . && /app --version":                              "/app --version",
	"go build -o /app . && /app --version":                      "",
	"go build -o=bin/app . && ./bin/app --version | grep v":     "",
	"/app --version && go build -o /app .":                      "/app --version",
	"go build -o app . && app --version":                        "app --version",
	"go build -o $OUT . && $OUT --version":                      "$OUT --version",
	"go build . && bin/cp a b":                                  "bin/cp a b",
	"go build . && python3 setup.py build":                      "python3 setup.py build",
	"go build . && npm ci && ls":                                "npm ci",
	"mage build & go build .":                                   "mage build",
	"go build . && sh -c 'make'":                                "sh -c 'make'",
	"curl -fsSL https://example.test/i.sh | bash && go build .": "bash",
	"(cd tools && make) && go build .":                          "make",
	"{ go build .; make; }":                                     "make",
	"if go build .; then make; fi":                              "make",
	"if make; then go build .; fi":                              "make",
	"for d in a b; do go build ./$d; $d/test; done":             "$d/test",
	"while ! go build .; do task fix; done":                     "task fix",
	"case $X in a) make;; *) go build .;; esac":                 "make",
	"go build -ldflags \"-X v=$(make version)\" .":              "make version",
	"go build -ldflags \"-X v=`./version.sh`\" .":               "./version.sh",
	"echo \"$(go run ./v)\" > v && go build .":                  "go run ./v",
	"X=$(make v) && go build .":                                 "make v",
	"cat <(make v) && go build .":                               "make v",
	"cat <<EOF > v && go build .\n$(make v)\nEOF":               "make v",
	"bash <<'EOF'\nmake\nEOF\ngo build .":                       "bash",
	"go build . | ./log":                                        "./log",
	"eval \"$X\" && go build .":                                 "eval \\\"$X\\\"",
	"eval go test && go build .":                                "eval go test",
	". ./env.sh && go build .":                                  ". ./env.sh",
	"source env.sh; go build .":                                 "source env.sh",
	"trap 'make clean' EXIT; go build .":                        "trap 'make clean' EXIT",
	"alias ls=make; go build .":                                 "alias ls=make",
	"$CMD && go build .":                                        "$CMD",
	"\"$@\" && go build .":                                      "\\\"$@\\\"",
	"${MAKE:-make} && go build .":                               "${MAKE:-make}",
	"'ma'ke && go build .":                                      "'ma'ke",
	"\\make && go build .":                                      "\\\\make",
	"b() { make; }; b && go build .":                            "make",
	"coproc make; go build .":                                   "make",
	// Behind programs that start others.
	"env make && go build .":                        "env make",
	"env -S 'go run .' && go build .":               "env -S 'go run .'",
	"env A=1 go test . && go build .":               "env A=1 go test .",
	"env $OPTS make && go build .":                  "env $OPTS make",
	"command make && go build .":                    "command make",
	"time make && go build .":                       "make",
	"timeout -s 9 10 make && go build .":            "timeout -s 9 10 make",
	"nice -n 5 go test . && go build .":             "nice -n 5 go test .",
	"sudo -nu app make && go build .":               "sudo -nu app make",
	"su app -c make && go build .":                  "su app -c make",
	"busybox sh -c make && go build .":              "busybox sh -c make",
	"ls | xargs -n 1 make && go build .":            "xargs -n 1 make",
	"find . -name x -exec make {} + && go build .":  "find . -name x -exec make {} +",
	"find . -execdir go generate \\; && go build .": "find . -execdir go generate \\\\;",
	"tar -xf a --to-command=make && go build .":     "tar -xf a --to-command=make",
	"tar -I ./x -xf a && go build .":                "tar -I ./x -xf a",
	"tar xIf ./x a && go build .":                   "tar xIf ./x a",
	"sed 's/.*/make/e' x && go build .":             "sed 's/.*/make/e' x",
	"sed -n '1e make' x && go build .":              "sed -n '1e make' x",
	"sed -f x.sed y && go build .":                  "sed -f x.sed y",
	"git submodule foreach make && go build .":      "git submodule foreach make",
	"git -C x bisect run make && go build .":        "git -C x bisect run make",
	"apt-get source -b x && go build .":             "apt-get source -b x",
	// What reads or sets the variables themselves.
	"test \"$CGO_ENABLED\" = 0 || apk add gcc; go build .": "$CGO_ENABLED",
	"go build -ldflags \"-X f=${GOFLAGS:-none}\" .":        "$GOFLAGS",
	"[[ -v GOFLAGS ]] || go build .":                       "$GOFLAGS",
	"printenv CGO_ENABLED && go build .":                   "printenv CGO_ENABLED",
	"env | grep CGO && go build .":                         "env",
	"export -p > x && go build .":                          "export",
	"X=$(go env CGO_ENABLED) && go build .":                "go env CGO_ENABLED",
	"go env | grep -q CGO_ENABLED=0 && go build .":         "go env",
	"unset CGO_ENABLED && go build .":                      "unset CGO_ENABLED",
	"unset $X && go build .":                               "unset $X",
	"read GOFLAGS < x; go build .":                         "read GOFLAGS",
	"printf -v CGO_ENABLED 1; go build .":                  "printf -v CGO_ENABLED 1",
	"go() { make; }; go build .":                           "a function named go",
	// The call itself behind others.
	"env GOOS=linux go build .":                    "",
	"env CGO_ENABLED=1 go build .":                 "the command sets CGO_ENABLED itself",
	"env CGO_ENABLED=$X go build .":                "the command sets CGO_ENABLED itself",
	"env -i PATH=$PATH go build .":                 "env -i",
	"env -u CGO_ENABLED go build .":                "env -u",
	"timeout -k 5 10m go build .":                  "",
	"nice go build . && time command go build ./b": "",
	"\"go\" 'build' .":                             "",
	"go -C sub build . && go -C=sub install .":     "",
	"sudo go build .":                              "sudo",
	"echo ./a ./b | xargs go build":                "xargs",
	"chroot /x go build .":                         "chroot",
	// What is harmless.
	"set -eux; mkdir -p /out; cd src && pwd; go build -o /out/a .; cp /out/a /b; mv /b /c; ls -l /c; rm -rf /x; true":                      "",
	"apk add --no-cache git ca-certificates && go build . && apk del git":                                                                  "",
	"apt-get update && apt-get install -y --no-install-recommends $PKGS && rm -rf /var/lib/apt/lists/* && go build .":                      "",
	"go mod download && go mod verify && go mod tidy && go version && go env && go env GOPATH && go clean -cache && go build .":            "",
	"export GOOS=linux GOPRIVATE=x; unset GOPATH; X=1; readonly X; go build .":                                                             "",
	"git config --global url.a.insteadOf b && git clone https://x/y && go build -ldflags \"-X v=$(git describe --tags)-$(date -u +%s)\" .": "",
	"go build -ldflags \"-X m=$(go list -m)\" .":                                                                                           "",
	"for i in 1 2; do echo $i; done; if [ -f x ]; then cat x; else touch x; fi; [[ -n $Y ]] && go build .":                                 "",
	"test -z \"$(gofmt -l .)\" && go build .":                                                                                              "",
	"sed -i -e 's/a/b/g' -e\"s|v|$V|\" main.go && sed -n '/re/,/e/p' x && go build .":                                                      "",
	"curl -fsSL https://x/y.tar.gz | tar -xzf - -C /opt && go build .":                                                                     "",
	"find . -name '*.go' -exec gofmt -l {} + && find . -type d | xargs -r chmod 755 && go build .":                                         "",
	"go build . && strip app && upx app && sha256sum app > sum && setcap cap_net_bind_service=+ep app":                                     "",
	"adduser -D app; command -v git; go build . 2>&1 | tee log; exit 0":                                                                    "",
	"b() { go build -o /$1 ./cmd/$1; }; b a && b c":                                                                                        "",
	"go build . & wait; umask 022; /bin/mkdir x; \\cp a b; 'ls'; env; printenv HOME; exec 3>&1":                                            "",
	"cat <<'EOF' > run.sh && go build .\nmake\nEOF":                                                                                        "",
	"(go build ./a); { go build ./b; } && : || false":                                                                                      "",
}

// TestBeside finds commands beside go build that what would change for it may
// change too.
func TestBeside(t *testing.T) {
	for script, want := range beside {
		steps, err := static.Find(build(t, script))
		if err != nil || len(steps) != 1 {
			t.Errorf("%q: %d steps, %v", script, len(steps), err)
			continue
		}
		doubt := steps[0].Doubt
		if (doubt == "") != (want == "") || !strings.Contains(doubt, want) {
			t.Errorf("%q: doubt %s, want of %s", script, doubt, want)
		}
	}
}

// TestGoGet takes the version of Go for what go get does.
func TestGoGet(t *testing.T) {
	for version, harmless := range map[string]bool{"GOLANG_VERSION=1.26.1": true, "GOLANG_VERSION=1.18": true, "GOLANG_VERSION=1.17.13": false, "GOLANG_VERSION=x": false, "X=1": false} {
		steps, err := static.Find(build(t, "go get ./... && go build .", version))
		if err != nil || len(steps) != 1 || (steps[0].Doubt == "") != harmless {
			t.Errorf("%s: %+v, %v", version, steps, err)
		}
	}
}

// execs lists the RUNs of a definition in order.
func execs(t *testing.T, def *pb.Definition) []*pb.ExecOp {
	t.Helper()
	g, err := graph.Parse(def)
	if err != nil {
		t.Fatal(err)
	}
	var out []*pb.ExecOp
	for _, d := range g.Order {
		if e := g.Ops[d].GetExec(); e != nil {
			out = append(out, e)
		}
	}
	return out
}

func TestQuestion(t *testing.T) {
	const list = `list -deps -f '{{if and .CgoFiles (not .Standard)}}{{.ImportPath}}{{end}}'`
	const out = " >>/.whittle/cgo"
	const trap, stop = "trap 'exit 0' TERM\n", " && { kill -s TERM $$; exit 0; }; }"
	for script, want := range map[string]string{
		"go build -o /app .": trap + "{ go " + list + " ." + out + stop,
		"cd x && go build -tags=a,b -ldflags \"-X m.v=$V\" ./cmd": trap + "cd x && { go " + list + " -tags=a,b ./cmd" + out + stop,
		"go build -mod vendor -o a . && cp a /b":                  trap + "{ go " + list + " -mod vendor ." + out + stop + " && cp a /b",
		"go build -C sub -o a . >log 2>&1":                        trap + "{ go list -C sub " + strings.TrimPrefix(list, "list ") + " ." + out + stop + " >log 2>&1",
		"(cd a && X=1 go build .) | tee log":                      trap + "(cd a && { X=1 go " + list + " ." + out + stop + ") | tee log",
		"A=1 env GOOS=linux go -C sub build -v ./a":               trap + "{ A=1 env GOOS=linux go -C sub " + list + " ./a" + out + stop,
		"go build ./a; go install ./b":                            trap + "{ go " + list + " ./a" + out + "; }; { go " + list + " ./b" + out + stop,
		"for d in a b; do go build ./$d; done; strip a b":         "for d in a b; do { go " + list + " ./$d" + out + "; }; done; strip a b",
		"go build ./a & go build ./b & wait":                      "{ go " + list + " ./a" + out + "; } & { go " + list + " ./b" + out + "; } & wait",
	} {
		def := build(t, script)
		steps, err := static.Find(def)
		if err != nil || len(steps) != 1 {
			t.Fatalf("%d steps, %v", len(steps), err)
		}
		q, _, err := static.Question(def, steps[0])
		if err != nil {
			t.Fatal(err)
		}
		runs := execs(t, q)
		last := runs[len(runs)-1]
		if len(runs) != 2 {
			t.Errorf("%q: the side branch has %d RUNs, want go mod download and go list", script, len(runs))
		}
		if got := last.Meta.Args[2]; got != want {
			t.Errorf("%q:\n got %s\nwant %s", script, got, want)
		}
		if n := len(last.Mounts); n != 3 || last.Mounts[1].Dest != "/root/.cache" || last.Mounts[2].Dest != "/.whittle" {
			t.Errorf("%q: mounts %v", script, last.Mounts)
		}
	}
}

// TestQuestionRuns lets shells run questions, with a go that only says what it
// is asked. What stands behind the last call must not happen.
func TestQuestionRuns(t *testing.T) {
	bin := t.TempDir()
	fake := "#!/bin/sh\necho \"$*\" | sed 's/.*}} *//'\n"
	if err := os.WriteFile(filepath.Join(bin, "go"), []byte(fake), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, shell := range []string{"dash", "bash"} {
		for script, want := range map[string]string{
			"go build ./a && touch after":                         "./a",
			"(cd . && go build ./a) && touch after":               "./a",
			"{ go build ./a; } | cat && touch after":              "./a",
			"x=$(go build ./a); touch after":                      "./a",
			"set -e; if true; then go build ./a; fi; touch after": "./a",
			"go build ./a && go install ./b && touch after":       "./a ./b",
			"for d in a b; do go build ./$d; done":                "./a ./b",
			"go build ./a > log 2>&1 || exit 1; touch after":      "./a",
			"go build ./a & wait":                                 "./a",
			"env A=1 timeout 9 go build ./a && touch after":       "./a",
			"command go build ./a && nice go install ./b":         "./a ./b",
		} {
			def := build(t, script)
			steps, err := static.Find(def)
			if err != nil || len(steps) != 1 {
				t.Fatalf("%d steps, %v", len(steps), err)
			}
			q, _, err := static.Question(def, steps[0])
			if err != nil {
				t.Fatal(err)
			}
			runs := execs(t, q)
			dir := t.TempDir()
			text := strings.ReplaceAll(runs[len(runs)-1].Meta.Args[2], "/.whittle/cgo", dir+"/cgo")
			cmd := exec.CommandContext(t.Context(), shell, "-c", text)
			cmd.Dir, cmd.Env = dir, append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %q: %v\n%s", shell, script, err, out)
			}
			answer, err := os.ReadFile(filepath.Join(dir, "cgo"))
			if got := strings.Join(strings.Fields(string(answer)), " "); err != nil || got != want {
				t.Errorf("%s: %q asks about %q, want %q", shell, script, got, want)
			}
			if _, err := os.Stat(filepath.Join(dir, "after")); err == nil {
				t.Errorf("%s: %q went on behind the call", shell, script)
			}
		}
	}
}

// TestApply checks that only the compiling RUN's environment changes.
func TestApply(t *testing.T) {
	for _, tc := range []struct {
		script string
		env    []string
		want   []string
	}{
		{"go build .", nil, []string{"CGO_ENABLED=0", "GOFLAGS=-trimpath -ldflags=-s"}},
		{"go build -trimpath -ldflags '-s -w -X a=b' .", nil, []string{"CGO_ENABLED=0"}},
		{"go build -ldflags=-X=a=b .", []string{"GOFLAGS=-mod=vendor"}, []string{"CGO_ENABLED=0", "GOFLAGS=-mod=vendor -trimpath"}},
		{"CGO_ENABLED=0 go build .", nil, []string{"GOFLAGS=-trimpath -ldflags=-s"}},
		{"go build -trimpath .", []string{"CGO_ENABLED=0", "GOFLAGS=-ldflags=-w"}, nil},
		{"GOFLAGS=-v go build .", nil, []string{"CGO_ENABLED=0"}},
	} {
		def := build(t, tc.script, tc.env...)
		steps, err := static.Find(def)
		if err != nil {
			t.Fatal(err)
		}
		out, set, err := static.Apply(def, steps)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(tc.want, set); d != "" {
			t.Errorf("%q: variables (-want +got):\n%s", tc.script, d)
		}
		if steps[0].Idle() != (tc.want == nil) {
			t.Errorf("%q: nothing to do: %v", tc.script, steps[0].Idle())
		}
		before, after := execs(t, def), execs(t, out)
		for i := range before {
			compiles := i == 1 && tc.want != nil
			if got := cmp.Equal(before[i].Meta.Env, after[i].Meta.Env); got == compiles {
				t.Errorf("%q: RUN %d: environment unchanged: %v", tc.script, i, got)
			}
			if !cmp.Equal(before[i].Meta.Args, after[i].Meta.Args) {
				t.Errorf("%q: RUN %d: the command changed", tc.script, i)
			}
		}
		// The definition still holds together: every input is an op of it.
		if _, err := llb.NewDefinitionOp(out); err != nil {
			t.Error(err)
		}
		g, err := graph.Parse(out)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range g.Order {
			for _, in := range g.Ops[d].Inputs {
				if _, ok := g.Ops[digestOf(in)]; !ok {
					t.Errorf("%q: input %s is missing", tc.script, in.Digest)
				}
			}
			if _, ok := out.Metadata[d.String()]; !ok {
				t.Errorf("%q: %s lost its metadata", tc.script, d)
			}
		}
	}
}

// TestFirst asks no step before those that it is made from are settled.
func TestFirst(t *testing.T) {
	run := func(st llb.State, script string) llb.State {
		return st.Run(llb.Args([]string{"/bin/sh", "-c", script})).Root()
	}
	base := llb.Image("docker.io/library/golang:1.26")
	chain := run(run(run(base, "go build -o /a ./a"), "touch x"), "go build -o /b ./b")
	other := run(base, "go build -o /c ./c")
	def, err := chain.File(llb.Copy(other, "/c", "/c")).Marshal(t.Context(), llb.LinuxAmd64)
	if err != nil {
		t.Fatal(err)
	}
	now := def.ToPB()
	for _, want := range []string{"go build -o /a ./a,go build -o /c ./c", "go build -o /b ./b", ""} {
		steps, err := static.Find(now)
		if err != nil {
			t.Fatal(err)
		}
		steps = slices.DeleteFunc(steps, func(s static.Step) bool { return s.Off && s.Idle() }) // those that are static
		first, err := static.First(now, steps)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range first {
			got = append(got, s.Commands...)
		}
		slices.Sort(got)
		if strings.Join(got, ",") != want {
			t.Errorf("first are %q, want %q", got, want)
		}
		if now, _, err = static.Apply(now, first); err != nil {
			t.Fatal(err)
		}
	}
}

func digestOf(in *pb.Input) digest.Digest { return digest.Digest(in.Digest) }

// TestTarget gives the variables of platforms, which the user's own go before.
func TestTarget(t *testing.T) {
	for _, tc := range []struct {
		platform ocispecs.Platform
		want     []string
	}{
		{ocispecs.Platform{OS: "linux", Architecture: "arm64", Variant: "v8"}, []string{"GOOS=linux", "GOARCH=arm64"}},
		{ocispecs.Platform{OS: "linux", Architecture: "arm", Variant: "v6"}, []string{"GOOS=linux", "GOARCH=arm", "GOARM=6"}},
		{ocispecs.Platform{OS: "linux", Architecture: "arm"}, []string{"GOOS=linux", "GOARCH=arm", "GOARM=7"}},
		{ocispecs.Platform{OS: "linux", Architecture: "amd64", Variant: "v3"}, []string{"GOOS=linux", "GOARCH=amd64", "GOAMD64=v3"}},
	} {
		if d := cmp.Diff(tc.want, static.Target(tc.platform)); d != "" {
			t.Error(d)
		}
	}
	for env, want := range map[string]string{"": "CGO_ENABLED=0 GOFLAGS=-trimpath -ldflags=-s GOOS=linux GOARCH=s390x", "GOARCH=amd64": "CGO_ENABLED=0 GOFLAGS=-trimpath -ldflags=-s GOOS=linux"} {
		def := build(t, "go build -o /app .", strings.Fields(env)...)
		steps, err := static.Find(def)
		if err != nil {
			t.Fatal(err)
		}
		steps[0].Target = static.Target(ocispecs.Platform{OS: "linux", Architecture: "s390x"})
		_, set, err := static.Apply(def, steps)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(set, " "); got != want {
			t.Errorf("with %q: set %s, want %s", env, got, want)
		}
	}
}
