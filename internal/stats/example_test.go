package stats_test

import (
	"fmt"

	"tokmeter/internal/stats"
)

// Percentiles are NumPy's: between the two nearest ranks by linear interpolation.
func ExamplePercentile() {
	sorted := []float64{10, 20, 30, 40}
	fmt.Println(stats.Percentile(sorted, 50), stats.Percentile(sorted, 99))
	// Output: 25 39.699999999999996
}

// A mean of few rounds has a wide interval: Student's t with two degrees of
// freedom.
func ExampleMeanOf() {
	i := stats.MeanOf([]float64{101, 99, 103})
	fmt.Printf("%.0f, 95 %% within %.1f and %.1f\n", i.Value, i.Low, i.High)
	// Output: 101, 95 % within 96.0 and 106.0
}

// How much faster is b than a? Both served the same requests in two rounds.
// Requests differ much among themselves, but each is about twice as fast: the
// interval of the ratio is narrow.
func ExampleRatio() {
	var a, b [2][]float64
	for round := range a {
		for i := range 40 {
			tpot := 20 + float64(i%7)*5
			a[round] = append(a[round], tpot)
			b[round] = append(b[round], tpot/2+float64((i+round)%3)*0.2)
		}
	}
	r := stats.Ratio(a[:], b[:], stats.OfMean, 1)
	fmt.Printf("%.2f, 95 %% within %.2f and %.2f\n", r.Value, r.Low, r.High)
	// Output: 1.98, 95 % within 1.97 and 1.98
}

// Of three comparisons that are told together, only the first is beyond chance.
func ExampleHolm() {
	fmt.Printf("%.3f\n", stats.Holm([]float64{0.001, 0.03, 0.04}))
	// Output: [0.003 0.060 0.060]
}
