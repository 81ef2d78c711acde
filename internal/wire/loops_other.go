//go:build !linux

package wire

import (
	"errors"
	"net"

	"tokmeter/internal/record"
)

// loops are the reader threads that this system has none of.
type loops struct{}

func newLoops(cfg Config) (*loops, error) {
	if cfg.Method == MethodEpoll {
		return nil, errors.New("this system has no epoll: leave the choice to tokmeter")
	}
	return nil, nil
}

func (s *loops) adopt(net.Conn, record.Stamp) (link, error) { return nil, errors.ErrUnsupported }

func (s *loops) close() {}
