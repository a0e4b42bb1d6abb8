package policy

import "strings"

// Nearest gives the one of the known words that a misspelt word most likely means; "" if none is
// close.
func Nearest(word string, known []string) string { return nearest(word, known) }

// nearest gives the one of the known words that a misspelt word most likely means; "" if none is
// close: up to a third of its letters may be wrong.
func nearest(word string, known []string) string {
	best, limit := "", 1+(len(word)+1)/3
	for _, k := range known {
		if d := distance(strings.ToLower(word), strings.ToLower(k), limit); d < limit {
			best, limit = k, d
		}
	}
	return best
}

// distance is the number of letters to insert, drop, change or swap with a neighbour that turn a
// into b (optimal string alignment); limit where it is not below that.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return min(last[len(b)], limit)
}
