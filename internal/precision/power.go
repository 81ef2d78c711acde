package precision

import (
	"context"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// powerEvery is how often the card is asked for its power.
const powerEvery = time.Second

// Power measures the card's power until the function that it returns is called,
// which gives the mean in watt. It is 0 where the driver's tool does not tell,
// and on a machine with several cards: which of them an engine uses is not
// known.
func Power(ctx context.Context) (mean func() float64) {
	tool, err := exec.LookPath("nvidia-smi")
	if err != nil {
		return func() float64 { return 0 }
	}
	ctx, cancel := context.WithCancel(ctx)
	sum, n := 0.0, 0
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		tick := time.NewTicker(powerEvery)
		defer tick.Stop()
		for {
			out, err := exec.CommandContext(ctx, tool, "--query-gpu=power.draw", "--format=csv,noheader,nounits").Output()
			if w, ok := watts(string(out)); err == nil && ok {
				sum, n = sum+w, n+1
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() float64 {
		cancel()
		<-gone
		if n == 0 {
			return 0
		}
		return sum / float64(n)
	}
}

// watts reads the power of one card; ok is false for none and for several.
func watts(out string) (w float64, ok bool) {
	w, err := strconv.ParseFloat(strings.TrimSpace(out), 64)
	return w, err == nil && w > 0
}
