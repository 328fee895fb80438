package lsp

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/sourcegraph/jsonrpc2"
)

const (
	// maxMessage is the longest message that is read, in bytes: a file of 64 MB
	// in a message of JSON.
	maxMessage = 128 << 20
	// maxWaiting is how much may wait to be written, in bytes.
	maxWaiting = 64 << 20
	// maxHeader is the longest header of a message, in bytes.
	maxHeader = 4 << 10
)

// A stream frames messages as the protocol says (Language Server Protocol 3.17,
// Base Protocol). What is no message is answered with an error and passed over;
// only a header that cannot be understood ends the stream, since nothing says
// where the next one begins.
//
// Messages are written by a goroutine of their own, so that reading goes on
// while a client that is writing does not read.
type stream struct {
	r *bufio.Reader

	mu      sync.Mutex
	waiting [][]byte // to be written
	bytes   int      // in waiting
	err     error    // of the last write, or of the end
	more    chan struct{}
	written chan struct{} // closed when the writer has ended
}

func newStream(r io.Reader, w io.Writer) *stream {
	s := &stream{r: bufio.NewReader(r), more: make(chan struct{}, 1), written: make(chan struct{})}
	go s.write(w)
	return s
}

// write writes messages until the stream is closed and none is left.
func (s *stream) write(w io.Writer) {
	defer close(s.written)
	for {
		s.mu.Lock()
		batch, ended := s.waiting, s.err != nil
		s.waiting, s.bytes = nil, 0
		s.mu.Unlock()
		for _, m := range batch {
			if _, err := w.Write(m); err != nil {
				s.end(err)
				return
			}
		}
		if ended && len(batch) == 0 {
			return
		}
		if len(batch) == 0 {
			<-s.more
		}
	}
}

func (s *stream) end(err error) {
	s.mu.Lock()
	if s.err == nil {
		s.err = err
	}
	s.mu.Unlock()
	select {
	case s.more <- struct{}{}:
	default:
	}
}

// Close implements jsonrpc2.ObjectStream. What waits to be written still is.
// The streams below belong to the caller.
func (s *stream) Close() error {
	s.end(io.ErrClosedPipe)
	return nil
}

// WriteObject implements jsonrpc2.ObjectStream.
func (s *stream) WriteObject(v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	s.mu.Lock()
	if err = s.err; err == nil && s.bytes > maxWaiting {
		err = errors.New("the client does not read what it is told")
	}
	if err == nil {
		m := fmt.Appendf(nil, "Content-Length: %d\r\n\r\n%s", len(data), data)
		s.waiting, s.bytes = append(s.waiting, m), s.bytes+len(m)
	}
	s.mu.Unlock()
	select {
	case s.more <- struct{}{}:
	default:
	}
	return err
}

// ReadObject implements jsonrpc2.ObjectStream.
func (s *stream) ReadObject(v any) error {
	for {
		data, err := s.read()
		if err != nil {
			return err
		}
		err = json.Unmarshal(data, v)
		if err == nil {
			return nil
		}
		code := int64(jsonrpc2.CodeInvalidRequest)
		if !json.Valid(data) {
			code = jsonrpc2.CodeParseError
		}
		answer := map[string]any{"jsonrpc": "2.0", "id": nil, "error": map[string]any{"code": code, "message": err.Error()}}
		if err := s.WriteObject(answer); err != nil {
			return err
		}
	}
}

// read gives the content of the next message.
func (s *stream) read() ([]byte, error) {
	length, header := -1, 0
	for {
		line, err := s.line()
		if err != nil {
			return nil, err
		}
		if header += len(line) + 2; header > maxHeader {
			return nil, errors.New("a message has a header without end")
		}
		if line == "" {
			break
		}
		name, value, _ := strings.Cut(line, ":")
		if strings.EqualFold(strings.TrimSpace(name), "Content-Length") {
			if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil || length < 0 || length > maxMessage {
				return nil, fmt.Errorf("a message has the length %q", value)
			}
		}
	}
	if length < 0 {
		return nil, errors.New("a message has no Content-Length")
	}
	// What is announced is not trusted until it is there.
	data, err := io.ReadAll(io.LimitReader(s.r, int64(length)))
	if err == nil && len(data) < length {
		err = io.ErrUnexpectedEOF
	}
	return data, err
}

// line reads a line of a header.
func (s *stream) line() (string, error) {
	var b strings.Builder
	for b.Len() <= maxHeader {
		c, err := s.r.ReadByte()
		if err != nil {
			return "", err
		}
		if c == '\n' {
			return strings.TrimSuffix(b.String(), "\r"), nil
		}
		b.WriteByte(c)
	}
	return "", errors.New("a message has a header without end")
}
