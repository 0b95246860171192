//! The policy that AWS gives a key that is made without one: it reads as none.

use serde_json::{Value, json};

use crate::kinds::aws::support::unlabelled;
use crate::model::Document;
use crate::planes::aws::Estate;

/// What AWS gives a key that is made without a policy.
///
/// Source: <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html>
pub(super) fn default_policy(account: &str) -> Document {
    Document::new(json!({
        "Version": "2012-10-17",
        "Id": "key-default-1",
        "Statement": [{
            "Sid": "Enable IAM User Permissions",
            "Effect": "Allow",
            "Principal": { "AWS": account },
            "Action": "kms:*",
            "Resource": "*",
        }],
    }))
}

/// Whether a policy says what the default one says, whatever its labels are.
pub(super) fn is_default(policy: &Document, estate: &Estate) -> bool {
    unlabelled(policy) == unlabelled(&default_policy(&estate.account))
}

/// Whether a policy says what some account's default one says.
pub(super) fn is_any_default(policy: &Document) -> bool {
    let says = unlabelled(policy);
    let root = says.pointer("/0/Principal/AWS/0").and_then(Value::as_str).unwrap_or_default();
    root.bytes().all(|b| b.is_ascii_digit()) && says == unlabelled(&default_policy(root))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_policy_is_known_by_what_it_says() {
        let estate = Estate {
            stack: "s".into(),
            domain: "d.org".into(),
            account: "123456789012".into(),
            region: "us-east-1".into(),
            partition: "aws".into(),
        };
        let other_words = Document::new(json!({ "Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Principal": { "AWS": "123456789012" }, "Action": ["kms:*"], "Resource": "*" } }));
        assert!(is_default(&other_words, &estate));
        let wider = Document::new(json!({ "Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Principal": { "AWS": "*" }, "Action": ["kms:*"], "Resource": "*" } }));
        assert!(!is_default(&wider, &estate));
        assert!(is_any_default(&other_words) && !is_any_default(&wider));
    }
}
