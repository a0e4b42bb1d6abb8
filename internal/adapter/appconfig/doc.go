// Package appconfig keeps feature flags in a flagd definition document that is the freeform, hosted
// configuration of an AWS AppConfig profile.
//
// What counts is what is deployed, not the newest version: a draft that nobody has deployed yet is
// neither read nor carried along by a change. A change is a new version made of the deployed one,
// and its deployment at once and to all, with neither growth nor bake time. AppConfig runs one
// deployment an environment at a time and numbers them in a row: so a change that finds another
// deployment in progress is refused, and one that finds its own number not next to the one that it
// was computed from is taken back, because somebody deployed in between.
package appconfig
