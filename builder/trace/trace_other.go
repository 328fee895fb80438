//go:build !linux

package trace

import (
	"context"

	"github.com/whittle-oci/whittle/builder/tree"
)

// Container is a program that runs.
type Container struct{}

// Start gives ErrUnsupported.
func Start(context.Context, Program) (*Container, error) { return nil, ErrUnsupported }

// Pid gives 0.
func (*Container) Pid() int { return 0 }

// Stop does nothing.
func (*Container) Stop() {}

// Wait gives ErrUnsupported.
func (*Container) Wait() (*Result, error) { return nil, ErrUnsupported }

// Unpack gives ErrUnsupported.
func Unpack(context.Context, tree.Tree, string) error { return ErrUnsupported }

// User gives ErrUnsupported.
func User(context.Context, string, string) (uid, gid int, err error) { return 0, 0, ErrUnsupported }

// Done gives nil.
func (*Container) Done() <-chan struct{} { return nil }
