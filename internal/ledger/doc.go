// Package ledger is Guardian's one memory: which releases ran where and proved good, incidents with
// every decision and effect, holds, quarantines and leases. Flows meet here and nowhere else.
//
// Store keeps versioned records and is what a database must offer (bbolt in one process, DynamoDB
// on AWS; package ledgertest holds the contract). Ledger writes the domain's types into a Store, and
// is the only place that knows their keys.
package ledger
