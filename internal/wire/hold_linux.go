package wire

import (
	"net"
	"time"
)

// holdStamps has the kernel stamp packets for as long as the returned pair of
// connections is open, and waits until it does. The kernel begins to stamp
// some time after the first socket asks for it and stops after the last one
// has gone; without this the first answers of a run would come without stamps.
// Where it does not come about, reads say so one by one.
func holdStamps(clock *Clock) (release func()) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return func() {}
	}
	defer ln.Close()
	d := net.Dialer{Timeout: time.Second, Control: askStamps}
	near, err := d.Dial("tcp", ln.Addr().String())
	if err != nil {
		return func() {}
	}
	far, err := ln.Accept()
	if err != nil {
		near.Close()
		return func() {}
	}
	release = func() {
		near.Close()
		far.Close()
	}
	s, err := newStampConn(near, clock, 0)
	if err != nil {
		return release
	}
	_ = near.SetDeadline(time.Now().Add(time.Second))
	for range 100 {
		s.begin()
		if _, err := far.Write([]byte{0}); err != nil {
			break
		}
		if _, err := s.Read(make([]byte, 1)); err != nil || s.plain.Load() == 0 {
			break
		}
		time.Sleep(500 * time.Microsecond)
	}
	return release
}
