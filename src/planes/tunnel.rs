//! Session Manager: ways through a host of the fleet that has no door of its own.
//!
//! AWS begins the session ([API](https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_StartSession.html)), and AWS's own program, the Session
//! Manager plugin, carries it (`tunnel/plugin.rs`). Two ways are had of it. For the engine, a port of the host as the plugin's standard input and output: whoever reaches that port is
//! root, and nothing of it is opened on this machine. For the database, which asks for a password and proves who it is, a port of this machine that leads through the host
//! ([`Tunnels::port`]). Each session is given back ([`farewell`]).

mod plugin;
mod port;
mod session;

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_autoscaling::types::{AutoScalingGroup, LifecycleState};
use tokio::process::Command;
use tokio::sync::Mutex;

use super::Aws;
use super::aws::Estate;
use super::error::{Class, Error, Result};
use crate::model::host::MANAGERS;
use crate::model::marks::key;
use crate::model::runbook::{DENIED, UNREACHABLE};
pub use port::Port;
pub use session::{Session, farewell};

/// The document that gives a port of the host as standard input and output. (It is made for SSH, and speaks of any port.)
const STREAM: &str = "AWS-StartSSHSession";
/// The document that gives a port of this machine, which leads through the host.
const THROUGH: &str = "AWS-StartPortForwardingSessionToRemoteHost";
/// The call.
const START: &str = "ssm.StartSession";

/// The values of a document's parameters.
type Parameters = HashMap<String, Vec<String>>;

/// The ways through one stack's hosts. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tunnels {
    ssm: aws_sdk_ssm::Client,
    autoscaling: aws_sdk_autoscaling::Client,
    estate: Arc<Estate>,
    /// The one instance that may be used; any manager when there is none.
    only: Option<String>,
    /// The instance through which a session came about.
    found: Arc<Mutex<Option<String>>>,
}

impl Tunnels {
    /// Those of the stack, through any of its managers.
    #[must_use]
    pub fn new(aws: &Aws) -> Self {
        Self { ssm: aws.ssm.clone(), autoscaling: aws.autoscaling.clone(), estate: aws.estate.clone(), only: None, found: Arc::default() }
    }

    /// The same, through that instance alone where one is named.
    #[must_use]
    pub fn only(&self, instance: Option<String>) -> Self {
        match instance {
            Some(_) => Self { only: instance, found: Arc::default(), ..self.clone() },
            None => self.clone(),
        }
    }

    /// A program whose standard input and output are a connection to `port` of the host's own loopback.
    ///
    /// # Errors
    /// No plugin, no manager, no session.
    pub(super) async fn stream(&self, port: u16) -> Result<(Command, Session)> {
        plugin::check().await?;
        let parameters = Parameters::from([("portNumber".to_owned(), vec![port.to_string()])]);
        let started = self.start(STREAM, parameters).await?;
        Ok((plugin::command(&started, &self.estate), started.session))
    }

    /// A port of this machine that leads to `port` of `host`, as the fleet's hosts reach it.
    ///
    /// # Errors
    /// No plugin, no manager, no session; the plugin opens no port in time.
    pub async fn port(&self, host: &str, port: u16) -> Result<Port> {
        plugin::check().await?;
        let one = |name: &str, value: String| (name.to_owned(), vec![value]);
        // 0: the plugin takes one that is free, and says which.
        let parameters = [one("host", host.to_owned()), one("portNumber", port.to_string()), one("localPortNumber", "0".to_owned())];
        let started = self.start(THROUGH, Parameters::from(parameters)).await?;
        Port::open(plugin::command(&started, &self.estate), started.session).await
    }

    /// Begins a session: through the instance that served before, else through the first that takes one.
    async fn start(&self, document: &'static str, parameters: Parameters) -> Result<Started> {
        // One at a time: whoever comes next goes through the same host.
        let mut found = self.found.lock().await;
        if let Some(instance) = &*found {
            match self.through(instance, document, parameters.clone()).await {
                Err(error) if error.code == NOT_CONNECTED => *found = None,
                answer => return answer,
            }
        }
        let mut last = None;
        for instance in self.managers().await? {
            match self.through(&instance, document, parameters.clone()).await {
                Err(error) if error.code == NOT_CONNECTED => last = Some(error),
                Ok(started) => {
                    *found = Some(instance);
                    return Ok(started);
                }
                Err(error) => return Err(error),
            }
        }
        Err(last.unwrap_or_else(|| Error::new(Class::Unreachable, START, nobody(&self.estate.stack, None, &[]))))
    }

    async fn through(&self, instance: &str, document: &'static str, parameters: Parameters) -> Result<Started> {
        let reason = format!("reeve: {}", self.estate.stack);
        let call = self.ssm.start_session().target(instance).document_name(document).reason(reason);
        let call = parameters.iter().fold(call, |call, (name, values)| call.parameters(name, values.clone()));
        let out = call.send().await.map_err(|error| refused(Error::from(error), instance, document, &self.estate))?;
        let (Some(id), Some(token), Some(url)) = (out.session_id, out.token_value, out.stream_url) else {
            return Err(Error::incomplete(START, "session"));
        };
        let session = Session::begun(&self.ssm, &id);
        let response = crate::model::Secret::new(serde_json::json!({ "SessionId": id, "TokenValue": token, "StreamUrl": url }).to_string());
        let request = serde_json::json!({ "Target": instance, "DocumentName": document, "Parameters": parameters }).to_string();
        Ok(Started { session, response, request })
    }

    /// The managers of the stack that run, or the one of them that is to be used.
    async fn managers(&self) -> Result<Vec<String>> {
        let groups = self.autoscaling.describe_auto_scaling_groups().into_paginator().items().send();
        let groups: Vec<AutoScalingGroup> = groups.collect::<std::result::Result<_, _>>().await?;
        let all = running(&groups, &self.estate.stack);
        let usable: Vec<String> = all.iter().filter(|one| self.only.as_ref().is_none_or(|only| only == *one)).cloned().collect();
        if usable.is_empty() {
            return Err(Error::new(Class::Unreachable, START, nobody(&self.estate.stack, self.only.as_deref(), &all)));
        }
        Ok(usable)
    }
}

/// A session that has begun, and what the plugin has to know of it.
struct Started {
    session: Session,
    /// What AWS answered; whoever has it has the session.
    response: crate::model::Secret,
    /// What AWS was asked.
    request: String,
}

/// The instances in service of the group that leads.
fn running(groups: &[AutoScalingGroup], stack: &str) -> Vec<String> {
    let tag = |group: &AutoScalingGroup, name: &str| {
        group.tags().iter().find(|tag| tag.key() == Some(name)).and_then(|tag| tag.value().map(str::to_owned))
    };
    let leads = |group: &&AutoScalingGroup| {
        tag(group, key::STACK).as_deref() == Some(stack) && tag(group, key::ADDRESS).as_deref() == Some(MANAGERS)
    };
    let instances = groups.iter().filter(leads).flat_map(AutoScalingGroup::instances);
    let in_service = instances.filter(|one| one.lifecycle_state() == Some(&LifecycleState::InService));
    in_service.filter_map(|one| one.instance_id().map(str::to_owned)).collect()
}

/// The words for that there is nobody to go through.
fn nobody(stack: &str, only: Option<&str>, managers: &[String]) -> String {
    match only {
        Some(only) if !managers.is_empty() => {
            format!("{only} is no manager of the stack {stack} that runs: they are {} (`ssm://` takes any of them)", managers.join(", "))
        }
        _ => format!(
            "no manager of the stack {stack} runs, so that there is no way in yet: an estate that is being made is applied with `--plane aws` first; else see \
             {UNREACHABLE}"
        ),
    }
}

/// The code of a host that Session Manager does not know.
const NOT_CONNECTED: &str = "TargetNotConnected";

/// The same refusal with what to do.
fn refused(error: Error, instance: &str, document: &str, estate: &Estate) -> Error {
    let said = error.message.trim_end_matches('.').to_owned();
    match (error.code.as_str(), error.class) {
        (NOT_CONNECTED, _) => Error {
            class: Class::Unreachable,
            message: format!(
                "{instance} is not connected to Session Manager ({said}): it may be starting; else its agent, its role or the endpoints `ssm` and `ssmmessages` are \
                 off: see {UNREACHABLE}"
            ),
            ..error
        },
        (_, Class::Denied) => Error {
            message: format!(
                "{said}: whoever comes in from outside needs ssm:StartSession on arn:{partition}:ec2:{region}:{account}:instance/{instance} and on \
                 arn:{partition}:ssm:{region}::document/{document}, and ssm:TerminateSession: see {DENIED}",
                partition = estate.partition,
                region = estate.region,
                account = estate.account,
            ),
            ..error
        },
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_autoscaling::types::{Instance, TagDescription};

    use super::*;

    fn group(stack: &str, address: &str, hosts: &[(&str, LifecycleState)]) -> AutoScalingGroup {
        let tag = |name: &str, value: &str| TagDescription::builder().key(name).value(value).build();
        let host = |(id, state): &(&str, LifecycleState)| {
            Instance::builder()
                .instance_id(*id)
                .availability_zone("a")
                .lifecycle_state(state.clone())
                .health_status("Healthy")
                .protected_from_scale_in(false)
                .build()
        };
        let all = hosts.iter().fold(AutoScalingGroup::builder(), |group, one| group.instances(host(one)));
        all.tags(tag(key::STACK, stack)).tags(tag(key::ADDRESS, address)).build()
    }

    #[test]
    fn only_managers_of_the_stack_that_serve_are_gone_through() {
        use LifecycleState::{InService, Pending};
        let groups = [
            group("ours", MANAGERS, &[("i-1", InService), ("i-2", Pending)]),
            group("ours", "fleet.workers", &[("i-3", InService)]),
            group("theirs", MANAGERS, &[("i-4", InService)]),
        ];
        assert_eq!(running(&groups, "ours"), ["i-1"]);
        assert!(nobody("ours", Some("i-4"), &["i-1".into()]).contains("i-4 is no manager of the stack ours that runs: they are i-1"));
        assert!(nobody("ours", Some("i-4"), &[]).contains("no manager of the stack ours runs"));
    }
}
