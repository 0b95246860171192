//! What a run costs, from what it wishes: list prices of us-east-1, without tax, traffic and free tiers.
//!
//! They were written down from the pages named beside them; the bill decides.

use crate::support::Wishes;

/// How long a run lasts, in hours: a multi-AZ database takes half an hour to come, a few minutes for each change, and as long to go
/// with its last snapshot; hours that were begun are billed whole by some services.
const HOURS: f64 = 2.0;
/// When the prices were written down.
pub const AS_OF: &str = "November 2026";
/// Hours of a month, as AWS's calculator counts them.
const MONTH: f64 = 730.0;

/// What is paid for, and how much of it is wished.
struct Price {
    what: &'static str,
    number: f64,
    /// Dollars an hour for each.
    hourly: f64,
    source: &'static str,
}

/// The estimate as a table, and its sum in dollars.
pub fn table(wishes: &Wishes) -> (String, f64) {
    let mut text = format!("  {:<44} {:>6} {:>11} {:>8}   {}\n", "what", "number", "$ an hour", "$ a run", "price list");
    let mut sum = 0.0;
    for one in prices(wishes) {
        let cost = one.number * one.hourly * HOURS;
        sum += cost;
        text.push_str(&format!("  {:<44} {:>6} {:>11.5} {cost:>8.2}   {}\n", one.what, one.number, one.hourly, one.source));
    }
    text.push_str(&format!("  together, for {HOURS} hours: about ${sum:.2}"));
    (text, sum)
}

fn prices(wishes: &Wishes) -> Vec<Price> {
    let of = |kind: &'static str| wishes.values().filter(move |wish| wish.kind.name == kind).map(|wish| &wish.spec);
    let number = |kind| of(kind).count() as f64;
    let length = |kind, field: &str| of(kind).map(|spec| spec[field].as_array().map_or(0, Vec::len)).sum::<usize>() as f64;
    let sum = |kind, field: &str| of(kind).map(|spec| spec[field].as_f64().unwrap_or_default()).sum::<f64>();
    let servers = of("aws.db_instance").map(|spec| if spec["multi_az"] == true { 2.0 } else { 1.0 }).sum::<f64>();
    let price = |what, number, hourly, source| Price { what, number, hourly, source };
    vec![
        price("NAT gateway", number("aws.nat_gateway"), 0.045, "aws.amazon.com/vpc/pricing"),
        price(
            "public IPv4 address (NAT, load balancer)",
            number("aws.elastic_ip") + length("aws.load_balancer", "subnets"),
            0.005,
            "aws.amazon.com/vpc/pricing",
        ),
        price("interface endpoint in a zone", length("aws.vpc_endpoint", "subnets"), 0.01, "aws.amazon.com/privatelink/pricing"),
        price("load balancer with one capacity unit", number("aws.load_balancer"), 0.0305, "aws.amazon.com/elasticloadbalancing/pricing"),
        price("web ACL", number("aws.web_acl"), 5.0 / MONTH, "aws.amazon.com/waf/pricing"),
        price("rule of a web ACL", length("aws.web_acl", "rules"), 1.0 / MONTH, "aws.amazon.com/waf/pricing"),
        price("db.t4g.medium (two for multi-AZ)", servers, 0.065, "aws.amazon.com/rds/mariadb/pricing"),
        price(
            "GB of the database's disk (twice for multi-AZ)",
            sum("aws.db_instance", "allocated_storage") * servers,
            0.115 / MONTH,
            "aws.amazon.com/rds/mariadb/pricing",
        ),
        price("host, r5d.large", sum("aws.autoscaling_group", "min_size"), 0.144, "aws.amazon.com/ec2/pricing/on-demand"),
        price("key", number("aws.key"), 1.0 / MONTH, "aws.amazon.com/kms/pricing"),
        price("alarm", number("aws.alarm"), 0.10 / MONTH, "aws.amazon.com/cloudwatch/pricing"),
        price("requests, logs, storage and backups, guessed", 1.0, 0.10, "several"),
    ]
}
