package probe_test

import (
	"bytes"
	"debug/elf"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/whittle-oci/whittle/builder/probe"
)

func TestTranslate(t *testing.T) {
	for _, tc := range []struct{ from, want string }{
		{"curl -f http://localhost:8080/health", "http://localhost:8080/health"},
		{"curl -fsSL -o /dev/null -m 2.5 http://127.0.0.1/", "-t 3 http://127.0.0.1/"},
		{"/usr/bin/curl --fail --silent --max-time=3 --connect-timeout 2 localhost:80", "-t 2 http://localhost:80"},
		{"curl http://localhost:1/", "-a http://localhost:1/"},
		{"curl -fI -H X-A:b -XGET localhost:1/?a=b%20c", "-I -H X-A:b http://localhost:1/?a=b%20c"},
		{"curl -f http://[::1]:9/", "http://[::1]:9/"},
		{"wget -q --spider http://localhost:3000/", "http://localhost:3000/"},
		{"wget -nv -qO- -T5 -t 1 http://127.0.0.1:3000", "-t 5 http://127.0.0.1:3000"},
		{"wget --no-verbose --tries=1 --spider http://localhost/", "http://localhost/"},
		{"nc -z localhost 5432", "tcp://localhost:5432"},
		{"nc -vz -w 2 127.0.0.1 5432", "-t 2 tcp://127.0.0.1:5432"},

		{"curl -f https://localhost/", "!https"},
		{"curl -f http://example.com/", "!example.com"},
		{"curl -f http://u:p@localhost/", "!user"},
		{"curl -f -d x http://localhost/", "!-d"},
		{"curl -f --retry 3 http://localhost/", "!--retry"},
		{"curl -X POST http://localhost/", "!POST"},
		{"curl -f http://localhost/ http://localhost/b", "!too"},
		{"curl -f", "!address"},
		{"curl -f -o /tmp/x http://localhost/", "!/tmp/x"},
		{"curl -m", "!value"},
		{"curl -f http://localhost:70000/", "!port"},
		{"wget --post-data=x http://localhost/", "!--post-data"},
		{"wget -m http://localhost/", "!-m"},
		{"nc localhost 80", "!-z"},
		{"nc -z -u localhost 53", "!-u"},
		{"nc -z localhost", "!port"},
		{"nc -z localhost 1-1024", "!1-1024"},
		{"true", "!none of"},
	} {
		got, err := probe.Translate(strings.Fields(tc.from))
		want, refused := strings.CutPrefix(tc.want, "!")
		if refused {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q, %v; want an error with %q", tc.from, got, err, want)
			}
			continue
		}
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: %q, %v; want %q", tc.from, got, err, want)
		}
	}
}

func FuzzTranslate(f *testing.F) {
	for _, s := range []string{"curl\x00-fsS\x00http://localhost:80/", "wget\x00-qO-\x00localhost", "nc\x00-zw\x001\x00::1\x001", "curl\x00--url=\x00[::1%25a]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		argv := strings.Split(s, "\x00")
		got, err := probe.Translate(argv)
		if err != nil {
			return
		}
		last := got[len(got)-1]
		if !strings.HasPrefix(last, "http://") && !strings.HasPrefix(last, "tcp://") || strings.ContainsAny(last, " \r\n") {
			t.Errorf("%q became %q", argv, got)
		}
	})
}

// TestProgram holds the programs to what an image may be given: static, for
// their machine, small.
func TestProgram(t *testing.T) {
	machines := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}
	for _, arch := range probe.Architectures() {
		data, ok := probe.Program(arch)
		if !ok || len(data) > 16<<10 {
			t.Errorf("%s: %d bytes, %v", arch, len(data), ok)
		}
		f, err := elf.NewFile(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if f.Machine != machines[arch] || f.Type != elf.ET_EXEC {
			t.Errorf("%s: %v %v", arch, f.Machine, f.Type)
		}
		for _, p := range f.Progs {
			if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC || p.Type == elf.PT_GNU_STACK && p.Flags&elf.PF_X != 0 || p.Flags&(elf.PF_W|elf.PF_X) == elf.PF_W|elf.PF_X {
				t.Errorf("%s has the segment %v %v", arch, p.Type, p.Flags)
			}
		}
	}
	if _, ok := probe.Program("s390x"); ok {
		t.Error("there is a program for s390x")
	}
}

// TestAsk asks real services.
func TestAsk(t *testing.T) {
	data, ok := probe.Program(runtime.GOARCH)
	if runtime.GOOS != "linux" || !ok {
		t.Skip("the programs are for Linux")
	}
	program := filepath.Join(t.TempDir(), "probe")
	if err := os.WriteFile(program, data, 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/header" && (r.Header.Get("X-Test") != "yes" || r.Header.Get("X-More") != "two words"):
			w.WriteHeader(http.StatusBadRequest)
		case r.URL.Path == "/head" && r.Method != http.MethodHead:
			w.WriteHeader(http.StatusMethodNotAllowed)
		case r.URL.Path == "/query" && r.URL.RawQuery != "a=b":
			w.WriteHeader(http.StatusBadRequest)
		case r.URL.Path == "/host" && r.Host != r.Context().Value(http.LocalAddrContextKey).(net.Addr).String():
			w.WriteHeader(http.StatusBadRequest)
		case r.URL.Path == "/down":
			w.WriteHeader(http.StatusServiceUnavailable)
		case r.URL.Path == "/moved":
			w.Header().Set("Location", "/")
			w.WriteHeader(http.StatusFound)
		case r.URL.Path == "/large":
			_, _ = w.Write(make([]byte, 1<<20))
		}
	}))
	defer s.Close()
	six, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Fatal(err)
	}
	defer six.Close()
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	serve(other, "SSH-2.0-something else\r\n")
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	slow, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	serve(slow, "HT", "TP/1.0", " 204 No Content\r\n\r\n")
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	port := func(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }
	for _, tc := range []struct {
		args string
		code int
		says string
	}{
		{s.URL + "/", 0, ""},
		{s.URL, 0, ""},
		{s.URL + "/large", 0, ""},
		{s.URL + "/moved", 0, ""},
		{s.URL + "/host", 0, ""},
		{s.URL + "/query?a=b", 0, ""},
		{s.URL + "/down", 1, "answers with 503"},
		{"-a " + s.URL + "/down", 0, ""},
		{"-I " + s.URL + "/head", 0, ""},
		{s.URL + "/head", 1, "405"},
		{"-H X-Test:yes -H X-More:two_words " + s.URL + "/header", 0, ""},
		{fmt.Sprintf("http://localhost:%d/", s.Listener.Addr().(*net.TCPAddr).Port), 0, ""},
		{fmt.Sprintf("tcp://localhost:%d", port(six)), 0, ""},
		{fmt.Sprintf("tcp://[::1]:%d", port(six)), 0, ""},
		{fmt.Sprintf("tcp://127.0.0.1:%d", port(gone)), 1, "cannot be connected"},
		{fmt.Sprintf("http://127.0.0.1:%d/", port(other)), 1, "HTTP"},
		{fmt.Sprintf("-t 1 http://127.0.0.1:%d/", port(mute)), -1, ""},
		{fmt.Sprintf("http://127.0.0.1:%d/", port(slow)), 0, ""},
		{"", 2, "which"},
		{"-x http://localhost/", 2, "-x"},
		{"-t 0 http://localhost/", 2, "time"},
		{"-t", 2, "-t"},
		{"https://localhost/", 2, "https"},
		{"http://localhost:0/", 2, "port"},
		{"http://localhost:99999/", 2, "port"},
		{"http://example.com/", 2, "host"},
		{"http://1.2.3/", 2, "host"},
		{"http://1.2.3.400/", 2, "host"},
		{"tcp://localhost", 2, "port"},
		{"http://localhost/ http://localhost/", 2, "too many"},
		{"http://localhost/" + strings.Repeat("a", 10000), 2, "long"},
		{"-H " + strings.Repeat("a", 10000) + " " + s.URL, 2, "long"},
	} {
		args := strings.Fields(tc.args)
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "_", " ")
		}
		begun := time.Now()
		c := exec.CommandContext(t.Context(), program, args...)
		out, _ := c.CombinedOutput()
		code := c.ProcessState.ExitCode() // -1 when a signal ended it, as its own timer's
		if tc.code < 0 {
			if code == 0 || time.Since(begun) < 900*time.Millisecond {
				t.Errorf("%.80s: it ended with %d before its time", tc.args, code)
			}
			continue
		}
		if code != tc.code || !strings.Contains(string(out), tc.says) {
			t.Errorf("%.80s: exit %d, %.200q; want %d and %q", tc.args, code, out, tc.code, tc.says)
		}
	}
}

// serve answers every connection with pieces of text, one after another.
func serve(l net.Listener, pieces ...string) {
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 4096))
			for _, p := range pieces {
				_, _ = c.Write([]byte(p))
				time.Sleep(20 * time.Millisecond)
			}
			c.Close()
		}
	}()
}

// TestCompiled compiles the source anew where there is a compiler, and holds
// what the package has to it: the same code, if not the same bytes, of which
// every compiler has its own.
func TestCompiled(t *testing.T) {
	if _, err := exec.LookPath("x86_64-linux-gnu-gcc"); err != nil || runtime.GOARCH != "amd64" {
		t.Skip("there is no compiler for it")
	}
	out := filepath.Join(t.TempDir(), "probe")
	c := exec.CommandContext(t.Context(), "x86_64-linux-gnu-gcc", "-std=c11", "-Os", "-Wall", "-Wextra", "-Werror", "-static", "-nostdlib", "-ffreestanding", "-fno-pie", "-no-pie",
		"-fno-stack-protector", "-fno-asynchronous-unwind-tables", "-s", "-o", out, "source/probe.c")
	if text, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	code := func(data []byte) int {
		f, err := elf.NewFile(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		b, err := f.Section(".rodata").Data()
		if err != nil {
			t.Fatal(err)
		}
		return len(b)
	}
	fresh, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	have, _ := probe.Program("amd64")
	if code(fresh) != code(have) {
		t.Error("the programs are not of this source: builder/probe/source/build.sh compiles them")
	}
}
