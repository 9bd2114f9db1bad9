// The numbers of test_writers.py, from Go.
package main

import (
	"math"
	"os"
)

func main() {
	inf, nan := math.Inf(1), math.NaN()
	x := []float64{0.1, math.Copysign(0, -1), inf, -inf, nan, 5e-324, math.MaxFloat64, 1.0 / 3}
	dx := []float64{-0.1, 0, nan, 1e-7, 2, -3, 123456789, -1e-300}
	one := 1.0
	dump, err := NewDump(os.Args[1], `{"step": 3, "document": "ana"}`)
	if err != nil {
		panic(err)
	}
	DumpVector(dump, "pos2.logit", x, nil)
	DumpVector(dump, "pos2.prob", x, dx)
	DumpMatrix(dump, "wte", x[:6], dx, 3)
	DumpMatrix(dump, "wpe", x[:6], nil, 3)
	DumpVector(dump, "pos0.norm", []float32{0.1, -1e-7, 16777217}, nil)
	DumpNumber(dump, "loss", 2.5, &one)
	DumpNumber[float64](dump, "pos0.loss", 2.5, nil)
	if dump.Flush() != nil {
		os.Exit(1)
	}
}
