//! Somebody destroys things while an apply runs. It ends in part or whole, says which, and the same apply again converges.

use std::collections::BTreeSet;

use reeve::kinds::row::AnyGone;
use reeve::kinds::{AnyLive, lookup};
use reeve::model::Address;
use reeve::model::report::{Do, Event};

use crate::support::{Estate, Ground, at};

/// Drops what is at `address`, as soon as it is made, behind the apply's back.
async fn destroy(estate: &Estate, address: &Address) {
    let row = estate.wishes[address].kind;
    let live = (row.fetch)(&fresh(estate)).await.expect("a listing");
    let Some(AnyLive { id, attributes, shape, .. }) = live.into_iter().find(|one| one.marks.address.as_ref() == Some(address)) else {
        return;
    };
    let row = lookup(row.name).expect("a kind");
    // AWS may refuse by then because something uses it: then it stays.
    let _ = (row.delete)(estate.session.planes(), AnyGone { address: address.clone(), id, attributes, have: shape }).await;
}

fn fresh(estate: &Estate) -> reeve::planes::Planes {
    estate.session.planes().fresh()
}

#[tokio::test]
async fn what_vanishes_during_an_apply_is_made_again_by_the_next() {
    let ground = Ground::emulated().await;
    let estate = ground.example().await;
    let plan = estate.plan().await;
    let victims: BTreeSet<Address> =
        ["database.subnets", "files.group", "fleet.policy", "observability.topic", "edge.target", "vpc.elastic_ip/b", "vpc.private/c"]
            .map(at)
            .into();
    let mut gone = BTreeSet::new();
    let report = estate
        .walk(&plan, async |event| {
            if let Event::Done { address, what: Do::Create, .. } = event
                && victims.contains(address)
                && gone.insert(address.clone())
            {
                destroy(&estate, address).await;
            }
        })
        .await;
    // What needs a struck one may not have been made at all, and then was not struck itself.
    assert!(gone.len() >= 5, "only these were made and then struck: {gone:?}");
    if !report.is_whole() {
        for skipped in &report.skipped {
            assert!(!skipped.because.is_empty(), "{skipped:?}");
        }
        assert!(!report.failed.is_empty());
    }
    let again = estate.plan().await;
    assert!(!again.is_empty(), "the plan sees what is missing");
    estate.apply_plan(&again).await;
    estate.is_converged().await;
}
