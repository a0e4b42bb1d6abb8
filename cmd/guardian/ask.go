package main

import (
	"github.com/cinegit/guardian/internal/api"
	"github.com/cinegit/guardian/internal/cli"
)

// ask puts one question to the running guardian and shows the answer.
func ask[T any](c *console, g *globals, question func(*api.Client) (T, error), page func(cli.View, T) string) error {
	answer, err := answerOf(c, g, question)
	if err != nil {
		return err
	}
	return c.show(g, answer, func(v cli.View) string { return page(v, answer) })
}

// answerOf puts one question to the running guardian.
func answerOf[T any](c *console, g *globals, question func(*api.Client) (T, error)) (T, error) {
	client, err := g.client(c)
	if err != nil {
		var none T
		return none, err
	}
	defer client.Close()
	answer, err := question(client)
	return answer, g.explained(c, err)
}
