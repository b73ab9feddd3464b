/* SPDX-License-Identifier: MIT */

// Goroutines on split stacks, a garbage collector that looks at all memory, and C's
// allocator beside it.
package main

import (
	"fmt"
	"sync"
)

//extern malloc
func c_malloc(size uintptr) *byte

//extern free
func c_free(block *byte)

func recurse(depth int) int {
	var frame [200]int
	for i := range frame {
		frame[i] = depth
	}
	block := c_malloc(uintptr(depth + 1))
	sum := frame[depth%200]
	if depth > 0 {
		sum += recurse(depth - 1)
	}
	c_free(block)
	return sum
}

func main() {
	var group sync.WaitGroup
	sums := make([]int, 50)
	for i := range sums {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			for j := 0; j < 20; j++ {
				sums[i] += recurse(100)
				garbage := make([]byte, 10000)
				garbage[j] = 1
			}
		}(i)
	}
	group.Wait()
	sum := 0
	for _, s := range sums {
		sum += s
	}
	fmt.Println(sum)
}
