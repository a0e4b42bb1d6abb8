// Package remedy is the alert flow: confirm, blame, choose, act, settle, verify.
//
//	Dispatch ─▶ confirm ─▶ blame ─▶ choose ─▶ (approve) ─▶ act ─▶ settle ─▶ verify ─▶ Healed
//	               │          │        ▲ │                    │        │         │
//	            StoodDown  FailedClean │ └─▶ FailedClean      └────────┴─────────┤ not healed: next remedy
//	                                   └─────────────────────────────────────────┘ none left: FailedDirty
//
// An answer of yes goes by confirm again: the question may have waited long.
//
// Each step is a method of Flow that loads the incident, decides with pure functions (confirm.go,
// blame.go, choose.go, guard.go), writes the decision, makes the effect, writes what came of it, and
// answers which step is next. A step may be run twice: it finds what it did before and goes on.
package remedy
