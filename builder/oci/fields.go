package oci

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// freeNames are the fields whose value is an object with names of the author's
// own choosing: there "a" and "A" are two names.
var freeNames = map[string]bool{"annotations": true, "digest": true, "labels": true, "optional": true}

// predicateName is the field of an in-toto statement that holds another
// format's document, which is not looked into.
const predicateName = "predicate"

// Fields gives the fields of a JSON object, and refuses text that readers
// understand differently: a name that occurs twice in one object, at any depth,
// or that differs from another one only by case. RFC 8259, section 4, leaves
// open which of the two counts: encoding/json takes the last one, whatever its
// case, and others the first one, or the one that is written exactly so.
func Fields(raw []byte) (map[string]json.RawMessage, error) {
	// This limits the depth, too.
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, fmt.Errorf("it is not a JSON object: %w", err)
	}
	if err := unambiguous(json.NewDecoder(bytes.NewReader(raw)), false); err != nil {
		return nil, err
	}
	return fields, nil
}

// Exact refuses fields that only some readers take for one of the names:
// "Subject" for "subject".
func Exact(fields map[string]json.RawMessage, names ...string) error {
	for _, f := range slices.Sorted(maps.Keys(fields)) {
		for _, n := range names {
			if f != n && fold(f) == fold(n) {
				return fmt.Errorf("the name %q is %q to some readers", f, n)
			}
		}
	}
	return nil
}

// fold gives the form in lower case that a name shares with every other name
// that encoding/json takes for it, "ſubject" with "subject".
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for x := unicode.SimpleFold(r); x != r; x = unicode.SimpleFold(x) {
			least = min(least, x)
		}
		return unicode.ToLower(least)
	}, name)
}

// unambiguous reads one value. In one with free names, only equal names are
// the same.
func unambiguous(d *json.Decoder, free bool) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	switch t {
	case json.Delim('{'):
		return unambiguousObject(d, free)
	case json.Delim('['):
		for d.More() {
			if err := unambiguous(d, free); err != nil {
				return err
			}
		}
		_, err = d.Token()
	}
	return err
}

func unambiguousObject(d *json.Decoder, free bool) error {
	seen := map[string]string{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return err
		}
		name, _ := t.(string)
		key := name
		if !free {
			key = fold(name)
		}
		if before, ok := seen[key]; ok && before == name {
			return fmt.Errorf("the name %q occurs twice in one object, so that readers disagree on its value", name)
		} else if ok {
			return fmt.Errorf("the names %q and %q in one object are the same to some readers", before, name)
		}
		seen[key] = name
		if key == predicateName {
			err = d.Decode(new(json.RawMessage))
		} else {
			err = unambiguous(d, free || freeNames[key])
		}
		if err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}
