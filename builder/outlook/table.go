package outlook

import (
	"cmp"
	"maps"
	"slices"
)

// A Table counts outlooks.
type Table struct {
	Files     int     `json:"files"`
	Nothing   int     `json:"nothing"` // name nothing to start
	Invalid   int     `json:"invalid"`
	Languages []Row   `json:"languages"` // of those that start something
	Causes    []Cause `json:"causes"`    // why images are not minimal, the most frequent first
}

// A Row is what becomes of the images that start programs of one language, ""
// for those of none that is known by name.
type Row struct {
	Language  string `json:"language"`
	Minimal   int    `json:"minimal"`
	Shell     int    `json:"shell"`
	AsWritten int    `json:"asWritten"`
	Refused   int    `json:"refused"`
}

// Sum is how many images a row counts.
func (r Row) Sum() int { return r.Minimal + r.Shell + r.AsWritten + r.Refused }

// A Cause is one reason and how often it is the first.
type Cause struct {
	Kind  Kind   `json:"kind"`
	Cause string `json:"cause"`
	Files int    `json:"files"`
}

// Count makes the table of outlooks.
func Count(all []Outlook) Table {
	t := Table{Files: len(all), Languages: []Row{}, Causes: []Cause{}}
	rows, causes := map[string]*Row{}, map[Cause]int{}
	for _, o := range all {
		switch o.Kind {
		case Nothing:
			t.Nothing++
			continue
		case Invalid:
			t.Invalid++
			continue
		}
		r := rows[o.Language]
		if r == nil {
			r = &Row{Language: o.Language}
			rows[o.Language] = r
		}
		switch o.Kind {
		case Minimal:
			r.Minimal++
			continue
		case Shell:
			r.Shell++
		case AsWritten:
			r.AsWritten++
		case Refused:
			r.Refused++
		}
		causes[Cause{Kind: o.Kind, Cause: o.Group()}]++
	}
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		t.Languages = append(t.Languages, *rows[name])
	}
	for c, n := range causes {
		c.Files = n
		t.Causes = append(t.Causes, c)
	}
	slices.SortFunc(t.Causes, func(a, b Cause) int {
		return cmp.Or(cmp.Compare(b.Files, a.Files), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Cause, b.Cause))
	})
	return t
}
