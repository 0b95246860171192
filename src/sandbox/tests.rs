use super::*;

/// The real thing. Where it cannot start, the message says what to do (`make setup`).
async fn sandbox(options: Options) -> Sandbox {
    Sandbox::start(options).await.unwrap_or_else(|error| panic!("{error}"))
}

fn settings(sandbox: &Sandbox) -> (aws_credential_types::provider::SharedCredentialsProvider, String) {
    let keys = aws_credential_types::Credentials::new("test", "test", None, None, "sandbox");
    (aws_credential_types::provider::SharedCredentialsProvider::new(keys), sandbox.endpoint.clone())
}

fn client() -> impl aws_smithy_runtime_api::client::http::HttpClient {
    aws_smithy_http_client::Builder::new().build_http()
}

#[tokio::test]
async fn zones_exist_from_the_start_and_after_a_reset() {
    let sandbox = sandbox(Options { zones: vec!["clinic.example".into()], ..Options::default() }).await;
    let (keys, endpoint) = settings(&sandbox);
    let config = aws_sdk_route53::Config::builder()
        .behavior_version_latest()
        .credentials_provider(keys)
        .region(aws_sdk_route53::config::Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .http_client(client())
        .build();
    let route53 = aws_sdk_route53::Client::from_conf(config);
    for _ in 0..2 {
        let zones = route53.list_hosted_zones().send().await.unwrap();
        let names: Vec<&str> = zones.hosted_zones().iter().map(|zone| zone.name()).collect();
        assert_eq!(names, ["clinic.example."]);
        sandbox.reset().await.unwrap();
    }
}

#[tokio::test]
async fn cloudwatch_speaks_the_protocol_of_the_rust_sdk() {
    let sandbox = sandbox(Options::default()).await;
    let (keys, endpoint) = settings(&sandbox);
    let config = aws_sdk_cloudwatch::Config::builder()
        .behavior_version_latest()
        .credentials_provider(keys)
        .region(aws_sdk_cloudwatch::config::Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .http_client(client())
        .build();
    let cloudwatch = aws_sdk_cloudwatch::Client::from_conf(config);
    cloudwatch
        .put_metric_alarm()
        .alarm_name("cpu")
        .namespace("AWS/EC2")
        .metric_name("CPUUtilization")
        .period(60)
        .evaluation_periods(2)
        .threshold(80.5)
        .comparison_operator(aws_sdk_cloudwatch::types::ComparisonOperator::GreaterThanThreshold)
        .statistic(aws_sdk_cloudwatch::types::Statistic::Average)
        .tags(aws_sdk_cloudwatch::types::Tag::builder().key("reeve:stack").value("s").build())
        .send()
        .await
        .unwrap();
    let alarms = cloudwatch.describe_alarms().send().await.unwrap();
    let alarm = &alarms.metric_alarms()[0];
    assert_eq!((alarm.alarm_name(), alarm.threshold(), alarm.period()), (Some("cpu"), Some(80.5), Some(60)));
    let arn = alarm.alarm_arn().unwrap();
    let tags = cloudwatch.list_tags_for_resource().resource_arn(arn).send().await.unwrap();
    assert_eq!(tags.tags()[0].value(), Some("s"));
    cloudwatch.delete_alarms().alarm_names("cpu").send().await.unwrap();
    assert!(cloudwatch.describe_alarms().send().await.unwrap().metric_alarms().is_empty());
}

#[tokio::test]
async fn a_port_in_use_is_told_in_a_line() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    match Sandbox::start(Options { port, ..Options::default() }).await {
        Err(error @ Error::Port { .. }) => {
            assert!(error.to_string().contains("in use") && error.to_string().lines().count() == 1, "{error}")
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn dropping_it_stops_it_and_removes_its_folder() {
    let sandbox = sandbox(Options::default()).await;
    let (folder, address) = (sandbox.folder.clone(), sandbox.endpoint.trim_start_matches("http://").to_owned());
    assert!(TcpStream::connect(&address).await.is_ok());
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&folder).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o700, "nobody else reads or writes there");
    drop(sandbox);
    assert!(!folder.exists());
    for _ in 0..50 {
        if TcpStream::connect(&address).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("still answers at {address}");
}

#[test]
fn every_python_file_of_the_plug_in_is_compiled_in() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("sandbox");
    let mut folders = vec![root.join("reeve_moto")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "py") {
                found.push(path.strip_prefix(&root).unwrap().display().to_string());
            }
        }
    }
    found.sort();
    let mut compiled: Vec<String> = files::PLUG_IN.iter().map(|(path, _)| (*path).to_owned()).collect();
    compiled.sort();
    assert_eq!(compiled, found);
}
