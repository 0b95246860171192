//! A new name is a new mark on the same object.

use reeve::model::plan::Verb;

use crate::support::{Ground, at};

#[tokio::test]
async fn a_moved_resource_keeps_its_object() {
    let ground = Ground::emulated().await;
    let mut estate = ground.example().await;
    estate.apply().await;
    estate.is_converged().await;
    // One of each sort of identity: a tag, a bucket's name, a name that others hold, a protected one.
    let moves = [
        ("fleet.workers", "fleet.helpers"),
        ("edge.logs", "edge.access_logs"),
        ("observability.topic", "observability.alarms"),
        ("vpc.vpc", "vpc.network"),
        ("database.server", "database.primary"),
        ("fleet.profile", "fleet.instance_profile"),
    ];
    let before = estate.plan().await.seen;
    for (from, to) in moves {
        let mut wish = estate.wishes.remove(&at(from)).expect("a wish");
        wish.moved_from = vec![at(from)];
        estate.wishes.insert(at(to), wish);
        let (from, to) = (format!("ref(\"{from}\")"), format!("ref(\"{to}\")"));
        for wish in estate.wishes.values_mut() {
            let text = wish.spec.to_string().replace(&from.replace('"', "\\\""), &to.replace('"', "\\\""));
            let text = text.replace(&from.replace('"', "\\\\\\\""), &to.replace('"', "\\\\\\\""));
            wish.spec = serde_json::from_str(&text).expect("still JSON");
        }
    }
    let plan = estate.plan().await;
    for (from, to) in moves {
        let action = plan.changes().find(|one| one.address == at(to)).unwrap_or_else(|| panic!("{to} is not in the plan"));
        assert_eq!(action.action, Verb::Update, "{action:#?}");
        assert_eq!(action.edits.iter().map(|edit| edit.field.as_str()).collect::<Vec<_>>(), ["address"], "{action:#?}");
        assert_eq!(action.id.as_ref(), before.get(&at(from)).map(|seen| &seen.id));
    }
    assert_eq!(plan.changes().count(), moves.len(), "{:#?}", crate::support::changes(&plan));
    estate.apply_plan(&plan).await;
    estate.is_converged().await;
    let after = estate.plan().await.seen;
    for (from, to) in moves {
        assert_eq!(after.get(&at(to)).map(|seen| &seen.id), before.get(&at(from)).map(|seen| &seen.id), "{to} is another object");
    }
    // And without the word `moved`, which may go from the YAML after one apply.
    estate.wishes.values_mut().for_each(|wish| wish.moved_from.clear());
    estate.is_converged().await;
}
