//! What the stack tells its hosts lies in their bucket. Here it is fetched: asked for again and again, sent only when it is another, and kept on the host, so that one that
//! starts while S3 is away routes as it did before.
//!
//! GetObject: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>.

use super::{Error, Host, Result};
use crate::planes::error::Absent;

/// Where the last one is kept on a host.
pub const KEPT: &str = "/var/lib/reeve/hosts.json";

/// What was fetched before.
#[derive(Debug, Default)]
pub struct Fetched {
    tag: Option<String>,
}

impl Host {
    /// The orders as they are, when they are others than at the last call.
    ///
    /// # Errors
    /// The settings name none, they are not there yet, or S3 does not answer.
    pub async fn orders(&self, before: &mut Fetched) -> Result<Option<Vec<u8>>> {
        let named = self.config.orders.as_deref().ok_or_else(|| {
            Error::Unfit(
                "the settings name no `orders`: the stack's hosts came before it told them any, `reeve host roll` replaces them".into(),
            )
        })?;
        let place = named.strip_prefix("s3://").and_then(|place| place.split_once('/'));
        let (bucket, key) = place.ok_or_else(|| Error::Unfit(format!("`orders: {named}` is no s3://BUCKET/KEY")))?;
        let aws = self.aws().await?;
        let call = aws.s3.get_object().bucket(bucket).key(key).expected_bucket_owner(&aws.estate.account);
        let sent = call.set_if_none_match(before.tag.clone()).send().await.map_err(crate::planes::Error::from);
        let sent = match sent {
            Err(error) if error.code == "NotModified" || error.code == "304" => return Ok(None),
            other => other.absent_ok()?,
        };
        let sent = sent.ok_or_else(|| Error::Unfit(format!("{named} is not there yet: `reeve apply` writes it")))?;
        let tag = sent.e_tag().map(str::to_owned);
        let body = sent.body.collect().await.map_err(|error| Error::Unfit(format!("{named} did not come whole: {error}")))?;
        before.tag = tag;
        Ok(Some(body.into_bytes().to_vec()))
    }

    /// Those of the last time that they were kept.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn kept_orders(&self) -> Result<Option<String>> {
        self.machine.read(KEPT).await
    }

    /// Keeps them.
    ///
    /// # Errors
    /// The file cannot be written.
    pub async fn keep_orders(&self, text: &[u8]) -> Result<()> {
        self.machine.write(KEPT, text, 0o600).await
    }
}
