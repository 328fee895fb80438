package staging

import (
	"context"
	"errors"
	"io"
)

// A stream is written in place: a device, a pipe, a descriptor. Another
// goroutine does the writing, so that a pipe that nobody reads does not keep
// the run from ending.
type stream struct {
	ctx  context.Context // of its Set
	name string
	in   *io.PipeWriter
	stop func() bool   // lets go of ctx
	done chan struct{} // closed when the writing has ended
	err  error         // of the writing; set before done is closed
}

// errDiscarded ends the writing of a stream that is not wanted any more.
var errDiscarded = errors.New("discarded")

func (s *Set) stream(name string, open func() (io.Writer, io.Closer, error)) *stream {
	out, in := io.Pipe()
	x := &stream{ctx: s.ctx, name: name, in: in, done: make(chan struct{})}
	x.stop = context.AfterFunc(s.ctx, func() { in.CloseWithError(context.Cause(s.ctx)) })
	go func() {
		defer close(x.done)
		w, c, err := open()
		if err == nil {
			_, err = io.Copy(onlyWriter{w}, out)
			if c != nil {
				err = errors.Join(err, c.Close())
			}
		}
		x.err = pathError("write", name, err)
		out.CloseWithError(x.err)
	}()
	s.list = append(s.list, x)
	return x
}

// onlyWriter hides what else a writer can do: splicing does not end when the
// other side is closed.
type onlyWriter struct{ io.Writer }

// Write hands data over; an error may be that of data before.
func (x *stream) Write(data []byte) (int, error) {
	n, err := x.in.Write(data)
	if err != nil && x.ctx.Err() != nil {
		return n, context.Cause(x.ctx)
	}
	return n, err
}

// Close waits until everything is written.
func (x *stream) Close() error {
	_ = x.in.Close()
	select {
	case <-x.done:
		x.stop()
		return x.err
	case <-x.ctx.Done():
		return context.Cause(x.ctx)
	}
}

func (x *stream) failed() error {
	select {
	case <-x.done:
		return x.err
	default:
		return nil
	}
}

func (x *stream) finish() error { return x.Close() }

func (x *stream) publish() error { return nil }

func (x *stream) discard() {
	x.stop()
	_ = x.in.CloseWithError(errDiscarded)
}
