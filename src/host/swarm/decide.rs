//! What a host does about the swarm, from what it sees. Pure.
//!
//! The board (`board.rs`) counts attempts: attempt `n` is claimed by one host, which initialises a swarm and publishes it under `n`. Everybody
//! goes by the newest attempt. One that leads nowhere, because its host is gone before it published or because all its managers are gone, is
//! overtaken by claiming `n + 1`, which again only one host can. Nothing is ever deleted and written anew, so no two can both believe
//! that they won; who finds itself overtaken leaves what it began.

use std::collections::BTreeSet;
use std::time::Duration;

use super::board::Board;

/// How long a living host may take from its claim to a published swarm.
pub const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// What a host is to be in the swarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Leads, and bears tenants.
    Manager,
    /// Bears tenants.
    Worker,
}

/// What its engine says that it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Own {
    /// In no swarm.
    Out,
    /// Joining.
    Pending,
    /// A manager of the swarm of that id.
    Manager(String),
    /// A worker, or a manager that does not see its swarm, with the managers' addresses that it knows.
    Worker(Vec<String>),
    /// Cut out, or locked.
    Broken(String),
}

/// What is seen.
#[derive(Debug, Clone)]
pub struct Seen<'a> {
    /// The instance's id.
    pub me: &'a str,
    /// What it is to be.
    pub role: Role,
    /// What it is.
    pub own: Own,
    /// What is published.
    pub board: &'a Board,
    /// Instances that are surely gone.
    pub gone: &'a BTreeSet<String>,
}

/// The next thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Nothing: it is what it is to be.
    Done,
    /// Claim that attempt; another may be faster.
    Claim(u32),
    /// Initialise a swarm for that attempt.
    Init(u32),
    /// Publish the swarm that it is a manager of, under that attempt.
    Publish(u32),
    /// Join that attempt's swarm through those addresses.
    Join(u32, Vec<String>),
    /// Leave the swarm that it is in.
    Leave(String),
    /// Look again later.
    Wait(String),
}

/// Decides.
#[must_use]
pub fn decide(seen: &Seen<'_>) -> Next {
    let newest = seen.board.newest();
    match &seen.own {
        Own::Pending => Next::Wait("the engine is joining a swarm".into()),
        Own::Broken(why) => Next::Leave(format!("the engine says: {why}")),
        Own::Manager(id) => manager(seen, id, newest),
        Own::Worker(managers) => worker(seen, managers, newest),
        Own::Out => out(seen, newest),
    }
}

fn manager(seen: &Seen<'_>, id: &str, newest: Option<u32>) -> Next {
    // A swarm that somebody made by hand is taken over: its tenants run.
    let Some(n) = newest else { return Next::Claim(1) };
    let Some(attempt) = seen.board.attempts.get(&n) else { return Next::Claim(n + 1) };
    match &attempt.swarm {
        Some(swarm) if swarm == id && attempt.managers.contains_key(seen.me) && attempt.has_tokens() => Next::Done,
        Some(swarm) if swarm == id => Next::Publish(n),
        Some(_) => Next::Leave(format!("attempt {n} made another swarm, which is the stack's")),
        None if attempt.claimed_by(seen.me) => Next::Publish(n),
        None => Next::Leave(format!("attempt {n} is another host's, who has overtaken this one")),
    }
}

fn worker(seen: &Seen<'_>, managers: &[String], newest: Option<u32>) -> Next {
    let attempt = newest.and_then(|n| seen.board.attempts.get(&n)).filter(|attempt| attempt.is_published());
    // Without anything to go to, it stays where it is.
    let Some(attempt) = attempt else { return Next::Wait("no swarm is published that this host could be held against".into()) };
    if !managers.iter().any(|address| attempt.managers.values().any(|known| known.address == *address)) {
        return Next::Leave("none of the managers that it knows is one of the stack's swarm".into());
    }
    match seen.role {
        Role::Worker => Next::Done,
        Role::Manager => Next::Leave("it is a worker, and is to lead".into()),
    }
}

fn out(seen: &Seen<'_>, newest: Option<u32>) -> Next {
    let lead = |n: u32, why: &str| match seen.role {
        Role::Manager => Next::Claim(n),
        Role::Worker => Next::Wait(format!("{why}; a manager has to come first")),
    };
    let Some((n, attempt)) = newest.and_then(|n| Some((n, seen.board.attempts.get(&n)?))) else {
        return lead(1, "there is no swarm");
    };
    if attempt.is_published() {
        let others = attempt.managers.iter().filter(|(instance, _)| *instance != seen.me && !seen.gone.contains(*instance));
        let addresses: Vec<String> = others.map(|(_, known)| known.address.clone()).collect();
        return if addresses.is_empty() { lead(n + 1, "all managers are gone") } else { Next::Join(n, addresses) };
    }
    match &attempt.claim {
        Some(claim) if claim.instance == seen.me => Next::Init(n),
        Some(claim) if seen.gone.contains(&claim.instance) => lead(n + 1, "the host that was to make the swarm is gone"),
        Some(claim) if claim.age > PATIENCE => lead(n + 1, "the host that was to make the swarm does not"),
        Some(claim) => Next::Wait(format!("{} makes the swarm", claim.instance)),
        None => lead(n + 1, "the swarm is published by halves"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::board::{Attempt, Claim, Known};
    use super::*;

    fn claimed(instance: &str, age: u64) -> Attempt {
        Attempt { claim: Some(Claim { instance: instance.into(), age: Duration::from_secs(age) }), ..Attempt::default() }
    }

    fn published(managers: &[&str]) -> Attempt {
        let known = |name: &&str| ((*name).to_owned(), Known { address: format!("{name}:2377"), node: format!("node-{name}") });
        Attempt {
            swarm: Some("swarm".into()),
            manager_token: Some(super::super::board::Token::new("m")),
            worker_token: Some(super::super::board::Token::new("w")),
            managers: managers.iter().map(known).collect(),
            ..claimed("a", 10)
        }
    }

    fn next(own: Own, role: Role, attempts: &[Attempt], gone: &[&str]) -> Next {
        let board = Board { attempts: (1..).zip(attempts.iter().cloned()).collect() };
        let gone = gone.iter().map(|name| (*name).to_owned()).collect();
        decide(&Seen { me: "me", role, own, board: &board, gone: &gone })
    }

    #[test]
    fn the_first_host_claims_and_the_others_wait_until_it_has_published() {
        assert_eq!(next(Own::Out, Role::Manager, &[], &[]), Next::Claim(1));
        assert_eq!(next(Own::Out, Role::Manager, &[claimed("me", 1)], &[]), Next::Init(1));
        assert_eq!(next(Own::Manager("swarm".into()), Role::Manager, &[claimed("me", 1)], &[]), Next::Publish(1));
        assert!(matches!(next(Own::Out, Role::Manager, &[claimed("a", 1)], &[]), Next::Wait(_)));
        assert!(matches!(next(Own::Out, Role::Worker, &[], &[]), Next::Wait(_)));
        assert_eq!(next(Own::Out, Role::Worker, &[published(&["a"])], &[]), Next::Join(1, vec!["a:2377".into()]));
    }

    #[test]
    fn a_claim_that_leads_nowhere_is_overtaken_by_the_next() {
        assert_eq!(next(Own::Out, Role::Manager, &[claimed("a", 1)], &["a"]), Next::Claim(2));
        assert_eq!(next(Own::Out, Role::Manager, &[claimed("a", 901)], &[]), Next::Claim(2));
        // And who comes back late leaves what it began.
        assert!(matches!(next(Own::Manager("old".into()), Role::Manager, &[claimed("me", 999), claimed("b", 1)], &[]), Next::Leave(_)));
        assert!(matches!(next(Own::Manager("old".into()), Role::Manager, &[claimed("me", 999), published(&["b"])], &[]), Next::Leave(_)));
    }

    #[test]
    fn a_new_host_joins_through_who_lives() {
        assert_eq!(
            next(Own::Out, Role::Manager, &[published(&["a", "b", "c"])], &["b"]),
            Next::Join(1, vec!["a:2377".into(), "c:2377".into()])
        );
        assert_eq!(next(Own::Out, Role::Manager, &[published(&["a", "b"])], &["a", "b"]), Next::Claim(2));
        // Not sure that they are gone: no second swarm.
        assert_eq!(next(Own::Out, Role::Manager, &[published(&["a"])], &[]), Next::Join(1, vec!["a:2377".into()]));
    }

    #[test]
    fn who_is_what_it_is_to_be_does_nothing() {
        assert_eq!(next(Own::Manager("swarm".into()), Role::Manager, &[published(&["a", "me"])], &[]), Next::Done);
        assert_eq!(next(Own::Worker(vec!["a:2377".into()]), Role::Worker, &[published(&["a"])], &[]), Next::Done);
        assert!(matches!(next(Own::Worker(vec!["a:2377".into()]), Role::Manager, &[published(&["a"])], &[]), Next::Leave(_)));
        assert!(matches!(next(Own::Worker(vec!["x:2377".into()]), Role::Worker, &[published(&["a"])], &[]), Next::Leave(_)));
    }

    #[test]
    fn a_manager_whose_entry_is_missing_publishes_itself() {
        assert_eq!(next(Own::Manager("swarm".into()), Role::Manager, &[published(&["a"])], &[]), Next::Publish(1));
    }
}
