// Package workflow runs Amazon States Language files (https://states-language.net/, with JSONPath)
// in this process, and durably: an execution that was cut off by kill -9 goes on in the next
// process where it had last written itself down.
//
// Load reads a file and refuses whatever the interpreter would not do as Step Functions does it.
// A Runner carries out executions of one machine. It writes an execution into the ledger when it
// starts, before it waits (Wait, task token, a retry far away), and when it ends; between those it
// may, after a crash, enter states a second time, so tasks must bear being run twice.
//
// Beyond Step Functions there is Wake, which cuts a Wait short.
//
// An execution is one goroutine, asleep in a timer while it waits; ten thousand that wait take
// about 100 MB. How many tasks run at once is bounded by Options.MaxTasks.
package workflow
