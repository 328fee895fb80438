//go:build unix

package cli

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestWriteWhole replaces files, and nothing else.
func TestWriteWhole(t *testing.T) {
	dir := t.TempDir()
	file, pipe := filepath.Join(dir, "file"), filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	read := make(chan string)
	go func() {
		data, err := os.ReadFile(pipe)
		if err != nil {
			t.Error(err)
		}
		read <- string(data)
	}()
	for _, name := range []string{file, file, pipe} {
		if err := writeWhole(name, []byte(filepath.Base(name))); err != nil {
			t.Fatal(err)
		}
	}
	if got := <-read; got != "pipe" {
		t.Errorf("the pipe was given %q", got)
	}
	if data, err := os.ReadFile(file); err != nil || string(data) != "file" {
		t.Errorf("the file has %q, %v", data, err)
	}
	if info, err := os.Stat(pipe); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		t.Errorf("the pipe is %v, %v", info.Mode(), err)
	}
	if err := writeWhole(dir, nil); err == nil {
		t.Error("a directory is written")
	}
	nowhere := filepath.Join(dir, "nowhere", "file")
	if err := writeWhole(nowhere, nil); err == nil || err.Error() != "open "+nowhere+": no such file or directory" {
		t.Error(err)
	}
}
