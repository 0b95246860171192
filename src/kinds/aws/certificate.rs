//! A public TLS certificate that ACM issues and renews by itself.
//!
//! API: <https://docs.aws.amazon.com/acm/latest/APIReference/API_RequestCertificate.html>. It is validated by a DNS record, whose name and
//! value are attributes; the record itself is an `aws.record`. Does not touch imported or private certificates.

use std::collections::BTreeSet;

use aws_sdk_acm::types as acm;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::support::side_by_side;
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags, attributes};
use crate::model::Marks;
use crate::planes::Aws;
use crate::planes::error::{Absent, Class, Error, Result};

/// A public certificate, validated by DNS.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// The first name it is for, in lower case, without a dot at the end.
    #[schemars(extend("x-replace" = true))]
    pub domain_name: String,
    /// Further names: `*.example.org`. Default: none.
    #[serde(default)]
    #[schemars(extend("x-replace" = true))]
    pub subject_alternative_names: BTreeSet<String>,
    /// Its key. Default: RSA_2048.
    #[serde(default)]
    #[schemars(extend("x-replace" = true))]
    pub key_algorithm: KeyAlgorithm,
}

/// A key that ACM makes for public certificates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(non_camel_case_types, missing_docs, reason = "AWS's own words")]
pub enum KeyAlgorithm {
    #[default]
    RSA_2048,
    EC_prime256v1,
    EC_secp384r1,
}

impl Named for Certificate {
    const NAME: &'static str = "aws.certificate";
}

impl Kind for Certificate {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/acm/latest/APIReference/API_RequestCertificate.html";
    const TAGS: Tags = Tags::Acm;
    const ATTRIBUTES: &'static [&'static str] = &["arn", "domain_name", "validation_name", "validation_value", "validation_type"];

    fn check(&self) -> Vec<(String, String)> {
        let mut wrong = Vec::new();
        let all = std::iter::once(("domain_name", &self.domain_name));
        for (field, name) in all.chain(self.subject_alternative_names.iter().map(|name| ("subject_alternative_names", name))) {
            if name.ends_with('.') || name.chars().any(char::is_uppercase) || !name.contains('.') {
                wrong.push((field.to_owned(), format!("`{name}` has to be a domain in lower case, without a dot at the end")));
            }
        }
        if self.subject_alternative_names.contains(&self.domain_name) {
            wrong.push(("subject_alternative_names".into(), "names only further names: `domain_name` is always one".into()));
        }
        // The validation record of a name and of its wildcard are the same one, and the attributes hold one record.
        let base = self.domain_name.trim_start_matches("*.");
        for name in self.subject_alternative_names.iter().filter(|name| name.trim_start_matches("*.") != base) {
            wrong.push((
                "subject_alternative_names".into(),
                format!("`{name}` needs a validation record of its own: make it another certificate"),
            ));
        }
        wrong
    }

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        // Without a filter ACM lists RSA keys of 1024 and 2048 bits only.
        let keys =
            acm::Filters::builder().set_key_types(Some(acm::KeyAlgorithm::values().iter().map(|k| acm::KeyAlgorithm::from(*k)).collect()));
        let listed: Vec<acm::CertificateSummary> = cx
            .acm
            .list_certificates()
            .includes(keys.build())
            .into_paginator()
            .items()
            .send()
            .collect::<std::result::Result<_, _>>()
            .await?;
        // What failed before it was ever issued can serve nobody, and is made anew.
        let dead = [acm::CertificateStatus::Failed, acm::CertificateStatus::ValidationTimedOut];
        let living = listed.iter().filter(|one| !one.status().is_some_and(|status| dead.contains(status)));
        let read = living.map(|one| async move {
            let arn = one.certificate_arn().ok_or_else(|| Error::incomplete("acm.ListCertificates", "ARN"))?;
            let tags = cx.acm.list_tags_for_certificate().certificate_arn(arn).send().await?;
            let pairs = tags.tags().iter().map(|tag| (tag.key(), tag.value().unwrap_or_default()));
            let Some(marks) = cx.marks(pairs) else { return Ok(None) };
            let detail = describe(cx, arn).await?;
            let made_at = detail.created_at().map(ToString::to_string).unwrap_or_default();
            Ok::<_, Error>(Some(Live { id: arn.to_owned(), attributes: known(&detail), shape: shape(&detail), marks, made_at }))
        });
        Ok(side_by_side(read).await?.into_iter().flatten().collect())
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let want = &new.want;
        let tags = tags(&new.marks);
        // ACM's token is 32 letters, digits and underscores.
        let token: String = new.token.chars().filter(char::is_ascii_alphanumeric).take(32).collect();
        let others = (!want.subject_alternative_names.is_empty()).then(|| want.subject_alternative_names.iter().cloned().collect());
        let out = cx
            .acm
            .request_certificate()
            .domain_name(&want.domain_name)
            .set_subject_alternative_names(others)
            .validation_method(acm::ValidationMethod::Dns)
            .key_algorithm(key(want.key_algorithm))
            .idempotency_token(token)
            .set_tags(Some(tags))
            .send()
            .await?;
        let id = out.certificate_arn.ok_or_else(|| Error::incomplete("acm.RequestCertificate", "ARN"))?;
        // It is not visible at once, and names its record a little later still. Asked for again with this token, ACM answers with the same one.
        match describe(cx, &id).await.absent_ok()?.as_ref().map(known) {
            Some(attributes) if attributes.contains_key("validation_name") => Ok(Made { id, attributes }),
            _ => Err(Error::new(Class::InUse, "acm.DescribeCertificate", format!("{id} does not name its validation record yet"))),
        }
    }

    async fn update(_cx: &Aws, _change: &Change<Self>) -> Result<()> {
        Ok(()) // every field makes another certificate
    }

    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        cx.acm.delete_certificate().certificate_arn(&gone.id).send().await.map_err(Error::from).absent_ok()?;
        Ok(())
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        let detail = describe(cx, id).await?;
        Ok(match detail.status() {
            Some(acm::CertificateStatus::Issued) => Ready::Yes(known(&detail)),
            Some(acm::CertificateStatus::PendingValidation) | None => Ready::NotYet("PENDING_VALIDATION".into()),
            Some(status) => {
                let reason = detail.failure_reason().map(|reason| format!(": {reason}")).unwrap_or_default();
                Ready::Failed(format!("{status}{reason}"))
            }
        })
    }

    async fn mark(cx: &Aws, id: &str, marks: &Marks) -> Result<()> {
        cx.acm.add_tags_to_certificate().certificate_arn(id).set_tags(Some(tags(marks))).send().await?;
        Ok(())
    }
}

async fn describe(cx: &Aws, arn: &str) -> Result<acm::CertificateDetail> {
    let out = cx.acm.describe_certificate().certificate_arn(arn).send().await?;
    out.certificate.ok_or_else(|| Error::incomplete("acm.DescribeCertificate", "certificate"))
}

fn known(detail: &acm::CertificateDetail) -> Attributes {
    let mut known =
        attributes([("arn", detail.certificate_arn().unwrap_or_default()), ("domain_name", detail.domain_name().unwrap_or_default())]);
    let record = detail.domain_validation_options().iter().find_map(acm::DomainValidation::resource_record);
    if let Some(record) = record {
        known.insert("validation_name", record.name().trim_end_matches('.').to_owned());
        known.insert("validation_value", record.value().trim_end_matches('.').to_owned());
        known.insert("validation_type", record.r#type().to_string());
    }
    known
}

fn shape(detail: &acm::CertificateDetail) -> Certificate {
    let domain_name = detail.domain_name().unwrap_or_default().to_owned();
    Certificate {
        subject_alternative_names: detail.subject_alternative_names().iter().filter(|name| **name != domain_name).cloned().collect(),
        domain_name,
        // The detail says `RSA-2048` where the request says `RSA_2048`.
        key_algorithm: match detail.key_algorithm().map(|key| key.as_str().replace('-', "_")).as_deref() {
            Some("EC_prime256v1") => KeyAlgorithm::EC_prime256v1,
            Some("EC_secp384r1") => KeyAlgorithm::EC_secp384r1,
            _ => KeyAlgorithm::RSA_2048,
        },
    }
}

fn key(key: KeyAlgorithm) -> acm::KeyAlgorithm {
    match key {
        KeyAlgorithm::RSA_2048 => acm::KeyAlgorithm::Rsa2048,
        KeyAlgorithm::EC_prime256v1 => acm::KeyAlgorithm::EcPrime256v1,
        KeyAlgorithm::EC_secp384r1 => acm::KeyAlgorithm::EcSecp384r1,
    }
}

fn tags(marks: &Marks) -> Vec<acm::Tag> {
    marks.to_tags().into_iter().filter_map(|(key, value)| acm::Tag::builder().key(key).value(value).build().ok()).collect()
}
