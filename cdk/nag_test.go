package main

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCdkNagFindsNothingThatIsNotExplained(t *testing.T) {
	for _, c := range []stackTemplate{plain, full, appConfig} {
		file, err := os.Open(filepath.Join(assembly, "AwsSolutions--"+c.name+"-NagReport.csv"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = file.Close() }()
		rows, err := csv.NewReader(file).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		const rule, resource, compliance, reason, level, info = 0, 1, 2, 3, 4, 5
		compliant := 0
		for _, row := range rows[1:] {
			switch row[compliance] {
			case "Compliant":
				compliant++
			case "Suppressed":
				if len(strings.Fields(row[reason])) < 4 {
					t.Errorf("%s: %s of %s is suppressed without a reason: %q", c.name, row[rule], row[resource], row[reason])
				}
			default:
				t.Errorf("%s: %s %s of %s: %s (%s)", c.name, row[level], row[rule], row[resource], row[info], row[compliance])
			}
		}
		if compliant < 25 {
			t.Errorf("%s: only %d rules were looked at", c.name, compliant)
		}
	}
}
