package wire

import (
	"errors"
	"os"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A ring is an io_uring: the kernel receives into buffers that it was given, and
// one call brings what came on all sockets since the one before. All but wakeUp
// is for the thread that made it.
type ring struct {
	fd     int
	wake   bell
	memory [][]byte // mapped

	sqTail  *uint32
	sqMask  uint32
	sqes    []submission
	waiting uint32 // submissions that the kernel does not know of

	cqHead, cqTail *uint32
	cqMask         uint32
	cqes           []completion

	pool    []bufferEntry // what the kernel takes from; the tail is in the first one
	tail    uint16
	buffers []byte

	message unix.Msghdr // says how much room control messages need
}

// The structures and numbers of include/uapi/linux/io_uring.h.
type (
	submissionOffsets struct {
		head, tail, mask, entries, flags, dropped, array, _ uint32
		_                                                   uint64
	}
	completionOffsets struct {
		head, tail, mask, entries, overflow, cqes, flags, _ uint32
		_                                                   uint64
	}
	ringParams struct {
		sqEntries, cqEntries, flags, cpu, idle, features, wq uint32
		_                                                    [3]uint32
		sq                                                   submissionOffsets
		cq                                                   completionOffsets
	}
	submission struct {
		opcode, flags uint8
		priority      uint16
		fd            int32
		offset, addr  uint64
		length, opt   uint32
		data          uint64
		group         uint16
		_             [22]byte
	}
	completion struct {
		data   uint64
		result int32
		flags  uint32
	}
	bufferEntry struct {
		addr   uint64
		length uint32
		id     uint16
		tail   uint16 // of the whole, in the first entry
	}
	bufferReg struct {
		addr    uint64
		entries uint32
		group   uint16
		_       uint16
		_       [3]uint64
	}
	received struct{ nameLen, controlLen, payloadLen, flags uint32 }
)

const (
	opPollAdd, opRecvmsg, opCancel = 6, 10, 14

	setupCQSize, setupClamp, setupSubmitAll   = 1 << 3, 1 << 4, 1 << 7
	setupSingleIssuer, setupDeferTaskrun      = 1 << 12, 1 << 13
	featureSingleMap, featureNoDrop           = 1 << 0, 1 << 1
	enterGetEvents, registerBuffers           = 1, 22
	offsetSQEs                                = 0x10000000
	selectBuffer, multishotRecv, multishotPol = 1 << 5, 1 << 1, 1
	completionBuffer, completionMore          = 1, 2

	ringEntries  = 512
	ringComplete = 16 << 10
	ringBuffers  = 1024
	bufferSize   = 4 << 10
	controlRoom  = 64

	dataWake, dataNothing = ^uint64(0), ^uint64(1)
	dataRoom              = uint64(1) << 63
)

// newRing makes a ring for the calling thread, and tries it.
func newRing() (*ring, error) {
	p := ringParams{flags: setupCQSize | setupClamp | setupSubmitAll | setupSingleIssuer | setupDeferTaskrun, cqEntries: ringComplete}
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, ringEntries, uintptr(unsafe.Pointer(&p)), 0)
	if errno != 0 {
		return nil, os.NewSyscallError("io_uring_setup", errno)
	}
	g := &ring{fd: int(fd), wake: -1}
	err := g.mapIn(&p)
	if err == nil {
		g.wake, err = newBell()
	}
	if err == nil {
		g.watchWake()
		err = g.try()
	}
	if err != nil {
		g.close()
		return nil, err
	}
	return g, nil
}

func (g *ring) mapIn(p *ringParams) error {
	if need := uint32(featureSingleMap | featureNoDrop); p.features&need != need {
		return errors.New("io_uring is too old")
	}
	size := max(int(p.sq.array)+int(p.sqEntries)*4, int(p.cq.cqes)+int(p.cqEntries)*int(unsafe.Sizeof(completion{})))
	rings, err := g.mapped(g.fd, 0, size)
	if err != nil {
		return err
	}
	entries, err := g.mapped(g.fd, offsetSQEs, int(p.sqEntries)*int(unsafe.Sizeof(submission{})))
	if err != nil {
		return err
	}
	at := func(offset uint32) *uint32 { return (*uint32)(unsafe.Pointer(&rings[offset])) }
	g.sqTail, g.sqMask = at(p.sq.tail), *at(p.sq.mask)
	g.cqHead, g.cqTail, g.cqMask = at(p.cq.head), at(p.cq.tail), *at(p.cq.mask)
	g.sqes = unsafe.Slice((*submission)(unsafe.Pointer(&entries[0])), p.sqEntries)
	g.cqes = unsafe.Slice((*completion)(unsafe.Pointer(&rings[p.cq.cqes])), p.cqEntries)
	order := unsafe.Slice(at(p.sq.array), p.sqEntries)
	for i := range order {
		order[i] = uint32(i)
	}
	pool, err := g.mapped(-1, 0, ringBuffers*int(unsafe.Sizeof(bufferEntry{})))
	if err != nil {
		return err
	}
	if g.buffers, err = g.mapped(-1, 0, ringBuffers*bufferSize); err != nil {
		return err
	}
	g.pool = unsafe.Slice((*bufferEntry)(unsafe.Pointer(&pool[0])), ringBuffers)
	reg := bufferReg{addr: uint64(uintptr(unsafe.Pointer(&pool[0]))), entries: ringBuffers}
	if _, _, errno := unix.Syscall6(unix.SYS_IO_URING_REGISTER, uintptr(g.fd), registerBuffers, uintptr(unsafe.Pointer(&reg)), 1, 0, 0); errno != 0 {
		return os.NewSyscallError("io_uring_register", errno)
	}
	for id := range uint16(ringBuffers) {
		g.giveBack(id)
	}
	g.message.SetControllen(controlRoom)
	return nil
}

// mapped maps memory, of a descriptor or of its own, until close.
func (g *ring) mapped(fd int, offset int64, size int) ([]byte, error) {
	flags := unix.MAP_SHARED | unix.MAP_POPULATE
	if fd < 0 {
		flags = unix.MAP_PRIVATE | unix.MAP_ANONYMOUS
	}
	b, err := unix.Mmap(fd, offset, size, unix.PROT_READ|unix.PROT_WRITE, flags)
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	g.memory = append(g.memory, b)
	return b, nil
}

// try receives a byte as lines do: kernels that know a part of what is needed
// say so only then.
func (g *ring) try() error {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return os.NewSyscallError("socketpair", err)
	}
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	const mark = 1
	g.receive(pair[0], mark)
	if _, err := unix.Write(pair[1], []byte{'x'}); err != nil {
		return os.NewSyscallError("write", err)
	}
	err = errors.New("io_uring receives nothing")
	for range 10 {
		g.enter(false)
		g.each(func(data uint64, b []byte, _ int64, errno syscall.Errno, _ bool) {
			switch {
			case data != mark:
			case errno != 0:
				err = os.NewSyscallError("io_uring recvmsg", errno)
			case string(b) == "x":
				err = nil
			}
		})
		if err == nil {
			break
		}
	}
	g.cancel(mark)
	g.enter(false)
	g.each(func(uint64, []byte, int64, syscall.Errno, bool) {})
	return err
}

// submit gives the next submission to fill.
func (g *ring) submit(s submission) {
	if g.waiting == uint32(len(g.sqes)) {
		g.enter(false)
	}
	tail := *g.sqTail
	g.sqes[tail&g.sqMask] = s
	atomic.StoreUint32(g.sqTail, tail+1)
	g.waiting++
}

// receive has the kernel receive from a descriptor until its end.
func (g *ring) receive(fd int, data uint64) {
	g.submit(submission{opcode: opRecvmsg, flags: selectBuffer, priority: multishotRecv, fd: int32(fd),
		addr: uint64(uintptr(unsafe.Pointer(&g.message))), length: 1, data: data})
}

// awaitRoom tells once when a descriptor takes bytes again.
func (g *ring) awaitRoom(fd int, data uint64) {
	g.submit(submission{opcode: opPollAdd, fd: int32(fd), opt: unix.POLLOUT, data: data})
}

func (g *ring) watchWake() {
	g.submit(submission{opcode: opPollAdd, fd: int32(g.wake), length: multishotPol, opt: unix.POLLIN, data: dataWake})
}

// cancel ends what was submitted with data.
func (g *ring) cancel(data uint64) {
	g.submit(submission{opcode: opCancel, fd: -1, addr: data, data: dataNothing})
}

// enter hands over what is submitted and has the kernel complete what it can;
// block waits until there is something.
func (g *ring) enter(block bool) {
	least := uintptr(0)
	if block {
		least = 1
	}
	n, _, errno := unix.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(g.fd), uintptr(g.waiting), least, enterGetEvents, 0, 0)
	if errno == 0 {
		g.waiting -= uint32(n)
	}
}

// each hands on what is complete: the bytes are overwritten afterwards; none at
// the end of a stream. again says that nothing more comes unless it is asked for.
func (g *ring) each(do func(data uint64, b []byte, wall int64, errno syscall.Errno, again bool)) {
	head, tail := *g.cqHead, atomic.LoadUint32(g.cqTail)
	for ; head != tail; head++ {
		c := g.cqes[head&g.cqMask]
		atomic.StoreUint32(g.cqHead, head+1)
		again := c.flags&completionMore == 0
		switch {
		case c.result < 0:
			do(c.data, nil, 0, syscall.Errno(-c.result), again)
		case c.flags&completionBuffer == 0:
			do(c.data, nil, 0, 0, again)
		default:
			id := uint16(c.flags >> 16)
			b := g.buffers[int(id)*bufferSize:][:c.result]
			out := (*received)(unsafe.Pointer(&b[0]))
			control := b[unsafe.Sizeof(received{}):][:controlRoom]
			wall := int64(0)
			if out.controlLen > 0 {
				g.message.SetControllen(int(out.controlLen))
				wall = stampOf(&g.message, (*[controlRoom / 8]uint64)(unsafe.Pointer(&control[0])))
				g.message.SetControllen(controlRoom)
			}
			do(c.data, b[int(unsafe.Sizeof(received{}))+controlRoom:], wall, 0, again)
			g.giveBack(id)
		}
	}
}

// giveBack lets the kernel fill a buffer again.
func (g *ring) giveBack(id uint16) {
	e := &g.pool[g.tail&(ringBuffers-1)]
	e.addr, e.length, e.id = uint64(uintptr(unsafe.Pointer(&g.buffers[int(id)*bufferSize]))), bufferSize, id
	g.tail++
	// The tail shares a word with the id of the first entry, which is aligned.
	first := (*uint32)(unsafe.Pointer(&g.pool[0].id))
	word := [2]uint16{g.pool[0].id, g.tail}
	atomic.StoreUint32(first, *(*uint32)(unsafe.Pointer(&word)))
}

func (g *ring) close() {
	g.wake.close()
	unix.Close(g.fd)
	for _, b := range g.memory {
		_ = unix.Munmap(b)
	}
}
