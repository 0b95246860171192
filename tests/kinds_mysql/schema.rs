use reeve::kinds::Kind;
use reeve::kinds::mysql::schema::Schema;
use serde_json::json;

use crate::life::{Life, plane, server, wish};

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_is_made_changed_and_dropped() {
    let cx = plane("schemas").await;
    let life = Life::of(&cx, "tenant/ckwc.schema");
    let wishes: Vec<Schema> = vec![
        wish(json!({})),
        wish(json!({ "charset": "latin1", "collation": "latin1_swedish_ci" })),
        wish(json!({ "collation": "utf8mb4_bin" })),
    ];
    let made = life.create(&wishes[0]).await;
    assert_eq!((made.id.as_str(), made.attributes["name"].as_str()), ("schemas-tenant-ckwc-schema", "schemas-tenant-ckwc-schema"));
    life.lives(&made.id, &wishes).await;
    let other = plane("schemas-other").await;
    assert!(Schema::fetch(&other).await.expect("a listing").is_empty(), "another stack sees it");
    server().by_hand(&format!("CREATE TABLE `{}`.t (a INT)", made.id));
    life.dies::<Schema>(&made.id).await;
    assert_eq!(server().by_hand("SELECT COUNT(*) FROM reeve.marks WHERE stack = 'schemas'"), "0");
}

#[test]
fn a_collation_of_another_character_set_is_refused() {
    let wrong: Schema = serde_json::from_value(json!({ "charset": "latin1" })).expect("a schema");
    assert_eq!(wrong.check()[0].0, "collation");
    let wrong: Schema = serde_json::from_value(json!({ "charset": "utf8mb4; DROP", "collation": "utf8mb4; DROP" })).expect("a schema");
    assert_eq!(wrong.check().len(), 2);
}
