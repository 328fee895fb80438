package page

// A rect is an area of a drawing, in pixels.
type rect struct{ X, Y, W, H float64 }

func (r rect) area() float64 { return r.W * r.H }

// squarify cuts an area into one of each size, which are none of them negative
// and best the largest first, so that areas are to each other as the sizes and
// none is longer than it must be (Bruls, Huizing, van Wijk: Squarified Treemaps,
// 2000). A size of 0 gets an area of 0.
func squarify(in rect, sizes []int64) []rect {
	out := make([]rect, len(sizes))
	var sum float64
	for _, s := range sizes {
		sum += float64(s)
	}
	if sum == 0 || in.area() == 0 {
		for i := range out {
			out[i] = rect{X: in.X, Y: in.Y}
		}
		return out
	}
	rest, left := in, sum // what is not cut yet, and the sizes that go there
	for i := 0; i < len(sizes); {
		n, row := rowOf(rest, left, sizes[i:])
		last := i+n == len(sizes)
		rest = cutRow(rest, left, row, sizes[i:i+n], out[i:i+n], last)
		i, left = i+n, left-row
	}
	return out
}

// rowOf says how many of the sizes stand beside each other at the shorter side
// of an area, and their sum: as many as make the worst of them no longer.
func rowOf(rest rect, left float64, sizes []int64) (n int, row float64) {
	side := min(rest.W, rest.H)
	scale := rest.area() / left
	var least, most float64
	worst := 0.0
	for _, s := range sizes {
		size := float64(s)
		lo, hi := size, size
		if n > 0 {
			lo, hi = min(least, size), max(most, size)
		}
		sum := (row + size) * scale
		w := worse(side, lo*scale, hi*scale, sum)
		if n > 0 && w > worst {
			return n, row
		}
		n, row, worst, least, most = n+1, row+size, w, lo, hi
	}
	return n, row
}

// worse is how much longer than wide the worst is of areas that fill a row at a
// side.
func worse(side, least, most, sum float64) float64 {
	if least == 0 || sum == 0 {
		return 0 // nothing is to be seen of it
	}
	return max(side*side*most/(sum*sum), sum*sum/(side*side*least))
}

// cutRow cuts a row off an area and gives what is left. The last row gets all
// of it, so that no pixel is lost to rounding.
func cutRow(rest rect, left, row float64, sizes []int64, out []rect, last bool) rect {
	along := rest.W >= rest.H // the row is a column at the left
	thick := rest.W * row / left
	if !along {
		thick = rest.H * row / left
	}
	if last {
		thick = rest.H
		if along {
			thick = rest.W
		}
	}
	at, seen := 0.0, 0.0
	side := rest.W
	if along {
		side = rest.H
	}
	for i, s := range sizes {
		seen += float64(s)
		to := 0.0
		if row > 0 {
			to = side * seen / row
		}
		if along {
			out[i] = rect{rest.X, rest.Y + at, thick, to - at}
		} else {
			out[i] = rect{rest.X + at, rest.Y, to - at, thick}
		}
		at = to
	}
	if along {
		return rect{rest.X + thick, rest.Y, max(rest.W-thick, 0), rest.H}
	}
	return rect{rest.X, rest.Y + thick, rest.W, max(rest.H-thick, 0)}
}
