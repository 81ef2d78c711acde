package call

import (
	"regexp"
	"strings"
)

// What vLLM takes out of error messages before it sends them: addresses, places
// in its code, paths of files.
var (
	address   = regexp.MustCompile(` at 0x[0-9a-fA-F]+>`)
	traceback = regexp.MustCompile(`\n?\s*File "[^"]+", line \d+, in \S+(\n\s+.*)?`)
	homePath  = regexp.MustCompile(`/(?:home|usr|opt|var|tmp|root|lib|mnt|srv)(?:/[\w.\-]+)+`)
	filePath  = regexp.MustCompile(`(?:/[\w\-]+)+/[\w\-]+\.\w+`)
)

// Sanitize is what vLLM makes of an error message.
func Sanitize(message string) string {
	message = address.ReplaceAllString(message, ">")
	message = traceback.ReplaceAllString(message, "")
	message = homePath.ReplaceAllString(message, "<path>")
	message = filePath.ReplaceAllString(message, "<path>")
	return strings.TrimSpace(message)
}
