// Whittle lints Dockerfiles, builds minimal images from them and signs those.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/whittle-oci/whittle/builder/smoke"
	"github.com/whittle-oci/whittle/cmd/internal/gc"
	"github.com/whittle-oci/whittle/cmd/whittle/internal/cli"
)

func main() {
	gc.Defer()
	if code, asked := smoke.Supervise(os.Args); asked {
		os.Exit(code)
	}
	os.Exit(run())
}

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A reader of our output that has gone is an error of the write, which is
	// told and cleaned up after, and not the end of the process.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	return cli.Main(ctx, os.Args[1:], cli.IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
}
