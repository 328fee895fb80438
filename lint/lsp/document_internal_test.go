package lsp

import "testing"

// TestPathOn turns the URIs that editors send into paths of each system.
func TestPathOn(t *testing.T) {
	for _, tc := range []struct{ goos, uri, want string }{
		{"linux", "file:///srv/a%20b/Dockerfile", "/srv/a b/Dockerfile"},
		{"linux", "file://localhost/srv/Dockerfile", "/srv/Dockerfile"},
		{"darwin", "file:///c%3A/x", "/c:/x"},
		{"linux", "file://host/share/Dockerfile", ""},
		{"windows", "file:///c%3A/Users/a%20b/Dockerfile", `c:\Users\a b\Dockerfile`},
		{"windows", "file:///C:/x/Dockerfile", `C:\x\Dockerfile`},
		{"windows", "file://host/share/Dockerfile", `\\host\share\Dockerfile`},
		{"windows", "untitled:Untitled-1", ""},
		{"linux", "untitled:Untitled-1", ""},
		{"linux", "file://%zz", ""},
	} {
		if got := pathOn(tc.goos, tc.uri); got != tc.want {
			t.Errorf("%s: %s is %q, want %q", tc.goos, tc.uri, got, tc.want)
		}
	}
}
