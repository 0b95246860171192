//! The life of a whole estate on the account of the environment's credentials: `make conformance`. It costs money, so it says whose
//! account it is, what it makes and what that costs, asks, and takes everything away again, whatever happened.
//!
//! A program of its own rather than a function in the harness: it asks, listens to Ctrl-C, and must not end before all is gone. Without
//! `REEVE_CONFORMANCE` (`cargo test`) it is started by itself, the same way, against an emulated AWS: see `checks.rs`.

mod checks;
mod cost;
mod life;
mod remains;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::env::var;
use std::io::{IsTerminal, Write};
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;

use futures::FutureExt;
use reeve::apply::Halt;

use life::say;
use support::{Estate, Ground, Wishes};

/// What stays the same for a run and for taking one away.
const PREFIX: &str = "conformance-";

fn main() -> ExitCode {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let done = match var("REEVE_CONFORMANCE").as_deref() {
        Ok("1") => runtime.block_on(run()),
        Ok("clean") => runtime.block_on(clean()),
        _ => runtime.block_on(checks::all()),
    };
    // A question that nobody answered may still be read from the terminal: it is not waited for.
    runtime.shutdown_background();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Asks, lives and destroys.
async fn run() -> Result<(), String> {
    let domain = domain()?;
    let name = format!("{PREFIX}{}", seconds());
    let wishes = life::estate(&name, &domain);
    let mut estate = open(&name, &domain, wishes).await?;
    introduce(&estate);
    if !agreed("Make all this, and destroy it at the end?").await? {
        return Err("not agreed: nothing was touched".into());
    }
    say(&format!("the run is {name}; Ctrl-C ends it, and it is destroyed then"));
    let lived = lived(&mut estate).await;
    // From here on a Ctrl-C only tells how to go on: what is half destroyed goes on costing.
    let gone = tokio::select! {
        gone = remains::destroy(&mut estate) => gone,
        _ = interrupt() => return Err(format!("interrupted while destroying; go on with: make conformance-clean RUN={name}")),
    };
    gone.tell(&name);
    lived?;
    if gone.left.is_empty() { Ok(()) } else { Err("not everything could be deleted".into()) }
}

/// Lives it until it is through, fails or is interrupted; then nothing runs any more.
async fn lived(estate: &mut Estate) -> Result<(), String> {
    let halt = estate.halt.clone();
    let outcome = {
        let mut life = std::pin::pin!(AssertUnwindSafe(life::live(estate)).catch_unwind());
        tokio::select! {
            outcome = &mut life => outcome.map_err(|_| "the suite failed: see above".to_owned()),
            _ = interrupt() => {
                say("interrupted: what is in flight is finished, then all is destroyed");
                halt.send_replace(Halt::Soon);
                let _ = life.await;
                Err("interrupted".to_owned())
            }
        }
    };
    halt.send_replace(Halt::No);
    outcome
}

/// Destroys what an earlier run left.
async fn clean() -> Result<(), String> {
    let name = var("RUN").unwrap_or_default();
    if !name.strip_prefix(PREFIX).is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())) {
        return Err(format!("RUN has to be the name of a run, such as {PREFIX}1764000000; nothing else is ever destroyed"));
    }
    let mut estate = open(&name, &domain()?, Wishes::new()).await?;
    say(&format!("account {}, stack {name}", estate.session.connection.aws.estate.account));
    if !agreed("Destroy everything that bears this stack's mark, protected or not?").await? {
        return Err("not agreed: nothing was touched".into());
    }
    let gone = remains::destroy(&mut estate).await;
    gone.tell(&name);
    if gone.left.is_empty() { Ok(()) } else { Err("not everything could be deleted".into()) }
}

fn domain() -> Result<String, String> {
    var("REEVE_CONFORMANCE_DOMAIN")
        .map_err(|_| "set REEVE_CONFORMANCE_DOMAIN to a domain whose public Route 53 zone is in the account".into())
}

async fn open(name: &str, domain: &str, wishes: Wishes) -> Result<Estate, String> {
    Ground::real().open(name, domain, wishes).await.map_err(|error| error.to_string())
}

/// Whose account, what, and how much.
fn introduce(estate: &Estate) {
    let connection = &estate.session.connection;
    let at = var("AWS_ENDPOINT_URL").map_or_else(|_| "AWS".to_owned(), |endpoint| format!("{endpoint} (which may be no AWS)"));
    eprintln!("account  {} at {at}\ncaller   {}", connection.aws.estate.account, connection.caller);
    eprintln!("region   {}\nstack    {}\n", estate.session.stack.region, estate.session.stack.name);
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    estate.wishes.values().for_each(|wish| *kinds.entry(wish.kind.name.trim_start_matches("aws.")).or_default() += 1);
    let kinds: Vec<String> = kinds.iter().map(|(kind, number)| format!("{number} {kind}")).collect();
    eprintln!("It makes {} resources, changes some of them, and destroys all: {}.\n", estate.wishes.len(), kinds.join(", "));
    let (table, _) = cost::table(&estate.wishes);
    eprintln!("List prices of us-east-1, as of {}:\n{table}\n", cost::AS_OF);
}

/// A yes: typed on a terminal, or `YES=1`.
async fn agreed(question: &str) -> Result<bool, String> {
    if var("YES").is_ok_and(|yes| yes == "1") {
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() {
        return Err("there is no terminal to ask on: read the above and set YES=1; nothing was touched".into());
    }
    eprint!("{question} Only `yes` is taken: ");
    let _ = std::io::stderr().flush();
    let read = tokio::task::spawn_blocking(|| {
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).map(|_| answer)
    });
    tokio::select! {
        answer = read => Ok(answer.ok().and_then(Result::ok).is_some_and(|answer| answer.trim() == "yes")),
        _ = interrupt() => Ok(false),
    }
}

/// Ctrl-C or SIGTERM.
async fn interrupt() {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).expect("signals can be heard");
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

fn seconds() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
