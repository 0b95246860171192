//! Keys that never got their alias.

use std::collections::HashSet;

use aws_sdk_kms::types as kms;
use futures::{StreamExt, TryStreamExt, stream};

use super::{Key, tagged};
use crate::kinds::New;
use crate::planes::Aws;
use crate::planes::error::{Class, Error, Result};

/// Keys that are asked for their tags at a time.
const AT_ONCE: usize = 8;

/// A key that was made for this address and never got its alias: the answer to its creation was lost, or the program ended there. `CreateKey`
/// takes no client token. Only keys without any alias are looked at, and only before one is made.
pub(super) async fn find(cx: &Aws, new: &New<Key>) -> Result<Option<kms::KeyMetadata>> {
    let (keys, aliases) = futures::try_join!(
        async {
            let items = cx.kms.list_keys().into_paginator().items().send();
            Ok::<_, Error>(items.collect::<std::result::Result<Vec<kms::KeyListEntry>, _>>().await?)
        },
        async {
            let items = cx.kms.list_aliases().limit(100).into_paginator().items().send();
            Ok(items.collect::<std::result::Result<Vec<kms::AliasListEntry>, _>>().await?)
        },
    )?;
    let named: HashSet<&str> = aliases.iter().filter_map(|alias| alias.target_key_id()).collect();
    let nameless: Vec<String> = keys.into_iter().filter_map(|key| key.key_id).filter(|id| !named.contains(id.as_str())).collect();
    let mut asked = stream::iter(nameless)
        .map(|id| async move {
            match tagged(cx, &id).await {
                // Keys of others may forbid to be looked at, or be gone by now; they are not ours then. Any other error says nothing.
                Err(error) if matches!(error.class, Class::Denied | Class::NotFound) => Ok((id, None)),
                marks => Ok::<_, Error>((id, marks?)),
            }
        })
        .buffered(AT_ONCE);
    while let Some((id, marks)) = asked.try_next().await? {
        if marks.is_none_or(|marks| marks.address.as_ref() != Some(&new.address) || marks.retiring) {
            continue;
        }
        let key = cx.kms.describe_key().key_id(id).send().await?.key_metadata;
        let usable = |key: &kms::KeyMetadata| {
            matches!(key.key_state, Some(kms::KeyState::Enabled | kms::KeyState::Disabled))
                && key.multi_region.unwrap_or_default() == new.want.multi_region
        };
        if let Some(key) = key.filter(usable) {
            return Ok(Some(key));
        }
    }
    Ok(None)
}
