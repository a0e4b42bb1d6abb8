package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/cinegit/guardian/internal/lambdakit/names"
)

func main() {
	defer closeQuietly()
	app := awscdk.NewApp(nil)
	c, err := readConfig(func(name string) string { return text(app.Node().TryGetContext(&name)) })
	if err == nil {
		err = checkBuilt(c.dist)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		closeQuietly()
		os.Exit(1)
	}
	newStack(app, c)
	app.Synth(nil)
}

// closeQuietly ends the program that jsii runs. jsii waits for it twice, and says of the wait that comes
// second that something went wrong.
func closeQuietly() {
	if nowhere, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0); err == nil {
		os.Stderr = nowhere
	}
	jsii.Close()
}

// text gives a context value as text: cdk.json may also say true or 30.
func text(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// checkBuilt finds functions that were not built.
func checkBuilt(dist string) error {
	for _, f := range names.Functions() {
		if _, err := os.Stat(filepath.Join(dist, f.Name, "bootstrap")); err != nil {
			return fmt.Errorf("function %s is not built in %s, or cannot be read: run make functions", f.Name, dist)
		}
	}
	return nil
}
