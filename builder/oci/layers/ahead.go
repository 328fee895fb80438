package layers

import "io"

// How far ahead of the applier a layer is unpacked. Unpacking takes longer than
// all that is done with the files, so that both go on at once.
const (
	aheadBuffers = 8
	aheadBytes   = 256 << 10 // of a buffer
)

// An aheadReader reads from another reader in a goroutine of its own.
type aheadReader struct {
	full  chan []byte // what was read, in order; closed at the end
	empty chan []byte // buffers to read into
	stop  chan struct{}
	done  chan struct{} // closed when nothing is read any more
	err   error         // what ended the reading, known once full is closed

	buffer, rest []byte // the one that is given out, and what is left of it
}

// readAhead begins to read. close ends it.
func readAhead(from io.Reader) *aheadReader {
	r := &aheadReader{full: make(chan []byte, aheadBuffers), empty: make(chan []byte, aheadBuffers), stop: make(chan struct{}), done: make(chan struct{})}
	for range aheadBuffers {
		r.empty <- nil // made when it is first used: most layers are small
	}
	go r.fill(from)
	return r
}

func (r *aheadReader) fill(from io.Reader) {
	defer close(r.done)
	defer close(r.full)
	for {
		var b []byte
		select {
		case b = <-r.empty:
		case <-r.stop:
			r.err = io.ErrClosedPipe
			return
		}
		if b == nil {
			b = make([]byte, aheadBytes)
		}
		n, err := 0, error(nil)
		for n < aheadBytes/2 && err == nil {
			var more int
			more, err = from.Read(b[n:aheadBytes])
			n += more
		}
		if n > 0 {
			r.full <- b[:n] // there is room for every buffer
		}
		if err != nil {
			r.err = err
			return
		}
	}
}

// Read implements io.Reader.
func (r *aheadReader) Read(b []byte) (int, error) {
	for len(r.rest) == 0 {
		if r.buffer != nil {
			r.empty <- r.buffer // likewise
			r.buffer = nil
		}
		next, ok := <-r.full
		if !ok {
			return 0, r.err
		}
		r.buffer, r.rest = next, next
	}
	n := copy(b, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// close ends the reading and waits for it, so that what is read from can be
// closed.
func (r *aheadReader) close() {
	close(r.stop)
	<-r.done
}
