package tree

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"path"
)

// A Memory is a Tree held in memory, for tests and for files that were
// generated. The zero value is an empty root.
type Memory struct {
	nodes    map[string]*memoryNode
	children map[string][]string
}

type memoryNode struct {
	entry Entry
	data  []byte
	open  func() (io.ReaderAt, error) // instead of data, when not nil
}

// Add puts a file at name, making missing parents as root-owned directories of
// mode 0755. It replaces what was there. e.Name and e.Size are set by Add.
func (m *Memory) Add(name string, e Entry, data []byte) {
	m.init()
	name = path.Clean("/" + name)
	m.parents(name)
	e.Name = path.Base(name)
	e.Size = int64(len(data))
	if _, ok := m.nodes[name]; !ok && name != "/" {
		m.children[path.Dir(name)] = append(m.children[path.Dir(name)], e.Name)
	}
	m.nodes[name] = &memoryNode{entry: e, data: data}
}

// AddFile puts a regular file of e.Size bytes at name, whose content open
// gives when it is asked for.
func (m *Memory) AddFile(name string, e Entry, open func() (io.ReaderAt, error)) {
	size := e.Size
	m.Add(name, e, nil)
	n := m.nodes[path.Clean("/"+name)]
	n.entry.Size, n.open = size, open
}

// File adds a regular file owned by root.
func (m *Memory) File(name string, mode fs.FileMode, data []byte) {
	m.Add(name, Entry{Mode: mode}, data)
}

// Dir adds a directory owned by root.
func (m *Memory) Dir(name string, mode fs.FileMode) {
	m.Add(name, Entry{Mode: mode | fs.ModeDir}, nil)
}

// Symlink adds a symbolic link owned by root.
func (m *Memory) Symlink(name, target string) {
	m.Add(name, Entry{Mode: fs.ModeSymlink | 0o777, Linkname: target}, nil)
}

// Link makes name a further name of the file at target, a hard link, and does
// nothing where that is no file.
func (m *Memory) Link(name, target string) {
	m.init()
	target = path.Clean("/" + target)
	n, ok := m.nodes[target]
	if !ok || n.entry.IsDir() {
		return
	}
	if n.entry.LinkID == "" {
		n.entry.LinkID = target
	}
	m.Add(name, n.entry, nil)
	linked := m.nodes[path.Clean("/"+name)]
	linked.entry.Size, linked.data, linked.open = n.entry.Size, n.data, n.open
}

// Remove takes the file at name away, with all that is below it.
func (m *Memory) Remove(name string) {
	m.init()
	name = path.Clean("/" + name)
	for _, child := range m.children[name] {
		m.Remove(path.Join(name, child))
	}
	delete(m.nodes, name)
	delete(m.children, name)
	dir, base := path.Dir(name), path.Base(name)
	kept := m.children[dir][:0]
	for _, c := range m.children[dir] {
		if c != base {
			kept = append(kept, c)
		}
	}
	m.children[dir] = kept
}

func (m *Memory) init() {
	if m.nodes == nil {
		m.nodes = map[string]*memoryNode{"/": {entry: Entry{Name: "/", Mode: fs.ModeDir | 0o755}}}
		m.children = map[string][]string{}
	}
}

func (m *Memory) parents(name string) {
	dir := path.Dir(name)
	if n, ok := m.nodes[dir]; ok && n.entry.IsDir() {
		return
	}
	if dir != "/" {
		m.parents(dir)
	}
	m.Add(dir, Entry{Mode: fs.ModeDir | 0o755}, nil)
}

// Lstat implements Tree.
func (m *Memory) Lstat(_ context.Context, name string) (Entry, error) {
	m.init()
	n, ok := m.nodes[name]
	if !ok {
		return Entry{}, notExist("lstat", name)
	}
	return n.entry, nil
}

// ReadDir implements Tree.
func (m *Memory) ReadDir(_ context.Context, name string) ([]Entry, error) {
	m.init()
	if n, ok := m.nodes[name]; !ok || !n.entry.IsDir() {
		return nil, notExist("readdir", name)
	}
	var out []Entry
	for _, c := range m.children[name] {
		out = append(out, m.nodes[path.Join(name, c)].entry)
	}
	Sort(out)
	return out, nil
}

// Open implements Tree.
func (m *Memory) Open(_ context.Context, name string) (io.ReaderAt, error) {
	m.init()
	n, ok := m.nodes[name]
	if !ok || !n.entry.IsRegular() {
		return nil, notExist("open", name)
	}
	if n.open != nil {
		return n.open()
	}
	return bytes.NewReader(n.data), nil
}
