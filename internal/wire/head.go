package wire

import (
	"bytes"
	"fmt"
	"mime"
	"strconv"
	"strings"
	"time"
)

// maxHead bounds the status line and headers of an answer, in bytes.
const maxHead = 64 << 10

// maxInformational is how many informational answers (100 Continue, 102
// Processing, …) may come before the one that counts.
const maxInformational = 100

var errInformational = badStream{fmt.Errorf("more than %d informational answers came and no other", maxInformational)}

// A head is what a response's status line and headers say.
type head struct {
	status      int
	length      int64 // Content-Length; -1 when there is none
	chunked     bool
	close       bool          // the connection ends with this response
	idle        time.Duration // the server's keep-alive limit; 0 when it names none
	contentType string
	encoding    string // content coding in lower case; "" for none
	location    string
}

// headEnd finds the empty line after the headers: the index of the first byte
// behind it, or -1. The search for the end of the last header begins at from.
func headEnd(b []byte, from int) int {
	for {
		i := bytes.IndexByte(b[from:], '\n')
		if i < 0 {
			return -1
		}
		from += i + 1
		switch rest := b[from:]; {
		case len(rest) > 0 && rest[0] == '\n':
			return from + 1
		case len(rest) > 1 && rest[0] == '\r' && rest[1] == '\n':
			return from + 2
		}
	}
}

// parseHead reads a status line and headers that end with the empty line.
func parseHead(b []byte) (head, error) {
	h := head{length: -1}
	line, rest := cutLine(b)
	minor, err := h.statusLine(line)
	if err != nil {
		return h, err
	}
	keep := false
	for {
		line, rest = cutLine(rest)
		if len(line) == 0 {
			break
		}
		for len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t') {
			var more []byte // a folded value
			more, rest = cutLine(rest)
			line = append(append(bytes.Clone(line), ' '), bytes.TrimLeft(more, " \t")...)
		}
		i := bytes.IndexByte(line, ':')
		if i <= 0 {
			return h, badStream{fmt.Errorf("header line %.60q has no name", line)}
		}
		if err := h.header(line[:i], bytes.Trim(line[i+1:], " \t"), &keep); err != nil {
			return h, err
		}
	}
	if h.status == 204 || h.status == 304 || h.status < 200 {
		h.length, h.chunked = 0, false
	}
	switch {
	case h.chunked && h.length >= 0:
		// Both at once is how smuggled answers look: the chunks count, and
		// nothing else is read from the connection.
		h.length, h.close = -1, true
	case !h.chunked && h.length < 0:
		h.close = true
	}
	if minor == 0 && !keep {
		h.close = true
	}
	return h, nil
}

// foreign is the error of a head whose first bytes are of another protocol: its
// end may never come.
func foreign(b []byte) error {
	const proto = "HTTP/1."
	if n := min(len(b), len(proto)); string(b[:n]) != proto[:n] {
		line, _ := cutLine(b)
		return notHTTP(line)
	}
	return nil
}

func notHTTP(line []byte) error {
	return badStream{fmt.Errorf("the answer is not HTTP/1: it begins with %.60q; does the server speak https at this port?", line)}
}

// statusLine reads "HTTP/1.1 200 OK".
func (h *head) statusLine(line []byte) (minor int, err error) {
	const proto = "HTTP/1."
	ok := len(line) >= len(proto)+5 && string(line[:len(proto)]) == proto && line[len(proto)+1] == ' ' &&
		(len(line) == len(proto)+5 || line[len(proto)+5] == ' ')
	if ok {
		minor = int(line[len(proto)] - '0')
		h.status, err = strconv.Atoi(string(line[len(proto)+2 : len(proto)+5]))
		ok = err == nil && h.status >= 100 && minor >= 0 && minor <= 9
	}
	if !ok {
		return 0, notHTTP(line)
	}
	return minor, nil
}

func (h *head) header(name, value []byte, keep *bool) error {
	is := func(s string) bool { return len(name) == len(s) && strings.EqualFold(string(name), s) }
	switch {
	case is("content-length"):
		n, err := strconv.ParseInt(string(value), 10, 64)
		if err != nil || value[0] < '0' || value[0] > '9' || h.length >= 0 && n != h.length {
			return badStream{fmt.Errorf("bad Content-Length %.60q", value)}
		}
		h.length = n
	case is("transfer-encoding"):
		if strings.EqualFold(string(value), "identity") {
			break // the absence of a coding, which HTTP once had a name for
		}
		if !strings.EqualFold(string(value), "chunked") || h.chunked {
			return badStream{fmt.Errorf("Transfer-Encoding %.60q is not understood; only chunked is", value)}
		}
		h.chunked = true
	case is("connection"):
		for token := range strings.SplitSeq(string(value), ",") {
			switch strings.ToLower(strings.Trim(token, " \t")) {
			case "close":
				h.close = true
			case "keep-alive":
				*keep = true
			}
		}
	case is("keep-alive"):
		for part := range strings.SplitSeq(string(value), ",") {
			key, val, _ := strings.Cut(strings.Trim(part, " \t"), "=")
			n, err := strconv.Atoi(val)
			switch {
			case err != nil:
			case strings.EqualFold(key, "timeout"):
				h.idle = max(time.Duration(min(n, 1<<20))*time.Second, 1)
			case strings.EqualFold(key, "max") && n <= 0:
				h.close = true
			}
		}
	case is("content-type"):
		if h.contentType == "" { // the first counts, as to net/http
			h.contentType = string(value)
		}
	case is("content-encoding"):
		if h.encoding = strings.ToLower(string(value)); h.encoding == "identity" {
			h.encoding = ""
		}
	case is("location"):
		h.location = string(value)
	}
	return nil
}

// cutLine cuts the first line off b, without its LF or CRLF.
func cutLine(b []byte) (line, rest []byte) {
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		return b, nil
	}
	return bytes.TrimSuffix(b[:i], []byte{'\r'}), b[i+1:]
}

// isEventStream judges a Content-Type. Of a body of another type the first bytes
// decide: servers that nobody told better and proxies set any.
func isEventStream(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		media, _, _ = strings.Cut(contentType, ";")
		media = strings.ToLower(strings.TrimSpace(media))
	}
	return media == "text/event-stream"
}

// beginsStream looks at the first bytes of a body of doubtful type. It answers
// when it can: sure is false while more bytes are needed.
func beginsStream(b []byte) (yes, sure bool) {
	b = bytes.TrimPrefix(b, []byte(byteOrderMark))
	b = bytes.TrimLeft(b, "\r\n")
	if len(b) > 0 && b[0] == ':' {
		return true, true
	}
	sure = true
	for _, field := range []string{"data:", "event:", "id:", "retry:", byteOrderMark} {
		if bytes.HasPrefix(b, []byte(field)) {
			return true, true
		}
		if len(b) < len(field) && field[:len(b)] == string(b) {
			sure = false
		}
	}
	return false, sure
}
