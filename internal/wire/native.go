package wire

import (
	"context"
	"errors"

	"tokmeter/internal/record"
)

// NewNative makes the client with kernel-stamped reads.
func NewNative(cfg Config) (Client, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &unfinished{}, nil
}

// NewStd makes the client on top of net/http.
func NewStd(cfg Config) (Client, error) { return NewNative(cfg) }

type unfinished struct{}

func (unfinished) Connect(context.Context, int) error { return nil }
func (unfinished) Close() error                       { return nil }
func (unfinished) Do(context.Context, Call, Handler) (record.Timing, error) {
	return record.Timing{}, &Error{Outcome: record.Refused, Err: errors.New("not connected")}
}
