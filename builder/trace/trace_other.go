//go:build !linux

package trace

import "context"

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
