package sim

import (
	"fmt"
	"strings"

	"tokmeter/internal/cli/shell"
	"tokmeter/internal/sim/fault"
)

// docsFaults lists the faults of sim.
func docsFaults() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n| fault | what happens |\n|--|--|\n")
	for _, f := range fault.Help() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", f[0], shell.EscapeCell(f[1]))
	}
	return b.String()
}

// docsSim tells of sim what its flags do not say.
const docsSim = `Serves a simulated engine until Ctrl-C: ` + "`tokmeter sim --model llama-3-8b --gpu a10g --precision int4`" + `, or
` + "`tokmeter sim llama-3-8b --gpu a10g`" + `. What it is and how near to real engines it comes is in [simulator.md](simulator.md). It
is ready when ` + "`/health`" + ` answers. SIGINT and SIGTERM end it with exit code 0; a port that is taken with 1; a setup that
no engine could have with 2 and a line for each reason. Everything that it says of itself says that it is simulated. Flags
that ` + "`vllm serve`" + ` has mean what they mean there, and those that have no meaning here are taken and named once; ` + "`VLLM_API_KEY`" + ` counts where ` + "`--api-key`" + ` is not given.`

// docsReplay tells of sim replay what its flags do not say.
const docsReplay = `Runs arrivals and lengths on a virtual clock and tells TTFT, TPOT and E2EL in no time. ` + "`--requests`" + ` takes JSON lines or
CSV with an arrival, prompt tokens and output tokens, as traces have them under several names; a file of
` + "`bench serve --dry-run --save-requests`" + `; or the folder of a run. Where the file says what was measured, it is shown beside,
with the error. A ` + "`meta.json`" + ` beside a trace gives what no flag gives: model, card and settings. ` + "`--json`" + ` prints one object with ` + "`ttft`, `tpot` and `e2el`" + `, each with ` + "`mean_ms`, `p50_ms`, `p90_ms` and `p99_ms`" + `.`
