// Package run makes one run: an unchanging plan becomes a complete run
// directory. It prints nothing and knows no command line: an Observer is told
// what happens, and everything of the outside that a run touches is in World.
//
// # The life of a run
//
// Run is a list of steps. Each takes what the one before it gives.
//
//  1. find looks for what the plan names and this machine has: the file of a
//     dataset, the engine to simulate.
//  2. open makes the run directory, so that what can't be written is known
//     before an hour of measuring.
//  3. draft looks for the tokenizer, and for the card and the model whose speed of
//     light the run is compared with; it builds the workload and sets the time at
//     which each request is due. Where only the server can name the model or cut
//     its texts into tokens, the dataset and the schedule are tried instead: what
//     is wrong with them is said before any server is asked.
//  4. contact starts the simulator where the plan wants one, and asks the server
//     which models it has and what it calls itself.
//  5. complete makes up for what the draft could not do, and cuts prompts that the
//     server's tokenizer makes longer than asked. Resolved holds what was found
//     out about the plan; the plan stays as it was.
//  6. measure waits until the server answers a first request, warms it up, and
//     sends the requests; their bodies are written a window ahead of need.
//  7. finish reads the server's counters again, counts the answers that the server
//     gave no count for, and completes the run directory.
//
// # The life of a request
//
//  1. package workload makes its prompt and lengths, package schedule the time at
//     which it is due.
//  2. package protocol writes its body in the dialect of the server, shortly before
//     it is due.
//  3. package load waits for its time, and for a place under a limit on
//     concurrency, and hands it to a client of package wire.
//  4. wire writes it and reads the answer, with the kernel's time of each arrival.
//  5. protocol finds the tokens in each event; load puts them into a
//     record.Record.
//  6. When the answer ends, the record goes to package record, which writes it
//     into the run directory, and is never changed again but by the counts of
//     step 7 above.
//
// # What it promises
//
// A run that did not begin leaves nothing. One that began leaves a directory that
// can be read, however it ended. When Run returns, its goroutines, its connections
// and the simulator that it started are gone. No secret is written.
package run
