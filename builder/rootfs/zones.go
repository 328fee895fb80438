package rootfs

import (
	_ "embed"
	"slices"
)

//go:generate go run ./internal/copyzones

//go:embed zoneinfo.zip
var zoneinfoZip []byte

// ZoneinfoZip returns the time zone archive of the Go distribution this
// package was made with. A Go program reads it where the environment variable
// ZONEINFO names it.
func ZoneinfoZip() []byte { return slices.Clone(zoneinfoZip) }
