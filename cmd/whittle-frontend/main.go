// Whittle-frontend is the program of the BuildKit frontend image, which
// "# syntax=" and BUILDKIT_SYNTAX name. BuildKit talks to it over its standard
// input and output, so nothing may be printed.
package main

import (
	"fmt"
	"os"

	"github.com/moby/buildkit/frontend/gateway/grpcclient"
	"github.com/moby/buildkit/util/appcontext"
	_ "github.com/moby/buildkit/util/grpcutil/encoding/proto" // the codec that BuildKit speaks

	"github.com/whittle-oci/whittle/builder/frontend"
	"github.com/whittle-oci/whittle/builder/smoke"
	"github.com/whittle-oci/whittle/cmd/internal/check"
	"github.com/whittle-oci/whittle/cmd/internal/gc"
	"github.com/whittle-oci/whittle/cmd/internal/version"
)

func main() {
	gc.Defer()
	if code, asked := smoke.Supervise(os.Args); asked {
		os.Exit(code)
	}
	if err := grpcclient.RunFromEnvironment(appcontext.Context(), frontend.New(options())); err != nil {
		fmt.Fprintln(os.Stderr, "whittle-frontend:", err)
		os.Exit(1)
	}
}

// options are what the frontend image adds to a build. What it writes into
// images is to be what the command writes.
func options() frontend.Options {
	return frontend.Options{Check: check.Dockerfile, Program: frontend.ProgramOfImage, Version: version.String()}
}
