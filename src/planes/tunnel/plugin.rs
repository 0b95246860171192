//! AWS's program `session-manager-plugin`, called as AWS's own command line calls it
//! ([its source](https://github.com/aws/aws-cli/blob/v2/awscli/customizations/sessionmanager.py)): the answer that holds the session's token in a variable of its environment, whose name is
//! its first argument; then region, operation, profile, request and endpoint. Older plugins take the answer as an argument, which everybody on a machine can
//! read: they are refused.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::{Estate, Started};
use crate::model::runbook::UNREACHABLE;
use crate::planes::error::{Class, Error, Result};

/// The program.
const PROGRAM: &str = "session-manager-plugin";
/// The name that the plugin knows for a variable.
const VARIABLE: &str = "AWS_SSM_START_SESSION_RESPONSE";
/// The last version that takes the answer as an argument only.
const TOO_OLD: [u32; 4] = [1, 2, 497, 0];
/// How to get it.
const INSTALL: &str = "https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-install-plugin.html";

/// Whether there is one that can be used: asked before a session is begun.
pub(super) async fn check() -> Result<()> {
    let unfit = |why: String| Err(Error::new(Class::Unreachable, PROGRAM, format!("{why}: install it ({INSTALL}); see {UNREACHABLE}")));
    let asked = Command::new(PROGRAM).arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).output();
    let said = match tokio::time::timeout(Duration::from_secs(10), asked).await {
        Ok(Ok(output)) => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        Ok(Err(error)) => return unfit(format!("the Session Manager plugin cannot be started ({error})")),
        Err(_) => return unfit("the Session Manager plugin does not say its version within 10 s".to_owned()),
    };
    match version(&said) {
        Some(version) if version > TOO_OLD => Ok(()),
        Some(_) => {
            unfit(format!("the Session Manager plugin {said} is too old: it would show the session's token to everybody on this machine"))
        }
        None => unfit(format!("`{PROGRAM} --version` says {said:?}, which is no version")),
    }
}

fn version(text: &str) -> Option<[u32; 4]> {
    let mut parts = text.split('.').map(str::parse);
    let mut version = [0; 4];
    for part in &mut version {
        *part = parts.next()?.ok()?;
    }
    parts.next().is_none().then_some(version)
}

/// The program for a session, its streams not set yet.
pub(super) fn command(started: &Started, estate: &Estate) -> Command {
    let suffix = if estate.partition == "aws-cn" { ".cn" } else { "" };
    let endpoint = format!("https://ssm.{}.amazonaws.com{suffix}", estate.region);
    let mut command = Command::new(PROGRAM);
    // No profile by name: the one in the environment, which is ours, is the plugin's too.
    command.args([VARIABLE, &estate.region, "StartSession", "", &started.request, &endpoint]);
    command.env(VARIABLE, started.response.expose());
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_compared() {
        assert_eq!(version("1.2.553.0"), Some([1, 2, 553, 0]));
        assert!(
            version("1.2.497.0").unwrap() <= TOO_OLD && version("1.2.498.0").unwrap() > TOO_OLD && version("1.10.0.0").unwrap() > TOO_OLD
        );
        for none in ["", "1.2", "1.2.3.4.5", "v1.2.3.4"] {
            assert_eq!(version(none), None, "{none}");
        }
    }
}
