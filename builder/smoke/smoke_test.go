package smoke

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whittle-oci/whittle/builder/image"
)

func TestParseRequest(t *testing.T) {
	for s, want := range map[string]Request{
		" GET / on 80":                      {"GET", "/", 80, DefaultWithin},
		"HEAD /a?b=c&d=%20 on 8080":         {"HEAD", "/a?b=c&d=%20", 8080, DefaultWithin},
		"GET /x on 65535 within 10s":        {"GET", "/x", 65535, 10 * time.Second},
		"GET  /x  on 1 within  10  s":       {"GET", "/x", 1, 10 * time.Second},
		"GET /x on 1 within 1m30s":          {"GET", "/x", 1, 90 * time.Second},
		"GET /a/../b;c=d on 1 within 250ms": {"GET", "/a/../b;c=d", 1, 250 * time.Millisecond},
	} {
		got, err := ParseRequest(s)
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Errorf("%q: %v (-want +got)\n%s", s, err, d)
		}
	}
	for s, want := range map[string]string{
		"":                            `"" is no request; write GET /path on PORT within 10s`,
		"GET /":                       "is no request",
		"GET / at 80":                 "is no request",
		"GET / on 80 within":          "is no request",
		"GET / on 80 within 1 2 s":    "is no request",
		"GET / on 80 in 1s":           "is no request",
		"POST / on 80":                `"POST" is neither GET nor HEAD`,
		"get / on 80":                 `"get" is neither`,
		"GET x on 80":                 `"x" is not a path`,
		"GET http://x/ on 80":         `is not a path`,
		"GET /%zz on 80":              `is not a path`,
		"GET / on http":               `"http" is not a port`,
		"GET / on 0":                  "is not a port",
		"GET / on 65536":              "is not a port",
		"GET / on -1":                 "is not a port",
		"GET / on 80 within soon":     `"soon" is not a time; write 10s or 1m`,
		"GET / on 80 within 10":       "is not a time",
		"GET / on 80 within -1s":      "is not a time",
		"GET / on 80 within 0s":       "is not a time",
		"GET / on 80 within 11m":      "11m0s is more than the 10m0s",
		"GET / on 80 within 9999999h": "is",
	} {
		if got, err := ParseRequest(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v; want %s", s, got, err, want)
		}
	}
}

// FuzzParseRequest holds a request that is read to its bounds, and to what is
// written for it.
func FuzzParseRequest(f *testing.F) {
	for _, s := range []string{"GET / on 80", "HEAD /a?b on 1 within 1 s", "GET /\x00 on 1", "GET // on 9 within 1h"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseRequest(s)
		if err != nil {
			return
		}
		if r.Port < 1 || r.Port > 65535 || r.Within <= 0 || r.Within > MaxWithin || !strings.HasPrefix(r.Path, "/") {
			t.Errorf("%q is %+v", s, r)
		}
		if again, err := ParseRequest(r.String()); err != nil || again != r {
			t.Errorf("%q is written %q, which is %+v, %v", s, r, again, err)
		}
		if _, err := http.NewRequestWithContext(context.Background(), r.Method, "http://localhost"+r.Path, nil); err != nil {
			t.Errorf("%q cannot be asked: %v", s, err)
		}
	})
}

// TestMain is the program that supervises, and what it starts.
func TestMain(m *testing.M) {
	if code, asked := Supervise(os.Args); asked {
		os.Exit(code)
	}
	switch os.Getenv("SMOKE_APP") {
	case "fails":
		os.Stderr.WriteString("one\ntwo\n")
		os.Exit(3)
	case "serves":
		time.Sleep(300 * time.Millisecond) // it takes a while to start
		l, err := net.Listen("tcp", os.Getenv("SMOKE_ADDRESS"))
		if err != nil {
			panic(err)
		}
		_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/ok" {
				http.Error(w, "no", http.StatusTeapot)
			}
		}))
	case "ends":
		os.Exit(0)
	case "hangs":
		time.Sleep(time.Minute)
	}
	os.Exit(m.Run())
}

// port is one that nobody listens on.
func port(t *testing.T) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// TestSupervise starts this test as the command of an image.
func TestSupervise(t *testing.T) {
	free := port(t)
	address := net.JoinHostPort("127.0.0.1", json.Number(jsonInt(free)).String())
	asked := func(path string, within time.Duration) Check {
		return Check{HTTP: &Request{"GET", path, free, within}}
	}
	for _, tc := range []struct {
		name, app string
		check     Check
		want      string
		ok        bool
	}{
		{"fails", "fails", Check{Argv: []string{os.Args[0]}}, "ended with exit code 3", false},
		{"ends well", "ends", Check{Argv: []string{os.Args[0]}}, "ended with exit code 0", true},
		{"not there", "", Check{Argv: []string{"/nowhere"}}, "could not be started: fork/exec /nowhere: no such file or directory", false},
		{"answers", "serves", asked("/ok", 20*time.Second), "answered with status 200", true},
		{"another status", "serves", asked("/", time.Second), "the last answer within 1s had status 418", false},
		{"no answer", "hangs", asked("/ok", 300*time.Millisecond), "no answer within 300ms", false},
		{"ends before", "fails", asked("/ok", 20*time.Second), "the image's command ended with exit code 3 before it answered", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Setenv("SMOKE_APP", tc.app)
			t.Setenv("SMOKE_ADDRESS", address)
			file := filepath.Join(t.TempDir(), "result")
			args, err := Arguments(os.Args[0], file, tc.check, []string{os.Args[0]})
			if err != nil {
				t.Fatal(err)
			}
			if code, asked := Supervise(args); code != 0 || !asked {
				t.Fatalf("exit %d, asked %v", code, asked)
			}
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var res Result
			if err := json.Unmarshal(data, &res); err != nil {
				t.Fatal(err)
			}
			if says := res.Says(tc.check); res.OK != tc.ok || !strings.HasPrefix(says, tc.want) {
				t.Errorf("%s (%+v), want %s", says, res, tc.want)
			}
			if tc.app == "fails" && res.Output != "one\ntwo\n" {
				t.Errorf("output %q", res.Output)
			}
		})
	}
	if _, err := Arguments("p", "f", asked("/", 1), nil); err != ErrNothingToStart {
		t.Errorf("an image without a command: %v", err)
	}
	for _, args := range [][]string{nil, {"whittle"}, {"whittle", "build", "x", "y"}, {"whittle", verb}} {
		if _, asked := Supervise(args); asked {
			t.Errorf("%q asks for a trial", args)
		}
	}
	for _, args := range [][]string{{"whittle", verb, "f", "{"}, {"whittle", verb, "f", "{}"}, {"whittle", verb, "/nowhere/f", `{"argv":["/nowhere"],"within":1}`}} {
		if code, asked := Supervise(args); code == 0 || !asked {
			t.Errorf("%q: exit %d, asked %v", args, code, asked)
		}
	}
}

func jsonInt(n int) string {
	data, _ := json.Marshal(n)
	return string(data)
}

// TestRedirect takes a redirection for an answer, and does not follow it.
func TestRedirect(t *testing.T) {
	s := httptest.NewServer(http.RedirectHandler("http://registry.example/", http.StatusFound))
	defer s.Close()
	r := Request{"GET", "/", s.Listener.Addr().(*net.TCPAddr).Port, time.Minute}
	var res Result
	if !r.ask(t.Context(), nil, &res) || res.Status != http.StatusFound {
		t.Errorf("%+v", res)
	}
}

func TestTail(t *testing.T) {
	var out bytes.Buffer
	tl := &tail{to: &out}
	for range 5 {
		if n, err := tl.Write(bytes.Repeat([]byte("x"), maxOutput/2)); n != maxOutput/2 || err != nil {
			t.Fatal(n, err)
		}
	}
	if _, err := tl.Write([]byte("end")); err != nil {
		t.Fatal(err)
	}
	if s := tl.String(); len(s) != maxOutput || !strings.HasSuffix(s, "xend") || out.Len() != 5*maxOutput/2+3 {
		t.Errorf("%d bytes kept, %d passed on", len(s), out.Len())
	}
}

// TestExplain finds what messages of loaders, shells and runtimes are about.
func TestExplain(t *testing.T) {
	plan := &image.Plan{
		Entries: []image.Entry{
			{Path: "/app", Type: image.File, Mode: 0o755, Reason: "CMD"},
			{Path: "/etc/app.conf", Type: image.File, Mode: 0o600, UID: 5, GID: 6, Reason: "COPY in the final stage"},
			{Path: "/run", Type: image.Dir, Mode: 0o755},
			{Path: "/srv", Type: image.Dir, Mode: 0o755},
		},
		Left: []image.Left{
			{Path: "/srv/key.pem", Why: "is a private key"},
			{Path: "/usr/lib/libodd.so.1", Why: "matches exclude:"},
			{Path: "/app/node_modules/left-pad", Why: "is a development dependency"},
			{Path: "/usr/lib/python3/dist-packages/yaml", Why: "nothing asks for"},
			{Path: "/usr/share/doc", Why: "is documentation"},
			{Path: "package graphviz", Why: "is used by nothing"},
		},
		Warnings: []image.Warning{
			{Message: "nothing shows a use of the package imagemagick", Hint: "include: /usr/bin/convert"},
			{Message: "/app may load libplug.so.2", Hint: ""},
		},
	}
	built := func(name string) bool { return name == "/usr/bin/dot" }
	for output, want := range map[string]string{
		"cat: can't open '/srv/key.pem': No such file or directory\n":                                      "left out: /srv/key.pem, which is a private key; include: /srv/key.pem carries it",
		"/app: error while loading shared libraries: libodd.so.1: cannot open shared object file: No such": "left out: /usr/lib/libodd.so.1, which matches exclude:; include: /usr/lib/libodd.so.1 carries it",
		"/app: error while loading shared libraries: libplug.so.2: cannot open shared object file":         "warned: /app may load libplug.so.2",
		"Error: Cannot find module 'left-pad'\nRequire stack:\n- /app/index.js\n":                          "left out: /app/node_modules/left-pad, which is a development dependency; include: /app/node_modules/left-pad carries it",
		"ModuleNotFoundError: No module named 'yaml.loader'\n":                                             "left out: /usr/lib/python3/dist-packages/yaml, which nothing asks for; include: /usr/lib/python3/dist-packages/yaml carries it",
		"FileNotFoundError: [Errno 2] No such file or directory: '/usr/share/doc/x/README'\n":              "left out: /usr/share/doc, which is documentation; include: /usr/share/doc carries it",
		"sh: graphviz: not found\n":                                 "left out: package graphviz, which is used by nothing; include: package graphviz carries it",
		"exec: \"imagemagick\": executable file not found in $PATH": "warned: nothing shows a use of the package imagemagick; include: /usr/bin/convert",
		"spawn /usr/bin/dot ENOENT":                                 "/usr/bin/dot is in the built image and nothing showed that it is needed; include: /usr/bin/dot carries it",
		"open /etc/other.conf: no such file or directory":           "/etc/other.conf is not in the built image either",
		"open /app: no such file or directory":                      "",
		"open /etc/app.conf: permission denied":                     "/etc/app.conf has mode 0600 and belongs to 5:6 (COPY in the final stage)\nthe root is read-only, and of it /run can be written to; writable: /etc adds /etc, unless it is to be a volume",
		"OSError: [Errno 30] Read-only file system: '/srv/cache'":   "the root is read-only, and of it /run can be written to; writable: /srv adds /srv, unless it is to be a volume",
		"EROFS: read-only file system, mkdir '/srv'":                "the root is read-only, and of it /run can be written to; writable: /srv adds /srv, unless it is to be a volume",
		"open /run/app.pid: permission denied":                      "",
		"listening on /run/app.sock, GET /srv/key.pem 200":          "",
		"\x1b[31mopen /etc/\x1b[0m: no such file or directory":      `/etc/\x1b is not in the built image either`,
	} {
		if d := cmp.Diff(want, strings.Join(Explain(output, plan, []string{"/run"}, built), "\n")); d != "" {
			t.Errorf("%q (-want +got)\n%s", output, d)
		}
	}
	var long strings.Builder
	for i := range 10000 {
		long.WriteString("open /x" + jsonInt(i) + ": no such file or directory\n")
	}
	if got := Explain(long.String(), plan, nil, built); len(got) != maxBecause {
		t.Errorf("%d lines", len(got))
	}
}

// TestFailedError shows the end of the output, and nothing that a terminal
// would take for more than text.
func TestFailedError(t *testing.T) {
	e := &FailedError{Check: Check{Argv: []string{"app", "--check"}}, Result: Result{Ended: true, Code: 2, Output: strings.Repeat("line\n", 20) + "\n\tlast \x1b[2J\r\n"}, Because: []string{"left out: /x"}}
	want := `smoke: ["app","--check"]: ended with exit code 2; it printed last` + strings.Repeat("\n  | line", lastLines-1) + "\n  |     last \\x1b[2J\n  left out: /x"
	if d := cmp.Diff(want, e.Error()); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// FuzzExplain reads output of any kind.
func FuzzExplain(f *testing.F) {
	f.Add("sh: x: not found\nopen /a/../b: permission denied")
	f.Add("‘/x’: No such file or directory \xff /")
	plan := &image.Plan{Left: []image.Left{{Path: "/x"}}, Warnings: []image.Warning{{Message: "x y"}}}
	f.Fuzz(func(t *testing.T, output string) {
		if got := Explain(output, plan, []string{"/run"}, func(string) bool { return true }); len(got) > maxBecause {
			t.Errorf("%d lines", len(got))
		}
	})
}
