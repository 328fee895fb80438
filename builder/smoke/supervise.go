package smoke

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// verb begins the arguments of a supervisor. No verb of the command has this
// name.
const verb = "supervise-smoke"

// A trial is what a supervisor is told.
type trial struct {
	Argv   []string      `json:"argv"`
	HTTP   *Request      `json:"http,omitempty"`
	Within time.Duration `json:"within"`
}

// Arguments are those with which program supervises a check and writes the
// result to a file. command is what the image starts by itself.
func Arguments(program, file string, c Check, command []string) ([]string, error) {
	t := trial{c.Argv, c.HTTP, CommandLimit}
	if c.HTTP != nil {
		t.Argv, t.Within = command, c.HTTP.Within
	}
	if len(t.Argv) == 0 {
		return nil, ErrNothingToStart
	}
	data, err := json.Marshal(t)
	return []string{program, verb, file, string(data)}, err
}

// Supervise runs a trial when the program's arguments ask for one, and says
// whether they do. The code to exit with is 0 whenever a result was written.
func Supervise(args []string) (code int, asked bool) {
	if len(args) != 4 || args[1] != verb {
		return 0, false
	}
	var t trial
	if err := json.Unmarshal([]byte(args[3]), &t); err != nil || len(t.Argv) == 0 {
		fmt.Fprintf(os.Stderr, "%s: what is to be tried cannot be read: %v\n", verb, err)
		return 1, true
	}
	data, err := json.Marshal(t.run(context.Background(), os.Stdout))
	if err == nil {
		err = os.WriteFile(args[2], data, 0o644)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: writing the result: %v\n", verb, err)
		return 1, true
	}
	return 0, true
}

// lastWords is how long one waits for what a command that was ended still
// prints, or that its children hold open.
const lastWords = time.Second

// run starts the command, asks it where that is wanted, and ends it.
func (t trial) run(ctx context.Context, out io.Writer) Result {
	res := Result{At: time.Now().UTC()}
	ctx, stop := context.WithTimeout(ctx, t.Within)
	defer stop()
	said := &tail{to: out}
	cmd := exec.CommandContext(ctx, t.Argv[0], t.Argv[1:]...)
	cmd.Stdout, cmd.Stderr = said, said
	cmd.WaitDelay = lastWords
	if err := cmd.Start(); err != nil {
		res.Error = err.Error()
		return res
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // the state says how it ended
	}()
	answered := false
	if t.HTTP != nil {
		answered = t.HTTP.ask(ctx, ended, &res)
		if answered {
			stop()
		}
	}
	<-ended
	res.Output = said.String()
	res.TimedOut = !answered && errors.Is(ctx.Err(), context.DeadlineExceeded)
	if answered {
		res.OK = true
		return res
	}
	if res.TimedOut {
		return res
	}
	res.Ended, res.Code = true, cmd.ProcessState.ExitCode()
	if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		res.Signal = ws.Signal().String()
	}
	res.OK = t.HTTP == nil && cmd.ProcessState.Success()
	return res
}

// pause is the time between two requests.
const pause = 100 * time.Millisecond

// oneAnswer is how long one request may take.
const oneAnswer = 5 * time.Second

// ask asks until there is a good answer, which it reports, the command has
// ended or the time is over.
func (r *Request) ask(ctx context.Context, ended <-chan struct{}, res *Result) bool {
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       oneAnswer,
	}
	for {
		for _, host := range []string{"127.0.0.1", "::1"} {
			status, err := r.once(ctx, client, host)
			switch {
			case err == nil:
				res.Status, res.Error = status, ""
				if status >= http.StatusOK && status < http.StatusBadRequest {
					return true
				}
			case res.Status == 0 && host == "127.0.0.1" && ctx.Err() == nil:
				res.Error = err.Error()
			}
			if err == nil {
				break
			}
		}
		select {
		case <-ctx.Done():
			return false
		case <-ended:
			return false
		case <-time.After(pause):
		}
	}
}

func (r *Request) once(ctx context.Context, client *http.Client, host string) (int, error) {
	port := strconv.Itoa(r.Port)
	req, err := http.NewRequestWithContext(ctx, r.Method, "http://"+net.JoinHostPort(host, port)+r.Path, nil)
	if err != nil {
		return 0, err
	}
	req.Host = net.JoinHostPort("localhost", port)
	res, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	return res.StatusCode, res.Body.Close()
}

// maxOutput is how much of the output is kept, in bytes.
const maxOutput = 16 << 10

// tail passes on what is written and keeps the end of it.
type tail struct {
	mu   sync.Mutex
	to   io.Writer
	kept []byte
}

// Write implements io.Writer. That nobody reads is no reason to end the
// command.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, _ = t.to.Write(p)
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - maxOutput; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	return len(p), nil
}

// String gives the end of what was written.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.kept)
}
