//go:build e2e

package flags_test

import (
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/cinegit/guardian/internal/e2e/proc"
)

// startPostgres starts a PostgreSQL of its own and gives the URL of an empty database. PostgreSQL
// refuses to run as root, so that root becomes the user postgres for it.
func startPostgres(t *testing.T) (url string) {
	t.Helper()
	bin := postgresBin(t)
	folder, err := os.MkdirTemp("", "guardian-e2e-postgres-") //nolint:usetesting // another user may not enter t.TempDir()
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	var as []string
	if os.Geteuid() == 0 {
		postgres, err := user.Lookup("postgres")
		must(t, err)
		uid, err := strconv.Atoi(postgres.Uid)
		must(t, err)
		must(t, os.Chown(folder, uid, -1))
		as = []string{"setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--pdeathsig=KILL"}
	}
	data := filepath.Join(folder, "data")
	run := append(slices.Clone(as), filepath.Join(bin, "initdb"), "-D", data, "-A", "trust", "-U", "unleash", "-E", "UTF8")
	if out, err := exec.CommandContext(t.Context(), run[0], run[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v: %s", err, out)
	}
	ports, err := proc.Ports(1)
	must(t, err)
	port := strconv.Itoa(ports[0])
	run = append(slices.Clone(as), filepath.Join(bin, "postgres"), "-D", data, "-p", port, "-k", folder,
		"-c", "listen_addresses=127.0.0.1", "-c", "fsync=off")
	path, err := exec.LookPath(run[0])
	must(t, err)
	process, err := proc.Start(proc.Program{Name: "postgres", Path: path, Args: run[1:], Logs: t.TempDir()})
	must(t, err)
	t.Cleanup(process.Stop)
	address := net.JoinHostPort("127.0.0.1", port)
	must(t, process.Ready(t.Context(), proc.Listens(address)))
	return "postgres://unleash@" + address + "/postgres"
}

// postgresBin finds the newest of Debian's PostgreSQLs.
func postgresBin(t *testing.T) string {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	must(t, err)
	if len(found) == 0 {
		t.Fatal("PostgreSQL is not installed: sudo apt-get install --no-install-recommends postgresql")
	}
	slices.Sort(found)
	return filepath.Dir(found[len(found)-1])
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
