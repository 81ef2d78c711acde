// Package arch is the house as a test: which room may import which, what only
// some rooms may touch, and how long files and functions may be. A violation
// names the file, the line and the rule. The rules are data; the test reads
// the source and runs nothing.
package arch

// A room is one folder of internal.
type room struct {
	name    string
	imports string // rooms that it may import, split by spaces; "*" for all
	touches string // of disk, network, clock, goroutines
}

// rooms is the import table. A folder that is not here is a violation too.
func rooms() []room {
	return []room{
		{"plan", "protocol", ""},
		{"record", "atomicfile", "disk clock goroutines"},
		{"stats", "", ""},
		{"tokenize", "python", "disk goroutines"},
		{"template", "python", "disk clock"}, // a template may ask for the date
		{"python", "", ""},
		{"alarm", "", "clock goroutines"},
		{"near", "", ""},
		{"casefile", "", "disk"}, // for tests alone
		{"atomicfile", "", "disk"},
		{"excerpt", "", ""},
		{"scrape", "", ""},
		{"schedule", "plan python", ""},
		{"lock", "", "disk"},
		{"origin", "", "network"},
		{"hub", "lock origin atomicfile excerpt", "disk network clock goroutines"},
		{"dataset", "excerpt record", "disk"},
		{"protocol", "excerpt python", ""},
		{"workload", "plan dataset tokenize template python protocol record", "disk goroutines"},
		{"wire", "record origin", "network clock goroutines disk"},
		{"target", "origin", "network clock goroutines disk"},
		{"load", "plan workload schedule protocol wire record alarm excerpt", "clock goroutines"},
		{"metrics", "record stats plan model schedule scrape", ""},
		{"compare", "metrics record result stats excerpt atomicfile", "disk"},
		{"result", "record metrics model stats plan excerpt", "disk"},
		{"report", "result metrics model plan record python lock atomicfile excerpt", "disk clock"},
		{"live", "metrics record", "clock goroutines"},
		{"export", "metrics record", "network clock goroutines"},
		{"telemetry", "record", "network clock goroutines disk"},
		{"memory", "", "clock goroutines disk"},
		{"machine", "record atomicfile", "clock disk"},
		{"engine", "plan telemetry origin excerpt python", "network clock goroutines disk"},
		{"model", "stats near excerpt python", "disk"},
		{"sim", "model stats tokenize template python alarm", "network clock goroutines disk"},
		{"selftest", "plan run machine metrics record result stats", "network clock"},
		{"experiment", "plan run engine compare stats atomicfile excerpt", "disk goroutines"},
		{"precision", "plan experiment compare metrics model sim stats near report result origin atomicfile excerpt engine record", "network disk clock goroutines"},
		{"run", "origin plan dataset workload schedule protocol wire load record target hub tokenize template metrics model machine stats excerpt atomicfile", "disk network clock goroutines"},
		{"fleet", "plan run record", "network clock goroutines disk"},
		{"cli", "*", "disk network clock goroutines"}, // it makes the clients that the rooms are given,
		{"arch", "", ""},
	}
}

// pure is the folders that touch nothing although their room may: they are
// given what they read, and time is a number to them.
func pure() []string {
	return []string{"compare", "compare/foreign", "compare/page", "precision/page", "precision/table", "model/expect", "model/light", "model/replay", "model/roofline", "model/sched", "model/steps",
		"sim/call", "sim/exposition", "sim/fault", "sim/prompt", "sim/text", "sim/truth"}
}

// folders is the import table inside cli: what each folder may import of the
// others. A folder that is not here is a command's, which may import all of these
// and no other command's; cli itself imports them all.
func folders() []room {
	return []room{
		{"argv", "", ""},
		{"flags", "argv", ""},
		{"shell", "flags", ""},
		{"simulated", "flags shell", ""},
		{"measure", "argv flags shell simulated", ""},
		{"gate", "flags shell", ""},
	}
}

// homes says which folder of cli alone touches what no other room does.
func homes(what string) string {
	if what == "github.com/spf13/cobra" || what == "github.com/spf13/pflag" {
		return "cli"
	}
	return "cli/shell"
}

// A ban is something that only some rooms may use.
type ban struct {
	what  string   // the word of room.touches that allows it; "" allows cli alone
	paths []string // packages of the standard library, or package.Name
	rule  string
}

// bans is what the rooms may touch.
func bans() []ban {
	return []ban{
		{"network", []string{
			"net.Dial", "net.DialTimeout", "net.DialTCP", "net.Dialer", "net.Listen", "net.ListenTCP", "net.ListenConfig", "net.Resolver", "net.LookupHost", "net.LookupIP",
			"net/http.Get", "net/http.Post", "net/http.Head", "net/http.Client", "net/http.DefaultClient", "net/http.Transport", "net/http.DefaultTransport",
			"net/http.Server", "net/http.ListenAndServe", "net/http.Serve", "net/http/httptest", "crypto/tls.Dial", "crypto/tls.Client", "crypto/tls.Listen",
		}, "only rooms with the network in the table open connections"},
		{"disk", []string{"os", "io/ioutil"}, "only rooms with the disk in the table use files"},
		{"clock", []string{"time.Now", "time.Since", "time.Until", "time.Sleep", "time.After", "time.AfterFunc", "time.Tick", "time.NewTimer", "time.NewTicker"}, "only rooms with the clock in the table know the time"},
		{"", []string{
			"os.Args", "os.Stdin", "os.Stdout", "os.Stderr", "os.Exit", "os.Getenv", "os.LookupEnv", "os.Environ", "os.ExpandEnv", "os.Setenv",
			"os.UserHomeDir", "fmt.Print", "fmt.Printf", "fmt.Println", "os/signal", "flag", "log", "golang.org/x/term", "github.com/spf13/cobra", "github.com/spf13/pflag",
		}, "only cli/shell touches arguments, environment, streams, signals, terminal and exit, and only cli knows cobra"},
	}
}

// roomBans is what single rooms never use.
func roomBans() map[string][]string {
	return map[string][]string{
		"wire":     {"encoding/json"},
		"schedule": {"math/rand", "math/rand/v2"},
		"workload": {"math/rand", "math/rand/v2"},
	}
}

// Names that say nothing about the job of a room.
func badNames() []string {
	return []string{"util", "utils", "common", "lib", "pkg", "helper", "helpers", "types", "misc", "base", "shared"}
}

const (
	maxFile = 450 // lines
	maxFunc = 80  // lines, without tests and tables of data
)

// badWords are marks of unfinished work. They are cut in two, so that this
// file does not break its own rule.
func badWords() []string { return []string{"TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"} }
