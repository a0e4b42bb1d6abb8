package remedytest_test

import (
	"testing"
	"testing/synctest"

	"github.com/cinegit/guardian/internal/deploy/deploytest"
	"github.com/cinegit/guardian/internal/remedy"
	"github.com/cinegit/guardian/internal/remedy/remedytest"
)

var _ remedy.Deployer = (*remedytest.ArgoCD)(nil)

func TestTheArgoCDInMemoryKeepsTheContract(t *testing.T) {
	deploytest.Run(t, func(t *testing.T, test func(t *testing.T, w deploytest.World)) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) { test(t, remedytest.NewWorld()) })
	})
}
