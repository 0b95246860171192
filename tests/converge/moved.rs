//! A new name is a new mark on the same object.

use reeve::model::plan::Verb;
use reeve::sandbox::ZONE;

use crate::support::{Ground, at, changes, example_with};

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
    assert_eq!(plan.changes().count(), moves.len(), "{:#?}", changes(&plan));
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

#[tokio::test]
async fn a_renamed_tenant_keeps_its_secret() {
    let ground = Ground::emulated().await;
    let mut estate = ground.example().await;
    estate.apply().await;
    let ssm = estate.session.connection.aws.ssm.clone();
    let value = async |id: &str| {
        let out = ssm.get_parameter().name(id).with_decryption(true).send().await.expect("a secret");
        out.parameter.and_then(|one| one.value).expect("a value")
    };
    let id = estate.object("tenant/ckwc.secret").await.id;
    let before = value(&id).await;

    // Without a word of it, the refusal says how to go on.
    let renamed = |text: String| text.replace("name: ckwc ", "name: clinic ");
    estate.wishes = example_with("hostedehr", ZONE, renamed);
    let plan = estate.plan().await;
    let refusal = plan.refusals.iter().find(|one| one.address == at("tenant/ckwc.secret")).expect("it is protected");
    assert!(refusal.hint.contains("moved: [{ from: tenant/ckwc, to: tenant/clinic }]"), "{refusal:?}");

    estate.wishes = example_with("hostedehr", ZONE, |text| {
        let moved = "\nspec:\n  moved: [{ from: tenant/ckwc, to: tenant/clinic }]\n";
        if text.contains("kind: Stack") { text.replacen("\nspec:\n", moved, 1) } else { renamed(text) }
    });
    let plan = estate.plan().await;
    assert_eq!(plan.refusals, []);
    let action = plan.changes().next().unwrap_or_else(|| panic!("{:#?}", changes(&plan)));
    assert_eq!((action.address.as_str(), action.action, plan.changes().count()), ("tenant/clinic.secret", Verb::Update, 1));
    assert_eq!(action.edits.iter().map(|edit| edit.field.as_str()).collect::<Vec<_>>(), ["address"]);
    estate.apply_plan(&plan).await;
    estate.is_converged().await;
    assert_eq!(estate.object("tenant/clinic.secret").await.id, id, "its name is for life");
    assert_eq!(value(&id).await, before);
}
