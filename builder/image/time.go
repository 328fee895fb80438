package image

import "time"

// FileTime gives the time that the files of an image have: that of the image,
// which without SOURCE_DATE_EPOCH is the beginning of 1970, or one second after
// that. To programs that keep when they have read a file, the very beginning
// means that they have not, and no file is newer: NSD leaves out such a zone
// without a word. Nix gives its files the same second.
func FileTime(created time.Time) time.Time {
	if first := time.Unix(1, 0).UTC(); created.Before(first) {
		return first
	}
	return created
}
