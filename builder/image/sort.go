package image

import "sort"

// Sort orders a list and leaves what is equal as it stood. slices.SortStableFunc
// does the same and is compiled anew for every type, each time 12 kB of the
// frontend image's program; this one is compiled once.
func Sort[T any](list []T, compare func(a, b T) int) {
	sort.SliceStable(list, func(i, j int) bool { return compare(list[i], list[j]) < 0 })
}
