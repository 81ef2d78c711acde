package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"tokmeter/internal/excerpt"
	"tokmeter/internal/record"
	"tokmeter/internal/target"
)

const (
	// unreachedFor is how long a run goes on against a server that could not
	// be reached before it began, until that is asked again.
	unreachedFor = 5 * time.Second
	// awaitEvery is the pause between two looks for a server that is awaited.
	awaitEvery = 500 * time.Millisecond
	// awaitTold is how often is said that it is not there.
	awaitTold = 5 * time.Second
)

// errUnreached is the cause of a run that was given up.
var errUnreached = errors.New("the server could not be reached")

// giveUpUnreached stops a run whose server was away before it began and has
// not answered since: a schedule of an hour is not waited for.
func (r *serveRun) giveUpUnreached(ctx context.Context, p *record.Progress) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	if r.away == nil {
		return ctx, func() { cancel(nil) }
	}
	var gone sync.WaitGroup
	gone.Go(func() {
		patience := time.NewTimer(unreachedFor)
		defer patience.Stop()
		select {
		case <-ctx.Done():
			return
		case <-patience.C:
		}
		if p.Failed.Load() < p.Done.Load() || p.TTFTCount.Load() > 0 {
			return
		}
		ask, stop := context.WithTimeout(ctx, askLimit)
		defer stop()
		if _, _, err := r.server.Models(ask); errors.Is(err, target.ErrUnreachable) {
			cancel(errUnreached)
		}
	})
	return ctx, func() { cancel(nil); gone.Wait() }
}

// askModels asks the server for its models. Where a ready check is wanted, it
// asks until the server is there or the time for the check is over, so that
// what is asked of the server next has an answer.
func (r *serveRun) askModels(ctx context.Context) (models []target.Model, raw []byte, err error) {
	limit := r.plan.Target.ReadyTimeout
	r.readyBy = time.Now().Add(limit)
	var told time.Time
	for {
		ask, cancel := context.WithTimeout(ctx, askLimit)
		models, raw, err = r.server.Models(ask)
		cancel()
		if !notYet(err) || limit <= 0 || ctx.Err() != nil {
			return models, raw, err
		}
		if time.Since(told) >= awaitTold {
			told = time.Now()
			fmt.Fprintf(r.env.Stderr, "tokmeter: not ready: %s\n", excerpt.Lines(err.Error()))
		}
		if time.Until(r.readyBy) < awaitEvery {
			return nil, nil, fmt.Errorf("the server was not ready within %s: %w", limit, err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(awaitEvery):
		}
	}
}

// notYet reports whether err is that of a server which may still be starting:
// nobody listens, or what stands before it says so.
func notYet(err error) bool {
	var status *target.StatusError
	return errors.Is(err, target.ErrUnreachable) || errors.As(err, &status) && status.Status >= 502 && status.Status <= 504
}

// reachHint is the user's next step where err, which may be nil, kept the
// server from being reached.
func (r *serveRun) reachHint(err error) string {
	var (
		verify *tls.CertificateVerificationError
		header tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &verify):
		return "trust the server's authority with --ca-file FILE, or any certificate with --insecure"
	case errors.As(err, &header), errors.Is(err, http.ErrSchemeMismatch):
		return "it may speak plain HTTP: try http:// in --base-url"
	case err != nil && strings.Contains(err.Error(), "proxyconnect"):
		return "the proxy is that of HTTP_PROXY or HTTPS_PROXY; NO_PROXY names hosts that need none"
	}
	return "is the server running, and are --base-url, --host and --port right?"
}

// statusHint is the user's next step where every request was answered with
// this HTTP status.
func statusHint(status int, said string) string {
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return "set OPENAI_API_KEY, or --header Authorization=…"
	case status == http.StatusBadRequest && strings.Contains(said, "HTTPS"):
		return "the server speaks TLS: try https:// in --base-url"
	}
	return ""
}
