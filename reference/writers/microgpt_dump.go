// Writes node dumps for `microgpt compare`: see docs/node-format.md. Put it beside your main.go:
//
//	dump, err := NewDump("port.txt", `{"step": 1}`) // what the dump is of, as JSON
//	DumpVector(dump, "pos2.logit", logit, nil)      // pos2.logit[0], pos2.logit[1], ...
//	DumpVector(dump, "pos2.prob", prob, dprob)      // the same with gradients
//	DumpMatrix(dump, "wte", wte, dwte, nCols)       // row after row: wte[0,0], ...
//	DumpNumber(dump, "loss", loss, &dloss)          // &dloss may be nil
//	err = dump.Flush()
//
// Numbers may be float64 or float32.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
)

func NewDump(path, about string) (*bufio.Writer, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	dump := bufio.NewWriter(file)
	_, err = fmt.Fprintf(dump, "# microgpt-nodes 1 %s\n", about)
	return dump, err
}

func dumpHex[T float32 | float64](x T) string {
	return strconv.FormatFloat(float64(x), 'x', -1, 64)
}

func DumpNumber[T float32 | float64](dump *bufio.Writer, path string, x T, grad *T) {
	if grad != nil {
		fmt.Fprintln(dump, path, dumpHex(x), dumpHex(*grad))
	} else {
		fmt.Fprintln(dump, path, dumpHex(x), "-")
	}
}

func DumpVector[T float32 | float64](dump *bufio.Writer, name string, x, grads []T) {
	DumpMatrix(dump, name, x, grads, 0)
}

// DumpMatrix writes a vector where nCols is 0.
func DumpMatrix[T float32 | float64](dump *bufio.Writer, name string, x, grads []T, nCols int) {
	for i := range x {
		path := fmt.Sprintf("%s[%d]", name, i)
		if nCols > 0 {
			path = fmt.Sprintf("%s[%d,%d]", name, i/nCols, i%nCols)
		}
		if grads != nil {
			DumpNumber(dump, path, x[i], &grads[i])
		} else {
			DumpNumber(dump, path, x[i], nil)
		}
	}
}
