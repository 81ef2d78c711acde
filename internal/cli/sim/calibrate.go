package sim

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"

	"tokmeter/internal/atomicfile"
	"tokmeter/internal/cli/flags"
	"tokmeter/internal/cli/shell"
	"tokmeter/internal/cli/simulated"
	"tokmeter/internal/model/fit"
	"tokmeter/internal/model/setup"
)

// calibrateCommand fits a card to runs of the user's own.
func calibrateCommand() shell.Command {
	return shell.Command{
		Path: "sim calibrate", Takes: "--runs RUN ... --model MODEL --gpu CARD --output FILE.yaml [flags]",
		Short: "Fit a card to runs of your own",
		Long: `Makes the simulator yours: from runs that you measured on your card it finds the
rates of its kernels and what its host takes, and writes them as a card for --gpu.
Three or four runs tell enough: one request at a time, a rate that the server holds,
many at once, and one with long prompts.`,
		Flags: calibrateTable(),
		About: "Each `RUN` is the folder of a run, a result saved with `--save-detailed`, or the JSON of `vllm bench forward`, whose times of kernels tell nothing of the host. All are of one card, model, precision and engine. What no run can tell apart, such as the host's time of a step and the bytes of the weights of one model, may be shared between the two in another way; the times that follow are right all the same.",
		Run: func(_ context.Context, c *shell.Call) error {
			if err := c.Values.Check(); err != nil {
				return shell.Usage(err)
			}
			for _, name := range []string{"runs", "model", "gpu", "output"} {
				if !c.Values.Given(name) {
					return shell.Usagef("tokmeter sim calibrate --help tells of each", "sim calibrate needs --runs, --model, --gpu and --output: --%s is missing", name)
				}
			}
			shell.PrintNotes(c.Env.Stderr, c.Notes)
			return calibrate(c)
		},
	}
}

// calibrateTable is the flags of sim calibrate.
func calibrateTable() flags.Table {
	const group = "calibration options"
	own := flags.Table{
		{Name: "runs", Group: group, Kind: flags.Words1, Meta: "RUN", Origin: flags.Own, Help: "Folders of runs, results saved with --save-detailed, or files of vllm bench forward."},
		{Name: "output", Group: group, Kind: flags.File, Origin: flags.Own, Help: "Where to write the card, for --gpu."},
		{Name: "name", Group: group, Meta: "NAME", Origin: flags.Own, Default: "calibrated", Help: "What the card is called."},
	}
	return append(append(own, simulated.EngineFlags()...), simulated.SchedulerFlags()...)
}

const calibrateSteps = 12

func calibrate(c *shell.Call) error {
	v := c.Values
	s, err := simulated.EngineSetup(v, "")
	if err != nil {
		return shell.Usage(err)
	}
	if err := shell.CheckParent("--output", v.Text("output")); err != nil {
		return shell.Usage(err)
	}
	samples, err := readSamples(c.Env, v.List("runs"), s)
	if err != nil {
		return shell.Usage(err)
	}
	found, err := fit.Calibrate(v.Text("name"), samples, calibrateSteps)
	if err != nil {
		return shell.Usage(shell.AsLines(err))
	}
	if err := atomicfile.Write(v.Text("output"), func(w io.Writer) error { _, err := w.Write(found.YAML); return err }); err != nil {
		return shell.Failf(shell.ExitFailed, "", "--output: %w", err)
	}
	return printCalibration(c.Env.Stdout, found, v.Text("output"))
}

// readSamples reads what was measured.
func readSamples(env *shell.Env, paths []string, s setup.Setup) ([]*fit.Sample, error) {
	var out []*fit.Sample
	for _, path := range paths {
		batches, err := readBatches(path)
		if err != nil {
			return nil, fmt.Errorf("--runs %s: %w", path, err)
		}
		if batches != nil {
			out = append(out, &fit.Sample{Name: path, Setup: s, Batches: batches})
			continue
		}
		f, err := simulated.ReadArrivals(env, path)
		if err != nil {
			return nil, fmt.Errorf("--runs: %w", err)
		}
		out = append(out, &fit.Sample{Name: path, Setup: s, Arrivals: f.Arrivals, Measured: f.Measured})
	}
	return out, nil
}

// mostForward bounds a file of vllm bench forward, which has a line a case.
const mostForward = 1 << 20

// readBatches reads a file that vllm bench forward wrote; nil for any other.
func readBatches(path string) ([]fit.Batch, error) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > mostForward {
		return nil, nil // what it is, ReadArrivals says
	}
	raw, err := os.ReadFile(path)
	if err != nil || !bytes.HasPrefix(bytes.TrimSpace(raw), []byte("[")) || !bytes.Contains(raw, []byte(`"median_us"`)) {
		return nil, err
	}
	return fit.ReadForward(raw)
}

// printCalibration tells what moved, and how near the runs are before and after.
func printCalibration(w io.Writer, c *fit.Calibration, path string) error {
	fmt.Fprintf(w, "%-45s %12s %12s\n", "constant", "catalogue", "your card")
	for i, x := range c.Constants {
		fmt.Fprintf(w, "%-45s %12s %12s\n", x.Name(), fit.Text(x.Prior), fit.Text(c.Values[i]))
	}
	fmt.Fprintf(w, "\n%-45s %10s %12s %12s\n", "number", "measured", "before", "after")
	for i, e := range c.Before {
		a := c.After[i]
		fmt.Fprintf(w, "%-45s %10.2f %7.2f %+.0f%% %7.2f %+.0f%%\n", e.ID, e.Measured, e.Simulated, 100*e.Error, a.Simulated, 100*a.Error)
	}
	_, err := fmt.Fprintf(w, "\nCard written to %s\n", path)
	return err
}
