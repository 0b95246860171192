//! The wire under the SDK clients, against real sockets: what is repeated and what is not, how long anything takes, what is
//! counted, and that the fault layer does what it says.

mod emulated;
mod environment;
mod server;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::SdkConfig;
use aws_types::region::Region;
use reeve::planes::aws::connect::{Options, connect};
use reeve::planes::aws::faults::{Fault, Faults, Rule};
use reeve::planes::aws::gate::{Gate, May};
use reeve::planes::aws::stats::Stats;
use reeve::planes::aws::wire::Wire;
use reeve::planes::aws::{Estate, retry};
use reeve::planes::{Aws, Class, Error};
use server::{Reply, Server, xml};

const VPC: &str = "<CreateVpcResponse><vpc><vpcId>vpc-1</vpcId></vpc></CreateVpcResponse>";
const NO_VPCS: &str = "<DescribeVpcsResponse><vpcSet></vpcSet></DescribeVpcsResponse>";

fn keys() -> Credentials {
    Credentials::new("AKIDEXAMPLE", "not-a-secret", None, None, "test")
}

fn aws(endpoint: &str, wire: Wire) -> Aws {
    let config = SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(SharedCredentialsProvider::new(keys()))
        .endpoint_url(endpoint)
        .retry_config(retry::config())
        .timeout_config(retry::timeouts())
        .http_client(wire)
        .build();
    let [stack, domain, account, region, partition] = ["test", "example.org", "123456789012", "eu-west-1", "aws"].map(str::to_owned);
    Aws::new(&config, Estate { stack, domain, account, region, partition })
}

/// Clients of a server and the counts of what they do.
fn clients(server: &Server) -> (Aws, Stats) {
    let stats = Stats::default();
    (aws(&server.endpoint, Wire::new(stats.clone())), stats)
}

fn faulty(server: &Server, faults: &Faults) -> (Aws, Stats) {
    let stats = Stats::default();
    (aws(&server.endpoint, Wire::new(stats.clone()).with_faults(faults.clone())), stats)
}

async fn create_vpc(aws: &Aws) -> Result<(), Error> {
    aws.ec2.create_vpc().cidr_block("10.0.0.0/16").send().await.map(drop).map_err(Error::from)
}

async fn describe_vpcs(aws: &Aws) -> Result<usize, Error> {
    Ok(aws.ec2.describe_vpcs().max_results(1000).send().await?.vpcs().len())
}

#[tokio::test]
async fn a_create_without_a_token_is_not_repeated_when_its_answer_is_lost() {
    for reply in [0, 1, 2] {
        let server = Server::start(move |_, _| match reply {
            0 => Reply::Close,
            1 => Reply::Half(VPC.to_owned()),
            _ => Reply::Body(500, "text/xml", "<Response><Errors><Error><Code>InternalError</Code></Error></Errors></Response>".into()),
        })
        .await;
        let (aws, stats) = clients(&server);
        let error = create_vpc(&aws).await.unwrap_err();
        assert_eq!(error.class, Class::Ambiguous, "{reply}: {error}");
        assert_eq!(server.asked("CreateVpc").len(), 1, "{reply}");
        assert_eq!(stats.retries(), 0);
    }
}

#[tokio::test]
async fn a_read_is_repeated_when_its_answer_is_lost() {
    let server = Server::start(|_, before| match before {
        0 => Reply::Close,
        1 => Reply::Half(NO_VPCS.to_owned()),
        _ => xml(NO_VPCS),
    })
    .await;
    let (aws, stats) = clients(&server);
    assert_eq!(describe_vpcs(&aws).await.unwrap(), 0);
    assert_eq!((stats.calls(), stats.retries()), (BTreeMap::from([("ec2.DescribeVpcs".to_owned(), 3)]), 2));
}

#[tokio::test]
async fn a_create_with_a_token_is_repeated_with_the_same_token() {
    let server = Server::start(|_, before| match before {
        0 => Reply::Close,
        _ => xml("<CreateNatGatewayResponse><natGateway><natGatewayId>nat-1</natGatewayId></natGateway></CreateNatGatewayResponse>"),
    })
    .await;
    let (aws, _) = clients(&server);
    aws.ec2.create_nat_gateway().subnet_id("subnet-1").client_token("mine").send().await.unwrap();
    let asked = server.asked("CreateNatGateway");
    assert_eq!(asked.len(), 2);
    assert!(asked.iter().all(|asked| asked.body.contains("ClientToken=mine")));
}

#[tokio::test]
async fn creates_that_aws_calls_idempotent_are_repeated_without_a_token() {
    let server = Server::start(|_, before| match before {
        0 => Reply::Close,
        _ => {
            xml("<CreateTargetGroupResponse><CreateTargetGroupResult><TargetGroups/></CreateTargetGroupResult></CreateTargetGroupResponse>")
        }
    })
    .await;
    let (aws, _) = clients(&server);
    aws.elbv2.create_target_group().name("one").send().await.unwrap();
    assert_eq!(server.asked("CreateTargetGroup").len(), 2);
}

#[tokio::test]
async fn a_throttled_create_is_repeated_because_it_was_not_carried_out() {
    let server = Server::start(|_, before| match before {
        0 => Reply::Body(400, "text/xml", "<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>".into()),
        _ => xml("<CreateLaunchConfigurationResponse/>"),
    })
    .await;
    let (aws, stats) = clients(&server);
    aws.autoscaling.create_launch_configuration().launch_configuration_name("one").send().await.unwrap();
    assert_eq!((stats.throttles(), stats.retries(), server.asked("CreateLaunchConfiguration").len()), (1, 1, 2));
}

#[tokio::test]
async fn a_quota_is_not_taken_for_a_throttle() {
    let body = r#"{"__type":"LimitExceededException","message":"too many keys"}"#;
    let server = Server::start(move |_, _| Reply::Body(400, "application/x-amz-json-1.1", body.into())).await;
    let (aws, stats) = clients(&server);
    let error = Error::from(aws.kms.create_key().send().await.unwrap_err());
    assert_eq!((error.code.as_str(), server.asked("CreateKey").len(), stats.throttles()), ("LimitExceededException", 1, 0));
}

#[tokio::test]
async fn a_web_page_for_an_answer_is_asked_for_twice_at_most() {
    let server = Server::start(|_, _| Reply::Body(500, "text/html", "<html>not implemented</html>".into())).await;
    let (aws, _) = clients(&server);
    assert!(describe_vpcs(&aws).await.is_err());
    assert_eq!(server.asked("DescribeVpcs").len(), 2);
}

#[tokio::test]
async fn silence_ends_an_attempt_and_a_create_is_then_ambiguous() {
    let server = Server::start(|_, _| Reply::Silence).await;
    let stats = Stats::default();
    let aws = aws(&server.endpoint, Wire::new(stats.clone()).with_attempt_timeout(Duration::from_millis(300)));
    let start = Instant::now();
    let error = create_vpc(&aws).await.unwrap_err();
    assert_eq!((error.class, error.message.as_str()), (Class::Ambiguous, "no answer within 0.3 s"));
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    assert_eq!(server.asked("CreateVpc").len(), 1);
}

#[tokio::test]
async fn a_refused_connection_is_tried_three_times_also_for_creates() {
    let stats = Stats::default();
    let aws = aws("http://127.0.0.1:9", Wire::new(stats.clone()));
    let start = Instant::now();
    let error = create_vpc(&aws).await.unwrap_err();
    assert_eq!(error.class, Class::Unreachable, "{error}");
    assert_eq!(stats.calls()["ec2.CreateVpc"], 3);
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
}

#[tokio::test]
async fn budgets_hold_calls_back_but_not_on_this_machine() {
    let server = Server::start(|_, _| Reply::Body(200, "application/x-amz-json-1.1", "{}".into())).await;
    let call = async |aws: &Aws| {
        let start = Instant::now();
        for _ in 0..3 {
            aws.wafv2
                .associate_web_acl()
                .web_acl_arn("arn:aws:wafv2:eu-west-1:1:x")
                .resource_arn("arn:aws:elasticloadbalancing:x")
                .send()
                .await
                .unwrap();
        }
        start.elapsed()
    };
    let free = call(&aws(&server.endpoint, Wire::new(Stats::default()))).await;
    assert!(free < Duration::from_millis(1500), "{free:?}");
    let held = call(&aws(&server.endpoint, Wire::new(Stats::default()).with_budgets_everywhere())).await;
    assert!(held > Duration::from_millis(3900), "one at once, then one every two seconds: {held:?}");
}

fn identity(asked: &server::Asked, _: usize) -> Reply {
    assert_eq!(asked.action, "GetCallerIdentity");
    xml(
        "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws-cn:sts::123456789012:assumed-role/ops/me</Arn><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>",
    )
}

fn options(endpoint: &str) -> Options {
    Options { region: "eu-west-1".into(), endpoint: Some(endpoint.into()), credentials: Some(keys()), ..Options::default() }
}

#[tokio::test]
async fn connecting_learns_account_partition_and_caller() {
    let server = Server::start(identity).await;
    let connection = connect(options(&server.endpoint)).await.unwrap();
    let estate = &connection.aws.estate;
    assert_eq!((estate.account.as_str(), estate.partition.as_str()), ("123456789012", "aws-cn"));
    assert_eq!(connection.caller, "arn:aws-cn:sts::123456789012:assumed-role/ops/me");
    assert_eq!(connection.stats.calls(), BTreeMap::from([("sts.GetCallerIdentity".to_owned(), 1)]));
}

#[tokio::test]
async fn the_wrong_account_is_refused() {
    let server = Server::start(identity).await;
    let error = connect(Options { account: Some("999999999999".into()), ..options(&server.endpoint) }).await.unwrap_err();
    assert!(error.message.contains("for account 999999999999") && error.message.contains("123456789012: refusing"), "{error}");
}

#[tokio::test]
async fn a_dead_endpoint_is_known_within_seconds_and_named() {
    let start = Instant::now();
    let error = connect(options("http://127.0.0.1:9")).await.unwrap_err();
    assert_eq!(error.class, Class::Unreachable);
    assert!(error.message.contains("nobody answers at http://127.0.0.1:9") && error.message.contains("reeve sandbox"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[tokio::test]
async fn credentials_that_aws_refuses_come_with_advice() {
    for (code, message, advice) in [
        ("ExpiredToken", "The security token included in the request is expired", "sign in again"),
        ("InvalidClientTokenId", "The security token included in the request is invalid.", "check the profile"),
        ("SignatureDoesNotMatch", "Signature expired: 20200101T000000Z is now earlier than ...", "clock"),
    ] {
        let body = format!("<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>");
        let server = Server::start(move |_, _| Reply::Body(403, "text/xml", body.clone())).await;
        let error = connect(options(&server.endpoint)).await.unwrap_err();
        assert_eq!((error.class, error.code.as_str()), (Class::Denied, code));
        assert!(error.message.contains(advice), "{error}");
    }
}

#[tokio::test]
async fn buckets_go_into_the_path_when_an_endpoint_is_set() {
    let server = Server::start(|asked, before| match asked.action.as_str() {
        "GetCallerIdentity" => identity(asked, before),
        _ => xml(""),
    })
    .await;
    let connection = connect(options(&server.endpoint)).await.unwrap();
    connection.aws.s3.head_bucket().bucket("reeve-test").send().await.unwrap();
    assert!(server.asked("/reeve-test").len() + server.asked("/reeve-test/").len() == 1);
}

/// One call of a service, for its error's code.
macro_rules! code {
    ($call:expr) => {
        Error::from($call.send().await.unwrap_err()).code
    };
}

#[tokio::test]
async fn thrown_errors_have_the_form_of_each_service() {
    let server = Server::start(|_, _| panic!("refused calls are not carried out")).await;
    let refuse = Fault::Refuse { status: 400, code: "OddThing".into() };
    let faults = Faults::new(1).with(Rule::new("*", refuse));
    let (aws, stats) = faulty(&server, &faults);
    let codes = [
        code!(aws.acm.list_certificates()),
        code!(aws.autoscaling.describe_auto_scaling_groups()),
        code!(aws.backup.list_backup_vaults()),
        code!(aws.cloudtrail.list_trails()),
        code!(aws.cloudwatch.describe_alarms()),
        code!(aws.ec2.describe_vpcs()),
        code!(aws.efs.describe_file_systems()),
        code!(aws.elbv2.describe_load_balancers()),
        code!(aws.iam.list_roles()),
        code!(aws.kms.list_keys()),
        code!(aws.logs.describe_log_groups()),
        code!(aws.rds.describe_db_instances()),
        code!(aws.route53.list_hosted_zones()),
        code!(aws.s3.list_buckets()),
        code!(aws.sns.list_topics()),
        code!(aws.ssm.describe_parameters()),
        code!(aws.sts.get_caller_identity()),
        code!(aws.wafv2.list_web_acls().scope(aws_sdk_wafv2::types::Scope::Regional)),
    ];
    assert_eq!(codes.map(|code| code == "OddThing"), [true; 18], "{:?}", stats.calls());
    assert_eq!((faults.struck(), stats.retries()), (vec![18], 0));
}

#[tokio::test]
async fn thrown_throttles_are_taken_for_throttles_by_each_protocol() {
    let server = Server::start(|asked, _| match asked.action.as_str() {
        "DescribeTopics" | "ListTopics" => xml("<ListTopicsResponse><ListTopicsResult/></ListTopicsResponse>"),
        "ListKeys" => Reply::Body(200, "application/x-amz-json-1.1", "{}".into()),
        _ => Reply::Body(200, "application/json", "{}".into()),
    })
    .await;
    let faults =
        ["sns.*", "kms.*", "efs.*"].iter().fold(Faults::new(1), |faults, name| faults.with(Rule::new(name, Fault::Throttle).times(1)));
    let (aws, stats) = faulty(&server, &faults);
    aws.sns.list_topics().send().await.unwrap();
    aws.kms.list_keys().send().await.unwrap();
    aws.efs.describe_file_systems().send().await.unwrap();
    assert_eq!((faults.struck(), stats.throttles(), stats.retries()), (vec![1, 1, 1], 3, 3));
}

#[tokio::test]
async fn a_lost_reply_means_carried_out_once_and_not_heard_of() {
    let server = Server::start(|_, _| xml(VPC)).await;
    let faults = Faults::new(1).with(Rule::new("ec2.CreateVpc", Fault::LostReply).times(1));
    let (aws, _) = faulty(&server, &faults);
    assert_eq!(create_vpc(&aws).await.unwrap_err().class, Class::Ambiguous);
    assert_eq!(server.asked("CreateVpc").len(), 1);
    create_vpc(&aws).await.unwrap();
}

#[tokio::test]
async fn a_short_page_is_asked_for_again_and_never_taken_for_a_short_list() {
    let page =
        "<DescribeVpcsResponse><vpcSet><item><vpcId>vpc-1</vpcId></item><item><vpcId>vpc-2</vpcId></item></vpcSet></DescribeVpcsResponse>";
    let server = Server::start(move |_, _| xml(page)).await;
    let (aws, stats) = faulty(&server, &Faults::new(1).with(Rule::new("ec2.DescribeVpcs", Fault::ShortPage).times(2)));
    assert_eq!(describe_vpcs(&aws).await.unwrap(), 2);
    assert_eq!(stats.retries(), 2);
}

#[tokio::test]
async fn stale_reads_lag_behind_a_change_and_then_catch_up() {
    let made = std::sync::atomic::AtomicUsize::new(0);
    let server = Server::start(move |asked, _| match asked.action.as_str() {
        "CreateVpc" => {
            made.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            xml(VPC)
        }
        _ => {
            let items = "<item><vpcId>vpc-1</vpcId></item>".repeat(made.load(std::sync::atomic::Ordering::SeqCst));
            xml(format!("<DescribeVpcsResponse><vpcSet>{items}</vpcSet></DescribeVpcsResponse>"))
        }
    })
    .await;
    let (aws, _) = faulty(&server, &Faults::new(1).with(Rule::new("ec2.Describe*", Fault::Stale { reads: 2 })));
    let mut seen = vec![describe_vpcs(&aws).await.unwrap()];
    for _ in 0..2 {
        create_vpc(&aws).await.unwrap();
        for _ in 0..3 {
            seen.push(describe_vpcs(&aws).await.unwrap());
        }
    }
    assert_eq!(seen, [0, 0, 0, 1, 1, 1, 2]);
}

#[tokio::test]
async fn nothing_is_sent_after_a_crash_and_nothing_is_retried() {
    let server = Server::start(|asked, _| xml(if asked.action == "CreateVpc" { VPC } else { NO_VPCS })).await;
    for (faults, arrived) in [(Faults::new(1).crash_before(2), 1), (Faults::new(1).crash_after(2), 2)] {
        let before = server.asked("CreateVpc").len();
        let (aws, stats) = faulty(&server, &faults);
        create_vpc(&aws).await.unwrap();
        assert!(!faults.crashed());
        let error = create_vpc(&aws).await.unwrap_err();
        assert!(error.message.contains("stopped here by a test"), "{error}");
        assert!(describe_vpcs(&aws).await.is_err() && faults.crashed());
        assert_eq!((server.asked("CreateVpc").len() - before, stats.retries()), (arrived, 0));
    }
    assert_eq!(server.asked("DescribeVpcs").len(), 0);
}

/// Each attempt of a change asks whether the lease still holds, not only the first; reads need no lease.
#[tokio::test]
async fn no_attempt_of_a_change_goes_out_when_the_lease_is_lost() {
    let server = Server::start(|asked, _| match asked.action.as_str() {
        "DescribeVpcs" => xml(NO_VPCS),
        _ => Reply::Body(503, "text/xml", "<Response/>".into()),
    })
    .await;
    let sent = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let asked = sent.clone();
    let gate = Gate::new(move || match asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
        0 => May::Send,
        1 => May::NotYet,
        2 => May::Send,
        _ => May::Never("the lease was lost: somebody took it over".into()),
    });
    let stats = Stats::default();
    let aws = aws(&server.endpoint, Wire::new(stats.clone()).with_gate(gate));
    // Tags are set, not added: the SDK repeats the call.
    let call = aws.ec2.create_tags().resources("vpc-1").tags(aws_sdk_ec2::types::Tag::builder().key("a").value("b").build());
    let error = call.send().await.map_err(Error::from).unwrap_err();
    assert!(error.message.contains("the lease was lost: somebody took it over"), "{error}");
    assert_eq!(error.class, Class::Ambiguous, "the attempts before may have done it");
    assert_eq!(server.asked("CreateTags").len(), 2);
    let error = create_vpc(&aws).await.unwrap_err();
    assert_eq!((error.class, server.asked("CreateVpc").len()), (Class::LeaseLost, 0), "{error}");
    assert_eq!(describe_vpcs(&aws).await.unwrap(), 0, "reads go out");
}
