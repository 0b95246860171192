//! Answers from before a change, given again after it: how an eventually consistent listing lags.

use std::collections::HashMap;

use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;

use crate::planes::aws::wire::Call;

/// The last answer of each read.
#[derive(Debug, Default)]
pub(super) struct Answers {
    changes: u64,
    kept: HashMap<String, Kept>,
}

#[derive(Debug)]
struct Kept {
    /// How many changes there had been when it was true.
    at: u64,
    served: u32,
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// Reads that ask for the same.
pub(super) fn key(call: &Call, request: &HttpRequest) -> String {
    let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default());
    format!("{call} {} {body}", request.uri())
}

impl Answers {
    /// Something changed: what is kept is old.
    pub(super) fn changed(&mut self) {
        self.changes += 1;
    }

    /// How many changes there have been.
    pub(super) fn now(&self) -> u64 {
        self.changes
    }

    /// The answer from before the last change, unless it was given `reads` times since.
    pub(super) fn old(&mut self, key: &str, reads: u32) -> Option<Result<HttpResponse, ConnectorError>> {
        let kept = self.kept.get_mut(key).filter(|kept| kept.at < self.changes && kept.served < reads)?;
        kept.served += 1;
        Some(kept.again())
    }

    /// Remembers an answer for later, with the count of changes from before it was asked for.
    pub(super) fn keep(&mut self, key: String, at: u64, answer: &HttpResponse) {
        let headers = answer.headers().iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let body = answer.body().bytes().unwrap_or_default().to_vec();
        self.kept.insert(key, Kept { at, served: 0, status: answer.status().as_u16(), headers, body });
    }
}

impl Kept {
    fn again(&self) -> Result<HttpResponse, ConnectorError> {
        let status = StatusCode::try_from(self.status).map_err(|error| ConnectorError::user(error.into()))?;
        let mut response = HttpResponse::new(status, SdkBody::from(self.body.clone()));
        for (name, value) in &self.headers {
            response.headers_mut().append(name.clone(), value.clone());
        }
        Ok(response)
    }
}
