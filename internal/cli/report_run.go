package cli

import "context"

// runReport prints the block of a run from its folder.
func runReport(ctx context.Context, env *Env, o reportOptions) error {
	return failf(ExitFailed, "", "this build cannot print a report")
}
