package sim

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"tokmeter/internal/sim/api"
)

// BenchmarkTokens is what a served token costs, its reader included: b.N tokens
// of 64 streams.
func BenchmarkTokens(b *testing.B) {
	s, err := Start(fast())
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	defer http.DefaultClient.CloseIdleConnections()
	const streams = 64
	b.ReportAllocs()
	var wg sync.WaitGroup
	for i := range streams {
		wg.Add(1)
		go func() {
			defer wg.Done()
			body := fmt.Sprintf(`{"prompt":"p %d","max_tokens":%d,"stream":true,"ignore_eos":true}`, i, max(b.N/streams, 1))
			resp, err := http.Post(s.URL()+api.PathCompletions, "application/json", strings.NewReader(body))
			if err != nil {
				b.Error(err)
				return
			}
			defer resp.Body.Close()
			if _, err := io.Copy(io.Discard, resp.Body); err != nil {
				b.Error(err)
			}
		}()
	}
	wg.Wait()
}
