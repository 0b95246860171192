//! One writer at a time. Each test runs on a folder here and on S3 in `bucket.rs`.

use std::time::Duration;

use reeve::record::{Lock, Lost, Record, RecordError, Terms, Unlocked};

use crate::support::{Hand, local, owner, quick};

#[tokio::test]
async fn of_many_only_one_gets_it() {
    let (_folder, record) = local();
    one_of_many(record).await;
}

#[tokio::test]
async fn it_passes_on_when_given_back() {
    let (_folder, record) = local();
    passes_on(record).await;
}

#[tokio::test]
async fn one_that_died_is_taken_over_after_its_end_and_a_grace() {
    let (_folder, record) = local();
    taken_over(record).await;
}

#[tokio::test]
async fn of_many_that_take_over_only_one_gets_it() {
    let (_folder, record) = local();
    one_of_many_takes_over(record).await;
}

#[tokio::test]
async fn the_heartbeat_keeps_it() {
    let (_folder, record) = local();
    kept(record).await;
}

#[tokio::test]
async fn unlock_takes_it_and_its_holder_learns_it() {
    let (_folder, record) = local();
    unlocked(record).await;
}

#[tokio::test]
async fn a_holder_whose_lease_was_taken_learns_it_and_leaves_it() {
    let (_folder, record) = local();
    taken(record).await;
}

pub async fn one_of_many(record: Record) {
    let racers: Vec<_> = (0..20)
        .map(|n| {
            let record = record.clone();
            tokio::spawn(async move { record.acquire(&owner(&format!("user-{n}"))).await })
        })
        .collect();
    let (mut held, mut refused) = (Vec::new(), Vec::new());
    for racer in racers {
        match racer.await.unwrap() {
            Ok(lease) => held.push(lease),
            Err(RecordError::Held(by)) => refused.push(by),
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!((held.len(), refused.len()), (1, 19));
    assert!(refused.iter().all(|by| by.id == held[0].file().id && by.who == held[0].file().who));
    let message = RecordError::Held(refused.remove(0)).to_string();
    assert!(
        message.contains(&held[0].file().who) && message.contains("apply desired/hostedehr") && message.contains("reeve unlock"),
        "{message}"
    );
}

pub async fn one_of_many_takes_over(record: Record) {
    let hand = Hand::default();
    let record = record.with_clock(hand.clock());
    drop(record.acquire(&owner("crashed")).await.unwrap());
    hand.pass(100);
    one_of_many(record).await;
}

pub async fn passes_on(record: Record) {
    let first = record.acquire(&owner("first")).await.unwrap();
    assert_eq!(record.holder().await.unwrap().unwrap().who, "first");
    assert!(first.covers(Duration::from_secs(30)) && !first.covers(Duration::from_secs(61)));
    first.release().await.unwrap();
    assert_eq!(record.holder().await.unwrap(), None);
    let second = record.acquire(&owner("second")).await.unwrap();
    assert_eq!(record.holder().await.unwrap().unwrap().id, second.file().id);
}

pub async fn taken_over(record: Record) {
    let hand = Hand::default();
    let record = record.with_clock(hand.clock());
    drop(record.acquire(&owner("crashed")).await.unwrap());
    hand.pass(65);
    assert!(matches!(record.acquire(&owner("next")).await, Err(RecordError::Held(by)) if by.who == "crashed"));
    hand.pass(6);
    assert_eq!(record.acquire(&owner("next")).await.unwrap().file().who, "next");
}

pub async fn kept(record: Record) {
    let record = record.with_terms(quick());
    let lease = record.acquire(&owner("busy")).await.unwrap();
    // Each renewal sets its end anew.
    let mut ends = record.holder().await.unwrap().unwrap().expires;
    for _ in 0..5 {
        let renewed = async {
            loop {
                let now = record.holder().await.unwrap().unwrap().expires;
                if now > ends {
                    return now;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        ends = tokio::time::timeout(quick().lasts * 3, renewed).await.expect("it is renewed");
    }
    assert!(lease.check().is_ok() && !lease.remaining().is_zero());
    assert!(matches!(record.acquire(&owner("other")).await, Err(RecordError::Held(_))));
}

pub async fn unlocked(record: Record) {
    let record = record.with_terms(quick());
    assert_eq!(record.unlock("ops").await.unwrap(), Unlocked::Nothing);
    let lease = record.acquire(&owner("stuck")).await.unwrap();
    let mut lost = lease.lost();
    // Its holder may just have renewed it: what counts is whose it was.
    let Unlocked::Removed(removed) = record.unlock("ops").await.unwrap() else { panic!("nothing was removed") };
    assert_eq!(removed.id, lease.file().id);
    let reason = tokio::time::timeout(Duration::from_secs(10), lost.wait_for(Option::is_some)).await.unwrap().unwrap().clone();
    assert_eq!(reason, Some(Lost::Unlocked("ops".to_owned())));
    assert_eq!(lease.remaining(), Duration::ZERO);
    assert!(lease.check().unwrap_err().to_string().contains("ops released it"));
    assert_eq!(record.unlock("ops").await.unwrap(), Unlocked::Nothing);
}

pub async fn taken(record: Record) {
    let hand = Hand::default();
    let ahead = record.clone().with_clock(hand.clock());
    let slow = record.clone().with_terms(Terms { renew_every: Duration::from_millis(400), ..Terms::default() });
    let first = slow.acquire(&owner("first")).await.unwrap();
    let mut lost = first.lost();
    hand.pass(600);
    let second = ahead.acquire(&owner("second")).await.unwrap();
    let reason = tokio::time::timeout(Duration::from_secs(10), lost.wait_for(Option::is_some)).await.unwrap().unwrap().clone();
    assert!(matches!(reason, Some(Lost::Taken(by)) if by.who == "second"));
    first.release().await.unwrap();
    assert_eq!(ahead.holder().await.unwrap().unwrap().id, second.file().id);
}

#[tokio::test]
async fn a_lease_that_cannot_be_renewed_is_lost_when_it_ends() {
    let (folder, record) = local();
    let record = record.with_terms(quick());
    let lease = record.acquire(&owner("cut-off")).await.unwrap();
    let mut lost = lease.lost();
    std::fs::rename(folder.path().join("record"), folder.path().join("away")).unwrap();
    std::fs::write(folder.path().join("record"), "in the way").unwrap();
    let reason = tokio::time::timeout(quick().lasts * 3, lost.wait_for(Option::is_some)).await.unwrap().unwrap().clone();
    assert!(matches!(&reason, Some(Lost::Expired(why)) if why.contains("lease.json")), "{reason:?}");
}

#[tokio::test]
async fn less_is_left_when_the_wall_clock_jumps() {
    let (_folder, record) = local();
    let hand = Hand::default();
    let lease = record.with_clock(hand.clock()).acquire(&owner("asleep")).await.unwrap();
    hand.pass(45);
    assert!(lease.covers(Duration::from_secs(10)) && !lease.covers(Duration::from_secs(16)));
    hand.pass(45);
    assert_eq!(lease.remaining(), Duration::ZERO);
}

#[tokio::test]
async fn the_lead_of_the_loop_and_the_stack_are_two_leases() {
    let (folder, record) = local();
    let lead = record.clone().with_lock(Lock::Loop);
    let leads = lead.acquire(&owner("one")).await.unwrap();
    // Who leads keeps nobody from applying, but a second one from leading.
    let applies = record.acquire(&owner("ci")).await.unwrap();
    let refused = lead.acquire(&owner("two")).await.unwrap_err();
    assert!(matches!(&refused, RecordError::Leading(holder) if holder.who == "one"), "{refused}");
    assert!(refused.to_string().contains("reeve unlock DIR --loop"), "{refused}");
    assert!(folder.path().join("record/loop/reconcile.json").exists());
    leads.release().await.unwrap();
    applies.check().unwrap();
    lead.acquire(&owner("two")).await.unwrap();
}

#[tokio::test]
async fn a_damaged_lease_says_so_and_unlock_mends_it() {
    let (folder, record) = local();
    std::fs::create_dir(folder.path().join("record")).unwrap();
    std::fs::write(folder.path().join("record/lease.json"), "{\"who\":").unwrap();
    let message = record.acquire(&owner("ops")).await.unwrap_err().to_string();
    assert!(message.contains("lease.json is damaged") && message.contains("reeve unlock"), "{message}");
    assert_eq!(record.unlock("ops").await.unwrap(), Unlocked::Damaged);
    assert!(record.acquire(&owner("ops")).await.is_ok());
}
