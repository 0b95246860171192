//! The closed list of look-ups: what is read once before planning, never made.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;

use crate::kinds::{AnyLive, Named};
use crate::model::{Address, Marks};
use crate::planes::Aws;
use crate::planes::error::{Class, Error, Result};

/// The Route 53 zone of the stack's domain.
#[derive(Debug)]
pub struct Zone;

impl Named for Zone {
    const NAME: &'static str = "lookup.zone";
}

/// One look-up: its address and the attributes that `ref` may name (`id` always).
#[derive(Debug)]
pub struct Lookup {
    /// `lookup.zone`.
    pub address: &'static str,
    /// The kind that a `Ref` to it must name.
    pub kind: &'static str,
    /// What may be asked of it.
    pub attributes: &'static [&'static str],
}

/// All look-ups.
pub static LOOKUPS: &[Lookup] = &[
    Lookup { address: "lookup.zone", kind: "lookup.zone", attributes: &["name"] },
    Lookup { address: "lookup.account", kind: "lookup.account", attributes: &["partition", "region"] },
];

// The kind of each is also its address, the only mark that it bears.

/// The account, which is known since the connection.
pub fn account(cx: &Aws) -> AnyLive {
    let estate = &cx.estate;
    one("lookup.account", &estate.account, &[("partition", &estate.partition), ("region", &estate.region)])
}

/// Looks the zone up.
///
/// # Errors
/// When the domain has no public zone in this account, or several; what AWS answered otherwise.
pub async fn zone(cx: &Aws) -> Result<AnyLive> {
    let zones = zones(cx).await?;
    let domain = &cx.estate.domain;
    match zones.as_slice() {
        [zone] => Ok(one(Zone::NAME, zone, &[("name", domain)])),
        [] => {
            let message =
                format!("there is no public hosted zone `{domain}` in account {}: create it, or correct `domain`", cx.estate.account);
            Err(Error::new(Class::NotFound, LIST, message))
        }
        several => {
            let ids: Vec<&str> = several.iter().map(String::as_str).collect();
            let message = format!("`{domain}` has {} public hosted zones ({}): only one can be the right one", ids.len(), ids.join(", "));
            Err(Error::new(Class::Invalid, LIST, message))
        }
    }
}

const LIST: &str = "route53.ListHostedZonesByName";

/// The ids of the public zones of exactly the stack's domain, read once in a pass.
///
/// # Errors
/// What AWS answered.
pub(super) async fn zones(cx: &Aws) -> Result<Arc<Vec<String>>> {
    cx.once(LIST, || async {
        // Zones come in the order of their names beginning with this one: those of one name are on the first page.
        let out = cx.route53.list_hosted_zones_by_name().dns_name(&cx.estate.domain).max_items(100).send().await?;
        let of_domain = out.hosted_zones().iter().filter(|zone| {
            let private = zone.config().is_some_and(aws_sdk_route53::types::HostedZoneConfig::private_zone);
            !private && zone.name().trim_end_matches('.').eq_ignore_ascii_case(&cx.estate.domain)
        });
        Ok(of_domain.map(|zone| zone.id().trim_start_matches("/hostedzone/").to_owned()).collect())
    })
    .await
}

fn one(kind: &'static str, id: &str, attributes: &[(&str, &str)]) -> AnyLive {
    let attributes: BTreeMap<String, String> = attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    // Its kind is its address: claiming goes by the address that an object bears.
    let marks = Marks { address: Address::parse(kind).ok(), ..Marks::default() };
    AnyLive { kind, id: id.to_owned(), attributes, shape: json!({}), marks, made_at: String::new() }
}
