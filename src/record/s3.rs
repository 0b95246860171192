//! A record in an S3 bucket: conditional writes do the locking.
//!
//! [PutObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html) with `If-None-Match: *` makes an
//! object only when none is there, with `If-Match` only over the version that was seen;
//! [conditional writes](https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html) answer 412 when
//! the condition does not hold and 409 when two writers met. Every call names the account that must own the bucket.

use std::error::Error;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::RecordError;
use super::store::{Object, Put, Version};

/// How often a write that met another one is tried again before what is there is looked at.
const MEETINGS: u32 = 5;

/// A bucket that holds a record, and the account that must own it.
#[derive(Debug, Clone)]
pub struct S3Bucket {
    client: Client,
    name: String,
    account: Option<String>,
}

impl S3Bucket {
    /// The record in the bucket `name`, which need not exist yet. With an account, each call fails when somebody else
    /// owns the bucket.
    #[must_use]
    pub fn new(client: Client, name: String, account: Option<String>) -> Self {
        Self { client, name, account }
    }

    /// The bucket's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn place(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.name)
    }

    pub(super) async fn get(&self, key: &str) -> Result<Option<Object>, RecordError> {
        let sent = self.client.get_object().bucket(&self.name).key(key).set_expected_bucket_owner(self.account.clone()).send();
        let got = match sent.await {
            Ok(got) => got,
            Err(error) if matches!(error.code(), Some("NoSuchKey" | "NoSuchBucket")) => return Ok(None),
            Err(error) => return Err(failure("GetObject", self.place(key), &error)),
        };
        let version = got.e_tag().unwrap_or_default().to_owned();
        let body = got.body.collect().await.map_err(|error| RecordError::S3 {
            call: "GetObject",
            place: self.place(key),
            why: error.to_string(),
            hint: "",
        })?;
        Ok(Some(Object { body: body.to_vec(), version: Version::new(version) }))
    }

    pub(super) async fn put_new(&self, key: &str, body: Vec<u8>) -> Result<Put, RecordError> {
        self.conditional(key, body, |put| put.if_none_match("*")).await
    }

    pub(super) async fn put_over(&self, key: &str, body: Vec<u8>, seen: &Version) -> Result<Put, RecordError> {
        self.conditional(key, body, |put| put.if_match(seen.as_str())).await
    }

    pub(super) async fn put(&self, key: &str, body: Vec<u8>) -> Result<Version, RecordError> {
        let put = self.put_call(key, body).send().await.map_err(|error| failure("PutObject", self.place(key), &error))?;
        Ok(Version::new(put.e_tag().unwrap_or_default().to_owned()))
    }

    pub(super) async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Vec<String>, RecordError> {
        let call = self.client.list_objects_v2().bucket(&self.name).prefix(prefix).set_start_after(after.map(str::to_owned));
        let mut pages = call.set_expected_bucket_owner(self.account.clone()).into_paginator().send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            match page {
                Ok(page) => keys.extend(page.contents().iter().filter_map(|object| object.key().map(str::to_owned))),
                Err(error) if error.code() == Some("NoSuchBucket") => return Ok(Vec::new()),
                Err(error) => return Err(failure("ListObjectsV2", self.place(prefix), &error)),
            }
        }
        Ok(keys)
    }

    fn put_call(&self, key: &str, body: Vec<u8>) -> PutObjectFluentBuilder {
        self.client
            .put_object()
            .bucket(&self.name)
            .key(key)
            .set_expected_bucket_owner(self.account.clone())
            .content_type("application/json")
            .body(ByteStream::from(body))
    }

    async fn conditional(
        &self,
        key: &str,
        body: Vec<u8>,
        condition: impl Fn(PutObjectFluentBuilder) -> PutObjectFluentBuilder,
    ) -> Result<Put, RecordError> {
        for meeting in 0..MEETINGS {
            let error = match condition(self.put_call(key, body.clone())).send().await {
                Ok(put) => return Ok(Put::Written(Version::new(put.e_tag().unwrap_or_default().to_owned()))),
                Err(error) => error,
            };
            match (status(&error), error.code()) {
                (Some(412), _) => break,
                // The object whose version was seen is gone.
                (_, Some("NoSuchKey")) => return Ok(Put::Refused),
                (_, Some("ConditionalRequestConflict" | "OperationAborted")) => {
                    tokio::time::sleep(Duration::from_millis(50 << meeting)).await;
                }
                _ => return Err(failure("PutObject", self.place(key), &error)),
            }
        }
        // An earlier attempt of ours may have been written though its answer was lost.
        Ok(match self.get(key).await? {
            Some(there) if there.body == body => Put::Written(there.version),
            _ => Put::Refused,
        })
    }
}

/// The HTTP status that was answered, if anything was.
fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|answer| answer.status().as_u16())
}

/// What S3 said, in one line: code and message, or why no answer came. Never the request or a response body.
pub(super) fn failure<E>(call: &'static str, place: String, error: &SdkError<E, HttpResponse>) -> RecordError
where
    E: Error + ProvideErrorMetadata + 'static,
{
    let why = match (error.code(), error.message(), status(error)) {
        (Some(code), Some(message), _) => format!("{code}: {message}"),
        (Some(code), None, _) => code.to_owned(),
        (None, _, Some(status)) => format!("HTTP status {status}"),
        (None, _, None) => chain(error),
    };
    let hint = match (error.code(), status(error)) {
        (Some("NoSuchBucket"), _) => ". The record's bucket does not exist: the first apply makes it",
        (Some("AccessDenied"), _) | (_, Some(403)) => ". Either the credentials in use may not do this, or another account owns the bucket",
        _ => "",
    };
    RecordError::S3 { call, place, why, hint }
}

/// An error and its causes, joined.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
