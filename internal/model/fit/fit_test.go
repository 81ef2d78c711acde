package fit

import (
	"os"
	"slices"
	"sync"
	"testing"
)

func TestPoints(t *testing.T) {
	folder := os.DirFS("testdata")
	runs, err := Read(folder)
	if err != nil {
		t.Fatal(err)
	}
	of := map[*Run]Metrics{}
	var all []Error
	var mu sync.Mutex
	var wg sync.WaitGroup
	ch := make(chan *Run)
	for range 2 {
		wg.Go(func() {
			for r := range ch {
				m, err := r.Simulate(folder, nil)
				mu.Lock()
				if err != nil {
					t.Log(err)
				} else {
					of[r] = m
				}
				mu.Unlock()
			}
		})
	}
	for _, r := range runs {
		ch <- r
	}
	close(ch)
	wg.Wait()
	for _, r := range runs {
		if of[r] != nil {
			all = append(all, r.Errors(of[r])...)
		}
	}
	all = append(all, Speedups(runs, of)...)
	if testing.Verbose() {
		for _, e := range all {
			t.Logf("%-60s %-12s measured %-10.6g simulated %-10.6g %+.1f %%", e.ID, e.Kind, e.Measured, e.Simulated, 100*e.Error)
		}
	}
	print := func(group string, kinds ...string) {
		for _, kind := range kinds {
			byFamily := map[string][]Error{}
			var families []string
			var total []Error
			for _, e := range all {
				if e.Kind != kind || e.Run.Group != group {
					continue
				}
				if !slices.Contains(families, e.Run.Family) {
					families = append(families, e.Run.Family)
				}
				byFamily[e.Run.Family] = append(byFamily[e.Run.Family], e)
				total = append(total, e)
			}
			for _, f := range families {
				t.Log(Summarize(f, kind, byFamily[f]))
			}
			if len(total) > 0 {
				t.Log(Summarize("total", kind, total))
			}
		}
	}
	print("vllm", timeAToken, speedup, "TTFT", "TPOT", "TTFT P99", "TPOT P99", "E2EL", "tokens/s")
	print("slow_kernel", timeAToken, speedup)
}
