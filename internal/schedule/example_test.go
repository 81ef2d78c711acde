package schedule_test

import (
	"fmt"
	"math"
	"time"

	"tokmeter/internal/plan"
	"tokmeter/internal/schedule"
)

// Two requests a second, evenly, with one under way at most: the second one was
// due at 1 s and waits until the first one ends.
func Example() {
	even := plan.Float(math.Inf(1))
	s, err := schedule.New(plan.Load{RequestRate: 2, Burstiness: even}, 2, nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	pace := schedule.Limit(s.Pace(), 1)
	fmt.Println(pace.Next())
	fmt.Println(pace.Next())
	pace.Ended(schedule.Ended{At: 3 * time.Second})
	fmt.Println(pace.Next())
	// Output:
	// 500ms true
	// 0s false
	// 1s true
}
