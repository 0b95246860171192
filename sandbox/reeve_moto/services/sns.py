"""SNS: ids that are no topic's."""
from ..actions import action, fail

API = "https://docs.aws.amazon.com/sns/latest/api/API_"


@action("sns", "GetTopicAttributes", page=API + "GetTopicAttributes.html")
def topic(call):
    """moto does not find what is no ARN of SNS; AWS does not take it."""
    if call.params["TopicArn"].split(":")[2:3] != ["sns"]:
        fail("InvalidParameter", "Invalid parameter: TopicArn")
    return call.proceed()
