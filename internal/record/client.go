package record

import "time"

// A Client is what happened on the client's machine between the first request and
// the end of the last one: whether something else than the server may have decided
// about the numbers. What the system does not tell is 0.
type Client struct {
	Wall  time.Duration `json:"wall_ns"`
	Cores float64       `json:"cores"` // that the process may use: its affinity, or less by a control group's quota

	Machine int `json:"machine_cores,omitempty"` // cores of the whole machine

	// CPU time: of the process with all that is inside it, of other programs on the
	// same machine, and what a hypervisor gave to others.
	Own    time.Duration `json:"own_cpu_ns"`
	Others time.Duration `json:"others_cpu_ns,omitempty"`
	Stolen time.Duration `json:"stolen_cpu_ns,omitempty"`
	// Queued is how long threads of the process were ready and had no core;
	// Throttled how long a control group's quota held them.
	Queued    time.Duration `json:"queued_ns,omitempty"`
	Throttled time.Duration `json:"throttled_ns,omitempty"`
	// Pressure is how long some task of the machine waited for a core.
	Pressure time.Duration `json:"cpu_pressure_ns,omitempty"`

	Pauses       int           `json:"gc_pauses,omitempty"` // in which the garbage collector stopped the program
	LongestPause time.Duration `json:"longest_gc_pause_ns,omitempty"`

	// Of the network namespace, all programs together.
	Segments    int64 `json:"tcp_segments_sent,omitempty"`
	Resent      int64 `json:"tcp_segments_resent,omitempty"`
	ZeroWindows int64 `json:"tcp_zero_windows,omitempty"` // a receive queue was full, and the sender told to stop
	Pruned      int64 `json:"tcp_pruned,omitempty"`       // segments dropped, for a receive queue was full

	Files int64 `json:"file_limit,omitempty"` // files that the process may have open
	Ports int   `json:"local_ports,omitempty"`
}
