//! What was made by hand, or by another stack, is never touched.

use std::collections::BTreeMap;

use reeve::kinds::mysql::schema::Schema;
use reeve::kinds::mysql::user::User;
use reeve::kinds::{Gone, Kind, Tags};
use reeve::model::{Address, Whose};
use reeve::planes::Class;
use reeve::planes::aws::owner::Owned;
use serde_json::json;

use crate::life::{Life, plane, secret, server, tenant, wish};

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_and_a_user_of_our_name_that_bear_no_mark_are_refused_and_stay() {
    let cx = plane("strange").await;
    server().by_hand(
        "CREATE DATABASE `strange-tenant-one-schema`; CREATE TABLE `strange-tenant-one-schema`.t (a INT); \
         CREATE USER 'strange-tenant-one-user'@'10.0.0.1'; CREATE USER 'strange-tenant-two-user'@'%'",
    );
    let life = Life::of(&cx, "tenant/one.schema");
    let error = Schema::create(&cx, &life.creation(&wish::<Schema>(json!({})))).await.expect_err("refused");
    assert_eq!(error.class, Class::AlreadyExists, "{error}");
    let (parameter, fingerprint) = secret("strange", "StrangePassword123456789").await;
    let want: User = wish(json!({ "schema": "s", "password": parameter, "fingerprint": fingerprint }));
    for address in ["tenant/one.user", "tenant/two.user"] {
        let error = User::create(&cx, &Life::of(&cx, address).creation(&want)).await.expect_err("refused");
        assert_eq!(error.class, Class::AlreadyExists, "{address}: {error}");
    }
    assert!(Schema::fetch(&cx.fresh()).await.expect("a listing").is_empty());
    let pass = cx.fresh();
    Schema::fetch(&pass).await.expect("a listing");
    User::fetch(&pass).await.expect("a listing");
    let seen: Vec<_> = pass.ours.strangers().into_iter().filter(|one| one.name.starts_with("strange-")).collect();
    let names: Vec<(&str, &str)> = seen.iter().map(|one| (one.kind, one.id.as_str())).collect();
    let expected = [
        ("mysql.schema", "strange-tenant-one-schema"),
        ("mysql.user", "strange-tenant-one-user@10.0.0.1"),
        ("mysql.user", "strange-tenant-two-user"),
    ];
    assert_eq!(names, expected);
    assert!(seen.iter().all(|one| one.whose == Whose::Nobody));
    // Not even when the engine were wrong about it.
    let gone = Gone {
        address: Address::parse("tenant/one.schema").expect("an address"),
        id: "strange-tenant-one-schema".into(),
        attributes: BTreeMap::new(),
        have: wish::<Schema>(json!({})),
    };
    assert!(Schema::delete(&cx, &gone).await.is_err());
    assert_eq!(server().by_hand("SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'strange-tenant-one-schema'"), "1");
    assert_eq!(cx.owner("schema", "strange-tenant-one-schema").await.expect("an answer"), Owned::No);
    server().by_hand(
        "DROP DATABASE `strange-tenant-one-schema`; DROP USER 'strange-tenant-one-user'@'10.0.0.1'; DROP USER 'strange-tenant-two-user'@'%'",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_stack_made_is_told_by_its_name() {
    let (cx, other) = (plane("mine").await, plane("theirs").await);
    let one = tenant(&other, "one", json!({})).await;
    let pass = cx.fresh();
    assert!(User::fetch(&pass).await.expect("a listing").is_empty());
    assert!(Schema::fetch(&pass).await.expect("a listing").is_empty());
    let theirs: Vec<_> = pass.ours.strangers().into_iter().filter(|seen| seen.id == one.schema || seen.id == one.user).collect();
    assert_eq!(theirs.len(), 2);
    assert!(theirs.iter().all(|seen| seen.whose == Whose::Stack("theirs".into())));
    assert_eq!(User::TAGS, Tags::Table("user"));
    assert_eq!(cx.owner("user", &one.user).await.expect("an answer"), Owned::By("theirs".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_without_its_object_means_nothing() {
    let cx = plane("orphans").await;
    let life = Life::of(&cx, "tenant/one.schema");
    let made = life.create(&wish::<Schema>(json!({}))).await;
    server().by_hand(&format!("DROP DATABASE `{}`", made.id));
    assert!(life.live::<Schema>(&made.id).await.is_none());
    let again = Life { salt: "", ..Life::of(&cx, "tenant/one.schema") }.create(&wish::<Schema>(json!({}))).await;
    assert_eq!(again.id, made.id);
    life.dies::<Schema>(&made.id).await;
}
