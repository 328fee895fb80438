package cli

import (
	"errors"
	"os"

	"github.com/google/renameio/v2/maybe"
)

// writeWhole writes a file whole or not at all. What is there and is no regular
// file, such as a device or a pipe, is written to and not put out of its place.
func writeWhole(name string, data []byte) error {
	info, err := os.Stat(name)
	if err != nil || info.Mode().IsRegular() {
		return maybe.WriteFile(name, data, 0o644)
	}
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}
