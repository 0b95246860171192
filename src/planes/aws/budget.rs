//! AWS's request budgets, kept on this side: waiting costs less than being refused.
//!
//! One token bucket per service and class of operation, with the sizes that AWS publishes (burst, then refill a second):
//! <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>,
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/load-balancer-api-throttling.html>,
//! <https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html>,
//! <https://docs.aws.amazon.com/waf/latest/developerguide/limits.html>,
//! <https://docs.aws.amazon.com/acm/latest/userguide/acm-limits.html>.
//! EFS publishes none and throttles early, so its numbers are guesses on the low side. The account's other users draw on the
//! same budgets, so that a throttle stays possible: it empties the bucket, and a call that is in no table gets a bucket by it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::wire::Call;

/// A bucket's name and size.
#[derive(Debug, Clone, PartialEq)]
struct Limit {
    bucket: String,
    burst: f64,
    /// Tokens a second.
    refill: f64,
}

/// The budget that a call draws on, if it has one. `body` tells a whole listing from a filtered one.
fn limit(call: &Call, body: &[u8]) -> Option<Limit> {
    let operation = call.operation.as_str();
    let (class, burst, refill) = match (call.service.as_str(), operation) {
        ("ec2", "CreateNatGateway") => (operation, 10.0, 1.0),
        ("ec2", "CreateVpcEndpoint") => (operation, 4.0, 0.3),
        ("ec2", _) if !call.is_read() => (operation, 50.0, 5.0),
        // The smaller budget holds for calls with neither filter nor page size.
        ("ec2", _) if !contains(body, b"Filter.") && !contains(body, b"MaxResults=") => (operation, 50.0, 10.0),
        ("ec2", _) => (operation, 100.0, 20.0),
        ("elbv2", _) if call.is_read() => ("reads", 40.0, 10.0),
        ("route53", _) => ("all", 50.0, 10.0),
        ("wafv2", "GetWebACLForResource") => (operation, 1.0, 1.0),
        ("wafv2", "AssociateWebACL" | "DisassociateWebACL") => ("associations", 1.0, 0.5),
        ("wafv2", _) if call.is_read() => ("reads", 5.0, 5.0),
        ("wafv2", _) => ("writes", 1.0, 1.0),
        ("acm", _) if call.is_read() => (operation, 10.0, 10.0),
        ("efs", _) if call.is_read() => (operation, 10.0, 5.0),
        ("efs", _) => (operation, 5.0, 5.0),
        _ => return None,
    };
    Some(Limit { bucket: format!("{}.{class}", call.service), burst, refill })
}

fn contains(body: &[u8], part: &[u8]) -> bool {
    body.windows(part.len()).any(|window| window == part)
}

#[derive(Debug)]
struct Bucket {
    /// Below zero: promised to those who wait already.
    tokens: f64,
    at: Instant,
}

/// The buckets of one account and region.
#[derive(Debug, Default)]
pub struct Budget(Mutex<HashMap<String, Bucket>>);

/// What a call that is in no table may do once it was throttled.
fn learned(call: &Call) -> Limit {
    Limit { bucket: call.to_string(), burst: 5.0, refill: 5.0 }
}

impl Budget {
    /// Waits until `call` may go out, in the order of asking.
    pub async fn wait(&self, call: &Call, body: &[u8]) {
        let delay = self.delay(call, body, Instant::now());
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
    }

    /// AWS throttled this call: the bucket is as empty there as it shall be here.
    pub fn refused(&self, call: &Call, body: &[u8]) {
        self.empty(&limit(call, body).unwrap_or_else(|| learned(call)), Instant::now());
    }

    fn empty(&self, limit: &Limit, now: Instant) {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.entry(limit.bucket.clone()).or_insert(Bucket { tokens: 0.0, at: now });
        bucket.tokens = bucket.tokens.min(0.0);
    }

    fn delay(&self, call: &Call, body: &[u8], now: Instant) -> Duration {
        let known = limit(call, body).or_else(|| {
            let limit = learned(call);
            self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&limit.bucket).then_some(limit)
        });
        known.map_or(Duration::ZERO, |limit| self.take(&limit, now))
    }

    /// Takes a token, perhaps one that is yet to come, and says how long until it is there.
    fn take(&self, limit: &Limit, now: Instant) -> Duration {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.entry(limit.bucket.clone()).or_insert(Bucket { tokens: limit.burst, at: now });
        let grown = now.duration_since(bucket.at).as_secs_f64() * limit.refill;
        bucket.tokens = (bucket.tokens + grown).min(limit.burst) - 1.0;
        bucket.at = now;
        Duration::from_secs_f64((-bucket.tokens).max(0.0) / limit.refill)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(name: &str) -> Call {
        let (service, operation) = name.split_once('.').unwrap();
        Call { service: service.into(), operation: operation.into(), attempt: 1, has_token: false }
    }

    /// How long the last of many calls made at once waits, in seconds.
    fn last_of(calls: usize, name: &str, body: &[u8]) -> f64 {
        let (budget, now) = (Budget::default(), Instant::now());
        let delays = (0..calls).map(|_| budget.delay(&call(name), body, now));
        (delays.last().unwrap().as_secs_f64() * 1000.0).round() / 1000.0
    }

    #[test]
    fn a_burst_goes_out_at_once_and_the_rest_at_the_published_rate() {
        for (name, calls, seconds) in [
            ("ec2.CreateNatGateway", 10, 0.0),
            ("ec2.CreateNatGateway", 13, 3.0),
            ("ec2.CreateVpcEndpoint", 7, 10.0),
            ("ec2.CreateSubnet", 60, 2.0),
            ("elbv2.DescribeTags", 50, 1.0),
            ("wafv2.AssociateWebACL", 3, 4.0),
            ("wafv2.GetWebACLForResource", 3, 2.0),
            ("acm.DescribeCertificate", 30, 2.0),
            ("iam.CreateRole", 500, 0.0),
        ] {
            assert_eq!(last_of(calls, name, b""), seconds, "{calls} x {name}");
        }
    }

    #[test]
    fn whole_listings_have_the_smaller_budget() {
        assert_eq!(last_of(120, "ec2.DescribeVpcs", b"Action=DescribeVpcs&Filter.1.Name=x"), 1.0);
        assert_eq!(last_of(120, "ec2.DescribeVpcs", b"Action=DescribeVpcs&MaxResults=1000"), 1.0);
        assert_eq!(last_of(120, "ec2.DescribeVpcs", b"Action=DescribeVpcs"), 7.0);
    }

    #[test]
    fn budgets_refill_and_never_above_the_burst() {
        let (budget, start) = (Budget::default(), Instant::now());
        let reads = limit(&call("wafv2.GetWebACL"), b"").unwrap();
        for _ in 0..5 {
            assert!(budget.take(&reads, start).is_zero());
        }
        let later = start + Duration::from_secs(3600);
        let delays: Vec<_> = (0..7).map(|_| budget.take(&reads, later).as_millis()).collect();
        assert_eq!(delays, [0, 0, 0, 0, 0, 200, 400]);
    }

    #[test]
    fn calls_of_one_name_do_not_slow_those_of_another() {
        let (budget, now) = (Budget::default(), Instant::now());
        for _ in 0..20 {
            budget.take(&limit(&call("ec2.CreateNatGateway"), b"").unwrap(), now);
        }
        assert!(budget.take(&limit(&call("ec2.CreateVpc"), b"").unwrap(), now).is_zero());
    }

    #[test]
    fn a_throttle_empties_the_bucket_and_makes_one_where_there_is_none() {
        let (budget, now) = (Budget::default(), Instant::now());
        for (name, next) in [("ec2.CreateNatGateway", 1000), ("iam.CreateRole", 200)] {
            let call = call(name);
            assert!(budget.delay(&call, b"", now).is_zero());
            budget.refused(&call, b"");
            let delay = budget.delay(&call, b"", now).as_millis();
            assert!((next - 50..=next).contains(&delay), "{name} {delay}");
            budget.refused(&call, b"");
            assert!(budget.delay(&call, b"", now).as_millis() > next, "those who wait already come first");
        }
    }
}
