// Command truth serves the simulator on its own, in a process apart from the
// client under test: it answers at set times, or at those of an engine, and
// keeps when each request arrived and each token left (GET /sim/truth, DELETE to
// forget).
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"tokmeter/internal/sim"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:0", "address to listen on")
	spec := flag.String("spec", "", "times, such as ttft=50ms,itl=20ms,jitter=0.1,seed=0,model=simulated, or an engine, such as a10g/llama-3-8b/int4")
	flag.Parse()
	if err := serve(*addr, *spec); err != nil {
		fmt.Fprintln(os.Stderr, "truth:", err)
		os.Exit(1)
	}
}

func serve(addr, text string) error {
	o, err := sim.ParseSimulate(text)
	if err != nil {
		return err
	}
	if o.Fixed == nil && len(o.Names) == 0 {
		o.Names = []string{"simulated"}
	}
	o.Addr = addr
	s, err := sim.Start(o)
	if err != nil {
		return err
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	fmt.Println(s.URL())
	<-stop
	return s.Close()
}
