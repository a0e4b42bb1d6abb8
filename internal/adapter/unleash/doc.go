// Package unleash keeps feature flags in Unleash, through its admin API.
//
// A flag without variants has the variants on and off; one with variants has those, and off where
// none of them is named so. Its safe variant is made what every caller gets
//
//   - by switching the flag off in the environment, where the safe variant is that off,
//   - else by one more strategy, first in the list and for everybody, which serves the safe variant:
//     the first strategy that fits a caller decides
//     (https://docs.getunleash.io/reference/activation-strategies).
//
// The admin API has no compare-and-set. So a change never touches what a person may have written: it
// only adds a strategy of its own or switches, is compared with what it was meant to be when it has
// landed, and its strategy is taken out again where somebody else changed the flag at the same
// moment. A restore takes out what the kill put in, and nothing else.
package unleash
