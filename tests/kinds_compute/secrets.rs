//! Parameters: generated secrets and texts.

use reeve::kinds::Kind;
use reeve::kinds::aws::parameter::Parameter;
use reeve::model::marks::Applied;
use reeve::model::{Address, Marks};
use serde_json::json;

use crate::harness::{all, change, drop, is, make, spec, stack};

async fn key(cx: &reeve::planes::Aws) -> String {
    cx.kms.create_key().send().await.unwrap().key_metadata.unwrap().arn.unwrap()
}

async fn value(cx: &reeve::planes::Aws, id: &str) -> String {
    let out = cx.ssm.get_parameter().name(id).with_decryption(true).send().await.unwrap();
    out.parameter.unwrap().value.unwrap()
}

#[tokio::test]
async fn a_secret_keeps_its_value_through_every_change() {
    let (cx, other) = (stack("secret-round").await, stack("secret-other").await);
    let (first, second) = (key(&cx).await, key(&cx).await);
    let want: Parameter = spec(json!({ "generate": {}, "kms_key": first }));
    make(&other, "tenant/alpha.secret", &want).await;
    let id = make(&cx, "tenant/alpha.secret", &want).await;
    assert_eq!(id, "/reeve/secret-round/tenant/alpha.secret");
    is(&cx, &id, &want).await;
    assert_eq!(all::<Parameter>(&cx).await.len(), 1);
    let secret = value(&cx, &id).await;
    assert!(secret.len() == 32 && secret.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    assert_ne!(secret, value(&other, "/reeve/secret-other/tenant/alpha.secret").await);

    let moved: Parameter = spec(json!({ "generate": {}, "kms_key": second }));
    change(&cx, "tenant/alpha.secret", &id, &want, &moved).await;
    assert_eq!(value(&cx, &id).await, secret);
    drop(&cx, "tenant/alpha.secret", &id, &moved).await;
}

#[tokio::test]
async fn marks_change_without_a_new_value() {
    let cx = stack("secret-marks").await;
    let want: Parameter = spec(json!({ "generate": { "length": 40 }, "kms_key": key(&cx).await }));
    let id = make(&cx, "tenant/alpha.secret", &want).await;
    let mut marks = all::<Parameter>(&cx).await.remove(0).marks;
    assert!(!marks.protect && !marks.retiring);
    let version = |cx: reeve::planes::Aws, id: String| async move {
        cx.ssm.get_parameter().name(id).send().await.unwrap().parameter.unwrap().version
    };
    let (secret, before) = (value(&cx, &id).await, version(cx.clone(), id.clone()).await);

    // Protection and retiring are tags only: the value is not written again.
    for (protect, retiring) in [(true, false), (true, true), (false, true)] {
        marks = Marks { protect, retiring, ..marks };
        Parameter::mark(&cx, &id, &marks).await.unwrap();
        let read = all::<Parameter>(&cx).await.remove(0).marks;
        assert_eq!((read.protect, read.retiring), (protect, retiring));
    }
    assert_eq!(version(cx.clone(), id.clone()).await, before);

    // A new address or applied mark stands in the description: the same value is written with it.
    marks = Marks { address: Address::parse("tenant/beta.secret").ok(), applied: Applied::parse("v1:abcdefabcdeg"), ..marks };
    Parameter::mark(&cx, &id, &marks).await.unwrap();
    assert_eq!(all::<Parameter>(&cx).await.remove(0).marks, marks);
    assert_eq!(value(&cx, &id).await, secret);
    is(&cx, &id, &want).await;
}

#[tokio::test]
async fn a_description_of_somebodys_own_loses_no_secret() {
    let (cx, other) = (stack("secret-edited").await, stack("secret-edited-other").await);
    let key = key(&cx).await;
    let want: Parameter = spec(json!({ "generate": {}, "kms_key": key }));
    let id = make(&cx, "tenant/alpha.secret", &want).await;
    let marks = Marks { protect: true, ..all::<Parameter>(&cx).await.remove(0).marks };
    Parameter::mark(&cx, &id, &marks).await.unwrap();
    let secret = value(&cx, &id).await;
    let edit = cx.ssm.put_parameter().name(&id).description("do not touch").value(&secret).overwrite(true);
    edit.r#type("SecureString".into()).key_id(&key).allowed_pattern("^[A-Za-z0-9]{32}$").send().await.unwrap();

    assert_eq!(all::<Parameter>(&cx).await.remove(0).marks, marks, "the tags say it too");
    is(&cx, &id, &want).await;
    assert!(all::<Parameter>(&other).await.is_empty());
    Parameter::mark(&cx, &id, &marks).await.unwrap();
    let named = aws_sdk_ssm::types::ParameterStringFilter::builder().key("Name").values(&id).build().unwrap();
    let one = cx.ssm.describe_parameters().parameter_filters(named).send().await.unwrap().parameters.unwrap().remove(0);
    assert!(one.description().unwrap().contains("reeve:stack=secret-edited"), "{one:?}");
    assert_eq!(value(&cx, &id).await, secret);

    // With its tags gone too it is somebody else's, and who wants to make it is told the way back.
    cx.ssm.remove_tags_from_resource().resource_type("Parameter".into()).resource_id(&id).tag_keys("reeve:stack").send().await.unwrap();
    assert!(all::<Parameter>(&cx).await.is_empty());
    let new = reeve::kinds::New {
        address: Address::parse("tenant/alpha.secret").unwrap(),
        want,
        marks,
        token: String::new(),
        naming: reeve::kinds::Naming { stack: "secret-edited".into(), salt: String::new() },
    };
    let error = Parameter::create(&cx, &new).await.unwrap_err();
    assert!(error.class == reeve::planes::Class::AlreadyExists, "{error}");
    assert_eq!(Parameter::namesake(&cx, &new).await.unwrap(), Some(id));
}

#[tokio::test]
async fn many_secrets_are_read_page_by_page() {
    let cx = stack("secret-pages").await;
    let want: Parameter = spec(json!({ "generate": {}, "kms_key": key(&cx).await }));
    for tenant in 0..60 {
        make(&cx, &format!("tenant/t{tenant}.secret"), &want).await;
    }
    assert_eq!(all::<Parameter>(&cx).await.len(), 60);
}

#[tokio::test]
async fn a_text_goes_round() {
    let cx = stack("text-round").await;
    let want: Parameter = spec(json!({ "value": "10.20.0.4,10.20.1.4" }));
    let id = make(&cx, "fleet.managers_at", &want).await;
    is(&cx, &id, &want).await;
    let next = spec(json!({ "value": "10.20.0.5" }));
    change(&cx, "fleet.managers_at", &id, &want, &next).await;
    drop(&cx, "fleet.managers_at", &id, &next).await;
}

#[test]
fn what_makes_no_sense_is_named() {
    for wrong in [
        json!({}),
        json!({ "value": "x", "kms_key": "k" }),
        json!({ "generate": {} }),
        json!({ "generate": { "length": 4 }, "kms_key": "k" }),
    ] {
        assert!(!spec::<Parameter>(wrong.clone()).check().is_empty(), "{wrong}");
    }
}
