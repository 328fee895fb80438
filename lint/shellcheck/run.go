package shellcheck

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// arguments make the program print all it finds and read no configuration.
// Files that a script sources (SC1090, SC1091) are in the image, not here; the
// shell (SC2187) is chosen by us.
var arguments = []string{"--format=json1", "--norc", "--exclude=SC1090,SC1091,SC2187"}

// perProcess is how many scripts one process is given. One starts in a few
// milliseconds and checks a script in about three, so that more of them are
// worth their start only to use all processors.
const perProcess = 250

// A process may take some time, and more for each script.
const (
	patience = 10 * time.Second
	forEach  = 100 * time.Millisecond
)

// A comment is one finding of the program (format json1). Lines and columns
// count from 1, columns in characters.
type comment struct {
	File        string `json:"file,omitempty"`
	Line        int    `json:"line"`
	EndLine     int    `json:"endLine"`
	Column      int    `json:"column"`
	EndColumn   int    `json:"endColumn"`
	Level       string `json:"level"`
	Code        int    `json:"code"`
	Message     string `json:"message"`
	Replacement *struct {
		List []replacement `json:"replacements"`
	} `json:"fix,omitempty"`
}

// A replacement is one edit of a fix.
type replacement struct {
	Line      int    `json:"line"`
	EndLine   int    `json:"endLine"`
	Column    int    `json:"column"`
	EndColumn int    `json:"endColumn"`
	Insertion string `json:"insertionPoint"` // beforeStart or afterEnd
	Text      string `json:"replacement"`
}

// askVersion reads "version: 0.10.0".
func askVersion(program string) (string, error) {
	out, err := exec.Command(program, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("asking %s for its version: %w", program, err)
	}
	for line := range strings.Lines(string(out)) {
		if v, ok := strings.CutPrefix(line, "version:"); ok {
			v = strings.TrimSpace(v)
			var major, minor int
			if _, err := fmt.Sscanf(v, "%d.%d", &major, &minor); err == nil && major == 0 && minor < 7 {
				return v, fmt.Errorf("%s %s: %w", program, v, ErrTooOld)
			}
			return v, nil
		}
	}
	return "", fmt.Errorf("%s --version names no version; is it ShellCheck?", program)
}

// run has scripts checked and hands over the results of every process when it
// ends, one process at a time.
func run(ctx context.Context, program string, scripts []script, done func(map[key]result)) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for batch := range slices.Chunk(scripts, perProcess) {
		g.Go(func() error {
			results, err := check(ctx, program, batch)
			if err == nil {
				done(results)
			}
			return err
		})
	}
	return g.Wait()
}

// check has one batch checked. When the program fails, the batch is halved
// until the script that it fails on is alone.
func check(ctx context.Context, program string, batch []script) (map[key]result, error) {
	results, err := process(ctx, program, batch)
	if err == nil || ctx.Err() != nil {
		return results, err
	}
	if len(batch) == 1 {
		return map[key]result{batch[0].key: {err: err}}, nil
	}
	half := len(batch) / 2
	results, err = check(ctx, program, batch[:half])
	if err != nil {
		return nil, err
	}
	more, err := check(ctx, program, batch[half:])
	maps.Copy(results, more)
	return results, err
}

// process runs the program once: over files in a directory of its own that is
// gone afterwards, over standard input when there is one script.
func process(ctx context.Context, program string, batch []script) (results map[key]result, err error) {
	limit := patience + time.Duration(len(batch))*forEach
	inner, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(inner, program, arguments...)
	cmd.WaitDelay = time.Second
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "SHELLCHECK_OPTS=") })
	if len(batch) == 1 {
		cmd.Args = append(cmd.Args, "-")
		cmd.Stdin = strings.NewReader(batch[0].given)
	} else {
		dir, err := os.MkdirTemp("", "whittle-shellcheck-")
		if err != nil {
			return nil, fmt.Errorf("making a directory for scripts: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		cmd.Dir = dir
		for i, s := range batch {
			name := strconv.Itoa(i)
			if err := os.WriteFile(filepath.Join(dir, name), []byte(s.given), 0o600); err != nil {
				return nil, fmt.Errorf("writing a script for shellcheck: %w", err)
			}
			cmd.Args = append(cmd.Args, name)
		}
	}
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	err = cmd.Run()
	// 1 is findings; whatever else is not 0 is a script or an option that the
	// program could not deal with.
	if cmd.ProcessState.ExitCode() == 1 {
		err = nil
	}
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case inner.Err() != nil:
		return nil, fmt.Errorf("shellcheck took more than %s", limit)
	case err != nil:
		return nil, fmt.Errorf("running shellcheck: %w: %s", err, firstLine(stderr.String()))
	}
	return decode(out.Bytes(), batch)
}

// decode sorts findings by the script they are about. Names are the index of
// the script, or - for the only one.
func decode(data []byte, batch []script) (map[key]result, error) {
	var all struct {
		Comments []comment `json:"comments"`
	}
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, fmt.Errorf("reading what shellcheck says: %w", err)
	}
	lists := make([][]comment, len(batch))
	for _, c := range all.Comments {
		i := 0
		if len(batch) > 1 {
			var err error
			if i, err = strconv.Atoi(c.File); err != nil || i < 0 || i >= len(batch) {
				return nil, fmt.Errorf("shellcheck names a file that it was not given: %q", c.File)
			}
		}
		c.File = ""
		lists[i] = append(lists[i], c)
	}
	out := map[key]result{}
	for i, s := range batch {
		out[s.key] = result{comments: lists[i]}
	}
	return out, nil
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}
