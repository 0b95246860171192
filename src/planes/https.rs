//! A client for what is neither AWS nor a plane inside: webhooks, receivers of traces. HTTP/1.1, TLS with the machine's own authorities; redirections are not followed.

use bytes::Bytes;
use http_body_util::Full;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::error::{Class, Error, Result};

/// Cheap to clone.
pub type Client = hyper_util::client::legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// A client, for `https` and `http`.
///
/// # Errors
/// `Invalid` when this machine trusts nobody.
pub fn client() -> Result<Client> {
    let connector = hyper_rustls::HttpsConnectorBuilder::new()
        .with_native_roots()
        .map_err(|error| Error::new(Class::Invalid, "https", format!("this machine has no certificates of authorities: {error}")))?
        .https_or_http()
        .enable_http1()
        .build();
    Ok(hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build(connector))
}
