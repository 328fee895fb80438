// Shop prints its release and its zone.
package main

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/mod/semver"
)

func main() {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("hello", semver.MajorMinor("v1.2.3"), zone)
}
