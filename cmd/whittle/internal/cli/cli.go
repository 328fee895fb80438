// Package cli turns command lines into calls on the other packages. It holds
// no logic of its own beyond flags, files, rendering and exit codes: one file
// for each verb.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"github.com/whittle-oci/whittle/cmd/internal/version"
)

// The exit codes, which scripts rely on.
const (
	OK          = 0
	Findings    = 1   // findings, a failed policy or budget, or a Dockerfile that is refused
	Usage       = 2   // the command line or the configuration is wrong
	Failed      = 3   // the run did not finish
	Interrupted = 130 // ended by a signal
)

// IO is what a command reads and writes.
type IO struct {
	In       io.Reader
	Out, Err io.Writer
}

// An app is one run of the program: its streams, its log and the flags that
// every verb has.
type app struct {
	IO
	log     *logrus.Logger
	quiet   bool // --quiet: no progress, no log below error
	verbose int  // -v, -vv
}

// commands lists the verbs in the order of the help page.
func (a *app) commands() []*cobra.Command {
	return []*cobra.Command{
		a.lintCommand(),
		a.rulesCommand(),
		a.explainCommand(),
		a.lspCommand(),
		a.pinCommand(),
		a.hadolintCommand(),
		a.initCommand(),
		a.buildCommand(),
		a.planCommand(),
		a.rewriteCommand(),
		a.packCommand(),
		a.slimCommand(),
		a.inspectCommand(),
		a.diffCommand(),
		a.whyCommand(),
		a.debugCommand(),
		a.compareCommand(),
		a.keygenCommand(),
		a.signCommand(),
		a.attestCommand(),
		a.verifyCommand(),
		a.trustCommand(),
		a.policyCommand(),
		a.treeCommand(),
		a.cleanCommand(),
		a.sbomCommand(),
		a.copyCommand(),
		a.saveCommand(),
		a.loadCommand(),
		a.doctorCommand(),
		a.versionCommand(),
	}
}

// Main runs the program and returns its exit code.
func Main(ctx context.Context, args []string, s IO) int {
	a := &app{IO: s, log: newLogger(s.Err)}
	root := &cobra.Command{
		Use:           "whittle",
		Short:         "Lint Dockerfiles, build minimal images from them, sign the result",
		Version:       version.String(),
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRun: func(*cobra.Command, []string) {
			setLevel(a.log, a.quiet, a.verbose)
		},
	}
	root.PersistentFlags().BoolVarP(&a.quiet, "quiet", "q", false, "print results and errors only")
	root.PersistentFlags().CountVarP(&a.verbose, "verbose", "v", "say more; twice for debugging")
	root.SetVersionTemplate("whittle {{.Version}}\n")
	root.AddCommand(a.commands()...)
	root.SetArgs(args)
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage{err} })
	err := root.ExecuteContext(ctx)
	if _, _, unknown := root.Find(args); err != nil && unknown != nil {
		err = usage{err}
	}
	return a.exitCode(ctx, err)
}

// exitCode prints err, with its hint, and chooses the code it stands for.
func (a *app) exitCode(ctx context.Context, err error) int {
	if err == nil {
		return OK
	}
	if code, ok := errors.AsType[exit](err); ok {
		return int(code)
	}
	if ctx.Err() != nil {
		fmt.Fprintln(a.Err, "whittle: interrupted")
		return Interrupted
	}
	fmt.Fprintf(a.Err, "whittle: %v\n", err)
	if h := hint(err); h != "" {
		fmt.Fprintf(a.Err, "hint: %s\n", h)
	}
	if code, ok := errors.AsType[interface {
		error
		ExitCode() int
	}](err); ok {
		return code.ExitCode()
	}
	return Failed
}
