// Serve makes base images where the public registry does not answer, and
// serves them on loopback until it is ended. It prints "ready" when it does.
//
//	go run ./testdata/bases/serve -dir DIR -addr 127.0.0.1:5000 -config buildkitd.toml
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/whittle-oci/whittle/testdata/bases"
)

func main() {
	log.SetFlags(0)
	dir := flag.String("dir", ".cache/bases", "directory for the images")
	addr := flag.String("addr", "127.0.0.1:5000", "address to serve on")
	config := flag.String("config", "", "buildkitd.toml to write")
	images := flag.String("images", "", "names of the images to make, all where it is empty")
	only := flag.Bool("make", false, "make the images and end")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *dir, *addr, *config, strings.Fields(*images), *only); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, dir, addr, config string, images []string, only bool) error {
	public := bases.Public(ctx)
	if !public {
		if err := bases.Make(ctx, dir, os.Stderr, images...); err != nil {
			return err
		}
	}
	if only {
		return nil
	}
	r, err := bases.Serve(ctx, dir, addr)
	if err != nil {
		return err
	}
	defer r.Close()
	if config != "" {
		text := r.Config()
		if public {
			text = ""
		}
		if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
			return err
		}
	}
	fmt.Println("ready", r.Addr)
	<-ctx.Done()
	return nil
}
