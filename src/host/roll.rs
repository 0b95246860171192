//! Rolling the fleet, host by host: what a changed launch template asks for. The policy is here and pure; `live.rs` looks and acts.
//!
//! It is run on a manager, and can be ended and begun again at any moment: what is drained goes on from there. The host that it runs on
//! goes last; what replaces it is not waited for.

pub mod live;

/// A host of the fleet, as its group, its instance and its node say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The instance.
    pub instance: String,
    /// Whether it was launched from the newest template.
    pub current: bool,
    /// Whether it leads.
    pub manager: bool,
    /// Whether it is the leader of those who lead.
    pub leader: bool,
    /// Whether the swarm has it as ready. A host that the group has and the swarm has not yet is not.
    pub ready: bool,
    /// Whether it takes no tenants.
    pub drained: bool,
    /// How many tenants run on it.
    pub tenants: usize,
}

/// The fleet at one look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fleet {
    /// All hosts.
    pub members: Vec<Member>,
    /// How many hosts there are to be, by the groups.
    pub wanted: usize,
    /// Tenants that are to run and do not answer, anywhere.
    pub silent: Vec<String>,
    /// Nodes that are left of hosts that are gone, and still count among those who lead.
    pub leftovers: Vec<String>,
    /// The instance on which this is decided; it goes last.
    pub me: String,
}

/// The next thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Every host is of the newest template, and all are there.
    Done,
    /// Let that host take no more tenants, and move those that it has.
    Drain(String),
    /// Let the group replace that host.
    Replace(String),
    /// Look again later.
    Wait(String),
    /// It cannot go on by itself.
    Stuck(String),
}

/// Decides: never more than one host is away, no tenant is without an answer when a host goes, and those who lead keep their quorum.
#[must_use]
pub fn decide(fleet: &Fleet) -> Next {
    if let [first, ..] = fleet.leftovers.as_slice() {
        return Next::Wait(format!("the node {first} is left of a host that is gone: a manager's next look clears it away"));
    }
    let (members, old) = (&fleet.members, |member: &&Member| !member.current);
    if let Some(drained) = members.iter().filter(old).find(|member| member.drained) {
        if drained.tenants > 0 {
            return Next::Wait(format!("{} still runs {} of its tenants", drained.instance, drained.tenants));
        }
        if let [first, ..] = fleet.silent.as_slice() {
            return Next::Wait(format!("{first} does not answer yet ({} in all)", fleet.silent.len()));
        }
        return match quorum(members, drained) {
            Ok(()) => Next::Replace(drained.instance.clone()),
            Err(why) => Next::Wait(why),
        };
    }
    if members.len() < fleet.wanted {
        return Next::Wait(format!("{} of {} hosts are there", members.len(), fleet.wanted));
    }
    if let Some(away) = members.iter().find(|member| !member.ready) {
        return Next::Wait(format!("{} is not ready", away.instance));
    }
    if let [first, ..] = fleet.silent.as_slice() {
        return Next::Wait(format!("{first} does not answer ({} in all): nothing more is moved", fleet.silent.len()));
    }
    // Workers first; of those who lead, the leader late, so that it changes once; and last the host that watches.
    let Some(next) =
        members.iter().filter(old).min_by_key(|member| (member.instance == fleet.me, member.leader, member.manager, &member.instance))
    else {
        return Next::Done;
    };
    if !members.iter().any(|other| other.instance != next.instance && other.ready && !other.drained) {
        return Next::Stuck(format!("{} is the only host: its tenants have nowhere to go", next.instance));
    }
    match quorum(members, next) {
        Ok(()) => Next::Drain(next.instance.clone()),
        Err(why) => Next::Stuck(why),
    }
}

/// Whether those who lead are still more than half when that host is away. It counts among them until its node is cleared away.
fn quorum(members: &[Member], without: &Member) -> Result<(), String> {
    let managers = members.iter().filter(|member| member.manager).count();
    let left = members.iter().filter(|member| member.manager && member.ready && member.instance != without.instance).count();
    if !without.manager || left > managers / 2 {
        return Ok(());
    }
    Err(format!("without {} only {left} of {managers} managers would be left, too few to lead", without.instance))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(instance: &str, current: bool, manager: bool) -> Member {
        Member { instance: instance.into(), current, manager, leader: false, ready: true, drained: false, tenants: 1 }
    }

    fn fleet(members: Vec<Member>) -> Fleet {
        Fleet { wanted: members.len(), members, silent: Vec::new(), leftovers: Vec::new(), me: "m1".into() }
    }

    fn three() -> Fleet {
        let mut fleet =
            fleet(vec![member("m1", false, true), member("m2", false, true), member("m3", false, true), member("w1", false, false)]);
        fleet.members[1].leader = true;
        fleet
    }

    #[test]
    fn one_host_after_the_other_workers_first_and_the_one_that_watches_last() {
        let (mut fleet, mut order) = (three(), Vec::new());
        loop {
            match decide(&fleet) {
                Next::Drain(instance) => {
                    let one = fleet.members.iter_mut().find(|member| member.instance == instance).unwrap();
                    (one.drained, one.tenants) = (true, 0);
                }
                Next::Replace(instance) => {
                    order.push(instance.clone());
                    let one = fleet.members.iter_mut().find(|member| member.instance == instance).unwrap();
                    *one = member(&format!("new-{instance}"), true, one.manager);
                }
                Next::Done => break,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(order, ["w1", "m3", "m2", "m1"]);
    }

    #[test]
    fn no_host_goes_while_a_tenant_has_not_come_up_elsewhere() {
        let mut fleet = three();
        fleet.members[3].drained = true;
        assert!(matches!(decide(&fleet), Next::Wait(why) if why.contains("still runs 1")));
        fleet.members[3].tenants = 0;
        fleet.silent = vec!["ckwc".into()];
        assert!(matches!(decide(&fleet), Next::Wait(why) if why.contains("ckwc")));
        fleet.silent.clear();
        assert_eq!(decide(&fleet), Next::Replace("w1".into()));
    }

    #[test]
    fn never_are_two_hosts_away() {
        let mut fleet = three();
        fleet.members.remove(3);
        assert!(matches!(decide(&fleet), Next::Wait(why) if why.contains("3 of 4")));
        fleet.wanted = 3;
        fleet.leftovers = vec!["node".into()];
        assert!(matches!(decide(&fleet), Next::Wait(why) if why.contains("is left of")));
        fleet.leftovers.clear();
        fleet.members[2].ready = false;
        assert!(matches!(decide(&fleet), Next::Wait(why) if why.contains("m3")));
    }

    #[test]
    fn who_has_nowhere_to_go_stays() {
        assert!(matches!(decide(&fleet(vec![member("m1", false, true)])), Next::Stuck(why) if why.contains("only host")));
        let two = fleet(vec![member("m1", false, true), member("m2", false, true)]);
        assert!(matches!(decide(&two), Next::Stuck(why) if why.contains("managers")), "two managers need both");
        assert_eq!(decide(&fleet(vec![member("m1", true, true)])), Next::Done);
    }
}
