package pack

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// TestHostSource reads paths as the system writes them.
func TestHostSource(t *testing.T) {
	for _, tc := range []struct {
		goos, text string
		want       Source
	}{
		{"windows", `C:\src\server`, Source{`C:\src\server`, "/server"}},
		{"windows", `c:/src/server:/bin/server`, Source{`c:/src/server`, "/bin/server"}},
		{"windows", `C:\src\server\:/srv`, Source{`C:\src\server\`, "/srv"}},
		{"windows", `.\public:/srv/x`, Source{`.\public`, "/srv/x"}},
		{"windows", `\\host\share\app`, Source{`\\host\share\app`, "/app"}},
		{"windows", `D:app`, Source{`D:app`, "/app"}},
		{"windows", `D:app:`, Source{`D:app`, "/app"}},
		{"linux", `C:/src/server`, Source{"C", "/src/server"}},
		{"darwin", `a\b`, Source{`a\b`, `/a\b`}},
	} {
		got, err := host{tc.goos}.source(tc.text)
		if err != nil || got != tc.want {
			t.Errorf("%s: %q is %+v, %v; want %+v", tc.goos, tc.text, got, err, tc.want)
		}
	}
	for _, text := range []string{`C:\app:relative`, `C:\app:D:\app`, ""} {
		if got, err := (host{"windows"}).source(text); err == nil {
			t.Errorf("%q is %+v", text, got)
		}
	}
}

// TestHostMode knows programs where the system has no bits for them.
func TestHostMode(t *testing.T) {
	dir := t.TempDir()
	for name, data := range map[string]string{"elf": "\x7fELF\x02", "script": "#!/bin/sh\n", "two": "#!", "text": "text", "short": "\x7f", "empty": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]fs.FileMode{"elf": 0o755, "script": 0o755, "two": 0o755, "text": 0o644, "short": 0o644, "empty": 0o644, "gone": 0o644} {
		if got := (host{"windows"}).mode(filepath.Join(dir, name), 0o666); got != want {
			t.Errorf("%s has the mode %v, want %v", name, got, want)
		}
	}
	if got := (host{"windows"}).mode(dir, fs.ModeDir|0o777); got != fs.ModeDir|0o755 {
		t.Errorf("a directory has the mode %v", got)
	}
	if got := (host{"darwin"}).mode(filepath.Join(dir, "elf"), 0o600); got != 0o600 {
		t.Errorf("bits that there are became %v", got)
	}
}

// TestHostLibraries takes libraries from Linux only.
func TestHostLibraries(t *testing.T) {
	for goos, want := range map[string]bool{"linux": true, "darwin": false, "windows": false} {
		root, closer, err := host{goos}.libraries()
		if err != nil {
			t.Fatal(err)
		}
		if list, err := root.ReadDir(t.Context(), "/"); err != nil || len(list) > 0 != want {
			t.Errorf("%s: %d files, %v", goos, len(list), err)
		}
		if err := closer.Close(); err != nil {
			t.Error(err)
		}
	}
}
