//! Whether what was made of a secret has been handed to a person: a tag beside it, for it is done once.

use super::{FINGERPRINT, sdk, tagged_pairs};
use crate::planes::Aws;
use crate::planes::error::{Error, Result};

/// The tag that says when, or that there is nothing to hand out any more.
const DELIVERED: &str = "reeve:delivered";

/// What the tag says of a secret that was rotated: nobody knows any more what was made of the one before.
const ROTATED: &str = "rotated";

/// Whether the first password is still to be handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// It is.
    Open,
    /// It was, at that time.
    Done(String),
    /// The secret that it was made of is not the one that is there.
    Rotated,
}

/// What the parameter's tags say.
///
/// # Errors
/// What SSM answered.
pub async fn delivery(cx: &Aws, id: &str) -> Result<Delivery> {
    let tag = tagged_pairs(cx, id).await?.into_iter().find(|(name, _)| name == DELIVERED).map(|(_, value)| value);
    Ok(match tag.as_deref() {
        None | Some("") => Delivery::Open,
        Some(ROTATED) => Delivery::Rotated,
        Some(at) => Delivery::Done(at.to_owned()),
    })
}

/// Notes that it is handed out now.
///
/// # Errors
/// What SSM answered.
pub async fn deliver(cx: &Aws, id: &str, at: &str) -> Result<()> {
    tag(cx, id, [(DELIVERED, at)]).await
}

/// Notes a rotation: the new fingerprint, and that the first password is made of nothing that is there.
pub(super) async fn rotated(cx: &Aws, id: &str, fingerprint: &str) -> Result<()> {
    tag(cx, id, [(FINGERPRINT, fingerprint), (DELIVERED, ROTATED)]).await
}

async fn tag<const N: usize>(cx: &Aws, id: &str, pairs: [(&str, &str); N]) -> Result<()> {
    let tags = pairs.into_iter().map(|(name, value)| sdk::Tag::builder().key(name).value(value).build());
    let tags = tags.collect::<std::result::Result<_, _>>().map_err(|_| Error::incomplete("ssm.Tag", "key"))?;
    let call = cx.ssm.add_tags_to_resource().resource_type(sdk::ResourceTypeForTagging::Parameter).resource_id(id);
    call.set_tags(Some(tags)).send().await?;
    Ok(())
}
