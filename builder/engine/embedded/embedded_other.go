//go:build !linux

package embedded

import "context"

// Available reports whether this system can run the engine.
const Available = false

// Start returns ErrNotLinux.
func Start(context.Context, Options) (*Engine, error) { return nil, ErrNotLinux }

// InNamespace reports false: user namespaces are Linux's.
func InNamespace() bool { return false }

// Reexec returns ErrNotLinux.
func Reexec(context.Context) (int, error) { return 0, ErrNotLinux }
