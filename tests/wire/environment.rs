//! Settings that come from outside, as every SDK reads them. A process has one environment, so each case runs in a process of its
//! own: this test program, told to run only `child`.

use std::path::Path;

use super::*;

/// What [`connect`] says in a process with only these variables and an empty home.
async fn said(variables: &[(&str, &str)], home: &Path) -> String {
    let mut command = tokio::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "environment::child", "--ignored", "--nocapture"]).env_clear().env("HOME", home);
    command.env("AWS_EC2_METADATA_DISABLED", "true").envs(variables.iter().copied());
    let output = tokio::time::timeout(Duration::from_secs(20), command.output()).await.unwrap().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().find_map(|line| line.split_once("SAID ")).map(|(_, said)| said.to_owned()).unwrap_or(text)
}

#[tokio::test]
#[ignore = "is run by the other tests, with an environment"]
async fn child() {
    match connect(Options { region: "eu-west-1".into(), ..Options::default() }).await {
        Ok(connection) => println!("SAID {} {}", connection.aws.estate.account, connection.aws.s3.config().region().unwrap()),
        Err(error) => println!("SAID {:?} {error}", error.class),
    }
}

const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "not-a-secret")];

#[tokio::test]
async fn endpoints_come_from_the_environment_and_the_service_has_the_first_word() {
    let (server, home) = (Server::start(identity).await, tempfile::tempdir().unwrap());
    for variables in [
        vec![("AWS_ENDPOINT_URL", server.endpoint.as_str())],
        vec![("AWS_ENDPOINT_URL", "http://127.0.0.1:9"), ("AWS_ENDPOINT_URL_STS", server.endpoint.as_str())],
    ] {
        let all: Vec<_> = KEYS.into_iter().chain(variables).collect();
        assert_eq!(said(&all, home.path()).await, "123456789012 eu-west-1");
    }
    let dead: Vec<_> = KEYS.into_iter().chain([("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")]).collect();
    let said = said(&dead, home.path()).await;
    assert!(said.starts_with("Unreachable sts.GetCallerIdentity: nobody answers at http://127.0.0.1:9"), "{said}");
}

#[tokio::test]
async fn a_profile_gives_keys_and_endpoint() {
    let (server, home) = (Server::start(identity).await, tempfile::tempdir().unwrap());
    std::fs::create_dir(home.path().join(".aws")).unwrap();
    let config = format!("[profile ops]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = x\nendpoint_url = {}\n", server.endpoint);
    std::fs::write(home.path().join(".aws/config"), config).unwrap();
    assert_eq!(said(&[("AWS_PROFILE", "ops")], home.path()).await, "123456789012 eu-west-1");
    let other = said(&[("AWS_PROFILE", "typo")], home.path()).await;
    assert!(other.starts_with("Unreachable") && other.contains("AWS_PROFILE=typo"), "{other}");
}

#[tokio::test]
async fn no_credentials_and_ended_sessions_say_what_to_do() {
    let home = tempfile::tempdir().unwrap();
    let none = said(&[], home.path()).await;
    assert!(none.contains("no credentials were found") && none.contains("AWS_PROFILE"), "{none}");

    std::fs::create_dir(home.path().join(".aws")).unwrap();
    let config = "[profile sso]\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = ops\n\n\
                  [sso-session s]\nsso_region = eu-west-1\nsso_start_url = https://example.awsapps.com/start\n";
    std::fs::write(home.path().join(".aws/config"), config).unwrap();
    let never = said(&[("AWS_PROFILE", "sso")], home.path()).await;
    assert!(never.starts_with("Unreachable") && never.contains("aws sso login"), "{never}");
}

#[tokio::test]
async fn aws_is_reached_through_the_proxy_that_the_environment_names() {
    let (proxy, home) = (Server::start(|_, _| Reply::Body(502, "text/plain", String::new())).await, tempfile::tempdir().unwrap());
    let all: Vec<_> = KEYS.into_iter().chain([("HTTPS_PROXY", proxy.endpoint.as_str())]).collect();
    let said = said(&all, home.path()).await;
    assert!(said.starts_with("Unreachable sts.GetCallerIdentity: AWS gives no answer"), "{said}");
    assert!(!proxy.asked("sts.eu-west-1.amazonaws.com:443").is_empty());
}
