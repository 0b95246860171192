//! A tenant with a database server of its own, beside tenants that share one.

use std::sync::Arc;

use jiff::Timestamp;
use reeve::model::plan::{Scope, Verb};
use reeve::sandbox::parts::Options;
use reeve::tenant::backup::backup;
use reeve::tenant::key;
use reeve::tenant::place::Place;
use reeve::tenant::progress::Progress;
use reeve::tenant::restore::{Checked, finished, restore};
use serde_json::Value;

use crate::fleet_ground::{Fleet, docker, tenant};
use crate::support::{at, changes};

const OWN: &str = "database: dedicated";

fn schemas(listed: &str) -> Vec<String> {
    listed.lines().filter(|name| name.starts_with("hostedehr-tenant-")).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_tenant_has_a_server_for_itself_and_nothing_of_it_is_on_the_shared_one() {
    let fleet = Fleet::start_with(Options { servers: 2, ..Options::default() }).await;
    let mut estate = fleet.estate(fleet.wishes(&[tenant("alpha", ""), tenant("beta", OWN)].concat())).await;
    estate.apply().await;
    estate.is_converged().await;

    let listed = "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA";
    assert_eq!(schemas(&fleet.sql_on(0, listed).await), ["hostedehr-tenant-alpha-schema"]);
    assert_eq!(schemas(&fleet.sql_on(1, listed).await), ["hostedehr-tenant-beta-schema"]);
    let users = "SELECT COUNT(*) FROM mysql.user WHERE User LIKE 'hostedehr%'";
    assert_eq!((fleet.sql_on(0, users).await, fleet.sql_on(1, users).await), ("1".into(), "1".into()));
    // The application itself made its tables there, under the wrapper's lock.
    let tables = "SELECT COUNT(*) > 2 FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'hostedehr-tenant-beta-schema'";
    assert_eq!(fleet.sql_on(1, tables).await, "1");

    // Drift on it is seen and mended like on the other.
    fleet.sql_on(1, "ALTER DATABASE `hostedehr-tenant-beta-schema` CHARACTER SET latin1").await;
    let plan = estate.apply().await;
    assert!(changes(&plan).len() == 1 && changes(&plan)[0].starts_with("Update tenant/beta.schema {Drift}"), "{:#?}", changes(&plan));
    estate.is_converged().await;

    // Its data is found where it is.
    let planes = estate.session.planes();
    let of = async |name: &str| {
        let place = Place::find(planes, name).await.expect("its data");
        place.server(planes).await.expect("a server").address.to_string()
    };
    let addresses: Vec<String> = fleet.parts.databases().iter().map(ToString::to_string).collect();
    assert_eq!([of("alpha").await, of("beta").await], [addresses[0].clone(), addresses[1].clone()]);

    // From one place to the other is another schema, which is empty: nothing does that by itself.
    estate.wishes = fleet.wishes(&[tenant("alpha", OWN), tenant("beta", OWN)].concat());
    let plan = estate.plan().await;
    assert!(plan.refusals.iter().any(|one| one.address.as_str() == "tenant/alpha.schema"), "{:#?} {:#?}", plan.refusals, changes(&plan));
    assert!(!plan.changes().any(|action| action.action == Verb::Delete), "{:#?}", changes(&plan));

    // One that goes for ever takes its server along, and nothing of the others.
    estate.wishes = fleet.wishes(&[tenant("alpha", ""), tenant("beta", &format!("{OWN}\nstate: archived"))].concat());
    estate.apply().await;
    let scope = Scope { target: ["tenant/beta".to_owned()].into(), allow_delete: ["tenant/beta".to_owned()].into(), ..Scope::default() };
    estate.wishes.retain(|address, _| !address.as_str().starts_with("tenant/beta."));
    let plan = estate.plan_with(scope, false).await;
    assert!(plan.changes().all(|action| action.address.as_str().starts_with("tenant/beta.")), "{:#?}", changes(&plan));
    estate.apply_plan(&plan).await;
    assert_eq!(schemas(&fleet.sql_on(0, listed).await), ["hostedehr-tenant-alpha-schema"]);
    let left: Vec<String> = estate.live().await.into_iter().filter(|one| one.kind == "aws.db_instance").map(|one| one.id).collect();
    assert_eq!(left.len(), 1, "{left:?}");
    let services = docker(fleet.engine(), &["service", "ls", "--format", "{{.Name}} {{.Replicas}}"]).await;
    assert!(services.contains("alpha") && services.contains("1/1") && !services.contains("beta"), "{services}");
}

#[tokio::test]
async fn a_tenant_moves_to_a_server_of_its_own_with_what_it_holds() {
    let fleet = Fleet::start_with(Options { servers: 2, ..Options::default() }).await;
    let mut estate = fleet.estate(fleet.wishes(&tenant("alpha", ""))).await;
    estate.apply().await;
    let schema = "`hostedehr-tenant-alpha-schema`";
    fleet.sql(&format!("CREATE TABLE {schema}.proof (word TEXT); INSERT INTO {schema}.proof VALUES ('kept')")).await;

    // As runbooks/tenant-data.md says it: asleep, backed up, moved with consent, restored, awake.
    estate.wishes = fleet.wishes(&tenant("alpha", "state: suspended"));
    estate.apply().await;
    let (planes, progress) = (estate.session.planes(), Progress::default());
    let place = Place::find(planes, "alpha").await.expect("its data");
    let identity = Arc::new(key::make(&planes.aws).await.expect("a key"));
    let path = estate.record.path().join("alpha.tar.gz.age");
    backup(planes, &place, &path, vec![identity.to_public()], Timestamp::now(), &progress).await.expect("a backup");

    estate.wishes = fleet.wishes(&tenant("alpha", &format!("state: suspended\n{OWN}")));
    let plan = estate.plan().await;
    assert!(plan.refusals.iter().any(|one| one.address.as_str() == "tenant/alpha.schema"), "{:#?}", plan.refusals);
    let scope = Scope { allow_delete: ["tenant/alpha.schema".to_owned()].into(), ..Scope::default() };
    let plan = estate.plan_with(scope, false).await;
    estate.apply_plan(&plan).await;
    estate.is_converged().await;

    let archive = Checked::read(&path, identity, &progress).await.expect("an archive");
    let place = Place::find(planes, "alpha").await.expect("its data");
    restore(planes, &place, &archive, None, &progress).await.unwrap_or_else(|error| panic!("{error}"));
    finished(planes, &place).await.expect("written down");
    estate.wishes = fleet.wishes(&tenant("alpha", OWN));
    estate.apply().await;
    estate.is_converged().await;
    assert_eq!(fleet.sql_on(1, &format!("SELECT word FROM `{}`.proof", place.schema_name().expect("a schema"))).await, "kept");
    let count = |what: &str| format!("SELECT COUNT(*) FROM {what} LIKE 'hostedehr-tenant-alpha%'");
    assert_eq!(fleet.sql_on(0, &count("information_schema.SCHEMATA WHERE SCHEMA_NAME")).await, "0");
    assert_eq!(fleet.sql_on(0, &count("mysql.user WHERE User")).await, "0");
    let services = docker(fleet.engine(), &["service", "ls", "--format", "{{.Name}} {{.Replicas}}"]).await;
    assert!(services.contains("1/1"), "{services}");
}

#[test]
fn it_is_like_the_shared_one() {
    let file = |text: String| reeve::desired::SourceFile { path: "stack.yaml".into(), text };
    let example = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/desired/hostedehr/stack.yaml")).expect("the example");
    let wishes =
        crate::support::wishes(&[file(example), reeve::desired::SourceFile { path: "tenants.yaml".into(), text: tenant("beta", OWN) }]);
    let spec = |address: &str| wishes[&at(address)].spec.clone();
    let (shared, own) = (spec("database.server"), spec("tenant/beta.server"));
    let without = |spec: &Value| {
        let mut fields = spec.as_object().expect("fields").clone();
        fields.remove("log_groups");
        fields
    };
    assert_eq!(without(&own), without(&shared));
    let renamed = own.to_string().replace("tenant/beta.server_log", "database.log");
    assert_eq!(renamed, shared.to_string());
}
