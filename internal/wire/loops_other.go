//go:build !linux

package wire

import (
	"errors"
	"fmt"
	"net"

	"tokmeter/internal/record"
)

// loops are the reader threads that this system has none of.
type loops struct{}

func newLoops(cfg Config) (*loops, error) {
	if cfg.Method == MethodEpoll || cfg.Method == MethodUring {
		return nil, fmt.Errorf("this system has no %s: leave the choice to tokmeter", cfg.Method)
	}
	return nil, nil
}

func (s *loops) adopt(net.Conn, record.Stamp) (link, error) { return nil, errors.ErrUnsupported }

func (s *loops) close() {}
