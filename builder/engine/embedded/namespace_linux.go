package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// namespaceVariable marks a process that Reexec started.
const namespaceVariable = "WHITTLE_USER_NAMESPACE"

// InNamespace reports whether this process is in a user namespace that maps
// one user only. Everything but RUN works there.
func InNamespace() bool { return os.Getenv(namespaceVariable) != "" }

// needsNamespace reports whether this process must start anew to build.
func needsNamespace() bool { return os.Geteuid() != 0 && !InNamespace() }

// Reexec runs this program again, with the same arguments, as root of a user
// namespace in which that root is the calling user. It needs neither newuidmap
// nor entries in /etc/subuid. The exit code is the new process's.
func Reexec(ctx context.Context) (int, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(ctx, self, os.Args[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), namespaceVariable+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		// The new process ends with this one.
		Pdeathsig: syscall.SIGTERM,
	}
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), nil
	}
	return 0, forbidden(err)
}

// forbidden puts into words why the kernel gave no user namespace: its own
// errors speak of disks and permissions (user_namespaces(7), clone(2)).
func forbidden(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("user namespaces are switched off or used up here, see sysctl user.max_user_namespaces: %w", err)
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EACCES):
		return fmt.Errorf("user namespaces are not allowed here, by sysctl kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns or a seccomp profile: %w", err)
	}
	return err
}
