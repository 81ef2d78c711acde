// Package cli is the command line: commands and flags, environment and
// configuration file become a plan.Plan, and errors become one line and an
// exit code. It is the only room that touches arguments, environment, standard
// streams, signals and the terminal. It contains no arithmetic.
package cli

// Main runs the command that env.Args names and returns the exit code of the
// process. It never exits by itself.
func Main(env *Env) int {
	return ExitUsage
}
