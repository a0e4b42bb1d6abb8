// Package launchdarkly keeps feature flags in LaunchDarkly, through its REST API.
//
// A flag is made safe by turning its targeting off in the environment, with the safe variation as the
// one that it serves when off: then neither targets, rules nor prerequisites count, and all of them
// stay as they are for the way back. A variation is named by its name, else by its value.
//
// Where only targeting is turned off or on, this is a semantic patch, which leaves whatever else
// somebody writes at the same moment. Where the off variation must change too, it is a JSON patch
// that first tests the version of the environment's configuration, as semantic patches take no
// condition (https://launchdarkly.com/docs/api#updates): so nobody's change is written over. What
// came of a patch is compared with what was meant.
package launchdarkly
