//! Reaching AWS as every SDK does, and making sure that it is the right account before anything else is asked.
//!
//! Profile, SSO, environment, container and instance credentials, `AWS_ENDPOINT_URL` and `AWS_ENDPOINT_URL_<SERVICE>` are the SDK's business:
//! <https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html>. This adds the HTTP client, the retries, and errors
//! that say what to do.

use std::time::Duration;

use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sts::operation::get_caller_identity::GetCallerIdentityError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::retry::RetryConfig;
use aws_types::SdkConfig;
use aws_types::app_name::AppName;
use aws_types::region::Region;
use aws_types::service_config::ServiceConfigKey;
use serde::{Deserialize, Serialize};

use super::faults::Faults;
use super::gate::Gate;
use super::stats::Stats;
use super::wire::{Broken, Named, Wire, chain, is_local};
use super::{Aws, Estate, retry};
use crate::planes::error::{Class, Error, Result};

/// The call that every connection begins with.
const WHO: &str = "sts.GetCallerIdentity";

/// The limit on one attempt to ask who we are: short, so that a dead endpoint is known within seconds.
const WHO_ATTEMPT: Duration = Duration::from_secs(8);

/// Where to connect, and for whom.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The stack's name.
    pub stack: String,
    /// The stack's domain.
    pub domain: String,
    /// The region.
    pub region: String,
    /// The account that the stack is for; `None`: whichever the credentials belong to.
    pub account: Option<String>,
    /// One endpoint for all services; `None`: as the environment and the profile say.
    pub endpoint: Option<String>,
    /// Credentials; `None`: as the environment and the profile say.
    pub credentials: Option<Credentials>,
    /// Who we are, where that is known already: AWS is then not asked, and need not be there yet.
    pub caller: Option<Caller>,
    /// Where calls are counted.
    pub stats: Stats,
    /// Faults to throw in. For tests.
    pub faults: Option<Faults>,
    /// The file of this host's facts; `None`: as `REEVE_HOST` says, or the usual one ([`Facts`](crate::planes::Facts)).
    pub host: Option<std::path::PathBuf>,
}

/// Whoever calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// The account.
    pub account: String,
    /// The ARN.
    pub arn: String,
}

/// AWS, reached.
#[derive(Debug, Clone)]
pub struct Connection {
    /// The clients.
    pub aws: Aws,
    /// The ARN of whoever calls: it goes into plans and the journal.
    pub caller: String,
    /// Where calls are counted.
    pub stats: Stats,
    config: SdkConfig,
    wire: Wire,
}

impl Connection {
    /// Clients of the same account, credentials and budgets, each of whose changes asks `gate` first.
    #[must_use]
    pub fn gated(&self, gate: Gate) -> Aws {
        let config = self.config.clone().into_builder().http_client(self.wire.clone().with_gate(gate)).build();
        clients(&config, (*self.aws.estate).clone())
    }
}

/// Connects and asks AWS who we are.
///
/// # Errors
/// [`Class::Unreachable`] when nobody answers or no credentials were found, [`Class::Denied`] when AWS does not take them, and
/// [`Class::Invalid`] when they are for another account than the stack. Each says what to do.
pub async fn connect(options: Options) -> Result<Connection> {
    let mut wire = Wire::new(options.stats.clone());
    if let Some(faults) = options.faults {
        wire = wire.with_faults(faults);
    }
    let config = load(&options.region, options.endpoint, options.credentials, wire.clone()).await;
    let (account, caller) = match options.caller {
        Some(Caller { account, arn }) => (account, arn),
        None => who(&config, wire.clone()).await?,
    };
    if let Some(wanted) = options.account.filter(|wanted| *wanted != account) {
        let text = format!(
            "this stack is for account {wanted}, the credentials ({caller}) are for {account}: refusing; use a profile of {wanted}"
        );
        return Err(Error::new(Class::Invalid, WHO, text));
    }
    let partition = caller.split(':').nth(1).filter(|name| !name.is_empty()).unwrap_or("aws").to_owned();
    let estate = Estate { stack: options.stack, domain: options.domain, account, region: options.region, partition };
    Ok(Connection { aws: clients(&config, estate), caller, stats: options.stats, config, wire })
}

fn clients(config: &SdkConfig, estate: Estate) -> Aws {
    let mut aws = Aws::new(config, estate);
    if endpoint(config, "s3").is_some() {
        aws.s3 = path_style(config);
    }
    aws
}

async fn load(region: &str, endpoint: Option<String>, credentials: Option<Credentials>, wire: Wire) -> SdkConfig {
    let mut loader = aws_config::from_env()
        .region(Region::new(region.to_owned()))
        .http_client(wire)
        .retry_config(retry::config())
        .timeout_config(retry::timeouts())
        // The wire reads whole answers within its own time-out, and a call that waits for its rate budget is not stalled.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    if let Ok(name) = AppName::new("reeve") {
        loader = loader.app_name(name);
    }
    if let Some(endpoint) = endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    if let Some(credentials) = credentials {
        loader = loader.credentials_provider(credentials);
    }
    loader.load().await
}

/// An emulator has no host names for buckets: the bucket goes into the path.
fn path_style(config: &SdkConfig) -> aws_sdk_s3::Client {
    let builder = aws_sdk_s3::config::Builder::from(config).interceptor(Named).retry_classifier(retry::NoBlindRepeat);
    aws_sdk_s3::Client::from_conf(builder.force_path_style(true).build())
}

/// The endpoint that was set for a service, for all, or in the profile.
fn endpoint(config: &SdkConfig, service: &str) -> Option<String> {
    let key = ServiceConfigKey::builder().service_id(service).env("AWS_ENDPOINT_URL").profile("endpoint_url").build().ok()?;
    let own = config.service_config().and_then(|settings| settings.load_config(key));
    own.or_else(|| config.endpoint_url().map(str::to_owned))
}

/// The account and the caller's ARN.
async fn who(config: &SdkConfig, wire: Wire) -> Result<(String, String)> {
    let builder = aws_sdk_sts::config::Builder::from(config)
        .interceptor(Named)
        .retry_classifier(retry::NoBlindRepeat)
        .http_client(wire.with_attempt_timeout(WHO_ATTEMPT))
        .retry_config(RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(300)));
    match aws_sdk_sts::Client::from_conf(builder.build()).get_caller_identity().send().await {
        Ok(identity) => {
            let account = identity.account.ok_or_else(|| Error::incomplete(WHO, "account"))?;
            let caller = identity.arn.ok_or_else(|| Error::incomplete(WHO, "ARN"))?;
            Ok((account, caller))
        }
        Err(error) => Err(explain(error, endpoint(config, "sts"))),
    }
}

type WhoError = SdkError<GetCallerIdentityError, HttpResponse>;

/// The same error with what to do about it.
fn explain(error: WhoError, endpoint: Option<String>) -> Error {
    let said: Vec<String> = chain(&error).map(ToString::to_string).collect();
    if let Some(endpoint) = &endpoint
        && said.iter().any(|text| text.contains("must contain scheme") || text.contains("valid URI") || text.contains("unsupported scheme"))
    {
        let text =
            format!("AWS_ENDPOINT_URL={endpoint} is no address: write it with its scheme, such as http://127.0.0.1:4566, or unset it");
        return Error::new(Class::Invalid, WHO, text);
    }
    if let Some(late) = said.iter().find(|text| text.contains("identity resolver timed out")) {
        let text = format!("the credentials did not come in time ({late}): {} names a program or a service that hangs", settings());
        return Error::new(Class::Unreachable, WHO, text);
    }
    if let Some(cause) = chain(&error).find_map(|cause| cause.downcast_ref::<CredentialsError>()) {
        return Error::new(Class::Unreachable, WHO, no_credentials(cause));
    }
    if Broken::find(&error).is_some() {
        let reason = chain(&error).last().map(ToString::to_string).unwrap_or_default();
        let text = match endpoint {
            Some(endpoint) if is_local(&endpoint) => {
                format!(
                    "nobody answers at {endpoint} ({reason}): start what should listen there (`reeve sandbox`), or unset AWS_ENDPOINT_URL"
                )
            }
            Some(endpoint) => format!("no answer from {endpoint} ({reason}): is AWS_ENDPOINT_URL right, and the way there open?"),
            None => format!("AWS gives no answer ({reason}): is the region's name right, and the network, its proxy and its DNS up?"),
        };
        return Error::new(Class::Unreachable, WHO, text);
    }
    let mut known = Error::from(error);
    let advice = match known.code.as_str() {
        "ExpiredToken" | "ExpiredTokenException" => "sign in again (`aws sso login`), or renew the session",
        "InvalidClientTokenId" | "UnrecognizedClientException" => {
            "AWS does not know this access key: check the profile, and that the key is active"
        }
        "RequestExpired" | "RequestTimeTooSkewed" => CLOCK,
        "SignatureDoesNotMatch" if known.message.contains("expired") || known.message.contains("not yet current") => CLOCK,
        "SignatureDoesNotMatch" => "the secret access key does not belong to the access key: check the profile",
        _ => return known,
    };
    known.class = Class::Denied;
    known.message = format!("{}: {advice}", known.message.trim_end_matches('.'));
    known
}

/// The advice for signatures from another time.
const CLOCK: &str = "this machine's clock is more than five minutes wrong: set it (`timedatectl set-ntp true`)";

fn no_credentials(cause: &CredentialsError) -> String {
    let detail = chain(cause).skip(1).map(ToString::to_string).collect::<Vec<_>>().join(": ");
    match cause {
        CredentialsError::CredentialsNotLoaded(_) => match std::env::var("AWS_PROFILE") {
            Ok(profile) => format!("no credentials were found for AWS_PROFILE={profile}: is there such a profile in {}?", settings_file()),
            Err(_) => {
                "no credentials were found: set AWS_PROFILE, sign in (`aws sso login`), or run where an instance or task role is".to_owned()
            }
        },
        CredentialsError::ProviderTimedOut(_) => format!("the credentials did not come in time ({detail}): try again, or set AWS_PROFILE"),
        CredentialsError::InvalidConfiguration(_) => {
            format!("the credentials' settings are wrong ({detail}): check {}", settings())
        }
        _ if detail.contains("xpired") || detail.contains("SSO") => {
            format!("the session has expired or was never begun ({detail}): sign in (`aws sso login`)")
        }
        _ if detail.contains("IMDS") => {
            format!("no credentials were found, and this machine has no role ({detail}): set AWS_PROFILE, or sign in (`aws sso login`)")
        }
        // Only the causes' words: their fields may hold what a credentials' server answered.
        _ => format!("the credentials could not be read ({detail}): check {}", settings()),
    }
}

/// The file that the SDK reads the profiles from.
fn settings_file() -> String {
    std::env::var("AWS_CONFIG_FILE").unwrap_or_else(|_| "~/.aws/config".to_owned())
}

/// Where the settings of the credentials are: a profile of a file.
fn settings() -> String {
    let profile = std::env::var("AWS_PROFILE").unwrap_or_else(|_| "default".to_owned());
    format!("the profile `{profile}` in {}", settings_file())
}
