package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"

	mobyclient "github.com/moby/moby/client"
	"github.com/spf13/cobra"

	"github.com/whittle-oci/whittle/builder/engine"
	"github.com/whittle-oci/whittle/builder/engine/embedded"
	"github.com/whittle-oci/whittle/lint/shellcheck"
)

// finding is one thing that doctor looked at.
type finding struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	Says string `json:"says"`
	// Fix is the command that brings what is missing. Tried is false where it
	// was taken from a system's documentation and never run by a test.
	Fix   string `json:"fix,omitempty"`
	Tried bool   `json:"tried,omitempty"`
}

func (a *app) doctorCommand() *cobra.Command {
	var asJSON bool
	var builder string
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Show what this machine has and which builder would be used",
		Long: `Doctor looks at what builds, lints and hands images over on this machine, and
names for each thing that is missing the command that brings it. Nothing is
changed. A command that was never run on a system like this one is marked so.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			m := thisMachine()
			m.options.Builder = builder
			found := m.examine(c.Context())
			if asJSON {
				enc := json.NewEncoder(a.Out)
				enc.SetIndent("", "  ")
				enc.SetEscapeHTML(false)
				return enc.Encode(found)
			}
			t := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
			for _, f := range found {
				mark := "ok"
				if !f.OK {
					mark = "--"
				}
				fmt.Fprintf(t, "%s\t%s\t%s\n", mark, f.Name, f.Says)
				if f.Fix != "" && f.Tried {
					fmt.Fprintf(t, "\t\trun: %s\n", f.Fix)
				} else if f.Fix != "" {
					fmt.Fprintf(t, "\t\trun (not tried on this system): %s\n", f.Fix)
				}
			}
			return t.Flush()
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().StringVar(&builder, "builder", "", "buildx `INSTANCE` to ask about")
	return c
}

// A machine is what doctor looks at, so that a test can be another one.
type machine struct {
	system    string            // GOOS
	release   map[string]string // os-release(5)
	root      bool
	available bool // the embedded engine runs on this system
	options   engine.Options
	find      func(program string) (path string, err error)
	read      func(file string) string // of /proc and the like, "" where there is none
	docker    func(ctx context.Context) finding
}

func thisMachine() *machine {
	read := func(file string) string {
		data, err := os.ReadFile(file)
		if err != nil {
			return ""
		}
		return strings.TrimSpace(string(data))
	}
	m := &machine{
		system: runtime.GOOS, release: osRelease(read("/etc/os-release")), root: os.Geteuid() == 0, available: embedded.Available,
		options: engine.Options{EnvBuilder: os.Getenv("BUILDX_BUILDER"), Host: os.Getenv("BUILDKIT_HOST"), BuildxDir: engine.BuildxDir()},
		find:    exec.LookPath, read: read,
	}
	m.docker = m.askDocker
	return m
}

// osRelease reads os-release(5).
func osRelease(text string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			out[name] = strings.Trim(value, `"'`)
		}
	}
	return out
}

// examine looks at everything.
func (m *machine) examine(ctx context.Context) []finding {
	found := []finding{m.chosen()}
	if m.available {
		found = append(found, state(), m.user(),
			m.program("runc", "RUN instructions run", "RUN instructions cannot run in the embedded engine"),
			m.emulation(),
			m.program("git", "contexts and ADD from Git work", "contexts and ADD from Git do not work in the embedded engine"),
			m.certificates())
	}
	return append(found, m.docker(ctx), m.scripts())
}

// An installer is the command that installs a package of a system.
type installer struct {
	system, command string // ID or ID_LIKE of os-release(5), or GOOS
	tried           bool
	// What the packages are called that are not called as what they bring.
	shellcheck, docker, qemu, git string
}

// installers gives the commands of systems. Tests run Debian's alone; the others
// are as the systems' manuals have them.
func installers() []installer {
	return []installer{
		{system: "debian", command: "apt-get install -y --no-install-recommends", tried: true, docker: "docker.io", qemu: "qemu-user-static"},
		{system: "alpine", command: "apk add", qemu: "qemu-aarch64 qemu-openrc"},
		{system: "fedora", command: "dnf install -y", shellcheck: "ShellCheck", docker: "moby-engine", qemu: "qemu-user-static"},
		{system: "rhel", command: "dnf install -y", shellcheck: "ShellCheck", docker: "docker-ce", qemu: "qemu-user-static"},
		{system: "suse", command: "zypper install -y", shellcheck: "ShellCheck", qemu: "qemu-linux-user"},
		{system: "arch", command: "pacman -S --needed", qemu: "qemu-user-static-binfmt"},
		{system: "darwin", command: "brew install", docker: "colima docker docker-buildx"},
		{system: "windows", command: "winget install", shellcheck: "koalaman.shellcheck", docker: "Docker.DockerDesktop", git: "Git.Git"},
	}
}

// called gives the name of the package that brings something.
func (i installer) called(pkg string) string {
	name := ""
	switch pkg {
	case "shellcheck":
		name = i.shellcheck
	case "docker":
		name = i.docker
	case "qemu":
		name = i.qemu
	case "git":
		name = i.git
	}
	return cmp.Or(name, pkg)
}

// missing is a finding about something that a package brings. A system whose
// packages nobody knows is told the name alone.
func (m *machine) missing(name, says, pkg string) finding {
	f := finding{Name: name, Says: says}
	like := append([]string{m.release["ID"]}, strings.Fields(m.release["ID_LIKE"])...)
	if m.system != "linux" {
		like = []string{m.system}
	}
	for _, id := range like {
		for _, i := range installers() {
			if i.system != id {
				continue
			}
			f.Fix, f.Tried = i.command+" "+i.called(pkg), i.tried
			if !m.root && m.system == "linux" {
				f.Fix = "sudo " + f.Fix
			}
			return f
		}
	}
	f.Says += "; install " + pkg
	return f
}

// chosen says which builder a build would take, without dialling it.
func (m *machine) chosen() finding {
	name, reason := engine.Intended(m.options)
	if name != engine.Embedded || m.available {
		return finding{Name: "builder", OK: true, Says: name + ", as " + reason}
	}
	f := finding{Name: "builder", Says: fmt.Sprintf("none, as %s, and %v; %s", reason, embedded.ErrNotLinux, nameBuilder), Fix: "docker buildx create --use"}
	if _, err := m.find("docker"); err != nil {
		f.Fix = m.missing("", "", "docker").Fix + " && " + f.Fix
	}
	return f
}

func state() finding {
	dir, err := embedded.Dir()
	if err != nil {
		return finding{Name: "state", Says: err.Error()}
	}
	return finding{Name: "state", OK: true, Says: dir}
}

// user says what whoever runs this may do. The switches are those of Debian and
// of Ubuntu, and the kernel's own limit.
func (m *machine) user() finding {
	if m.root {
		return finding{Name: "user", OK: true, Says: "root: the embedded engine has all it needs"}
	}
	f := finding{Name: "user", Says: "not root: the embedded engine runs in a user namespace, where RUN instructions cannot run; use a BuildKit that is running, or run as root"}
	for _, s := range []struct{ name, off, on string }{
		{"kernel.unprivileged_userns_clone", "0", "1"}, {"user.max_user_namespaces", "0", "15000"}, {"kernel.apparmor_restrict_unprivileged_userns", "1", "0"},
	} {
		if m.read("/proc/sys/"+strings.ReplaceAll(s.name, ".", "/")) == s.off {
			f.Says = "not root, and user namespaces are not allowed (" + s.name + " is " + s.off + "), so the embedded engine does not run"
			f.Fix, f.Tried = "sudo sysctl -w "+s.name+"="+s.on, false
			break
		}
	}
	return f
}

// program says whether a program is there, whose package has its name.
func (m *machine) program(name, yes, no string) finding {
	path, err := m.find(name)
	if err != nil {
		return m.missing(name, no, name)
	}
	return finding{Name: name, OK: true, Says: path + ": " + yes}
}

// emulation says whether RUN can run programs of another processor.
func (m *machine) emulation() finding {
	if m.read("/proc/sys/fs/binfmt_misc/status") == "" {
		return m.missing("emulation", "RUN instructions run for this processor alone; --platform with another works where stages are cross-compiled", "qemu")
	}
	for _, arch := range []string{"aarch64", "x86_64"} {
		if strings.Contains(m.read("/proc/sys/fs/binfmt_misc/qemu-"+arch), "enabled") {
			return finding{Name: "emulation", OK: true, Says: "RUN instructions run for " + arch + ", too"}
		}
	}
	return m.missing("emulation", "RUN instructions run for this processor alone; --platform with another works where stages are cross-compiled", "qemu")
}

// certificateFiles are where crypto/x509 looks for certificate authorities on
// Linux.
var certificateFiles = []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/pki/tls/cacert.pem", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem"}

func (m *machine) certificates() finding {
	if file := os.Getenv("SSL_CERT_FILE"); file != "" {
		if m.read(file) == "" {
			return finding{Name: "certificates", Says: "SSL_CERT_FILE names " + file + ", which cannot be read, so no registry is trusted"}
		}
		return finding{Name: "certificates", OK: true, Says: file + ": registries are asked by HTTPS"}
	}
	for _, file := range certificateFiles {
		if m.read(file) != "" {
			return finding{Name: "certificates", OK: true, Says: file + ": registries are asked by HTTPS"}
		}
	}
	return m.missing("certificates", "there are no certificate authorities, so no registry is trusted", "ca-certificates")
}

// scripts says what lint checks the scripts of RUN with.
func (m *machine) scripts() finding {
	p, err := shellcheck.Find("", "")
	if err != nil {
		return m.missing("shellcheck", "lint leaves RUN scripts to its own rules", "shellcheck")
	}
	version, err := p.Version()
	if err != nil {
		f := m.missing("shellcheck", err.Error(), "shellcheck")
		return f
	}
	return finding{Name: "shellcheck", OK: true, Says: p.Path() + " " + version + ": lint checks RUN scripts with it"}
}

// askDocker says whether there is somebody whom --load can hand images to.
func (m *machine) askDocker(ctx context.Context) finding {
	c, err := engine.DockerClient("")
	if err != nil {
		return finding{Name: "docker", Says: err.Error()}
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, dockerTimeout)
	defer cancel()
	v, err := c.ServerVersion(ctx, mobyclient.ServerVersionOptions{})
	if err != nil {
		return m.noDocker(c.DaemonHost(), err)
	}
	keeps := "single images"
	if engine.KeepsIndexes(ctx, c) {
		keeps = "image indexes too"
	}
	return finding{Name: "docker", OK: true, Says: v.Version + " at " + c.DaemonHost() + ": --load hands images over, " + keeps}
}

// noDocker says why docker does not answer: it is not there, not started, or not
// for this user.
func (m *machine) noDocker(host string, err error) finding {
	says := "nobody answers at " + host + ": --load has nobody to hand images to"
	if strings.Contains(err.Error(), "permission denied") {
		return finding{Name: "docker", Says: "this user may not talk to " + host + ": --load has nobody to hand images to", Fix: "sudo usermod -aG docker $USER", Tried: false}
	}
	if _, missing := m.find("dockerd"); missing != nil {
		return m.missing("docker", says, "docker")
	}
	if m.read("/proc/1/comm") == "systemd" {
		return finding{Name: "docker", Says: says, Fix: "sudo systemctl start docker"}
	}
	return finding{Name: "docker", Says: says + "; it is installed and not started"}
}

// dockerTimeout is how long doctor waits for docker.
const dockerTimeout = 2 * time.Second
