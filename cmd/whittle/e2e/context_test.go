//go:build linux

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestBadContext builds from contexts and Dockerfiles that are not there, are
// something else, or are wrong. Nothing is left behind.
func TestBadContext(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	good := dockerfile(t, "FROM muslbox:1\nCMD [\"/bin/busybox\"]\n")
	for _, empty := range []string{"empty", "out"} {
		if err := os.Mkdir(at(empty), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"no Dockerfile", []string{at("empty")}, 1, "there is no " + at("empty") + "/Dockerfile, and no template knows this project\nhint: name the Dockerfile with -f"},
		{"no such Dockerfile", []string{good, "-f", at("nowhere")}, 1, "there is no " + at("nowhere")},
		{"a Dockerfile that is a directory", []string{good, "-f", at("empty")}, 2, "the Dockerfile " + at("empty") + " is a directory"},
		{"no context", []string{at("nowhere")}, 2, "the context " + at("nowhere") + " does not exist"},
		{"a context that is a file", []string{filepath.Join(good, "Dockerfile")}, 2, "Dockerfile is a file\nhint: name its directory, and the Dockerfile with -f"},
		{"an unknown instruction", []string{dockerfile(t, "FROM scratch\n  RUNN x\n")}, 1, "Dockerfile:2:3\n      RUNN x\n      ^~~~~~\nwhittle: failed to solve: dockerfile parse error on line 2: unknown instruction: RUNN (did you mean RUN?)"},
		{"an unknown flag", []string{dockerfile(t, "FROM scratch\nCOPY --form=x a b\n")}, 1, "Dockerfile:2:1\n    COPY --form=x a b\n    ^~~~~~~~~~~~~~~~~\n"},
		{"a heredoc without an end", []string{dockerfile(t, "FROM scratch\nRUN <<EOF\necho\n")}, 1, "    RUN <<EOF\n    ^~~~~~~~~\nwhittle: failed to solve: unterminated heredoc"},
		{"an argument too few", []string{dockerfile(t, "FROM scratch\r\nCOPY a\r\n")}, 1, "    COPY a\n    ^~~~~~\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			res := whittle(t, shared(), append([]string{"build", "-o", "type=oci,dest=" + at("out/image.tar"), "--progress", "quiet"}, tc.args...)...)
			if res.code != tc.code || !strings.Contains(res.stderr, tc.want) {
				t.Errorf("exit %d, want %d and %q in\n%s", res.code, tc.code, tc.want, res.stderr)
			}
			if left, err := os.ReadDir(at("out")); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v %v", left, err)
			}
		})
	}
}

// TestLyingFiles builds programs whose headers or links lead to where nothing
// is. The machine's own files are never taken for those of the image.
func TestLyingFiles(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "outside")
	hello := "#!/bin/sh\necho outside\n"
	if err := os.WriteFile(secret, []byte(hello), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ text, want string }{
		"cut short": {
			"FROM muslbox:1\nRUN head -c 60 /bin/busybox > /app && chmod 755 /app\nENTRYPOINT [\"/app\"]\n",
			"Dockerfile:3: ENTRYPOINT: /app: broken ELF file: it ends before what its headers say",
		},
		"sizes": {
			// The offset of the section headers, elf(5), is set to 2^56-1 and more.
			"FROM muslbox:1\nRUN (head -c 40 /bin/busybox; printf '\\377\\377\\377\\377\\377\\377\\377\\000'; tail -c +49 /bin/busybox) > /app && chmod 755 /app\nENTRYPOINT [\"/app\"]\n",
			"Dockerfile:3: ENTRYPOINT: /app: broken ELF file: it ends before what its headers say",
		},
		"a link out of the root": {
			"FROM muslbox:1\nRUN ln -s ../../../.." + secret + " /app\nENTRYPOINT [\"/app\"]\n",
			"Dockerfile:3: ENTRYPOINT: /app is not in the built image",
		},
		"a link to itself": {
			"FROM muslbox:1\nRUN ln -s app /app\nENTRYPOINT [\"/app\"]\n",
			"Dockerfile:3: ENTRYPOINT: /app is not in the built image",
		},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.ReplaceAll(strings.ReplaceAll(tc.text, "head ", "/bin/busybox head "), "tail ", "/bin/busybox tail ")
			res := whittle(t, shared(), "build", dockerfile(t, text), "--progress", "quiet")
			if res.code != 1 || !strings.Contains(res.stderr, tc.want) {
				t.Errorf("exit %d, want 1 and %q in\n%s", res.code, tc.want, res.stderr)
			}
		})
	}
}

// TestFullOutput writes images to where there is no room for them.
func TestFullOutput(t *testing.T) {
	full := t.TempDir()
	if err := syscall.Mount("tmpfs", full, "tmpfs", 0, "size=256k"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(full, syscall.MNT_DETACH) })
	busybox := dockerfile(t, "FROM muslbox:1\nCMD [\"/bin/busybox\"]\n")
	for _, args := range [][]string{
		{"build", busybox, "--progress", "quiet", "-o", "type=oci,dest=" + full + "/x"},
		{"build", busybox, "--progress", "quiet", "-o", "type=docker,dest=" + full + "/x"},
		{"build", busybox, "--progress", "quiet", "-o", "type=oci,tar=false,dest=" + full + "/x"},
		{"build", busybox, "--progress", "quiet", "-o", "type=local,dest=" + full + "/x"},
		{"pack", "/bin/busybox", "-o", "type=oci,dest=" + full + "/x"},
		{"pack", "/bin/busybox", "-o", "type=oci,tar=false,dest=" + full + "/x"},
		{"pack", "/bin/busybox", "-t", "e2e/full:1", "-o", "type=docker,dest=" + full + "/x"},
	} {
		res := whittle(t, shared(), args...)
		if res.code != 3 || !strings.Contains(res.stderr, "no space left on device") {
			t.Errorf("%v: exit %d\n%s", args, res.code, res.stderr)
		}
		if left, err := os.ReadDir(full); err != nil || len(left) > 0 {
			t.Errorf("%v left behind: %v %v", args, left, err)
		}
	}
}
