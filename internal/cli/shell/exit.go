package shell

// The exit codes of every command. Scripts may rely on them.
const (
	ExitOK          = 0   // everything asked for was done; sim was stopped by a signal
	ExitFailed      = 1   // the run failed: no request succeeded, more failed than succeeded, or something broke on the way
	ExitUsage       = 2   // the command line, the configuration or an input file is wrong; no server was asked
	ExitGoalMissed  = 3   // the run worked and missed a goal that it was given
	ExitRegression  = 4   // a comparison found a regression
	ExitUnreachable = 5   // the server could not be reached
	ExitInterrupted = 130 // the user interrupted; what was measured is reported
)
