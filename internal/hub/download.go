package hub

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	maxTries      = 5                      // in a row without a byte, as huggingface_hub
	defaultPause  = time.Second            // between tries, as huggingface_hub
	progressEvery = 200 * time.Millisecond // between two calls of Progress
)

// maxUnsized is how many bytes of a file are taken whose size the server does
// not say: the largest files of tokenizers and datasets are below it.
const maxUnsized = 1 << 30

// errCut marks what another try may mend.
var errCut = errors.New("the download was cut short")

// download brings a file to part, continuing what lies there, checks it and
// gives it its name. What does not match its hash is thrown away, and fetched
// once more where some of it was there before.
func (h *Hub) download(ctx context.Context, r repo, m meta, part, blob string) error {
	f, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return cacheError(r.id, m.file, err)
	}
	defer f.Close()
	had, err := f.Seek(0, io.SeekEnd)
	if err == nil {
		err = h.fill(ctx, r, m, f)
	}
	if err == nil {
		err = check(m, f)
	}
	if errors.Is(err, errCorrupt) && had > 0 {
		if err = f.Truncate(0); err == nil {
			err = h.fill(ctx, r, m, f)
		}
		if err == nil {
			err = check(m, f)
		}
	}
	if err != nil {
		if errors.Is(err, errCorrupt) {
			f.Close()
			os.Remove(part)
			said := strings.TrimPrefix(err.Error(), errCorrupt.Error()+": ")
			return &Error{Name: r.id, File: m.file, Reason: errCorrupt, Err: errors.New(said), Hint: "try again; if it stays, the proxy or mirror changes it"}
		}
		return cacheError(r.id, m.file, err)
	}
	if err := f.Close(); err != nil {
		return cacheError(r.id, m.file, err)
	}
	if err := os.Rename(part, blob); err != nil && !exists(blob) {
		return cacheError(r.id, m.file, err)
	}
	return nil
}

// fill fetches until the file is whole, going on after failures that may pass.
func (h *Hub) fill(ctx context.Context, r repo, m meta, f *os.File) error {
	pause := h.pause
	if pause == 0 {
		pause = defaultPause
	}
	var most int64 // a server that starts over each time makes no progress
	for tries := 1; ; tries++ {
		size, err := h.fillOnce(ctx, r, m, f)
		if err == nil || !errors.Is(err, errCut) {
			return err
		}
		if size > most {
			most, tries = size, 1
		}
		if tries > maxTries {
			return h.unreachable(ctx, r, m.file, err)
		}
		select {
		case <-ctx.Done():
			return h.unreachable(ctx, r, m.file, context.Cause(ctx))
		case <-time.After(pause):
		}
	}
}

// fillOnce makes one request for what is missing and returns how many bytes are
// there then. An error that is errCut may be mended by another try.
func (h *Hub) fillOnce(ctx context.Context, r repo, m meta, f *os.File) (int64, error) {
	offset, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	if m.size >= 0 && offset > m.size {
		if offset, err = restart(f); err != nil {
			return 0, err
		}
	}
	if m.size >= 0 && offset == m.size {
		h.report(m.file, offset, m.size)
		return 0, nil
	}
	header := http.Header{}
	if offset > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
	}
	quiet, timer, stop := h.impatient(ctx)
	defer stop()
	resp, err := h.send(quiet, http.MethodGet, m.url, header, func(*http.Response) bool { return false })
	if err != nil {
		if ctx.Err() != nil {
			return 0, h.unreachable(ctx, r, m.file, err)
		}
		return 0, fmt.Errorf("%w: %w", errCut, err)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusPartialContent && rangeStart(resp) == offset:
	case resp.StatusCode == http.StatusOK:
		if offset, err = restart(f); err != nil {
			return 0, err
		}
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable || resp.StatusCode == http.StatusPartialContent:
		if _, err := restart(f); err != nil {
			return 0, err
		}
		return 0, fmt.Errorf("%w: the server can't continue at byte %d", errCut, offset)
	case resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusRequestTimeout:
		return 0, fmt.Errorf("%w: %w", errCut, &statusError{resp.StatusCode})
	case resp.StatusCode >= 400:
		return 0, h.refused(r, m.commit, m.file, resp)
	default:
		return 0, fmt.Errorf("%w: %w", errCut, &statusError{resp.StatusCode})
	}
	return h.receive(quiet, m, f, resp.Body, offset, timer)
}

// receive appends a body to the file and returns how many bytes are there then.
func (h *Hub) receive(ctx context.Context, m meta, f *os.File, body io.Reader, offset int64, timer *time.Timer) (int64, error) {
	buf := make([]byte, 256<<10)
	var got int64
	var told time.Time
	for {
		n, readErr := body.Read(buf)
		timer.Reset(h.patience())
		if _, err := f.Write(buf[:n]); err != nil {
			return offset + got, err
		}
		got += int64(n)
		if m.size >= 0 && offset+got > m.size {
			return offset + got, fmt.Errorf("%w: more than the %d bytes it should have", errCorrupt, m.size)
		}
		if most := h.mostUnsized(); m.size < 0 && offset+got > most {
			return offset + got, fmt.Errorf("%w: more than %d MiB, and the server does not say how many bytes it sends", errCorrupt, most>>20)
		}
		if readErr != nil || time.Since(told) >= progressEvery {
			h.report(m.file, offset+got, m.size)
			told = time.Now()
		}
		switch {
		case readErr == nil:
		case !errors.Is(readErr, io.EOF):
			if cause := context.Cause(ctx); cause != nil {
				readErr = cause
			}
			return offset + got, fmt.Errorf("%w: %w", errCut, readErr)
		case m.size >= 0 && offset+got < m.size:
			return offset + got, fmt.Errorf("%w: %d of %d bytes", errCut, offset+got, m.size)
		default:
			return offset + got, nil
		}
	}
}

func (h *Hub) report(file string, done, total int64) {
	if h.Progress != nil {
		h.Progress(file, done, total)
	}
}

func restart(f *os.File) (int64, error) {
	if err := f.Truncate(0); err != nil {
		return 0, err
	}
	return f.Seek(0, io.SeekStart)
}

// rangeStart is the first byte that a 206 holds, −1 where it does not say.
func rangeStart(resp *http.Response) int64 {
	v, ok := strings.CutPrefix(resp.Header.Get("Content-Range"), "bytes ")
	if !ok {
		return -1
	}
	first, _, _ := strings.Cut(v, "-")
	n, err := strconv.ParseInt(first, 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// check compares a file with its size and with the hash that its etag is: SHA-256
// for large files, git's hash of a blob for the others. An etag of another form
// (some mirrors) says nothing.
func check(m meta, f *os.File) error {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if m.size >= 0 && size != m.size {
		return fmt.Errorf("%w: %d bytes instead of %d", errCorrupt, size, m.size)
	}
	var sum hash.Hash
	switch {
	case isHex(m.etag, 64):
		sum = sha256.New()
	case isHex(m.etag, 40):
		sum = sha1.New()
		fmt.Fprintf(sum, "blob %d\x00", size)
	default:
		return nil
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if _, err := io.Copy(sum, f); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != m.etag {
		return fmt.Errorf("%w: its hash is %s, the hub names %s", errCorrupt, got, m.etag)
	}
	return nil
}
