package load

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tokmeter/internal/record"
	"tokmeter/internal/wire"
	"tokmeter/internal/workload"
)

func TestOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, _, sink := newJob()
		rec := Once(t.Context(), j, workload.Request{Index: 4, ID: "x", WantOutput: 3})
		if rec.Outcome != record.OK || rec.Index != 4 || rec.ID != "x" || len(rec.Events) != 3 || rec.Due == 0 || rec.Sent < rec.Released {
			t.Errorf("got %+v", rec)
		}
		if len(sink.Records()) != 0 || j.Progress.Tokens.Load() != 0 {
			t.Error("a single request must stay out of the run's sink and progress")
		}
	})
}

func TestReady(t *testing.T) {
	refused := &wire.Error{Outcome: record.Refused, Err: errors.New("connection refused")}
	tests := []struct {
		why      string
		limit    time.Duration
		upAfter  time.Duration // the server answers from then on
		takes    time.Duration
		cancel   time.Duration
		attempts int
		wantErr  string
		at       time.Duration // when Ready returns
	}{
		{"a server that is there", time.Minute, 0, 3 * time.Second, 0, 1, "", 3 * time.Second},
		{"one that comes is asked every 5 s", time.Minute, 12 * time.Second, 0, 0, 4, "", 15 * time.Second},
		{"one that never comes", 12 * time.Second, time.Hour, 0, 0, 3, "not ready in time: refused: connection refused", 12 * time.Second},
		{"less time than the pause", 2 * time.Second, time.Hour, 0, 0, 1, "not ready in time", 2 * time.Second},
		{"an attempt may take the whole limit", 4 * time.Second, 0, 4*time.Second - 1, 0, 1, "", 4*time.Second - 1},
		{"one that accepts and never answers", 4 * time.Second, 0, time.Hour, 0, 1, "timeout", 4 * time.Second},
		{"Ctrl-C", time.Hour, time.Hour, 0, 7 * time.Second, 2, "interrupted by hand", 7 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j, client, _ := newJob()
				began := time.Now()
				client.takes = func(string) time.Duration {
					client.answer = nil
					if time.Since(began) < tt.upAfter {
						client.answer = refused
					}
					return tt.takes
				}
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				if tt.cancel > 0 {
					time.AfterFunc(tt.cancel, func() { cancel(errors.New("interrupted by hand")) })
				}
				told := 0
				rec, err := Ready(ctx, j, workload.Request{WantOutput: 3}, tt.limit, func(*record.Record) { told++ })
				if rec == nil || (err == nil) != (tt.wantErr == "") || err != nil && !strings.Contains(err.Error(), tt.wantErr) {
					t.Errorf("got %v, want %q", err, tt.wantErr)
				}
				want := tt.attempts
				if tt.wantErr == "" {
					want--
				}
				if len(client.order) != tt.attempts || told != want {
					t.Errorf("got %d attempts and was told of %d, want %d and %d", len(client.order), told, tt.attempts, want)
				}
				if got := time.Since(began); got != tt.at {
					t.Errorf("returned after %v, want %v", got, tt.at)
				}
			})
		})
	}
}

func TestWarm(t *testing.T) {
	tests := []struct {
		why        string
		n, limit   int
		answer     error
		ok, failed int
		took       time.Duration
	}{
		{"all at once", 6, 0, nil, 6, 0, time.Second},
		{"under the limit", 6, 4, nil, 6, 0, 2 * time.Second},
		{"failures are counted", 6, 0, &wire.Error{Outcome: record.HTTPError, Status: 500, Err: errors.New("500")}, 0, 6, time.Second / 3},
		{"none", 0, 4, nil, 0, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j, client, _ := newJob()
				j.MaxConcurrency, client.answer = tt.limit, tt.answer
				began := time.Now()
				ok, failed := Warm(t.Context(), j, workload.Request{WantOutput: 3}, tt.n)
				if ok != tt.ok || failed != tt.failed || time.Since(began) != tt.took {
					t.Errorf("got %d ok and %d failed after %v, want %d, %d, %v", ok, failed, time.Since(began), tt.ok, tt.failed, tt.took)
				}
			})
		})
	}
}
