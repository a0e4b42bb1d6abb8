//go:build e2e

package aws_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/cinegit/guardian/internal/adapter/dynamoledger"
	"github.com/cinegit/guardian/internal/adapter/dynamoledger/dynamotest"
	"github.com/cinegit/guardian/internal/e2e/aws/emulator"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/ledger/ledgertest"
)

func TestLedgerOnMoto(t *testing.T) {
	moto := started(t, emulator.Moto)
	tables := newTables(t, moto.Config())
	tables.makeBucket(t)
	t.Run("contract", func(t *testing.T) { ledgertest.Run(t, tables.store) })
	t.Run("reopened", tables.reopened)
	t.Run("leases", func(t *testing.T) { leaseRace(t, tables.store(t)) })
	t.Run("pages", tables.pages)
	t.Run("expiry", tables.expiry)
	t.Run("probe", tables.probe)
	t.Run("large values", tables.large)
}

// TestRacesOnDynalite has no batches of several ops: dynalite has no transactions.
func TestRacesOnDynalite(t *testing.T) {
	cfg := started(t, emulator.Dynalite).Config()
	tables := newTables(t, cfg)
	tables.cfg.HTTPClient = single{cfg.HTTPClient}
	t.Run("leases", func(t *testing.T) { leaseRace(t, tables.store(t)) })
	t.Run("increments", func(t *testing.T) { increments(t, tables.store(t)) })
}

func TestLedgerOnDynamoDB(t *testing.T) {
	if os.Getenv("GUARDIAN_E2E_DYNAMODB") == "" {
		t.Skip("set GUARDIAN_E2E_DYNAMODB=1 to run the contract in the AWS account of the environment")
	}
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tables := newTables(t, cfg)
	tables.makeBucket(t)
	t.Run("contract", func(t *testing.T) { ledgertest.Run(t, tables.store) })
	t.Run("leases", func(t *testing.T) { leaseRace(t, tables.store(t)) })
	t.Run("increments", func(t *testing.T) { increments(t, tables.store(t)) })
	t.Run("probe", tables.probe)
}

func started(t *testing.T, start func(context.Context, string) (*emulator.Server, error)) *emulator.Server {
	t.Helper()
	server, err := start(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return server
}

// tables makes a table for each test that asks.
type tables struct {
	cfg    aws.Config // of the stores
	client *dynamodb.Client
	run    string
	bucket string // of the stores' large values; none until makeBucket
}

func newTables(t *testing.T, cfg aws.Config) *tables {
	t.Helper()
	return &tables{cfg: cfg, client: dynamodb.NewFromConfig(cfg), run: strconv.FormatInt(time.Now().UnixNano(), 36)}
}

func (w *tables) table(t *testing.T) string {
	t.Helper()
	name := fmt.Sprintf("guardian-e2e-%s-%s", w.run, strconv.FormatInt(time.Now().UnixNano(), 36))
	if err := dynamotest.CreateTable(t.Context(), w.client, name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // the test's own context has ended
		_, _ = w.client.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: &name})
	})
	return name
}

func (w *tables) store(t *testing.T) ledger.Store {
	t.Helper()
	return dynamoledger.New(w.cfg, w.table(t), w.bucket)
}

func (w *tables) reopened(t *testing.T) {
	name := w.table(t)
	ledgertest.Reopen(t, func(*testing.T) ledger.Store { return dynamoledger.New(w.cfg, name, w.bucket) }, func(*testing.T, ledger.Store) {})
}
