//! What the emulated AWS says of the databases is true where some are there.

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use reeve::sandbox::Sandbox;
use reeve::sandbox::parts::{Options, Parts};

use super::support::parts;

/// An emulated AWS that knows of these servers, and what clients connect with.
async fn emulated(parts: &Parts) -> (Sandbox, aws_types::SdkConfig) {
    let options = reeve::sandbox::Options { database: Some(parts.behind_rds()), ..Default::default() };
    let sandbox = Sandbox::start(options).await.unwrap_or_else(|error| panic!("{error}"));
    let keys = SharedCredentialsProvider::new(Credentials::new("test", "test", None, None, "sandbox"));
    let http = aws_smithy_http_client::Builder::new().build_http();
    let config = aws_types::SdkConfig::builder()
        .behavior_version(aws_sdk_rds::config::BehaviorVersion::latest())
        .credentials_provider(keys)
        .region(aws_types::region::Region::new("us-east-1"))
        .endpoint_url(&sandbox.endpoint)
        .http_client(http)
        .build();
    (sandbox, config)
}

/// Makes an instance.
async fn make(rds: &aws_sdk_rds::Client, name: &str, port: u16) {
    rds.create_db_instance()
        .db_instance_identifier(name)
        .engine("mariadb")
        .engine_version("10.11")
        .db_instance_class("db.r6g.large")
        .allocated_storage(20)
        .port(port.into())
        .master_username("reeve_root")
        .manage_master_user_password(true)
        .send()
        .await
        .unwrap();
}

/// What RDS says of an instance.
async fn described(rds: &aws_sdk_rds::Client, name: &str) -> aws_sdk_rds::types::DbInstance {
    rds.describe_db_instances().db_instance_identifier(name).send().await.unwrap().db_instances()[0].clone()
}

#[tokio::test]
async fn rds_answers_the_address_and_the_secret_of_the_local_database() {
    let parts = parts(Options::default()).await;
    let (_sandbox, config) = emulated(&parts).await;
    let rds = aws_sdk_rds::Client::new(&config);
    make(&rds, "server", parts.database().port()).await;
    let server = described(&rds, "server").await;
    let endpoint = server.endpoint().unwrap();
    assert_eq!(endpoint.address(), Some(parts.database().ip().to_string().as_str()));
    assert_eq!(endpoint.port(), Some(parts.database().port().into()));

    let arn = server.master_user_secret().unwrap().secret_arn().unwrap();
    let secret = aws_sdk_secretsmanager::Client::new(&config).get_secret_value().secret_id(arn).send().await.unwrap();
    let secret: serde_json::Value = serde_json::from_str(secret.secret_string().unwrap()).unwrap();
    let admin: serde_json::Value = serde_json::from_slice(&std::fs::read(parts.admin()).unwrap()).unwrap();
    assert_eq!(secret, serde_json::json!({ "username": admin["user"], "password": admin["password"] }));
}

#[tokio::test]
async fn each_instance_has_a_server_of_its_own_for_life_and_none_inherits_it() {
    let parts = parts(Options { servers: 2, ..Options::default() }).await;
    let (_sandbox, config) = emulated(&parts).await;
    let rds = aws_sdk_rds::Client::new(&config);
    let address = async |name: &str| described(&rds, name).await.endpoint().unwrap().address().unwrap().to_owned();
    let port = parts.database().port();
    for name in ["one", "two", "three"] {
        make(&rds, name, port).await;
    }
    let [first, second] = [0, 1].map(|server| parts.databases()[server].ip().to_string());
    assert_eq!((address("one").await, address("two").await), (first.clone(), second));
    let nowhere = address("three").await;
    assert!(nowhere.ends_with(".rds.amazonaws.com"), "{nowhere}");

    rds.delete_db_instance().db_instance_identifier("two").skip_final_snapshot(true).send().await.unwrap();
    while rds.describe_db_instances().db_instance_identifier("two").send().await.is_ok() {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    make(&rds, "two", port).await;
    assert!(address("two").await.ends_with(".rds.amazonaws.com"), "the data of the one before would be there");
    assert_eq!((address("one").await, address("three").await), (first, nowhere));
}
