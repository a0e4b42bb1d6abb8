// Command guardian undoes bad releases: `guardian serve` runs it, the other commands ask a running one.
package main

import "os"

func main() { os.Exit(run(os.Args[1:], system())) }
