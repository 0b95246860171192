//! Destroying leaves what is protected and what that needs, and says so; with leave to, it leaves nothing.

use std::collections::BTreeSet;

use reeve::model::plan::{Scope, Verb};

use crate::support::{Ground, at, changes};

#[tokio::test]
async fn what_is_protected_survives_with_what_it_needs_and_the_rest_goes() {
    let ground = Ground::emulated().await;
    let estate = ground.example().await;
    estate.apply().await;

    let plan = estate.plan_with(Scope::default(), true).await;
    // What lives on planes that there is no way to from here is neither dropped nor refused.
    let protected = estate.wishes.iter().filter(|(_, wish)| wish.protect && wish.kind.plane() == "aws");
    let protected: BTreeSet<_> = protected.map(|(address, _)| address.clone()).collect();
    let refused: BTreeSet<_> = plan.refusals.iter().map(|one| one.address.clone()).collect();
    assert_eq!(refused, protected, "each protected one is refused by name");
    assert!(plan.refusals.iter().all(|one| one.hint.contains("--allow-delete")), "{:#?}", plan.refusals);
    assert!(plan.changes().all(|one| one.action == Verb::Delete), "{:#?}", changes(&plan));
    let kept: BTreeSet<_> = plan.waiting.iter().map(|one| one.address.clone()).collect();
    assert!(plan.waiting.iter().all(|one| one.reason.contains("needs it")), "{:#?}", plan.waiting);
    let going: BTreeSet<_> = plan.changes().map(|one| one.address.clone()).collect();
    assert!(going.is_disjoint(&protected) && going.is_disjoint(&kept));
    estate.apply_plan(&plan).await;

    let again = estate.plan_with(Scope::default(), true).await;
    assert_eq!(changes(&again), Vec::<String>::new(), "destroying again has nothing to do");
    let left: BTreeSet<_> = again.actions.iter().filter(|one| one.id.is_some()).map(|one| one.address.clone()).collect();
    let singletons = estate.wishes.iter().filter(|(_, wish)| wish.kind.singleton).map(|(address, _)| address.clone());
    let expected: BTreeSet<_> = protected.iter().cloned().chain(kept.iter().cloned()).chain(singletons).collect();
    let astray: Vec<_> = left.difference(&expected).collect();
    assert!(astray.is_empty(), "left behind without a reason: {astray:?}");
    let lost: Vec<_> = protected.union(&kept).filter(|one| !left.contains(*one)).collect();
    assert!(lost.is_empty(), "destroyed though they were to stay: {lost:?}");

    // The rest comes back around what stayed.
    estate.apply().await;
    estate.is_converged().await;

    // In the words that the output of `destroy` has: a module each.
    let modules = protected.iter().map(|address| address.module().to_owned()).collect();
    let scope = Scope { allow_delete: modules, ..Scope::default() };
    let all = estate.plan_with(scope.clone(), true).await;
    assert_eq!((all.refusals.len(), all.waiting.len()), (0, 0), "{:#?} {:#?}", all.refusals, all.waiting);
    let report = estate.walk(&all, async |_| {}).await;
    // The server left a last snapshot, and the key that opens it stays until that is gone.
    let stays: Vec<_> = report.failed.iter().map(|one| (one.address.to_string(), one.error.contains("-final-"))).collect();
    assert_eq!(stays, [("database.key".to_owned(), true)], "{:#?}", report.failed);
    estate.delete_backups(&all.seen[&at("database.server")].id).await;
    estate.apply_plan(&estate.plan_with(scope.clone(), true).await).await;
    let left: Vec<String> = estate
        .live()
        .await
        .into_iter()
        .filter(|one| !reeve::kinds::lookup(one.kind).is_some_and(|row| row.singleton))
        .map(|one| format!("{} {}", one.kind, one.id))
        .collect();
    assert_eq!(left, Vec::<String>::new(), "nothing of ours is left");
    assert!(estate.plan_with(scope, true).await.is_empty());
}
