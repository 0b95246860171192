//! What an instance is told about itself, by IMDSv2: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html>.

use std::time::Duration;

use aws_config::imds::Client;
use aws_config::provider_config::ProviderConfig;
use aws_smithy_http_client::Builder;

use crate::planes::error::{Class, Error, Result};

/// The metadata service of the instance that this program runs on.
#[derive(Debug, Clone)]
pub struct Metadata(Client);

impl Metadata {
    /// Version 2 only: a token first, then the questions. `AWS_EC2_METADATA_SERVICE_ENDPOINT` names another place.
    #[must_use]
    pub fn new() -> Self {
        let config = ProviderConfig::without_region().with_http_client(Builder::new().build_http());
        let patience = Duration::from_secs(5);
        Self(Client::builder().configure(&config).connect_timeout(patience).read_timeout(patience).build())
    }

    /// One answer, such as that to `instance-id`.
    ///
    /// # Errors
    /// [`Class::Unreachable`]: this is no instance, or the service is off.
    pub async fn get(&self, what: &str) -> Result<String> {
        let answer = self.0.get(format!("/latest/meta-data/{what}")).await;
        let text = answer.map_err(|error| {
            let text = format!("the metadata service does not tell {what}: {error}; is this an EC2 instance?");
            Error::new(Class::Unreachable, "imds", text)
        })?;
        Ok(text.as_ref().trim().to_owned())
    }
}

impl Default for Metadata {
    fn default() -> Self {
        Self::new()
    }
}
