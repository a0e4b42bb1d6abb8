package template

import (
	"fmt"
	"regexp"
	"strings"
)

// resolve puts values in the place of CloudFormation's functions.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
func (t *Template) resolve(v any) (any, error) {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i := range v {
			var err error
			if out[i], err = t.resolve(v[i]); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[string]any:
		if name, argument, ok := call(v); ok {
			return t.function(name, argument)
		}
		out := map[string]any{}
		for key := range v {
			var err error
			if out[key], err = t.resolve(v[key]); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return v, nil
}

func call(v map[string]any) (name string, argument any, ok bool) {
	if len(v) != 1 {
		return "", nil, false
	}
	for name, argument = range v {
		ok = name == "Ref" || strings.HasPrefix(name, "Fn::")
	}
	return name, argument, ok
}

func (t *Template) function(name string, argument any) (any, error) {
	switch name {
	case "Ref":
		return t.ref(fmt.Sprint(argument))
	case "Fn::GetAtt":
		parts, _ := argument.([]any)
		if len(parts) != 2 {
			return nil, fmt.Errorf("cannot read Fn::GetAtt %v", argument)
		}
		return t.attribute(fmt.Sprint(parts[0]), fmt.Sprint(parts[1]))
	case "Fn::Join":
		parts, _ := argument.([]any)
		if len(parts) != 2 {
			return nil, fmt.Errorf("cannot read Fn::Join %v", argument)
		}
		resolved, err := t.resolve(parts[1])
		if err != nil {
			return nil, err
		}
		list, _ := resolved.([]any)
		var texts []string
		for _, item := range list {
			texts = append(texts, fmt.Sprint(item))
		}
		return strings.Join(texts, fmt.Sprint(parts[0])), nil
	case "Fn::Sub":
		return t.sub(argument)
	}
	return nil, fmt.Errorf("%s is not known here", name)
}

func (t *Template) sub(argument any) (any, error) {
	text, ok := argument.(string)
	if !ok {
		return nil, fmt.Errorf("cannot read Fn::Sub %v", argument)
	}
	var failed error
	out := regexp.MustCompile(`\$\{([^}!]+)\}`).ReplaceAllStringFunc(text, func(m string) string {
		id, attribute, isAttribute := strings.Cut(m[2:len(m)-1], ".")
		value, err := t.ref(id)
		if isAttribute {
			value, err = t.attribute(id, attribute)
		}
		if err != nil {
			failed = err
		}
		return fmt.Sprint(value)
	})
	return out, failed
}

// ref is the value of Ref, which each type chooses.
func (t *Template) ref(id string) (any, error) {
	switch id {
	case "AWS::Partition":
		return "aws", nil
	case "AWS::Region":
		return Region, nil
	case "AWS::AccountId":
		return Account, nil
	case "AWS::URLSuffix":
		return "amazonaws.com", nil
	case "AWS::StackName":
		return "guardian", nil
	case "AWS::StackId":
		return arn("cloudformation", "stack/guardian/0"), nil
	case "AWS::NoValue":
		return nil, nil
	}
	r, ok := t.resources[id]
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrResource, id)
	}
	switch r.Type {
	case "AWS::SQS::Queue":
		name, err := t.name(id)
		return "https://sqs." + Region + ".amazonaws.com/" + Account + "/" + name, err
	case "AWS::SNS::Topic", "AWS::StepFunctions::StateMachine":
		return t.attribute(id, "Arn")
	}
	return t.name(id)
}

// attribute is the value of Fn::GetAtt.
func (t *Template) attribute(id, attribute string) (any, error) {
	r, ok := t.resources[id]
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrResource, id)
	}
	name, err := t.name(id)
	if err != nil {
		return nil, err
	}
	switch attribute {
	case "Arn", "TopicArn", "FunctionArn":
		prefix, known := arns()[r.Type]
		if !known {
			return nil, fmt.Errorf("%s.%s of a %s is not known here", id, attribute, r.Type)
		}
		if r.Type == "AWS::S3::Bucket" {
			return "arn:aws:s3:::" + name, nil
		}
		service, kind, _ := strings.Cut(prefix, " ")
		return arn(service, kind+name), nil
	case "StreamArn":
		return StreamARN(name), nil
	case "QueueName", "TopicName", "Name":
		return name, nil
	case "FunctionUrl":
		return "https://" + id + ".lambda-url." + Region + ".on.aws/", nil
	}
	return nil, fmt.Errorf("%s.%s of a %s is not known here", id, attribute, r.Type)
}

// StreamARN is the ARN that a table's stream has in a resolved template; a real one ends with a time.
func StreamARN(table string) string { return arn("dynamodb", "table/"+table+"/stream/latest") }

// arns says for each type how its ARN begins: the service, a space, and what comes before the name.
func arns() map[string]string {
	return map[string]string{
		"AWS::DynamoDB::Table":             "dynamodb table/",
		"AWS::S3::Bucket":                  "s3 ",
		"AWS::SQS::Queue":                  "sqs ",
		"AWS::SNS::Topic":                  "sns ",
		"AWS::Lambda::Function":            "lambda function:",
		"AWS::Events::EventBus":            "events event-bus/",
		"AWS::Events::Rule":                "events rule/",
		"AWS::IAM::Role":                   "iam role/",
		"AWS::Logs::LogGroup":              "logs log-group:",
		"AWS::StepFunctions::StateMachine": "states stateMachine:",
		"AWS::KMS::Key":                    "kms key/",
	}
}

// name is the physical name; one that CloudFormation would make up is the ID.
func (t *Template) name(id string) (string, error) {
	r := t.resources[id]
	for _, property := range []string{"TableName", "BucketName", "QueueName", "TopicName", "FunctionName", "StateMachineName", "LogGroupName", "Name"} {
		if v, ok := r.Properties[property]; ok {
			resolved, err := t.resolve(v)
			return fmt.Sprint(resolved), err
		}
	}
	return id, nil
}

func arn(service, resource string) string {
	return "arn:aws:" + service + ":" + Region + ":" + Account + ":" + resource
}
