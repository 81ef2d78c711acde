package run

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"tokmeter/internal/metrics"
	"tokmeter/internal/record"
)

// Verdict is nil for a run that went to its end and of which at least half of
// the requests succeeded. s is the summary of its records. The error is an *Error.
func (o *Outcome) Verdict(s *metrics.Summary) error {
	if o.interrupted {
		return failf(Interrupted, "", "interrupted: %d of %d requests were sent, %d of them answered", s.Requests, o.Planned, s.Completed)
	}
	if s.Completed > 0 {
		return errors.Join(mostFailed(s), o.stoppedByErrors(s))
	}
	refused := 0
	for _, c := range s.Outcomes {
		if c.Outcome == record.Refused {
			refused = c.N
		}
	}
	if o.unreached || s.Requests > 0 && refused == s.Requests {
		return o.unreachable(s)
	}
	if len(s.Failures) == 0 {
		return failf(Failed, "", "no request succeeded: none ended")
	}
	f := &s.Failures[0]
	example, hint := string(f.Outcome), ""
	if f.Outcome == record.HTTPError {
		hint = statusHint(f.Status, f.Example)
	}
	example += ": " + f.Example
	if len(o.models) > 0 && !slices.Contains(o.models, o.Plan.Target.ModelName()) {
		hint = "the server offers the models " + strings.Join(o.models, ", ")
	}
	return failf(Failed, hint, "no request succeeded, the first failed with %s", example)
}

// stoppedByErrors is the error of a run that failures ended.
func (o *Outcome) stoppedByErrors(s *metrics.Summary) error {
	why, ok := strings.CutPrefix(s.Reason, record.Stopped)
	if ok && strings.Contains(why, "--max-error") && s.Failed <= s.Completed {
		return failf(Failed, "the numbers are of the others alone", "stopped: %s", why)
	}
	return nil
}

// mostFailed is the error of a run of which more requests failed than succeeded.
func mostFailed(s *metrics.Summary) error {
	if s.Failed <= s.Completed {
		return nil
	}
	example := ""
	if len(s.Failures) > 0 {
		f := &s.Failures[0]
		example = fmt.Sprintf(", most of them with %s: %s", f.Outcome, f.Example)
	}
	return failf(Failed, "the numbers are of the others alone", "%d of %d requests failed%s", s.Failed, s.Requests, example)
}

// unreachable is the error of a run that reached nobody.
func (o *Outcome) unreachable(s *metrics.Summary) error {
	what := o.away
	if len(s.Failures) > 0 {
		what = errors.New(s.Failures[0].Example)
	}
	return failf(Unreachable, reachHint(o.away), "%s could not be reached: %w", o.Plan.Target.BaseURL, what)
}

// statusHint is the user's next step where every request was answered with
// this HTTP status.
func statusHint(status int, said string) string {
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return "set OPENAI_API_KEY, or --header Authorization=…"
	case status == http.StatusBadRequest && said == "HTTP 400 Bad Request":
		return "it says no reason: one that wants a UUID as x-request-id, as llama-cpp-python does, takes --header x-request-id=UUID"
	case status == http.StatusBadRequest && strings.Contains(said, "HTTPS"):
		return "the server speaks TLS: try https:// in --base-url"
	}
	return ""
}
