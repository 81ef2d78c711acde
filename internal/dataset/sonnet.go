package dataset

import (
	_ "embed"
	"strings"
	"unicode/utf8"
)

//go:embed sonnets.txt
var sonnets string

// SonnetLines returns the lines of the poems inside the program, each with its
// line feed: sonnets by William Shakespeare, in the public domain.
func SonnetLines() []string { return splitLines(sonnets) }

// ReadLines reads a plain text for the dataset sonnet: its lines, each with a
// line feed at its end where the file has one. Blank lines count.
func ReadLines(in *Input) ([]string, error) {
	var b strings.Builder
	buf := make([]byte, 1<<16)
	for {
		n, err := in.r.Read(buf)
		b.Write(buf[:n])
		if b.Len() > maxToken {
			return nil, in.fail("", "give a text to --dataset-path", "more than %d MB", maxToken>>20)
		}
		if err != nil {
			if err := in.readEnd(strings.Count(b.String(), "\n"), err); err != nil {
				return nil, err
			}
			break
		}
	}
	text := strings.TrimPrefix(b.String(), "\ufeff")
	if !utf8.ValidString(text) {
		return nil, in.fail("", "give a plain text to --dataset-path", "is not UTF-8 text")
	}
	if strings.TrimSpace(text) == "" {
		return nil, in.fail("", "give a plain text to --dataset-path", "the file is empty")
	}
	return splitLines(text), nil
}

// splitLines cuts after each line feed, carriage return or both, and ends each
// line with a line feed, as Python does with a text file.
func splitLines(text string) []string {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	lines := strings.SplitAfter(text, "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}
