package exposition

// A Process is what the operating system says of the server's process.
type Process struct {
	Virtual, Resident float64 // bytes
	Start             float64 // seconds since 1970
	CPU               float64 // seconds of user and system time
	OpenFiles         float64
	MaxFiles          float64
}

// append prints the series of prometheus_client's process collector, which has
// none where the system does not tell.
func (p Process) append(dst []byte) []byte {
	if p == (Process{}) {
		return dst
	}
	rows := [...]struct {
		name, help string
		kind       kind
		x          float64
	}{
		{"process_virtual_memory_bytes", "Virtual memory size in bytes.", gauge, p.Virtual},
		{"process_resident_memory_bytes", "Resident memory size in bytes.", gauge, p.Resident},
		{"process_start_time_seconds", "Start time of the process since unix epoch in seconds.", gauge, p.Start},
		{"process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", counter, p.CPU},
		{"process_open_fds", "Number of open file descriptors.", gauge, p.OpenFiles},
		{"process_max_fds", "Maximum number of open file descriptors.", gauge, p.MaxFiles},
	}
	var none series
	for _, row := range rows {
		dst = appendHead(dst, row.name, row.help, row.kind)
		dst = none.sample(dst, row.name, "", row.x)
	}
	return dst
}
