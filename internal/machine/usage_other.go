//go:build !unix

package machine

import "time"

func ownTime() time.Duration { return 0 }

func fileLimit() int64 { return 0 }
