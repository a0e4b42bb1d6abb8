// Package evidence is the statistics behind the gates, pure and without a clock: bounds of an
// error ratio, e-processes that may be looked at after every window without being wrong more
// often, and the rank test that Kayenta judges with.
//
// An e-process E is evidence against a hypothesis: it begins at 1 and, while the hypothesis is
// true, its expectation never rises above 1. By Ville's inequality it then ever reaches 1/α with
// a probability of at most α, however often one looks and whenever one stops (Ramdas, Grünwald,
// Vovk, Shafer: Game-theoretic statistics and safe anytime-valid inference, Statistical Science
// 38, 2023). Everything here is kept as log E and held against Bar.
package evidence
