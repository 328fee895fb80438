package convert

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/whittle-oci/whittle/lint/dockerfile"
)

// harmless are values that BuildKit takes for the keys of a mount (its
// documentation of RUN --mount). Other keys take any.
var harmless = map[string]string{
	"readonly": "true", "ro": "true", "readwrite": "true", "rw": "true", "required": "true",
	"size": "1", "sharing": "shared", "mode": "0755", "uid": "0", "gid": "0", "target": "/x", "dst": "/x", "destination": "/x",
}

// kinds are the types of mounts.
var kinds = []string{"bind", "cache", "tmpfs", "secret", "ssh"}

// run looks at the mounts of RUN, each for itself.
func (c *checker) run(in dockerfile.Instruction) {
	for _, flag := range in.Flags() {
		if flag.Name == "mount" {
			c.mount(in, flag)
		}
	}
}

// mount looks at one mount. BuildKit's own parser reads it, which tells the
// fields to an expander one by one.
func (c *checker) mount(in dockerfile.Instruction, flag dockerfile.Flag) {
	fields := dockerfile.Fields(flag.Value)
	// Without "=" a field is a switch, for which no value is asked.
	valued := slices.DeleteFunc(slices.Clone(fields), func(f string) bool { return !strings.Contains(f, "=") })
	made, err := instructions.ParseInstruction(&parser.Node{
		Value: "run", Original: "RUN --mount=" + flag.Value + " x", Flags: []string{"--mount=" + flag.Value},
		Next: &parser.Node{Value: "x"}, StartLine: in.Node.StartLine, EndLine: in.Node.EndLine,
	})
	cmd, ok := made.(*instructions.RunCommand)
	if err != nil || !ok {
		return // the parser has refused it
	}
	at := 0
	attempt := func(kind string) func(dockerfile.Unknown) error {
		return func(unknown dockerfile.Unknown) error {
			at = 0
			err := cmd.Expand(func(word string) (string, error) {
				key := ""
				if at < len(valued) {
					key, _, _ = strings.Cut(strings.ToLower(valued[at]), "=")
				}
				at++
				guessed := false
				value, err := c.f.Fill(in, word, func(name string, declared bool) (string, bool) {
					v, set := unknown(name, declared)
					guessed = guessed || set && v == placeholder
					return v, set
				})
				switch {
				case !guessed || err != nil:
				case key == "type":
					return kind, nil
				case harmless[key] != "":
					return harmless[key], nil
				}
				return value, err
			})
			if err != nil {
				return err
			}
			at = 0
			return mounted(instructions.GetMounts(cmd))
		}
	}
	var why error
	for _, kind := range kinds {
		if err := c.try(in, []string{placeholder}, attempt(kind)); err == nil {
			why = nil
			break
		} else if why == nil {
			why = err
		}
		if !strings.Contains(flag.Value, "$") {
			break
		}
	}
	if why != nil {
		text := ""
		if key := unexpected(fields, why); key != "" {
			text = key
		} else if at > 0 && at <= len(valued) {
			text = valued[at-1]
		}
		c.refuse(place(c.f, flag, text), why)
		return
	}
	for _, field := range fields {
		key, value, _ := strings.Cut(field, "=")
		if strings.EqualFold(key, "from") && value != "" {
			span := place(c.f, flag, field)
			if span != flag.ValueSpan || len(fields) == 1 {
				span.Start += len(key) + 1
			}
			c.source(in, value, span, "mount")
		}
	}
}

// placeholder stands for a variable without a known value.
const placeholder = "x"

// unexpected is the field without a value that an error is about.
func unexpected(fields []string, err error) string {
	for _, field := range fields {
		if !strings.Contains(field, "=") && strings.Contains(err.Error(), "'"+field+"'") {
			return field
		}
	}
	return ""
}

// mounted says what is wrong with mounts that can be read.
func mounted(mounts []*instructions.Mount) error {
	for _, m := range mounts {
		switch m.Type {
		case instructions.MountTypeSecret:
		case instructions.MountTypeSSH:
			if m.Source != "" {
				return errors.New("ssh does not support source")
			}
		default:
			if m.Target == "/" {
				return fmt.Errorf("invalid mount target %q", m.Target)
			}
		}
	}
	return nil
}
