package sol

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"tokmeter/internal/cli/flags"
	"tokmeter/internal/cli/shell"
	"tokmeter/internal/cli/simulated"
	"tokmeter/internal/memory"
	"tokmeter/internal/model/light"
	"tokmeter/internal/model/roofline"
)

// groupProbe is the group of what sol asks this machine.
const groupProbe = "probe options"

// probeFlags measure the machine that tokmeter runs on.
func probeFlags() flags.Table {
	g := groupProbe
	return flags.Table{
		{Name: "cpu", Group: g, Kind: flags.Toggle, Origin: flags.Own, Help: "Take this machine's processor for the card: a probe of some 3 s measures how fast its memory is read. Without --model that is all that is printed."},
		{Name: "probe-seconds", Group: g, Kind: flags.Number, Origin: flags.Own, Default: "2.5", Help: "Seconds for the passes over the memory; each kind has three passes at least."},
		{Name: "array-mib", Group: g, Kind: flags.Integer, Origin: flags.Own, Help: "MiB of each of the three arrays. Where it is not given: four times the last-level caches, 256 at least, and an eighth of the memory that can be had at most."},
		{Name: "save-card", Group: g, Kind: flags.File, Origin: flags.Own, Meta: "FILE.yaml", Help: "Write what was measured as a card, which --gpu FILE.yaml takes in every command."},
	}
}

// Bounds of the probe.
const (
	maxProbeSeconds = 600
	maxArrayMiB     = 1 << 20
	mib             = 1 << 20
	gib             = 1 << 30
)

// solCPU measures this machine and prints what that allows.
func solCPU(c *shell.Call, ctx context.Context, env *shell.Env) error {
	v := c.Values
	if err := checkCPU(v); err != nil {
		return shell.Usage(err)
	}
	s, err := simulated.EngineSetup(v, "")
	if err != nil {
		return shell.Usage(err)
	}
	q, err := question(v, env)
	if err != nil {
		return shell.Usage(err)
	}
	if v.Given("model") {
		missing := simulated.FindModel(ctx, env, &s)
		if _, _, err := light.Shapes(cmp.Or(s.Folder, s.Model), s.Precision); err != nil {
			return shell.Usage(shell.AsLines(err), missing) // at once, and not after the probe
		}
	}
	r, err := memory.Probe(ctx, memory.Options{
		Time:  time.Duration(v.Number("probe-seconds") * float64(time.Second)),
		Bytes: int64(v.Integer("array-mib")) * mib,
	})
	if err != nil {
		return shell.Failf(shell.ExitFailed, "", "%w", err)
	}
	text := cardYAML(r)
	if v.Given("save-card") {
		if err := os.WriteFile(v.Text("save-card"), []byte(text), 0o644); err != nil {
			return shell.Failf(shell.ExitFailed, "name a file that can be written", "--save-card: %w", err)
		}
	}
	var sheet *light.Sheet
	if v.Given("model") {
		if s.Card, err = roofline.ReadCardYAML([]byte(text)); err != nil {
			return shell.Failf(shell.ExitFailed, "ask again with a larger --array-mib", "what the probe measured makes no card: %w", err)
		}
		l, err := light.Build(s)
		if err != nil {
			return shell.Usage(shell.AsLines(err))
		}
		sheet = l.Sheet(q)
		sheet.Notes = append(cpuNotes(r), sheet.Notes...)
	}
	if v.On("json") {
		return shell.PrintJSON(env.Stdout, struct {
			*light.Sheet
			Probe probeSheet `json:"probe"`
		}{sheet, newProbeSheet(r)})
	}
	if err := writeProbe(env.Stdout, r); err != nil || sheet == nil {
		return err
	}
	fmt.Fprintln(env.Stdout)
	return sheet.WriteText(env.Stdout)
}

// checkCPU refuses what contradicts --cpu or means nothing beside it.
func checkCPU(v *flags.Values) error {
	var problems []error
	add := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if v.Given("gpu") {
		add("--cpu and --gpu name two cards: leave one out")
	}
	if v.Given("tensor-parallel-size") && v.Integer("tensor-parallel-size") > 1 {
		add("--tensor-parallel-size: this machine is one card")
	}
	if !v.Given("model") {
		for _, name := range []string{"requests", "precision", "dtype", "quantization", "input-len", "output-len", "batch", "explain"} {
			if v.Given(name) {
				add("--%s asks about a model: name one with --model", name)
			}
		}
	}
	if x := v.Number("probe-seconds"); !(x > 0 && x <= maxProbeSeconds) {
		add("--probe-seconds: want more than 0 and at most %d, got %s", maxProbeSeconds, flags.Shorten(v.Text("probe-seconds")))
	}
	if n := v.Integer("array-mib"); v.Given("array-mib") && (n < 1 || n > maxArrayMiB) {
		add("--array-mib: want 1 to %d, got %d", maxArrayMiB, n)
	}
	if f := v.Text("save-card"); v.Given("save-card") && !strings.HasSuffix(f, ".yaml") && !strings.HasSuffix(f, ".yml") {
		add("--save-card %s: want a name that ends in .yaml, by which --gpu knows a file", flags.Shorten(f))
	}
	return errors.Join(problems...)
}

// noPeak stands for a peak rate that is not known: memory alone limits then.
// takenGiB stands for memory whose size is not known.
const (
	noPeak   = 1e6
	takenGiB = 64
)

// Rates of a processor's vectors as multiples of that of 32-bit floats: a lane
// takes two numbers of 16 bit or four of 8, and without instructions that add
// up four at once, pairs of 8-bit products are added in two.
const (
	timesHalf  = 2
	timesDot8  = 4
	timesPairs = 2
)

// cardYAML is the measured machine as a card of the catalogue's form. The peak
// rates are bounds of the vector units and marked as unconfirmed.
func cardYAML(r memory.Result) string {
	threads := count(r.Cores, "thread")
	source := fmt.Sprintf("measured by the probe on this machine: best of %d passes that read %d MiB with %s", r.All.Read.Passes, r.ArrayBytes/mib, threads)
	if r.One.Read.Best > r.All.Read.Best {
		source = fmt.Sprintf("measured by the probe on this machine: best of %d passes that read %d MiB with one thread, faster than all %d, which other programs disturbed", r.One.Read.Passes, r.OneBytes/mib, r.Cores)
	}
	fp16, int8, peak := noPeak, 0.0, "not known for this processor: no bound"
	if r.GFLOPS > 0 {
		f := r.GFLOPS / 1e3
		fp16, int8 = f, timesPairs*f
		if r.Half {
			fp16 = timesHalf * f
		}
		if r.Dot8 {
			int8 = timesDot8 * f
		}
		peak = fmt.Sprintf("bound of the vector units: multiplications measured by the probe on this machine, times %d lanes", r.Lanes)
	}
	size, room := float64(r.Available)/gib, "memory that can be had on this machine"
	if r.Available == 0 {
		size, room = takenGiB, "not known: taken"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "name: cpu\ntitle: %q\n", r.CPU)
	line := func(key string, value float64, source string, confirmed bool) {
		fmt.Fprintf(&b, "%s: {value: %.6g, source: %q, confirmed: %t}\n", key, value, source, confirmed)
	}
	line("memory_gib", size, room, r.Available > 0)
	line("bandwidth_gb_s", r.Bandwidth()/1e9, source, true)
	line("fp16_tflops", fp16, peak, false)
	if int8 > 0 {
		line("int8_tops", int8, peak, false)
	}
	return b.String()
}

// cpuNotes are what a reader of the limit must know.
func cpuNotes(r memory.Result) []string {
	notes := []string{"the bandwidth is what the probe read at its best, not a datasheet's: a program may come a little nearer to the hardware than it, other programs that ran meanwhile made it lower, and what a virtual machine is given changes"}
	if r.GFLOPS == 0 {
		notes = append(notes, "the peak rate of this processor is not known: the number that stands for it bounds nothing, and the limits are memory's alone")
	}
	return notes
}

// writeProbe prints what was measured for people.
func writeProbe(w io.Writer, r memory.Result) error {
	var b strings.Builder
	name := r.CPU
	if name == "" {
		name = "this machine"
	}
	cache := "caches of unknown size"
	if r.CacheBytes > 0 {
		cache = fmt.Sprintf("%d MiB of last-level cache", r.CacheBytes/mib)
	}
	fmt.Fprintf(&b, "memory, measured by the probe on this machine: %s, %s, %s\n", name, count(r.Cores, "thread"), cache)
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "GB/s\t%s: best\tmedian\tone: best\tmedian\t\n", count(r.Cores, "thread"))
	for _, p := range passes(r) {
		fmt.Fprintf(t, "%s\t%.1f\t%.1f\t%.1f\t%.1f\t\n", p.name, p.all.Best, p.all.Median, p.one.Best, p.one.Median)
	}
	t.Flush()
	fmt.Fprintf(&b, "bytes that the program reads and writes, 10⁹ a second, over arrays of %d MiB (one thread: %d MiB); decoding reads weights, so that read counts\n", r.ArrayBytes/mib, r.OneBytes/mib)
	if r.GFLOPS > 0 {
		fmt.Fprintf(&b, "vector units: at most %.0f GFLOPS in 32 bit, all threads together: a bound, not a promise\n", r.GFLOPS)
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "note: %s\n", n)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// A pass is one kind of pass over the memory.
type pass struct {
	name     string
	all, one memory.Speed
}

// passes lists the kinds, that which counts for weights first.
func passes(r memory.Result) []pass {
	return []pass{
		{"read", r.All.Read, r.One.Read}, {"copy", r.All.Copy, r.One.Copy},
		{"scale", r.All.Scale, r.One.Scale}, {"triad", r.All.Triad, r.One.Triad},
	}
}

// A probeSheet is what the probe found, as JSON.
type probeSheet struct {
	CPU        string                `json:"cpu"`
	Threads    int                   `json:"threads"`
	CacheBytes int64                 `json:"last_level_cache_bytes"`
	ArrayBytes int64                 `json:"array_bytes"`
	OneBytes   int64                 `json:"array_bytes_one_thread"`
	All        map[string]probeSpeed `json:"bandwidth"`
	One        map[string]probeSpeed `json:"bandwidth_one_thread"`
	GFLOPS     float64               `json:"gflops_fp32_bound,omitempty"`
	Notes      []string              `json:"notes,omitempty"`
}

// A probeSpeed is what the passes of one kind reached.
type probeSpeed struct {
	Best   float64 `json:"best_gb_per_s"`
	Median float64 `json:"median_gb_per_s"`
	Passes int     `json:"passes"`
}

func newProbeSheet(r memory.Result) probeSheet {
	s := probeSheet{
		CPU: r.CPU, Threads: r.Cores, CacheBytes: r.CacheBytes, ArrayBytes: r.ArrayBytes, OneBytes: r.OneBytes,
		All: map[string]probeSpeed{}, One: map[string]probeSpeed{}, GFLOPS: r.GFLOPS, Notes: r.Notes,
	}
	for _, p := range passes(r) {
		s.All[p.name], s.One[p.name] = probeSpeed(p.all), probeSpeed(p.one)
	}
	return s
}

// count is a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
