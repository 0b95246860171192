//! AWS: one client per service, whose stack it is, and what was read once for several kinds.

pub mod budget;
mod classify;
pub mod connect;
pub mod faults;
pub mod gate;
pub mod metadata;
pub mod owner;
pub mod retry;
pub mod stats;
pub mod wire;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex};

pub use self::classify::refused;
use super::error::Result;
use super::once::Once;
use super::ours::Ours;
use crate::model::{Marks, Whose};

/// The stack on whose behalf calls are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Estate {
    /// The stack's name.
    pub stack: String,
    /// Its domain.
    pub domain: String,
    /// The account's id.
    pub account: String,
    /// The region.
    pub region: String,
    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub partition: String,
}

macro_rules! clients {
    ($($(#[$doc:meta])* $field:ident: $sdk:ident,)*) => {
        /// The clients, and what a pass over the account shares. Cheap to clone.
        #[derive(Debug, Clone)]
        pub struct Aws {
            /// Whose calls these are.
            pub estate: Arc<Estate>,
            /// What this pass has read already ([`Aws::once`]).
            once: Arc<Once>,
            /// Whose marks are ours, and what this pass saw that is not. (Its calls are counted and gated by the wire.)
            pub(super) ours: Ours,
            /// Whole sets of tags that were written ([`Aws::tag_set`]).
            written: Arc<Written>,
            $($(#[$doc])* pub $field: $sdk::Client,)*
        }

        impl Aws {
            /// One client per service over a shared configuration.
            #[must_use]
            pub fn new(config: &aws_types::SdkConfig, estate: Estate) -> Self {
                let ours = Ours::new(&estate.stack, stats::Stats::default());
                Self { estate: Arc::new(estate), once: Arc::default(), ours, written: Arc::default(), $($field: $sdk::Client::from_conf($sdk::config::Builder::from(config).interceptor(wire::Named).retry_classifier(retry::NoBlindRepeat).build()),)* }
            }
        }
    };
}

clients! {
    /// Certificates.
    acm: aws_sdk_acm,
    /// Auto Scaling.
    autoscaling: aws_sdk_autoscaling,
    /// AWS Backup.
    backup: aws_sdk_backup,
    /// CloudTrail.
    cloudtrail: aws_sdk_cloudtrail,
    /// CloudWatch.
    cloudwatch: aws_sdk_cloudwatch,
    /// EC2 and VPC.
    ec2: aws_sdk_ec2,
    /// EFS.
    efs: aws_sdk_efs,
    /// Elastic Load Balancing v2.
    elbv2: aws_sdk_elasticloadbalancingv2,
    /// IAM.
    iam: aws_sdk_iam,
    /// KMS.
    kms: aws_sdk_kms,
    /// CloudWatch Logs.
    logs: aws_sdk_cloudwatchlogs,
    /// RDS.
    rds: aws_sdk_rds,
    /// Route 53.
    route53: aws_sdk_route53,
    /// S3.
    s3: aws_sdk_s3,
    /// Secrets Manager.
    secrets: aws_sdk_secretsmanager,
    /// SNS.
    sns: aws_sdk_sns,
    /// Systems Manager.
    ssm: aws_sdk_ssm,
    /// Security Token Service.
    sts: aws_sdk_sts,
    /// WAF v2.
    wafv2: aws_sdk_wafv2,
}

/// A whole set of tags.
pub type TagSet = BTreeMap<String, String>;

/// By name.
type Written = Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<TagSet>>>>;

impl Aws {
    /// The same clients for a new pass: nothing of what was read before is remembered.
    #[must_use]
    pub fn fresh(&self) -> Self {
        Self { once: Arc::default(), ours: self.ours.fresh(), ..self.clone() }
    }

    /// The tags that these clients last wrote to `name`, locked: a service that takes only whole sets has one writer at a time, who builds
    /// on what was written before even while reads still answer from before it.
    pub async fn tag_set(&self, name: &str) -> tokio::sync::OwnedMutexGuard<TagSet> {
        let set = self.written.lock().unwrap_or_else(std::sync::PoisonError::into_inner).entry(name.to_owned()).or_default().clone();
        set.lock_owned().await
    }

    /// Reads something that several kinds need (`describe_load_balancers`, say) once in a pass; later callers get the same value.
    /// A failed read is not remembered.
    ///
    /// # Errors
    /// What `read` answered.
    pub async fn once<T, F>(&self, what: &'static str, read: impl FnOnce() -> F + Send) -> Result<Arc<T>>
    where
        T: Send + Sync + 'static,
        F: Future<Output = Result<T>> + Send,
    {
        self.once.read(what, read).await
    }

    /// The owner marks in `tags`, when they are this stack's.
    #[must_use]
    pub fn marks<'a>(&self, tags: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<Marks> {
        self.ours.marks(tags)
    }

    /// The owner marks in `tags`, when they are this stack's; when not, the object is noted as a stranger of that kind, name and id.
    pub fn marks_or_stranger<'a>(
        &self,
        kind: &'static str,
        name_and_id: (&str, &str),
        tags: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Option<Marks> {
        self.ours.marks_or_stranger(kind, name_and_id, tags)
    }

    /// Notes an object of that kind, name and id that is not ours.
    pub fn stranger(&self, kind: &'static str, name_and_id: (&str, &str), whose: Whose) {
        self.ours.stranger(kind, name_and_id, whose);
    }
}
