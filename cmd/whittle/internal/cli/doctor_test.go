package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/builder/engine"
	"github.com/whittle-oci/whittle/builder/engine/embedded"
)

// bare is a machine with nothing on it but what is named.
func bare(t *testing.T, system, release string, programs ...string) *machine {
	t.Helper()
	m := &machine{
		system: system, release: osRelease(release), root: true, available: system == "linux",
		options: engine.Options{BuildxDir: t.TempDir()},
		find: func(name string) (string, error) {
			if slices.Contains(programs, name) {
				return "/usr/bin/" + name, nil
			}
			return "", errors.New("not found")
		},
		read: func(string) string { return "" },
	}
	m.docker = func(context.Context) finding {
		return m.noDocker("unix:///run/docker.sock", errors.New("no such file"))
	}
	return m
}

// TestMissing names for each thing that a machine lacks the command that brings
// it, as the system's packages are called; a system that nobody knows is told
// the name.
func TestMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("SSL_CERT_FILE", "")
	for _, tc := range []struct {
		system, release string
		tried           bool
		want            map[string]string // fixes by name
	}{
		{"linux", "ID=debian\n", true, map[string]string{"runc": "apt-get install -y --no-install-recommends runc", "docker": "apt-get install -y --no-install-recommends docker.io", "shellcheck": "apt-get install -y --no-install-recommends shellcheck", "certificates": "apt-get install -y --no-install-recommends ca-certificates", "emulation": "apt-get install -y --no-install-recommends qemu-user-static", "git": "apt-get install -y --no-install-recommends git"}},
		{"linux", "ID=ubuntu\nID_LIKE=debian\n", true, map[string]string{"runc": "apt-get install -y --no-install-recommends runc"}},
		{"linux", "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", false, map[string]string{"runc": "dnf install -y runc", "shellcheck": "dnf install -y ShellCheck"}},
		{"linux", "ID=alpine\n", false, map[string]string{"runc": "apk add runc", "certificates": "apk add ca-certificates"}},
		{"linux", "ID=opensuse-leap\nID_LIKE=\"suse opensuse\"\n", false, map[string]string{"runc": "zypper install -y runc"}},
		{"linux", "ID=arch\n", false, map[string]string{"docker": "pacman -S --needed docker"}},
		{"linux", "ID=plan9\n", false, map[string]string{"runc": ""}},
		{"darwin", "", false, map[string]string{"builder": "brew install colima docker docker-buildx && docker buildx create --use", "shellcheck": "brew install shellcheck"}},
		{"windows", "", false, map[string]string{"shellcheck": "winget install koalaman.shellcheck"}},
	} {
		m := bare(t, tc.system, tc.release)
		seen := map[string]finding{}
		for _, f := range m.examine(t.Context()) {
			seen[f.Name] = f
		}
		for name, fix := range tc.want {
			f := seen[name]
			if f.OK || f.Fix != fix || f.Tried != (tc.tried && fix != "") {
				t.Errorf("%s %q: %+v, want %q", tc.system, tc.release, f, fix)
			}
			if fix == "" && !strings.HasSuffix(f.Says, "; install "+name) {
				t.Errorf("%s %q: it does not say what to install: %s", tc.system, tc.release, f.Says)
			}
		}
	}
}

// TestUser says what somebody who is not root may do, and which switch is in the
// way.
func TestUser(t *testing.T) {
	m := bare(t, "linux", "ID=debian\n")
	m.root = false
	if f := m.user(); f.OK || f.Fix != "" || !strings.Contains(f.Says, "RUN instructions cannot run") {
		t.Errorf("with user namespaces: %+v", f)
	}
	if f := m.program("runc", "", "no"); f.Fix != "sudo apt-get install -y --no-install-recommends runc" {
		t.Errorf("not root: %+v", f)
	}
	m.read = func(file string) string {
		if file == "/proc/sys/kernel/apparmor_restrict_unprivileged_userns" {
			return "1"
		}
		return ""
	}
	if f := m.user(); f.Fix != "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0" || f.Tried {
		t.Errorf("without: %+v", f)
	}
}

// TestNoDocker says why docker does not answer.
func TestNoDocker(t *testing.T) {
	absent, refused := errors.New("no such file or directory"), errors.New("dial unix: permission denied")
	m := bare(t, "linux", "ID=debian\n", "dockerd")
	if f := m.noDocker("unix:///x", refused); f.Fix != "sudo usermod -aG docker $USER" {
		t.Errorf("not for this user: %+v", f)
	}
	if f := m.noDocker("unix:///x", absent); f.Fix != "" || !strings.HasSuffix(f.Says, "installed and not started") {
		t.Errorf("not started: %+v", f)
	}
	m.read = func(string) string { return "systemd" }
	if f := m.noDocker("unix:///x", absent); f.Fix != "sudo systemctl start docker" {
		t.Errorf("with systemd: %+v", f)
	}
}

// TestScripts says which ShellCheck lint has, and what to do without one.
func TestScripts(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	m := bare(t, "linux", "ID=debian\n")
	install := "apt-get install -y --no-install-recommends shellcheck"
	if f := m.scripts(); f != (finding{"shellcheck", false, "lint leaves RUN scripts to its own rules", install, true}) {
		t.Errorf("without a program: %+v", f)
	}
	program := filepath.Join(dir, "shellcheck")
	for version, want := range map[string]finding{
		"0.9.0": {Name: "shellcheck", OK: true, Says: program + " 0.9.0: lint checks RUN scripts with it"},
		"0.6.0": {"shellcheck", false, program + " 0.6.0: shellcheck is too old; 0.7 or later is needed", install, true},
	} {
		if err := os.WriteFile(program, []byte("#!/bin/sh\necho 'version: "+version+"'\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		if f := m.scripts(); f != want {
			t.Errorf("with %s: %+v", version, f)
		}
	}
}

// TestChosen says that a machine other than Linux needs a builder, and how to
// name one.
func TestChosen(t *testing.T) {
	for _, tc := range []struct {
		options engine.Options
		system  string
		want    finding
	}{
		{engine.Options{}, "linux", finding{Name: "builder", OK: true, Says: "embedded, as no builder is configured"}},
		{engine.Options{}, "darwin", finding{Name: "builder", Says: "none, as no builder is configured, and the embedded engine needs Linux; " + nameBuilder, Fix: "docker buildx create --use"}},
		{engine.Options{Builder: "default"}, "darwin", finding{Name: "builder", OK: true, Says: "default, as --builder names it"}},
		{engine.Options{Host: "tcp://127.0.0.1:1234"}, "windows", finding{Name: "builder", OK: true, Says: "tcp://127.0.0.1:1234, as BUILDKIT_HOST is set"}},
	} {
		m := bare(t, tc.system, "", "docker")
		tc.options.BuildxDir = m.options.BuildxDir
		m.options = tc.options
		if got := m.chosen(); got != tc.want {
			t.Errorf("%+v: %+v, want %+v", tc.options, got, tc.want)
		}
	}
}

// TestHintEngine names the way to a builder where the embedded one does not run.
func TestHintEngine(t *testing.T) {
	err := hintEngine(&engine.UnavailableError{Name: "in this program", Err: embedded.ErrNotLinux})
	if err.Error() != "the builder in this program: the embedded engine needs Linux" || hint(err) != nameBuilder {
		t.Errorf("%v; %s", err, hint(err))
	}
}
