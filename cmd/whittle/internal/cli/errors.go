package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

// exit ends a command with a code and nothing more to say.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit %d", int(e)) }

// usage is an error in how the program was called.
type usage struct{ error }

func (u usage) Unwrap() error { return u.error }

// ExitCode is Usage.
func (usage) ExitCode() int { return Usage }

// refused is an error in what the program was given: a Dockerfile it will not
// build, a policy that failed.
type refused struct{ error }

func (r refused) Unwrap() error { return r.error }

// ExitCode is Findings.
func (refused) ExitCode() int { return Findings }

// usageArgs makes the errors of a cobra argument check usage errors.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return usage{fmt.Errorf("%w; usage: %s", err, c.UseLine())}
		}
		return nil
	}
}

// A hinted error carries a line that says what to do about it.
type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }

// hint gives what to do about err, or "".
func hint(err error) string {
	if h, ok := errors.AsType[hinted](err); ok {
		return h.hint
	}
	return ""
}
