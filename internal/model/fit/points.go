// Package fit holds the model of an engine against what others measured on
// real cards, and finds the constants of the catalogue that fit it best.
//
// It promises that every error it prints is that of the same replay that
// tokmeter runs for a user, and that a constant which it moves stays within
// the range that physics leaves it.
package fit

import (
	"encoding/csv"
	"fmt"
	"io/fs"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
)

// A Point is one number that was measured.
type Point struct {
	ID        string
	Metric    string  // ttft_ms_mean, tpot_ms_p50, output_tok_s, …
	Value     float64 // in the metric's unit
	PlusMinus float64 // how far the number itself is open
}

// A Run is one load on one setup, with all that was measured of it.
type Run struct {
	Name, Family, Group, Pair, Source string
	Card, Model                       string
	Cards                             int
	Engine, Version                   string
	Precision, Kernel, KV             string
	Load                              string // open, closed, batch
	Rate                              float64
	Concurrency, Prompts              int
	Input, Output                     float64 // tokens of a request, or their means
	Lengths                           string  // file of lengths
	Shared                            string  // prefixes that prompts share
	Settings                          map[string]string
	Points                            []Point

	folder fs.FS // of the files that it names
}

// Read reads a table of points, points.csv of a folder, grouped by run.
func Read(folder fs.FS) ([]*Run, error) {
	f, err := folder.Open("points.csv")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("points.csv: %w", err)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	var runs []*Run
	byName := map[string]*Run{}
	for _, row := range rows[1:] {
		get := func(name string) string { return row[column[name]] }
		number := func(name string) float64 {
			x, _ := strconv.ParseFloat(get(name), 64)
			return x
		}
		r := byName[get("run")]
		if r == nil {
			r = &Run{
				Name: get("run"), Family: get("family"), Group: get("group"), Pair: get("pair"), Source: get("source"),
				Card: get("card"), Model: get("model"), Cards: int(number("cards_n")), Engine: get("engine"), Version: get("engine_version"),
				Precision: get("precision"), Kernel: get("kernel"), KV: get("kv_dtype"), Load: get("load_kind"), Rate: number("rate"),
				Concurrency: int(number("concurrency")), Prompts: int(number("num_prompts")), Input: number("input_len"), Output: number("output_len"),
				folder: folder, Lengths: get("lengths_file"), Shared: get("shared_prefix"), Settings: map[string]string{},
			}
			for _, word := range strings.Fields(get("settings")) {
				key, value, _ := strings.Cut(word, "=")
				r.Settings[key] = value
			}
			byName[r.Name] = r
			runs = append(runs, r)
		}
		r.Points = append(r.Points, Point{ID: get("id"), Metric: get("metric"), Value: number("measured"), PlusMinus: number("plus_minus")})
	}
	return runs, nil
}

// A request is one of a load.
type request struct {
	due            float64 // seconds
	prompt, output int
	who            int // requests of one who have the same prompt
	group          int
}

// A load is what is sent: requests, how many may be under way (0 for open
// loads), tokens that a group shares, and requests at the front that count for
// nothing.
type load struct {
	requests []request
	open     int
	prefix   int
	skip     int
	earlier  bool // only what begins with the second pass is timed
}

const (
	most     = 3000 // requests of a run at once
	openS    = 120  // seconds of an open loop at an even rate
	earlierS = 10e3 // seconds before a pass that the same prompts were sent
)

// loads are the loads of a run, more than one where its lengths are drawn
// several times.
func (r *Run) loads() ([]load, error) {
	if r.Lengths != "" {
		return r.drawn()
	}
	one := request{prompt: int(math.RoundToEven(r.Input)), output: int(math.RoundToEven(r.Output))}
	n := min(r.Prompts, most)
	l := load{}
	switch r.Load {
	case "batch":
		l.open = n
	case "closed":
		l.open = r.Concurrency
		if r.Concurrency > 1 {
			l.skip = min(r.Concurrency, n/2)
		}
	default:
		words := map[string]int{}
		for _, word := range strings.Fields(r.Shared) {
			key, value, _ := strings.Cut(word, "=")
			words[key], _ = strconv.Atoi(value)
		}
		groups := max(words["groups"], 1)
		alike := groups * words["prompts"]
		n = min(r.Prompts, int(math.RoundToEven(r.Rate*openS))+alike)
		l.prefix, l.skip = words["prefix"], min(alike, n/2)
		for i := range n {
			q := one
			q.due, q.who = float64(i)/r.Rate, i
			if alike > 0 {
				q.who = i % alike
			}
			q.group = q.who % groups
			l.requests = append(l.requests, q)
		}
		return []load{l}, nil
	}
	for i := range n {
		q := one
		q.who = i
		l.requests = append(l.requests, q)
	}
	return []load{l}, nil
}

// drawn reads the lengths of a run from its file, each draw brought to the
// run's means.
func (r *Run) drawn() ([]load, error) {
	f, err := r.folder.Open(path.Clean(r.Lengths))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.Lengths, err)
	}
	draws := map[string][]request{}
	var names []string
	limit := 0
	for _, row := range rows[1:] {
		due, _ := strconv.ParseFloat(row[1], 64)
		prompt, _ := strconv.Atoi(row[2])
		output, _ := strconv.Atoi(row[3])
		limit = max(limit, output)
		if draws[row[0]] == nil {
			names = append(names, row[0])
		}
		if len(draws[row[0]]) < r.Prompts {
			draws[row[0]] = append(draws[row[0]], request{due: due, prompt: prompt, output: output})
		}
	}
	var out []load
	for _, name := range names {
		part := draws[name]
		if len(part) < r.Prompts {
			return nil, fmt.Errorf("%s has %d of %d requests", r.Lengths, len(part), r.Prompts)
		}
		toMeans(part, r.Input, r.Output, limit)
		l := load{requests: part}
		for i := range part {
			part[i].who = i
		}
		switch {
		case r.Shared == "repeat":
			l.earlier, l.skip = true, len(part)
			l.requests = nil
			for _, at := range []float64{0, earlierS} {
				for _, q := range part {
					q.due = at
					l.requests = append(l.requests, q)
				}
			}
		case r.Load == "batch":
			l.open = len(part)
		case r.Load == "closed":
			l.open = r.Concurrency
		}
		out = append(out, l)
	}
	return out, nil
}

// toMeans adds the same to each prompt and one in turn to outputs below the
// limit, so that their means are as given.
func toMeans(part []request, input, output float64, limit int) {
	prompts, outputs := 0, 0
	for _, q := range part {
		prompts += q.prompt
		outputs += q.output
	}
	n := float64(len(part))
	shift := int(math.RoundToEven(input - float64(prompts)/n))
	missing := int(math.RoundToEven(output*n)) - outputs
	var free []int
	for i := range part {
		part[i].prompt = max(1, part[i].prompt+shift)
		if part[i].output < limit {
			free = append(free, i)
		}
	}
	step := 1
	if missing < 0 {
		step = -1
	}
	for k, stuck := 0, 0; missing != 0 && len(free) > 0 && stuck < len(free); k++ {
		q := &part[free[k%len(free)]]
		if x := q.output + step; x >= 2 && x < limit {
			q.output, missing, stuck = x, missing-step, 0
		} else {
			stuck++
		}
	}
}

// version is the first two numbers of an engine's version.
func (r *Run) version() [2]int {
	var v [2]int
	for i, word := range strings.SplitN(r.Version, ".", 3) {
		if i < 2 {
			v[i], _ = strconv.Atoi(word)
		}
	}
	return v
}

func before(v, w [2]int) bool { return slices.Compare(v[:], w[:]) < 0 }
