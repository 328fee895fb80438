package image

import (
	"fmt"
	"strings"
)

// A RefusedError says that the built tree cannot run as it is, or may not be
// shipped. Nothing is exported then.
type RefusedError struct {
	// Instruction is the Dockerfile instruction at fault: ENTRYPOINT, CMD,
	// HEALTHCHECK, USER, COPY, or "" when it is none in particular.
	Instruction string
	Message     string
	Hint        string // the way out, "" when there is none
	Err         error  // the cause, may be nil
}

// Error gives the message and the way out.
func (e *RefusedError) Error() string {
	var b strings.Builder
	if e.Instruction != "" {
		b.WriteString(e.Instruction + ": ")
	}
	b.WriteString(Printable(e.Message))
	if e.Hint != "" {
		b.WriteString("; " + e.Hint)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *RefusedError) Unwrap() error { return e.Err }

// An UnsupportedError says that a program needs a runtime whose files are not
// known, or that for another reason it is not known what an image needs. The
// stage should be shipped as it was built.
type UnsupportedError struct {
	Instruction string
	Program     string // path of the program
	Runtime     string // name of the interpreter, such as "python3"
	Why         string // what is not known where it is not a runtime, else ""
}

// Error names the program and its runtime.
func (e *UnsupportedError) Error() string {
	if e.Why != "" {
		return e.Why
	}
	return fmt.Sprintf("%s runs on %s, whose files are not known to whittle", e.Program, e.Runtime)
}
