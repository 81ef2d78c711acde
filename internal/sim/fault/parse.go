package fault

// A Kind names a fault.
type Kind uint8

// Parse reads one fault or several, split by semicolons:
//
//	KIND[=VALUE][:CHANCE][,key=value…]
//
// as in 429:0.05, reset_mid_stream:0.01,after=10 or stall=2s,after=5. Without a
// chance every request gets it. VALUE is the key that matters most of its kind.
// Errors are one line.
func Parse(spec string) (Set, error) { return nil, nil }

// Header is the request header whose value Parse reads; what it asks for is
// added to the server's own faults and wins over them.
const Header = "X-Sim-Fault"

// Help is the list of faults for the help of a flag: name, keys with their
// defaults, what happens.
func Help() [][2]string { return nil }
