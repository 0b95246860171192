//! The text itself: what is written, what is read back, what is refused before.

use std::collections::BTreeMap;
use std::path::Path;

use reeve::kinds::Kind;
use reeve::kinds::haproxy::config::Config;
use reeve::kinds::haproxy::config::text::{render, wish};
use serde_json::json;

use crate::support::{config, marks, place, route, world};

fn tags() -> BTreeMap<String, String> {
    marks().to_tags().into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn three() -> Config {
    let plain = json!({ "tenant": "plain" });
    let routes = json!({
        "ckwc.example.org": route("ckwc", "active"), "closed.example.org": route("closed", "suspended"), "plain.example.org": plain,
    });
    serde_json::from_value(json!({ "routes": routes })).unwrap()
}

#[test]
fn three_tenants_are_written_like_this() {
    let place = place(Path::new("/etc/reeve/haproxy"), "127.0.0.1:8080".parse().unwrap(), "0.0.0.0:443".parse().unwrap());
    let at = render(&three(), &tags(), &place);
    insta::assert_snapshot!("config", at.text);
    insta::assert_snapshot!("map", at.map);
    assert_eq!(render(&three(), &tags(), &place), at, "the same wish is the same text");
    assert_eq!(wish(&at.text), Some(three()));
}

#[test]
fn nothing_that_ends_a_word_of_the_text_gets_into_it() {
    let with = |host: &str, route: serde_json::Value| -> Vec<String> {
        let config: Config = serde_json::from_value(json!({ "routes": { host: route } })).unwrap();
        config.check().into_iter().map(|(field, _)| field).collect()
    };
    for host in ["", "a", "a b.org", "a.org\nglobal", "A.org", "a.org:80", "-a.org", "a..org", "a.org#", "*.org"] {
        assert_eq!(with(host, json!({ "tenant": "a" })).len(), 1, "{host}");
    }
    for tenant in ["", "a b", "a\nb", "../a", "A", "a:1", &"a".repeat(64)] {
        assert_eq!(with("a.org", json!({ "tenant": tenant })), ["routes.a.org.tenant"], "{tenant}");
    }
    for path in ["", "a", "/a b", "/a\nb", "/a}", "/\"", "/a'", "/a//b", "/../b", "/%41", "/a;b"] {
        let found = with("a.org", json!({ "tenant": "a", "api_paths": [path], "blocked_paths": [path] }));
        assert_eq!(found, ["routes.a.org.api_paths", "routes.a.org.blocked_paths"], "{path}");
    }
    for wished in [json!({ "edited": "x" }), json!({ "running": false }), json!({ "following": false }), json!({ "max_body_mib": 0 })] {
        assert_eq!(serde_json::from_value::<Config>(wished.clone()).unwrap().check().len(), 1, "{wished}");
    }
}

#[tokio::test]
async fn a_thousand_tenants_are_one_check_and_a_few_sets_of_paths() {
    let world = world();
    let names: Vec<String> = (0..1000).map(|n| format!("clinic-{n}")).collect();
    let many = config(&names.iter().map(String::as_str).collect::<Vec<_>>());
    world.make(&many).await;
    let calls = world.stats.calls();
    assert_eq!((calls["haproxy.put"], calls["haproxy.start"]), (1, 1), "{calls:?}");
    let (text, map) = (world.read("haproxy.cfg"), world.read("hosts.map"));
    assert_eq!((text.matches("\nbackend t_").count(), map.lines().count()), (1000, 1000));
    assert_eq!(text.matches("set-var(txn.programs)").count(), 2, "one for each set of paths, in both frontends");
    assert_eq!(world.live().await.shape, many);
}
