package fault

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// A Kind names a fault.
type Kind uint8

// The kinds of fault.
const (
	BadRequest Kind = iota
	Unauthorized
	RateLimited
	InternalError
	Unavailable
	ResetBeforeHeaders
	ResetMidStream
	Stall
	Truncate
	Merge
	EmptyDelta
	Heartbeat
	SplitUTF8
	NoUsage
	WrongUsage
	SlowHeaders
	DuplicateIDs
	CloseDelimited
	ClockSkew
	kinds
)

// A trait is what a kind is called, what it takes and what it does.
type trait struct {
	name  string
	value string // the key that a bare VALUE sets
	std   Rule   // defaults of the keys that it takes
	keys  string // split by spaces
	help  string
}

// never is an After that no answer reaches.
const never = math.MaxInt

func traits() [kinds]trait {
	return [kinds]trait{
		BadRequest:         {name: "400", help: "refused: the prompt is longer than the context"},
		Unauthorized:       {name: "401", help: "refused: no valid key"},
		RateLimited:        {name: "429", value: "for", keys: "for", std: Rule{For: time.Second}, help: "refused with Retry-After (for)"},
		InternalError:      {name: "500", help: "refused: an error inside the server"},
		Unavailable:        {name: "503", value: "for", keys: "for", help: "refused as not ready; with for, only that long after the server's start"},
		ResetBeforeHeaders: {name: "reset_before_headers", help: "the connection is reset in place of an answer"},
		ResetMidStream:     {name: "reset_mid_stream", value: "after", keys: "after", std: Rule{After: 1}, help: "the connection is reset after so many tokens"},
		Stall:              {name: "stall", value: "for", keys: "for after", std: Rule{For: 2 * time.Second, After: 1}, help: "nothing comes for a time after so many tokens, then all at once"},
		Truncate:           {name: "truncate", value: "after", keys: "after", std: Rule{After: never}, help: "the stream ends without [DONE], after so many tokens where after is given"},
		Merge:              {name: "merge", value: "every", keys: "every", std: Rule{Every: 4}, help: "so many tokens come in one event"},
		EmptyDelta:         {name: "empty_delta", value: "every", keys: "every", std: Rule{Every: 4}, help: "an event without text before every so many tokens"},
		Heartbeat:          {name: "heartbeat", value: "every", keys: "every", std: Rule{Every: 4}, help: "a comment line after every so many tokens"},
		SplitUTF8:          {name: "split_utf8", value: "for", keys: "for", std: Rule{For: 5 * time.Millisecond}, help: "characters are cut in two, the halves come in two chunks so far apart"},
		NoUsage:            {name: "no_usage", help: "usage is left out"},
		WrongUsage:         {name: "wrong_usage", value: "by", keys: "by", std: Rule{By: 1}, help: "usage says so many tokens more than came"},
		SlowHeaders:        {name: "slow_headers", value: "for", keys: "for", std: Rule{For: time.Second}, help: "a pause between the status line and the rest of the head"},
		DuplicateIDs:       {name: "duplicate_ids", help: "all answers have one id"},
		CloseDelimited:     {name: "close_delimited", help: "HTTP/1.0 without framing: the connection's end ends the answer"},
		ClockSkew:          {name: "clock_skew", value: "for", keys: "for", std: Rule{For: time.Hour}, help: "created is so far off; may be negative"},
	}
}

// String is the kind's name in specs.
func (k Kind) String() string {
	if k < kinds {
		return traits()[k].name
	}
	return "kind " + strconv.Itoa(int(k))
}

// Help is the list of faults for the help of a flag: the spec with its keys and
// their defaults, and what happens.
func Help() [][2]string {
	var out [][2]string
	for _, t := range traits() {
		spec := t.name
		for i, key := range strings.Fields(t.keys) {
			v := t.std.key(key)
			switch {
			case key != t.value:
				spec += "," + key + "=" + v
			case i == 0 && v != "":
				spec += "=" + v
			}
		}
		out = append(out, [2]string{spec, t.help})
	}
	return out
}

// key is a key's value as a spec writes it; "" where it is not set.
func (r Rule) key(name string) string {
	switch name {
	case "for":
		if r.For == 0 {
			return ""
		}
		return r.For.String()
	case "after":
		if r.After == never {
			return ""
		}
		return strconv.Itoa(r.After)
	case "every":
		return strconv.Itoa(r.Every)
	}
	return strconv.Itoa(r.By)
}

// maxSpec bounds the bytes of a spec, which a header may bring.
const maxSpec = 4096

// Parse reads one fault or several, split by semicolons:
//
//	KIND[=VALUE][:CHANCE][,key=value…]
//
// as in 429:0.05, reset_mid_stream:0.01,after=10 or stall=2s,after=5. Without a
// chance every request gets it. VALUE is the key that matters most of its kind,
// as Help shows it. "none" is no fault. Errors are one line.
func Parse(spec string) (Set, error) {
	if len(spec) > maxSpec {
		return nil, fmt.Errorf("fault: %d bytes are too many, want at most %d", len(spec), maxSpec)
	}
	set := Set{}
	for _, one := range strings.Split(spec, ";") {
		one = strings.TrimSpace(one)
		if one == "" || one == "none" {
			continue
		}
		r, err := parseRule(one)
		if err != nil {
			return nil, fmt.Errorf("fault %q: %w", one, err)
		}
		set = append(set, r)
	}
	return set, nil
}

func parseRule(s string) (Rule, error) {
	parts := strings.Split(s, ",")
	head, chance, hasChance := strings.Cut(parts[0], ":")
	name, value, hasValue := strings.Cut(head, "=")
	r, t, err := named(strings.TrimSpace(name))
	if err != nil {
		return Rule{}, err
	}
	if hasChance {
		r.Chance, err = strconv.ParseFloat(strings.TrimSpace(chance), 64)
		if err != nil || !(r.Chance >= 0 && r.Chance <= 1) {
			return Rule{}, fmt.Errorf("%q is no chance between 0 and 1, such as %s:0.05", chance, t.name)
		}
	}
	if hasValue {
		if t.value == "" {
			return Rule{}, fmt.Errorf("%s takes no value; the chance comes after a colon, as in %s:0.05", t.name, t.name)
		}
		if err := r.set(t.value, value); err != nil {
			return Rule{}, err
		}
	}
	for _, part := range parts[1:] {
		key, value, ok := strings.Cut(part, "=")
		key = strings.TrimSpace(key)
		if !ok || !strings.Contains(" "+t.keys+" ", " "+key+" ") || key == "" {
			if t.keys == "" {
				return Rule{}, fmt.Errorf("%q: %s takes no keys", part, t.name)
			}
			return Rule{}, fmt.Errorf("%q: %s takes the keys %s, as key=value", part, t.name, strings.Join(strings.Fields(t.keys), " and "))
		}
		if err := r.set(key, value); err != nil {
			return Rule{}, err
		}
	}
	return r, nil
}

func named(name string) (Rule, trait, error) {
	var names []string
	for k, t := range traits() {
		if t.name == name {
			r := t.std
			r.Kind, r.Chance = Kind(k), 1
			return r, t, nil
		}
		names = append(names, t.name)
	}
	return Rule{}, trait{}, fmt.Errorf("no such fault; known are %s", strings.Join(names, ", "))
}

// set reads a key's value. Numbers and times are bounded, so that a header
// cannot hold a connection for ever.
func (r *Rule) set(key, value string) error {
	value = strings.TrimSpace(value)
	if key == "for" {
		d, err := time.ParseDuration(value)
		limit := time.Hour
		if r.Kind == ClockSkew {
			limit = 24 * 365 * time.Hour
		}
		if err != nil || d > limit || d < 0 && (r.Kind != ClockSkew || d < -limit) {
			return fmt.Errorf("for: %q is no time with a unit of at most %v, such as 2s", value, limit)
		}
		r.For = d
		return nil
	}
	n, err := strconv.Atoi(value)
	low := 0
	switch key {
	case "every":
		low = 1
	case "by":
		low = -1 << 20
	}
	if err != nil || n < low || n > 1<<20 {
		return fmt.Errorf("%s: %q is no number between %d and %d", key, value, low, 1<<20)
	}
	switch key {
	case "after":
		r.After = n
	case "every":
		r.Every = n
	case "by":
		r.By = n
	}
	return nil
}
