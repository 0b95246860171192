use reeve::kinds::Kind;
use reeve::kinds::mysql::settings::Settings;
use reeve::planes::Class;
use serde_json::json;

use crate::life::{Life, plane, wish};

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_read_and_a_difference_names_the_parameter_group() {
    let cx = plane("settings").await;
    let life = Life::of(&cx, "database.settings");
    let good: Settings = wish(json!({}));
    assert!(life.differs("server", &good).await.is_empty());
    let much: Settings = wish(json!({ "max_connections": 5000, "local_infile": true }));
    let fields = life.differs("server", &much).await;
    assert_eq!(fields.iter().map(String::as_str).collect::<Vec<_>>(), ["local_infile", "max_connections"]);
    let have = life.live::<Settings>("server").await.expect("live").shape;
    let error = life.try_change("server", &have, &much, fields).await.expect_err("refused");
    assert_eq!(error.class, Class::Invalid);
    assert!(error.to_string().contains("local_infile has to be 1, max_connections has to be 5000"), "{error}");
    assert!(error.to_string().contains("spec.database.parameters"), "{error}");
    assert!(Settings::create(&cx, &life.creation(&good)).await.is_ok());
}
