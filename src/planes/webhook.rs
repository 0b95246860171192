//! A webhook: one JSON document, posted to a URL that is a secret (whoever knows it may post).
//!
//! Only by HTTPS, but for an address of this machine. Redirections are not followed.

use bytes::Bytes;
use http_body_util::Full;

use super::error::{Class, Error, Result};
use super::https;
use crate::model::Secret;

const CALL: &str = "webhook.post";

/// Posts `body`. Anything but a 2xx is an error; none of them has a word of the URL.
///
/// # Errors
/// `Invalid` when the URL is none or its receiver refuses, `Unreachable` when nobody answers.
pub async fn post(url: &Secret, body: Vec<u8>) -> Result<()> {
    let invalid = |why: &str| Error::new(Class::Invalid, CALL, why.to_owned());
    let uri: http::Uri = url.expose().trim().parse().map_err(|_| invalid("the webhook's URL is no URL"))?;
    let is_here = matches!(uri.host(), Some("127.0.0.1" | "localhost" | "[::1]"));
    if uri.scheme_str() != Some("https") && !is_here {
        return Err(invalid("the webhook's URL has to begin with https://"));
    }
    let client = https::client()?;
    let request = http::Request::post(uri)
        .header(http::header::CONTENT_TYPE, "application/json")
        .header(http::header::USER_AGENT, concat!("reeve/", env!("CARGO_PKG_VERSION")))
        .body(Full::new(Bytes::from(body)))
        .map_err(|_| invalid("the webhook's URL cannot be requested"))?;
    let answer = client.request(request).await.map_err(|error| {
        let kind = if error.is_connect() { "nobody can be reached there" } else { "no whole answer came" };
        Error::new(Class::Unreachable, CALL, kind.to_owned())
    })?;
    match answer.status() {
        status if status.is_success() => Ok(()),
        status => Err(invalid(&format!("the webhook's receiver answered {}", status.as_u16()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_https_leaves_this_machine_and_no_error_says_where_to() {
        for url in ["http://hooks.example.org/T0/secret", "not a url secret", "ftp://127.0.0.2/secret", ""] {
            let error = post(&Secret::new(url.into()), Vec::new()).await.unwrap_err();
            assert!(error.class == Class::Invalid && !error.to_string().contains("secret"), "{error}");
        }
        let error = post(&Secret::new("http://127.0.0.1:9/secret".into()), Vec::new()).await.unwrap_err();
        assert!(error.class == Class::Unreachable && !error.to_string().contains("secret"), "{error}");
    }
}
