// Command truth serves the simulator on its own, in a process apart from the
// client under test: it answers at set times and keeps when each request
// arrived and each token left (GET /sim/truth, DELETE to forget).
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
	spec := flag.String("spec", "", "times, such as ttft=50ms,itl=20ms,jitter=0.1,seed=0,model=simulated")
	flag.Parse()
	if err := serve(*addr, *spec); err != nil {
		fmt.Fprintln(os.Stderr, "truth:", err)
		os.Exit(1)
	}
}

func serve(addr, text string) error {
	spec, err := sim.ParseSpec(text)
	if err != nil {
		return err
	}
	s, err := sim.Start(sim.Options{Fixed: &spec, Addr: addr})
	if err != nil {
		return err
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	fmt.Println(s.URL())
	<-stop
	return s.Close()
}
