package inspect

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Waste bounds the bytes that layers bring and later ones hide, as dive's file
// .dive-ci does (github.com/wagoodman/dive, README "CI Integration"). A bound
// that is not set bounds nothing.
type Waste struct {
	Efficiency *float64 // the least share of all bytes that is seen in the end
	Bytes      *int64   // the most that is hidden
	Percent    *float64 // the largest share of what is above the first layer that is hidden
}

// ParseDive reads a file .dive-ci. size reads sizes such as 20MB.
func ParseDive(data []byte, size func(string) (int64, error)) (Waste, error) {
	var w Waste
	var file struct {
		Rules map[string]any `yaml:"rules"`
	}
	if err := yaml.Unmarshal(data, &file); err != nil {
		return w, fmt.Errorf("reading .dive-ci: %w", err)
	}
	for name, value := range file.Rules {
		text := fmt.Sprint(value)
		if text == "disabled" {
			continue
		}
		switch name {
		case "lowestEfficiency", "highestUserWastedPercent":
			share, err := strconv.ParseFloat(text, 64)
			if err != nil || !(share >= 0 && share <= 1) {
				return w, fmt.Errorf(".dive-ci: %s: %q is not a number from 0 to 1", name, text)
			}
			if name == "lowestEfficiency" {
				w.Efficiency = &share
			} else {
				w.Percent = &share
			}
		case "highestWastedBytes":
			n, err := size(strings.TrimSpace(text))
			if err != nil {
				return w, fmt.Errorf(".dive-ci: %s: %w", name, err)
			}
			w.Bytes = &n
		default:
			return w, fmt.Errorf(".dive-ci: there is no rule %s", name)
		}
	}
	return w, nil
}

// Exceeded says in what an image wastes more than it may. Of a file that several
// layers have, the last copy is no waste.
func (w Waste) Exceeded(s Size) []string {
	var out []string
	all, upper := s.Bytes+s.Hidden, s.Upper
	if w.Efficiency != nil && all > 0 && float64(s.Bytes) < *w.Efficiency*float64(all) {
		out = append(out, fmt.Sprintf("of %d bytes in the layers %d are seen in the end, less than the share %g that lowestEfficiency of .dive-ci asks for", all, s.Bytes, *w.Efficiency))
	}
	if w.Bytes != nil && s.Hidden > *w.Bytes {
		out = append(out, fmt.Sprintf("layers hide %d bytes, more than highestWastedBytes of .dive-ci allows (%d)", s.Hidden, *w.Bytes))
	}
	if w.Percent != nil && upper > 0 && float64(s.Hidden) > *w.Percent*float64(upper) {
		out = append(out, fmt.Sprintf("layers hide %d bytes, more than the share %g of the %d above the first layer that highestUserWastedPercent of .dive-ci allows", s.Hidden, *w.Percent, upper))
	}
	return out
}
