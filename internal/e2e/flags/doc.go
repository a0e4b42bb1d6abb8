// Package flags proves the flag stores against servers that are not ours. Its tests have the build tag
// e2e:
//
//	make e2e-flags
//
// Unleash is the real server, from npm with the node that it needs, on a PostgreSQL of its own; both are
// installed on the machine's cache the first time or come from Debian (postgresql). moto (pip) stands in
// for S3. AppConfig is not here: moto 5.2.1 has its applications and versions, but neither deployments
// nor their strategies, which a change is made of. Nor is LaunchDarkly, which nobody can run. Both have
// their contract run on fakes by `make test`.
package flags
