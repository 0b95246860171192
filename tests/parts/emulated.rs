//! What the emulated AWS says of the database is true where one is there.

use std::net::IpAddr;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use reeve::sandbox::parts::Options;
use reeve::sandbox::{Database, Sandbox};

use super::support::parts;

#[tokio::test]
async fn rds_answers_the_address_and_the_secret_of_the_local_database() {
    let parts = parts(Options::default()).await;
    let real = Database { address: IpAddr::V4(*parts.database().ip()), admin: parts.admin() };
    let options = reeve::sandbox::Options { database: Some(real), ..Default::default() };
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
    let rds = aws_sdk_rds::Client::new(&config);
    rds.create_db_instance()
        .db_instance_identifier("server")
        .engine("mariadb")
        .engine_version("10.11")
        .db_instance_class("db.r6g.large")
        .allocated_storage(20)
        .port(parts.database().port().into())
        .master_username("reeve_root")
        .manage_master_user_password(true)
        .send()
        .await
        .unwrap();
    let listed = rds.describe_db_instances().send().await.unwrap();
    let server = &listed.db_instances()[0];
    let endpoint = server.endpoint().unwrap();
    assert_eq!(endpoint.address(), Some(parts.database().ip().to_string().as_str()));
    assert_eq!(endpoint.port(), Some(parts.database().port().into()));

    let arn = server.master_user_secret().unwrap().secret_arn().unwrap();
    let secret = aws_sdk_secretsmanager::Client::new(&config).get_secret_value().secret_id(arn).send().await.unwrap();
    let secret: serde_json::Value = serde_json::from_str(secret.secret_string().unwrap()).unwrap();
    let admin: serde_json::Value = serde_json::from_slice(&std::fs::read(parts.admin()).unwrap()).unwrap();
    assert_eq!(secret, serde_json::json!({ "username": admin["user"], "password": admin["password"] }));
}
