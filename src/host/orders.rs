//! What the stack tells its hosts lies in their bucket. Here it is fetched: asked for again and again, sent only when it is another, and kept on the host, as is who the
//! host is to AWS, so that one that starts while AWS is away routes as it did before.
//!
//! GetObject: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>.

use super::{Error, Host, Result};
use crate::planes::aws::connect::Caller;
use crate::planes::error::Absent;

/// Where the last ones are kept on a host.
pub const KEPT: &str = "/var/lib/reeve/hosts.json";

/// Where it is kept who the host is to AWS. An instance's account is one for all its life.
const CALLER: &str = "/var/lib/reeve/caller.json";

/// Orders as they were sent.
#[derive(Debug)]
pub struct Sent {
    /// Their text.
    pub text: Vec<u8>,
    /// What tells them from the next ones.
    pub tag: Option<String>,
}

impl Host {
    /// The orders as they are, when they are others than those of that `tag`.
    ///
    /// # Errors
    /// The settings name none, they are not there yet, or S3 does not answer.
    pub async fn orders(&self, tag: Option<String>) -> Result<Option<Sent>> {
        let named = self.config.orders.as_deref().ok_or_else(|| {
            Error::Unfit(
                "the settings name no `orders`: the stack's hosts came before it told them any, `reeve host roll` replaces them".into(),
            )
        })?;
        let place = named.strip_prefix("s3://").and_then(|place| place.split_once('/'));
        let (bucket, key) = place.ok_or_else(|| Error::Unfit(format!("`orders: {named}` is no s3://BUCKET/KEY")))?;
        let aws = self.aws().await?;
        let call = aws.s3.get_object().bucket(bucket).key(key).expected_bucket_owner(&aws.estate.account);
        let sent = match call.set_if_none_match(tag).send().await.map_err(crate::planes::Error::from) {
            Err(error) if error.code == "NotModified" || error.code == "304" => return Ok(None),
            other => other.absent_ok()?,
        };
        let sent = sent.ok_or_else(|| Error::Unfit(format!("{named} is not there yet: `reeve apply` writes it")))?;
        let tag = sent.e_tag().map(str::to_owned);
        let body = sent.body.collect().await.map_err(|error| Error::Unfit(format!("{named} did not come whole: {error}")))?;
        Ok(Some(Sent { text: body.into_bytes().to_vec(), tag }))
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

    /// Who this host is to AWS, as it was kept.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn kept_caller(&self) -> Result<Option<Caller>> {
        // One that makes no sense is none: AWS is asked again.
        Ok(self.machine.read(CALLER).await?.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Keeps it.
    ///
    /// # Errors
    /// The file cannot be written.
    pub async fn keep_caller(&self, caller: &Caller) -> Result<()> {
        // Two texts: they have a form in JSON.
        self.machine.write(CALLER, serde_json::to_string(caller).unwrap_or_default(), 0o600).await
    }
}
