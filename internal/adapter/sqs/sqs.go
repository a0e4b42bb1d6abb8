// Package sqs is the queue between intake and dispatch on AWS: SQS FIFO, with a second queue for what can
// never be handled.
//
// The caller's role needs sqs:SendMessage on both queues to send and bury, sqs:GetQueueAttributes to count.
package sqs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/cinegit/guardian/internal/intake"
)

// MaxBody is how long the body of a message may be, in bytes: SQS takes 1 MiB with its attributes
// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html), and
// the reason of a dead letter must fit beside it.
const MaxBody = 1<<20 - 4<<10

// maxReason is how much of a reason goes with a dead letter, in bytes.
const maxReason = 1000

// Queue is a FIFO queue with one for its dead letters.
type Queue struct {
	client *sqs.Client
	url    string
	dead   string
}

var _ intake.Queue = (*Queue)(nil)

// New gives the queue at a URL; deadLetters is the URL of the other. Nothing is connected to before the
// first call.
func New(cfg aws.Config, url, deadLetters string) *Queue {
	return &Queue{client: sqs.NewFromConfig(cfg), url: url, dead: deadLetters}
}

// Send implements intake.Queue. A message of the same ID within five minutes is no new message. It is kept
// once nil is returned; after another error than intake.ErrTooLarge it may be kept all the same, and can be
// sent again.
func (q *Queue) Send(ctx context.Context, m intake.Message) error {
	if len(m.Body) > MaxBody {
		return fmt.Errorf("message of %d bytes: %w", len(m.Body), intake.ErrTooLarge)
	}
	_, err := q.client.SendMessage(ctx, &sqs.SendMessageInput{
		QueueUrl: &q.url, MessageBody: aws.String(string(m.Body)),
		MessageGroupId: &m.Group, MessageDeduplicationId: &m.ID,
	})
	if err != nil {
		return fmt.Errorf("send to the queue: %w", err)
	}
	return nil
}

// Letter is what can never be handled.
type Letter struct {
	ID     string // of where it comes from: one of the same ID within five minutes is no new letter
	Source string // where it comes from
	Reason string // why it can never be handled
	Body   string // as it came
}

// Bury puts what can never be handled among the dead letters, with the reason as an attribute. Letters keep
// no order among each other.
func (q *Queue) Bury(ctx context.Context, l Letter) error {
	text := func(s string) types.MessageAttributeValue {
		return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(cmp.Or(printable(s), "unknown"))}
	}
	_, err := q.client.SendMessage(ctx, &sqs.SendMessageInput{
		QueueUrl: &q.dead, MessageBody: aws.String(cmp.Or(l.Body, "(empty)")),
		MessageGroupId: &l.ID, MessageDeduplicationId: &l.ID,
		MessageAttributes: map[string]types.MessageAttributeValue{"source": text(l.Source), "reason": text(l.Reason)},
	})
	if err != nil {
		return fmt.Errorf("send to the dead letters: %w", err)
	}
	return nil
}

// printable is the beginning of a text, without the characters that SQS refuses.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0xFFFE && r <= 0xFFFF {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	return strings.ToValidUTF8(s[:min(len(s), maxReason)], "")
}

// Depth tells about how many messages wait or are being handled, and how many are dead letters.
func (q *Queue) Depth(ctx context.Context) (waiting, dead int, err error) {
	waiting, err = q.count(ctx, q.url)
	if err != nil {
		return 0, 0, err
	}
	dead, err = q.count(ctx, q.dead)
	return waiting, dead, err
}

func (q *Queue) count(ctx context.Context, url string) (int, error) {
	all := []types.QueueAttributeName{
		types.QueueAttributeNameApproximateNumberOfMessages,
		types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
		types.QueueAttributeNameApproximateNumberOfMessagesDelayed,
	}
	out, err := q.client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: all})
	if err != nil {
		return 0, fmt.Errorf("count the queue: %w", err)
	}
	sum := 0
	for _, name := range all {
		n, err := strconv.Atoi(cmp.Or(out.Attributes[string(name)], "0"))
		if err != nil {
			return 0, errors.New("count the queue: SQS gave no number")
		}
		sum += n
	}
	return sum, nil
}
