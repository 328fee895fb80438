package embedded

import (
	"context"
	"os/exec"

	"github.com/moby/buildkit/executor"
	resources "github.com/moby/buildkit/executor/resources/types"
)

// runcNames are what BuildKit calls runc, its own first.
var runcNames = []string{"buildkit-runc", "runc"}

// findRunc gives runc's path, "" where there is none.
func findRunc() string {
	for _, name := range runcNames {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// withoutRunc executes nothing, so that everything but RUN can be built.
type withoutRunc struct{}

// Run implements executor.Executor.
func (withoutRunc) Run(context.Context, string, executor.Mount, []executor.Mount, executor.ProcessInfo, chan<- struct{}) (resources.Recorder, error) {
	return nil, ErrNoRunc
}

// Exec implements executor.Executor.
func (withoutRunc) Exec(context.Context, string, executor.ProcessInfo) error { return ErrNoRunc }
