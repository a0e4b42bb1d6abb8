"""Teaches moto's CloudFormation the resource types of Guardian's stack that it does not know.

Python imports a module of this name when a program starts whose PYTHONPATH has this folder. A type is made
by the call of AWS' API that makes the same thing, sent to moto itself (AWS_ENDPOINT_URL), so that botocore
checks the name and type of every property.
"""

import json

import boto3
from moto.awslambda.models import EventSourceMapping
from moto.cloudformation.exceptions import CloudFormationError, ValidationError
from moto.cloudformation.models import ChangeSet, CloudFormationBackend
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.common_models import CloudFormationModel
from moto.dynamodb.models import Table, dynamodb_backends
from moto.events.models import Archive, EventBus
from moto.logs.models import LogGroup
from moto.s3.models import FakeBucket, s3_backends
from moto.stepfunctions.models import StateMachine


def alarm(p):
    client = boto3.client("cloudwatch")
    client.put_metric_alarm(**p)
    made = client.describe_alarms(AlarmNames=[p["AlarmName"]])["MetricAlarms"][0]
    return p["AlarmName"], {"Arn": made["AlarmArn"]}


def no_alarm(name):
    boto3.client("cloudwatch").delete_alarms(AlarmNames=[name])


def bucket_policy(p):
    # It is not put: moto does not read conditions, and would deny everybody who does not come by HTTPS
    # all that "Deny unless SecureTransport" names, which is everything.
    return p["Bucket"], {}


def queue_policy(p):
    for url in p["Queues"]:
        boto3.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(p["PolicyDocument"])})
    return "policy-of-" + p["Queues"][0].rsplit("/", 1)[1], {}


def topic_policy(p):
    for arn in p["Topics"]:
        boto3.client("sns").set_topic_attributes(
            TopicArn=arn, AttributeName="Policy", AttributeValue=json.dumps(p["PolicyDocument"])
        )
    return "policy-of-" + p["Topics"][0], {}


def subscription(p):
    attributes = {"RedrivePolicy": json.dumps(p["RedrivePolicy"])} if "RedrivePolicy" in p else {}
    made = boto3.client("sns").subscribe(
        TopicArn=p["TopicArn"], Protocol=p["Protocol"], Endpoint=p["Endpoint"],
        Attributes=attributes, ReturnSubscriptionArn=True,
    )
    return made["SubscriptionArn"], {}


def no_subscription(arn):
    boto3.client("sns").unsubscribe(SubscriptionArn=arn)


def function_url(p):
    made = boto3.client("lambda").create_function_url_config(FunctionName=p["TargetFunctionArn"], AuthType=p["AuthType"])
    return p["TargetFunctionArn"], {"FunctionUrl": made["FunctionUrl"] + "/"}  # as AWS ends it


def invoke_config(p):
    if p.get("Qualifier") == "$LATEST":  # what it is without one
        p = {name: value for name, value in p.items() if name != "Qualifier"}
    boto3.client("lambda").put_function_event_invoke_config(**p)
    return p["FunctionName"] + "|$LATEST", {}


def goes_with_its_owner(name):
    pass


def teach(kind, make, unmake):
    class Model(CloudFormationModel):
        __module__ = "moto.cloudformation.guardian"  # moto reads the second word

        def __init__(self, name, attributes):
            self.physical_resource_id, self.attributes = name, attributes

        @staticmethod
        def cloudformation_name_type():
            return ""

        @staticmethod
        def cloudformation_type():
            return kind

        @classmethod
        def has_cfn_attr(cls, attr):
            return True

        def get_cfn_attribute(self, name):
            return self.attributes[name]

        @classmethod
        def create_from_cloudformation_json(cls, name, template, account, region, **kwargs):
            return cls(*make(template["Properties"]))

        @classmethod
        def update_from_cloudformation_json(
            cls, original_resource, new_resource_name, cloudformation_json, account_id, region_name
        ):
            return cls(*make(cloudformation_json["Properties"]))

        def delete(self, account, region):
            unmake(self.physical_resource_id)

    return Model


taught = [  # kept here, as Python forgets a class that nothing holds
    teach("AWS::CloudWatch::Alarm", alarm, no_alarm),
    teach("AWS::S3::BucketPolicy", bucket_policy, goes_with_its_owner),
    teach("AWS::SQS::QueuePolicy", queue_policy, goes_with_its_owner),
    teach("AWS::SNS::TopicPolicy", topic_policy, goes_with_its_owner),
    teach("AWS::SNS::Subscription", subscription, no_subscription),
    teach("AWS::Lambda::Url", function_url, goes_with_its_owner),
    teach("AWS::Lambda::EventInvokeConfig", invoke_config, goes_with_its_owner),
]

create_archive = Archive.create_from_cloudformation_json


def archive_of_an_object(name, template, account, region, **kwargs):
    """moto reads the pattern as the API has it, a text; in a template it is an object."""
    p = template["Properties"]
    p = {**p, "EventPattern": json.dumps(p["EventPattern"])}
    return create_archive(name, {**template, "Properties": p}, account, region, **kwargs)


Archive.create_from_cloudformation_json = archive_of_an_object

# These have no physical ID in moto, so that a Ref to one is nothing.
EventBus.physical_resource_id = property(lambda bus: bus.name)
Archive.physical_resource_id = property(lambda archive: archive.name)
EventSourceMapping.physical_resource_id = property(lambda mapping: mapping.uuid)


def change_log_group(original_resource, new_resource_name, cloudformation_json, account_id, region_name):
    """moto does not change one, and forgets what it does not change."""
    original_resource.set_retention_policy(cloudformation_json["Properties"]["RetentionInDays"])
    return original_resource


LogGroup.update_from_cloudformation_json = change_log_group


class ChangeSetNotFound(CloudFormationError):
    code = "ChangeSetNotFound"


describe_change_set = CloudFormationBackend.describe_change_set


def describe_change_set_that_is(self, change_set_name):
    """What AWS says where there is none: the CDK program waits for it."""
    try:
        return describe_change_set(self, change_set_name)
    except ValidationError:
        raise ChangeSetNotFound(change_set_name)


def delete_change_sets(self, change_set_name):
    """moto breaks where there is none, and takes the first where stacks have one of the same name each."""
    for arn, change_set in list(self.change_sets.items()):
        if change_set_name in (arn, change_set.change_set_name):
            del self.change_sets[arn]


CloudFormationBackend.describe_change_set = describe_change_set_that_is
CloudFormationBackend.delete_change_set = delete_change_sets

apply = ChangeSet.apply


def apply_and_tell(change_set):
    """moto works out the outputs of a stack only where no change set made it."""
    apply(change_set)
    change_set.stack.template_dict = change_set.template_dict
    change_set.stack.output_map = change_set.stack._create_output_map()


ChangeSet.apply = apply_and_tell

imports = [False]  # what the last change set asked for
create_change_set = CloudFormationResponse.create_change_set


def create_change_set_and_see(self):
    imports[0] = self._get_bool_param("ImportExistingResources", False)
    return create_change_set(self)


CloudFormationResponse.create_change_set = create_change_set_and_see


def take_over(model, find, finish):
    """A resource that is there already is taken into the stack where the change set asks for that, if the
    template gives it its name and keeps it; moto knows of no such thing. One that is made is finished."""
    create = model.create_from_cloudformation_json

    def create_or_take_over(name, template, account, region, **kwargs):
        there = find(name, account, region)
        if there is not None and imports[0] and template.get("DeletionPolicy") == "Retain":
            return there
        if there is not None:
            raise ValidationError(name, name + " already exists")
        made = create(name, template, account, region, **kwargs)
        finish(name, template["Properties"])
        return made

    model.create_from_cloudformation_json = create_or_take_over


def time_to_live(name, p):
    if "TimeToLiveSpecification" in p:
        boto3.client("dynamodb").update_time_to_live(
            TableName=name, TimeToLiveSpecification=p["TimeToLiveSpecification"]
        )


def versioning(name, p):
    if "VersioningConfiguration" in p:
        boto3.client("s3").put_bucket_versioning(Bucket=name, VersioningConfiguration=p["VersioningConfiguration"])


take_over(Table, lambda name, account, region: dynamodb_backends[account][region].tables.get(name), time_to_live)
take_over(FakeBucket, lambda name, account, region: s3_backends[account]["aws"].buckets.get(name), versioning)


def substituted(method):
    """moto leaves ${Name} in a definition as it is."""

    def with_values(*arguments, **named):
        template = next(a for a in [*arguments, *named.values()] if isinstance(a, dict) and "Properties" in a)
        p = template["Properties"]
        for name, value in p.get("DefinitionSubstitutions", {}).items():
            p["DefinitionString"] = p["DefinitionString"].replace("${" + name + "}", value)
        return method(*arguments, **named)

    return with_values


StateMachine.create_from_cloudformation_json = substituted(StateMachine.create_from_cloudformation_json)
StateMachine.update_from_cloudformation_json = substituted(StateMachine.update_from_cloudformation_json)
