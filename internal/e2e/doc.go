// Package e2e proves Guardian on real parts: Argo CD, Prometheus, a pair of Alertmanagers, git, and
// `guardian serve` as it is shipped. Its tests have the build tag e2e:
//
//	go test -tags e2e -count=1 -parallel 6 -timeout 30m ./internal/e2e/
//
// Prometheus and Alertmanager are Debian's prometheus and prometheus-alertmanager. Argo CD is built and
// started by internal/e2e/argocd, which needs etcd-server and redis-server, but neither Docker nor a
// cluster; programs that are built are kept in ${XDG_CACHE_HOME:-~/.cache}/guardian-e2e. No cluster is
// made with kind: one that stands is used where ARGOCD_SERVER names its Argo CD. These environment
// variables change things:
//
//	ARGOCD_SERVER, ARGOCD_AUTH_TOKEN   use this Argo CD, for instance one in kind; the token is an
//	                                   administrator's: the tests make a project, applications and roles
//	ARGOCD_ADMIN_TOKEN                 that token, where ARGOCD_AUTH_TOKEN is a lesser one
//	GIT_URL, GIT_PUSH_URL              a git repository as that Argo CD and as the tests reach it;
//	                                   each test has a branch of its own
//	GUARDIAN_E2E_IMAGE                 image whose tags v1, v2, v2-broken, v3-broken that cluster can pull, and
//	                                   whose tag v2-broken-bad it cannot
//	GUARDIAN_E2E_NAMESPACE             where the applications go; default
//	GUARDIAN_E2E_BIN                   folder with argocd, kube-apiserver, … that were built before
//	GUARDIAN_BIN                       the guardian to test; else it is built
//	GUARDIAN_E2E_KEEP                  folder that keeps all logs and ledgers
package e2e
