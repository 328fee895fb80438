// Multistage reads its configuration and writes to its data directory.
package main

import (
	"fmt"
	"os"
)

func main() {
	b, err := os.ReadFile("/etc/multi/app.conf")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Print(string(b))
	pages, err := os.ReadDir("public")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("pages:", len(pages), "uid:", os.Getuid())
}
