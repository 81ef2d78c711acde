// Package random draws random numbers bit for bit as Python and NumPy draw
// them, so that a workload made here equals the one that a Python client makes
// from the same seed.
//
// Three generators, each with the algorithms of its original:
//
//   - Random is Python's random.Random.
//   - RandomState is NumPy's legacy generator, numpy.random.RandomState, which is
//     also what numpy.random.seed and the functions of numpy.random use, and
//     what pandas samples with.
//   - Generator is numpy.random.default_rng.
//
// Integers, shuffles and choices are equal to the last bit. So are uniform
// floats. Values that pass through a logarithm or a power (exponential, normal,
// gamma) are those of NumPy where its C library rounds correctly, and one unit
// in the last place beside it where it does not: C libraries differ there among
// themselves.
//
// It does not promise unpredictability and offers no distribution that the
// clients it follows do not use. None of the generators may be used by two
// goroutines at once.
package random
