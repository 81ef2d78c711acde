package jinja

import (
	"fmt"
	"strings"
	"time"
)

// strftime formats a time as Python's strftime in the C locale.
func strftime(t time.Time, format string) string {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		bare := false
		if format[i] == '-' && i+1 < len(format) {
			bare = true
			i++
		}
		s := dateField(t, format[i])
		if bare && len(s) > 1 {
			s = strings.TrimLeft(s[:len(s)-1], "0 ") + s[len(s)-1:]
		}
		b.WriteString(s)
	}
	return b.String()
}

// dateField is what %c stands for. The time has no zone, as in Python's
// datetime.now(), and what is not known stays as it is.
func dateField(t time.Time, c byte) string {
	layouts := map[byte]string{
		'Y': "2006", 'y': "06", 'm': "01", 'd': "02", 'e': "_2", 'j': "002",
		'H': "15", 'I': "03", 'M': "04", 'S': "05", 'p': "PM",
		'A': "Monday", 'a': "Mon", 'B': "January", 'b': "Jan", 'h': "Jan",
		'F': "2006-01-02", 'T': "15:04:05", 'R': "15:04",
		'D': "01/02/06", 'c': "Mon Jan _2 15:04:05 2006", 'x': "01/02/06", 'X': "15:04:05",
	}
	switch c {
	case '%':
		return "%"
	case 'z', 'Z':
		return ""
	case 'n':
		return "\n"
	case 't':
		return "\t"
	case 'f':
		return fmt.Sprintf("%06d", t.Nanosecond()/1000)
	case 'u':
		return fmt.Sprint((int(t.Weekday())+6)%7 + 1)
	case 'w':
		return fmt.Sprint(int(t.Weekday()))
	case 's':
		return fmt.Sprint(t.Unix())
	}
	layout, ok := layouts[c]
	if !ok {
		return "%" + string(c)
	}
	return t.Format(layout)
}
