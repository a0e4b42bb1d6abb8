// Package argocd builds and starts a real Argo CD on loopback, without Docker: etcd, the parts of
// Kubernetes that Argo CD needs, kwok in place of machines, redis, git, and Argo CD's repo-server,
// application controller, API server and notifications controller.
//
// Containers do not run: a pod is ready at once, or never where its image's tag contains "bad".
// Everything else is real. All ports are free loopback ports, except the metrics ports of the
// application controller and of notifications: Argo CD lets them listen on all interfaces. All state
// is in one folder, and everything ends with the process that started it.
package argocd
