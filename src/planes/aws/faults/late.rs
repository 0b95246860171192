//! What was just made and is not visible everywhere yet: reads that name it are told that it is not there.

use std::collections::{BTreeMap, BTreeSet};

use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;

use super::refusal;
use crate::planes::aws::wire::Call;

/// Verbs with which something is made.
const MAKES: &[&str] = &["Create", "Allocate", "Run", "Request", "Put", "Subscribe", "Import"];

/// What is young, and what was asked about it.
#[derive(Debug, Default)]
pub(super) struct Young {
    /// Id (or name), and how many reads that name it it stays hidden from.
    left: BTreeMap<String, u32>,
    hidden: BTreeSet<String>,
}

impl Young {
    /// Takes in what a change made: ids that its answer has and its request has not, and the request's words that `names` is part of.
    pub(super) fn learn(&mut self, call: &Call, asked: &str, answer: &HttpResponse, names: &str, reads: u32) {
        if !answer.status().is_success() || !MAKES.iter().any(|verb| call.operation.starts_with(verb)) {
            return;
        }
        let told = decoded(&String::from_utf8_lossy(answer.body().bytes().unwrap_or_default()));
        let ids = words(&told).filter(|word| is_id(word) && !asked.contains(word));
        let named = words(asked).filter(|word| word.len() > names.len() && word.contains(names));
        for word in ids.chain(named) {
            self.left.entry(word.to_owned()).or_insert(reads);
        }
    }

    /// Whether a read names something that cannot be seen yet; each such read counts.
    pub(super) fn hides(&mut self, call: &Call, asked: &str) -> bool {
        let mut hides = false;
        for word in words(asked).collect::<BTreeSet<_>>() {
            if let Some(left) = self.left.get_mut(word).filter(|left| **left > 0) {
                *left -= 1;
                hides = true;
            }
        }
        if hides {
            self.hidden.insert(call.to_string());
        }
        hides
    }

    /// The reads that were told so.
    pub(super) fn hidden(&self) -> BTreeSet<String> {
        self.hidden.clone()
    }
}

/// The service's own word for what is not there.
pub(super) fn not_there(call: &Call) -> Result<HttpResponse, ConnectorError> {
    let (status, code) = match (call.service.as_str(), call.operation.as_str()) {
        ("ec2", _) => (400, "InvalidID.NotFound"),
        ("iam", _) => (404, "NoSuchEntity"),
        ("s3", operation) if operation.contains("Object") => (404, "NoSuchKey"),
        ("s3", _) => (404, "NoSuchBucket"),
        _ => (404, "ResourceNotFoundException"),
    };
    refusal::answer(call, status, code, "it is not there (thrown in by a test)")
}

/// What a request says, as text.
pub(super) fn text(request: &HttpRequest) -> String {
    let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default());
    decoded(&format!("{} {body}", request.uri()))
}

/// Without percent signs.
fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(plain) => {
                out.push(char::from(plain));
                out.push_str(&part[2..]);
            }
            None => {
                out.push('%');
                out.push_str(part);
            }
        }
    }
    out
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || "-_/.:".contains(c))).filter(|word| !word.is_empty())
}

/// `vpc-0a1b2c3d4e5f60718`, a UUID, an ARN: letters, digits and a sign in between; no time.
fn is_id(word: &str) -> bool {
    word.len() >= 11
        && word.bytes().any(|b| b.is_ascii_digit())
        && word.contains(['-', ':'])
        && !word.ends_with('Z')
        && !word.contains("//")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_from_words() {
        for id in ["vpc-0a1b2c3d4e5f60718", "fsmt-01234567", "arn:aws:sns:us-east-1:123456789012:x", "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"]
        {
            assert!(is_id(id), "{id}");
        }
        for word in ["available", "10.0.0.0/16", "us-east-1", "2026-01-02T03:04:05Z", "http://ec2.amazonaws.com/doc/2016-11-15/"] {
            assert!(!is_id(word), "{word}");
        }
        assert_eq!(decoded("arn%3Aaws%3a1&x=%2Fa%"), "arn:aws:1&x=/a%");
        assert_eq!(words("<vpcId>vpc-1</vpcId> \"a/b\"").collect::<Vec<_>>(), ["vpcId", "vpc-1", "/vpcId", "a/b"]);
    }
}
