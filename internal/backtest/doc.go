// Package backtest replays a policy's gates and rules over releases of the past: what would have
// been reverted, which of that falsely, what was missed, and how long it took to tell.
//
// What decides is pure: a bake and a health.Reading of it in, an Outcome out. Only Run asks anybody,
// and it asks for each release and gate once, whatever number of settings is lined up.
package backtest
