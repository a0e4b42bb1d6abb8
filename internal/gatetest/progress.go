package gatetest

import "sync"

// progress counts the releases that are read, and never backwards.
type progress struct {
	tell func(done, all int) // nil is nobody
	all  int

	mu   sync.Mutex
	done int
}

func (p *progress) step() { p.move(func(done int) int { return min(done+1, p.all) }) }

// reach is how many are read or will not be, now that a gate is done.
func (p *progress) reach(n int) { p.move(func(int) int { return n }) }

func (p *progress) move(to func(done int) int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done = max(p.done, to(p.done))
	if p.tell != nil {
		p.tell(p.done, p.all)
	}
}
