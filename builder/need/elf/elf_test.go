package elf_test

import (
	"bytes"
	stdelf "debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whittle-oci/whittle/builder/need/elf"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
	"github.com/whittle-oci/whittle/builder/tree"
)

const loader = "/lib64/ld-linux-x86-64.so.2"

// root is a tree with a loader and the given files.
func root(files map[string]elftest.File) *tree.Memory {
	t := &tree.Memory{}
	t.File(loader, 0o755, elftest.File{Library: true, SoName: "ld-linux-x86-64.so.2"}.Bytes())
	for name, f := range files {
		t.File(name, 0o755, f.Bytes())
	}
	return t
}

func lib(soname string, f elftest.File) elftest.File {
	f.Library, f.SoName = true, soname
	return f
}

func TestClosure(t *testing.T) {
	for _, tc := range []struct {
		name    string
		files   map[string]elftest.File
		extra   func(*tree.Memory)
		env     []string
		preload []string
		want    string
		failed  string
	}{
		{name: "static", files: map[string]elftest.File{"/app": {}}},
		{
			name: "default directories",
			files: map[string]elftest.File{
				"/app":                                {Interp: loader, Needed: []string{"liba.so.1"}},
				"/usr/lib/x86_64-linux-gnu/liba.so.1": lib("liba.so.1", elftest.File{Needed: []string{"libb.so.1"}}),
				"/usr/lib/libb.so.1":                  lib("libb.so.1", elftest.File{}),
			},
			want: loader + " /usr/lib/x86_64-linux-gnu/liba.so.1 /usr/lib/libb.so.1",
		},
		{
			name: "RUNPATH with $ORIGIN is not inherited",
			files: map[string]elftest.File{
				"/opt/bin/app":     {Interp: loader, Needed: []string{"liba.so"}, RunPath: "$ORIGIN/../lib"},
				"/opt/lib/liba.so": lib("liba.so", elftest.File{Needed: []string{"libb.so"}}),
				"/opt/lib/libb.so": lib("libb.so", elftest.File{}),
			},
			failed: "/opt/lib/liba.so needs libb.so",
		},
		{
			name: "RPATH is inherited",
			files: map[string]elftest.File{
				"/opt/bin/app":     {Interp: loader, Needed: []string{"liba.so"}, RPath: "${ORIGIN}/../lib"},
				"/opt/lib/liba.so": lib("liba.so", elftest.File{Needed: []string{"libb.so"}}),
				"/opt/lib/libb.so": lib("libb.so", elftest.File{}),
			},
			want: loader + " /opt/lib/liba.so /opt/lib/libb.so",
		},
		{
			name: "LD_LIBRARY_PATH goes before RUNPATH",
			env:  []string{"/env"},
			files: map[string]elftest.File{
				"/app":         {Interp: loader, Needed: []string{"liba.so"}, RunPath: "/run"},
				"/env/liba.so": lib("liba.so", elftest.File{}),
				"/run/liba.so": lib("liba.so", elftest.File{}),
			},
			want: loader + " /env/liba.so",
		},
		{
			name: "a library of another machine is passed over",
			files: map[string]elftest.File{
				"/app":                          {Interp: loader, Needed: []string{"liba.so"}},
				"/lib/x86_64-linux-gnu/liba.so": lib("liba.so", elftest.File{Machine: stdelf.EM_AARCH64}),
				"/usr/lib/liba.so":              lib("liba.so", elftest.File{}),
			},
			want: loader + " /usr/lib/liba.so",
		},
		{
			name: "a soname that is loaded is not searched again",
			files: map[string]elftest.File{
				"/app":      {Interp: loader, Needed: []string{"/srv/x.so", "libx.so.1"}},
				"/srv/x.so": lib("libx.so.1", elftest.File{}),
			},
			want: loader + " /srv/x.so",
		},
		{
			name: "ld.so.conf and its cache",
			files: map[string]elftest.File{
				"/app":             {Interp: loader, Needed: []string{"liba.so"}},
				"/opt/odd/liba.so": lib("liba.so", elftest.File{}),
			},
			extra: func(t *tree.Memory) {
				t.File("/etc/ld.so.conf", 0o644, []byte("include ld.so.conf.d/*.conf # all\n"))
				t.File("/etc/ld.so.conf.d/odd.conf", 0o644, []byte("/opt/odd\n"))
				t.File("/etc/ld.so.cache", 0o644, elftest.Cache("/opt/odd/liba.so"))
			},
			want: loader + " /opt/odd/liba.so /etc/ld.so.cache",
		},
		{
			name: "a cache in a format that is not known",
			files: map[string]elftest.File{
				"/app":             {Interp: loader, Needed: []string{"liba.so"}},
				"/opt/odd/liba.so": lib("liba.so", elftest.File{}),
			},
			extra: func(t *tree.Memory) {
				t.File("/etc/ld.so.conf", 0o644, []byte("/opt/odd\n"))
				t.File("/etc/ld.so.cache", 0o644, []byte("cache"))
			},
			want: loader + " /opt/odd/liba.so /etc/ld.so.cache",
		},
		{
			name: "the cache goes before default directories",
			files: map[string]elftest.File{
				"/app":                   {Interp: loader, Needed: []string{"liba.so"}},
				"/usr/local/lib/liba.so": lib("liba.so", elftest.File{}),
				"/usr/lib/liba.so":       lib("liba.so", elftest.File{}),
			},
			extra: func(t *tree.Memory) {
				t.File("/etc/ld.so.cache", 0o644, elftest.Cache("/usr/local/lib/liba.so", "/usr/lib/liba.so"))
			},
			want: loader + " /usr/local/lib/liba.so /etc/ld.so.cache",
		},
		{
			name: "variants for newer processors that the cache prefers",
			files: map[string]elftest.File{
				"/app":             {Interp: loader, Needed: []string{"liba.so"}},
				"/opt/odd/liba.so": lib("liba.so", elftest.File{}),
				"/opt/odd/glibc-hwcaps/x86-64-v3/liba.so": lib("liba.so", elftest.File{}),
			},
			extra: func(t *tree.Memory) {
				t.File("/etc/ld.so.cache", 0o644, elftest.Cache("/opt/odd/liba.so", "/opt/odd/glibc-hwcaps/x86-64-v3/liba.so"))
			},
			want: loader + " /opt/odd/liba.so /etc/ld.so.cache /opt/odd/glibc-hwcaps/x86-64-v3/liba.so",
		},
		{
			name: "a library that came after ldconfig",
			files: map[string]elftest.File{
				"/app":                   {Interp: loader, Needed: []string{"liba.so"}},
				"/usr/local/lib/liba.so": lib("liba.so", elftest.File{}),
			},
			extra: func(t *tree.Memory) {
				t.File("/etc/ld.so.conf", 0o644, []byte("/usr/local/lib\n"))
				t.File("/etc/ld.so.cache", 0o644, elftest.Cache("/usr/lib/libz.so"))
			},
			failed: "/app needs liba.so, which the loader does not find: /usr/local/lib/liba.so is not in /etc/ld.so.cache",
		},
		{
			name: "a library found through a link has the link's $ORIGIN",
			files: map[string]elftest.File{
				"/app":             {Interp: loader, Needed: []string{"liba.so"}},
				"/opt/a/liba.so.1": lib("liba.so", elftest.File{Needed: []string{"libb.so"}, RunPath: "$ORIGIN/b"}),
				"/opt/a/b/libb.so": lib("libb.so", elftest.File{}),
				"/lib/b/libb.so":   lib("libb.so", elftest.File{}),
			},
			extra: func(t *tree.Memory) { t.Symlink("/lib/liba.so", "/opt/a/liba.so.1") },
			want:  loader + " /lib/liba.so /lib/b/libb.so",
		},
		{
			name: "$LIB and $PLATFORM",
			files: map[string]elftest.File{
				"/app":                              {Interp: loader, Needed: []string{"liba.so", "libb.so"}, RunPath: "/opt/$LIB:/opt/${PLATFORM}"},
				"/opt/lib/x86_64-linux-gnu/liba.so": lib("liba.so", elftest.File{}),
				"/opt/x86_64/libb.so":               lib("libb.so", elftest.File{}),
				"/usr/lib/x86_64-linux-gnu/x.so":    lib("x.so", elftest.File{}),
			},
			want: loader + " /opt/lib/x86_64-linux-gnu/liba.so /opt/x86_64/libb.so",
		},
		{
			name:    "LD_PRELOAD, where a missing one is not fatal",
			preload: []string{"libjemalloc.so.2", "/gone.so"},
			files: map[string]elftest.File{
				"/app":                      {Interp: loader, Needed: []string{"liba.so"}},
				"/usr/lib/liba.so":          lib("liba.so", elftest.File{}),
				"/usr/lib/libjemalloc.so.2": lib("libjemalloc.so.2", elftest.File{}),
			},
			want: loader + " /usr/lib/libjemalloc.so.2 /usr/lib/liba.so",
		},
		{
			name: "without section headers",
			files: map[string]elftest.File{
				"/app":             {Interp: loader, Needed: []string{"liba.so"}, NoSections: true},
				"/usr/lib/liba.so": lib("liba.so", elftest.File{NoSections: true}),
			},
			want: loader + " /usr/lib/liba.so",
		},
		{
			name: "musl takes its own libraries for itself",
			files: map[string]elftest.File{
				"/lib/ld-musl-x86_64.so.1": lib("", elftest.File{}),
				"/app":                     {Interp: "/lib/ld-musl-x86_64.so.1", Needed: []string{"libpthread.so.0", "libm.so.6", "libc.so", "libc.musl-x86_64.so.1"}},
			},
			want: "/lib/ld-musl-x86_64.so.1",
		},
		{
			name: "musl's path file comes along where it is needed",
			files: map[string]elftest.File{
				"/lib/ld-musl-x86_64.so.1": lib("", elftest.File{}),
				"/app":                     {Interp: "/lib/ld-musl-x86_64.so.1", Needed: []string{"liba.so", "libb.so"}},
				"/usr/lib/liba.so":         lib("liba.so", elftest.File{}),
				"/opt/lib/libb.so":         lib("libb.so", elftest.File{}),
			},
			extra: func(t *tree.Memory) { t.File("/etc/ld-musl-x86_64.path", 0o644, []byte("/usr/lib\n/opt/lib\n")) },
			want:  "/lib/ld-musl-x86_64.so.1 /usr/lib/liba.so /opt/lib/libb.so /etc/ld-musl-x86_64.path",
		},
		{
			name: "musl inherits RUNPATH and prefers it to RPATH",
			files: map[string]elftest.File{
				"/lib/ld-musl-x86_64.so.1": lib("", elftest.File{}),
				"/app":                     {Interp: "/lib/ld-musl-x86_64.so.1", Needed: []string{"liba.so"}, RPath: "/no", RunPath: "/yes"},
				"/yes/liba.so":             lib("liba.so", elftest.File{Needed: []string{"libb.so"}}),
				"/yes/libb.so":             lib("libb.so", elftest.File{}),
				"/no/liba.so":              lib("liba.so", elftest.File{}),
			},
			want: "/lib/ld-musl-x86_64.so.1 /yes/liba.so /yes/libb.so",
		},
		{
			name: "notes of what is opened at run time",
			files: map[string]elftest.File{
				"/app":               {Interp: loader, Needed: []string{"liba.so"}, Dlopen: `[{"feature":"x","soname":["libx.so.2","libx.so.1"],"priority":"required"},{"feature":"s","soname":["libs.so"],"priority":"suggested"},{"feature":"g","soname":["libgone.so"]}]`},
				"/usr/lib/liba.so":   lib("liba.so", elftest.File{}),
				"/usr/lib/libx.so.1": lib("libx.so.1", elftest.File{Needed: []string{"liby.so"}}),
				"/usr/lib/liby.so":   lib("liby.so", elftest.File{Dlopen: `[{"feature":"z","soname":["libz.so"]}]`}),
				"/usr/lib/libz.so":   lib("libz.so", elftest.File{}),
				"/usr/lib/libs.so":   lib("libs.so", elftest.File{}),
			},
			want: loader + " /usr/lib/liba.so /usr/lib/libx.so.1 /usr/lib/liby.so /usr/lib/libz.so",
		},
		{
			name: "what .NET opens by name",
			files: map[string]elftest.File{
				"/app":                      {Interp: loader, Text: "x libicuuc y libssl.so z"},
				"/usr/lib/libicuuc.so.70":   lib("libicuuc.so.70", elftest.File{}),
				"/usr/lib/libicuuc.so.72":   lib("libicuuc.so.72", elftest.File{Needed: []string{"libicudata.so.72"}}),
				"/usr/lib/libicuuc.so.72.1": lib("libicuuc.so.72", elftest.File{}),
				"/usr/lib/libicui18n.so.72": lib("libicui18n.so.72", elftest.File{}),
				"/usr/lib/libicudata.so.72": lib("libicudata.so.72", elftest.File{}),
				"/usr/lib/libssl.so.1.1":    lib("libssl.so.1.1", elftest.File{}),
			},
			want: loader + " /usr/lib/libssl.so.1.1 /usr/lib/libicuuc.so.72 /usr/lib/libicudata.so.72 /usr/lib/libicui18n.so.72",
		},
		{
			name: "and nothing where it is not there",
			files: map[string]elftest.File{
				"/app": {Interp: loader, Text: "libicuuc libssl.so libgssapi_krb5.so"},
			},
			want: loader,
		},
		{
			name: "what glibc opens by name",
			files: map[string]elftest.File{
				"/app":                   {Interp: loader, Needed: []string{"libc.so.6", "libt.so"}, Imports: []string{"getaddrinfo", "pthread_cancel"}},
				"/lib/libc.so.6":         lib("libc.so.6", elftest.File{Provides: []string{"GLIBC_2.2.5", "GLIBC_2.31"}}),
				"/lib/libt.so":           lib("libt.so", elftest.File{Imports: []string{"iconv_open"}}),
				"/lib/libgcc_s.so.1":     lib("libgcc_s.so.1", elftest.File{}),
				"/lib/libnss_files.so.2": lib("libnss_files.so.2", elftest.File{}),
				"/lib/libnss_dns.so.2":   lib("libnss_dns.so.2", elftest.File{}),
				"/lib/gconv/UTF-16.so":   lib("", elftest.File{}),
			},
			extra: func(t *tree.Memory) { t.File("/etc/nsswitch.conf", 0o644, nil) },
			want:  loader + " /lib/libc.so.6 /lib/libt.so /lib/libnss_files.so.2 /lib/libnss_dns.so.2 /etc/nsswitch.conf /lib/libgcc_s.so.1 /lib/gconv/UTF-16.so",
		},
		{
			name: "newer glibc has its name service inside",
			files: map[string]elftest.File{
				"/app":                   {Interp: loader, Needed: []string{"libc.so.6"}, Imports: []string{"getaddrinfo"}},
				"/lib/libc.so.6":         lib("libc.so.6", elftest.File{Provides: []string{"GLIBC_2.34"}}),
				"/lib/libnss_files.so.2": lib("libnss_files.so.2", elftest.File{}),
			},
			want: loader + " /lib/libc.so.6",
		},
		{
			name: "OpenSSL's configuration and old algorithms",
			files: map[string]elftest.File{
				"/app":                        {Interp: loader, Needed: []string{"libcrypto.so.3"}},
				"/lib/libcrypto.so.3":         lib("libcrypto.so.3", elftest.File{}),
				"/lib/ossl-modules/legacy.so": lib("", elftest.File{}),
			},
			extra: func(t *tree.Memory) { t.File("/etc/ssl/openssl.cnf", 0o644, nil) },
			want:  loader + " /lib/libcrypto.so.3 /etc/ssl/openssl.cnf /lib/ossl-modules/legacy.so",
		},
		{
			name: "links are kept as links",
			files: map[string]elftest.File{
				"/app":                 {Interp: loader, Needed: []string{"liba.so.1"}},
				"/usr/lib/liba.so.1.2": lib("liba.so.1", elftest.File{}),
			},
			extra: func(t *tree.Memory) { t.Symlink("/usr/lib/liba.so.1", "liba.so.1.2") },
			want:  loader + " /usr/lib/liba.so.1",
		},
		{
			name:   "a missing library",
			files:  map[string]elftest.File{"/app": {Interp: loader, Needed: []string{"libgone.so"}}},
			failed: "/app needs libgone.so, which is not in the built image (searched /lib/x86_64-linux-gnu",
		},
		{
			name:   "a missing loader",
			files:  map[string]elftest.File{"/app": {Interp: "/lib/ld-musl-x86_64.so.1", Needed: []string{"libc.so"}}},
			failed: "/app needs /lib/ld-musl-x86_64.so.1",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tr := root(tc.files)
			if tc.extra != nil {
				tc.extra(tr)
			}
			program := "/app"
			if _, ok := tc.files["/opt/bin/app"]; ok {
				program = "/opt/bin/app"
			}
			deps, _, err := elf.Closure(t.Context(), tr, program, elf.Options{LibraryPath: tc.env, Preload: tc.preload})
			if tc.failed != "" {
				if !errors.As(err, new(*elf.MissingError)) || !strings.HasPrefix(err.Error(), tc.failed) {
					t.Fatalf("error %v, want %q", err, tc.failed)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := []string{}
			for _, d := range deps {
				got = append(got, d.Path)
			}
			if d := cmp.Diff(strings.Fields(tc.want), got); d != "" {
				t.Errorf("closure (-want +got):\n%s", d)
			}
		})
	}
}

// TestVersions holds required symbol versions against those that are there.
func TestVersions(t *testing.T) {
	for _, tc := range []struct {
		name     string
		provides []string
		want     string
	}{
		{"met", []string{"A_1", "A_2"}, ""},
		{"unmet", []string{"A_1"}, "/app needs A_2 of liba.so, which the one in the built image does not have"},
		{"a library without versions", nil, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tr := root(map[string]elftest.File{
				"/app":         {Interp: loader, Needed: []string{"liba.so"}, Requires: map[string][]string{"liba.so": {"A_1", "A_2"}, "libother.so": {"B_1"}}},
				"/lib/liba.so": lib("liba.so", elftest.File{Provides: tc.provides}),
			})
			_, _, err := elf.Closure(t.Context(), tr, "/app", elf.Options{})
			if got := fmt.Sprint(err); (err != nil || tc.want != "") && got != tc.want {
				t.Errorf("error %s, want %q", got, tc.want)
			}
			if tc.want != "" && !errors.As(err, new(*elf.VersionError)) {
				t.Errorf("error of type %T", err)
			}
		})
	}
}

// TestTexts looks at programs that show what they use in their data alone.
func TestTexts(t *testing.T) {
	const text = "x /etc/ssl/certs y /etc/passwd z /bin/sh"
	for _, tc := range []struct {
		name string
		file elftest.File
		want elf.Evidence
	}{
		{"static", elftest.File{Text: text}, elf.Evidence{Certificates: "names /etc/ssl/certs", Users: "names /etc/passwd", Names: "names /etc/passwd", Shell: "names /bin/sh"}},
		{"dynamic", elftest.File{Interp: loader, Text: text}, elf.Evidence{Certificates: "names /etc/ssl/certs"}},
		{"library", elftest.File{Library: true, SoName: "liba.so", Text: text}, elf.Evidence{}},
		{"calls", elftest.File{Interp: loader, Imports: []string{"getservbyname", "system", "tzset"}}, elf.Evidence{Services: "calls getservbyname", Shell: "calls system", Zones: "calls tzset"}},
	} {
		info, err := elf.Read(bytes.NewReader(tc.file.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(tc.want, info.Evidence()); d != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, d)
		}
	}
}

// TestLikeTheLoader compares closures of this machine's programs with what its
// loader says.
func TestLikeTheLoader(t *testing.T) {
	if _, err := os.Stat(loader); err != nil {
		t.Fatalf("this test needs a glibc x86-64 machine: %v", err)
	}
	host, err := tree.OpenDir("/")
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	line := regexp.MustCompile(`(?:=> )?(/\S+) \(0x`)
	compared := 0
	for _, name := range []string{"bash", "tar", "make", "git", "curl", "gcc", "perl", "openssl"} {
		program, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		out, err := exec.CommandContext(t.Context(), loader, "--list", program).Output()
		if err != nil {
			continue
		}
		want := []string{}
		for _, m := range line.FindAllStringSubmatch(string(out), -1) {
			want = append(want, real(t, m[1]))
		}
		deps, _, err := elf.Closure(t.Context(), host, program, elf.Options{})
		if err != nil {
			t.Errorf("%s: %v", program, err)
			continue
		}
		var got []string
		for _, d := range deps {
			if strings.HasPrefix(d.Reason, "library ") || strings.HasPrefix(d.Reason, "loader ") {
				got = append(got, d.Real)
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if d := cmp.Diff(slices.Compact(want), slices.Compact(got)); d != "" {
			t.Errorf("%s (-loader +ours):\n%s", program, d)
		}
		compared++
	}
	if compared < 3 {
		t.Errorf("only %d programs were compared", compared)
	}
}

func real(t *testing.T, name string) string {
	t.Helper()
	r, err := filepath.EvalSymlinks(name)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestEvidence compiles small programs and asks what they show.
func TestEvidence(t *testing.T) {
	for name, tc := range map[string]struct {
		source string
		want   elf.Evidence
	}{
		"hello": {`package main; import "fmt"; func main() { fmt.Println("hello") }`, elf.Evidence{}},
		"server": {`package main; import "net/http"; func main() { _ = http.ListenAndServe(":0", nil) }`, elf.Evidence{
			Certificates: "links crypto/x509.loadSystemRoots",
		}},
		"zones":          {`package main; import "time"; func main() { _, _ = time.LoadLocation("Europe/Rome") }`, elf.Evidence{Zones: "links time.LoadLocation"}},
		"embedded zones": {`package main; import ("time"; _ "time/tzdata"); func main() { _, _ = time.LoadLocation("Europe/Rome") }`, elf.Evidence{}},
		"temp":           {`package main; import "os"; func main() { _, _ = os.MkdirTemp("", "") }`, elf.Evidence{Temp: "links os.MkdirTemp"}},
		"home":           {`package main; import "os"; func main() { _, _ = os.UserHomeDir() }`, elf.Evidence{Users: "links os.UserHomeDir"}},
		"file types":     {`package main; import "mime"; func main() { println(mime.TypeByExtension(".ico")) }`, elf.Evidence{MIME: "links mime.TypeByExtension"}},
		"users":          {`package main; import "os/user"; func main() { _, _ = user.Lookup("ann") }`, elf.Evidence{Users: "links os/user.Current", Names: "links os/user.Lookup"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			src, bin := filepath.Join(dir, "main.go"), filepath.Join(dir, "bin")
			if err := os.WriteFile(src, []byte(tc.source), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags=-s", "-o", bin, src)
			cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			data, err := os.ReadFile(bin)
			if err != nil {
				t.Fatal(err)
			}
			info, err := elf.Read(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			if info.Go == nil || info.Dynamic() {
				t.Errorf("Go %v, dynamic %v", info.Go != nil, info.Dynamic())
			}
			got := info.Evidence()
			if name == "server" {
				got.Temp, got.Users, got.Names = "", "", "" // net/http keeps uploads in files; not what is looked at here
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Errorf("evidence (-want +got):\n%s", d)
			}
		})
	}
}

// TestLies reads files whose headers claim more than there is.
func TestLies(t *testing.T) {
	good := elftest.File{
		Interp: loader, Needed: []string{"liba.so"}, Imports: []string{"puts"}, Requires: map[string][]string{"liba.so": {"A_1"}}, Provides: []string{"B_1"}, Dlopen: `[{"soname":["x"]}]`, Text: "/tmp/",
	}.Bytes()
	for i := range good {
		bad := slices.Clone(good)
		bad[i] ^= 0xff
		_, _ = elf.Read(bytes.NewReader(bad)) // must not panic, nor ask for gigabytes
	}
	if _, err := elf.Read(strings.NewReader("#!/bin/sh\n")); !errors.Is(err, elf.ErrNotELF) {
		t.Errorf("a script: %v", err)
	}
	if _, err := elf.Read(bytes.NewReader(good[:100])); err == nil {
		t.Error("half a file was read")
	}
}

func FuzzRead(f *testing.F) {
	f.Add(elftest.File{}.Bytes())
	f.Add(elftest.File{Interp: loader, Needed: []string{"liba.so"}, Imports: []string{"getpwnam"}}.Bytes())
	f.Add(elftest.File{Library: true, SoName: "liba.so", RunPath: "$ORIGIN"}.Bytes())
	f.Add(elftest.File{Requires: map[string][]string{"a": {"b"}}, Provides: []string{"c"}, Dlopen: `[{"soname":["x"]}]`}.Bytes())
	f.Fuzz(func(_ *testing.T, b []byte) {
		if info, err := elf.Read(bytes.NewReader(b)); err == nil {
			info.Evidence()
		}
	})
}

func FuzzClosure(f *testing.F) {
	f.Add(elftest.File{Interp: loader, Needed: []string{"liba.so"}}.Bytes(), []byte("include *.conf\n/opt\n"), elftest.Cache("/usr/lib/liba.so"))
	f.Fuzz(func(t *testing.T, program, conf, cache []byte) {
		tr := root(map[string]elftest.File{"/usr/lib/liba.so": lib("liba.so", elftest.File{Needed: []string{"liba.so"}})})
		tr.File("/app", 0o755, program)
		tr.File("/etc/ld.so.conf", 0o644, conf)
		tr.File("/etc/ld.so.cache", 0o644, cache)
		_, _, _ = elf.Closure(t.Context(), tr, "/app", elf.Options{})
	})
}

func TestArchitecture(t *testing.T) {
	for m, want := range map[stdelf.Machine]string{stdelf.EM_X86_64: "amd64", stdelf.EM_AARCH64: "arm64", stdelf.EM_PPC64: "ppc64le", stdelf.EM_SPARC: ""} {
		if got, ok := elf.Architecture(bytes.NewReader(elftest.File{Machine: m}.Bytes())); !ok || got != want {
			t.Errorf("%v is %q, %v, want %q", m, got, ok, want)
		}
	}
	if got, ok := elf.Architecture(strings.NewReader("#!/bin/sh\n")); ok {
		t.Errorf("a script is for %q", got)
	}
}
