//! Reading all tenants costs the same number of questions, however many they are.

use std::collections::BTreeMap;

use reeve::kinds::Kind;
use reeve::kinds::mysql::schema::Schema;
use reeve::kinds::mysql::settings::Settings;
use reeve::kinds::mysql::user::User;
use reeve::planes::aws::stats::Stats;
use serde_json::json;

use crate::life::{plane_of, tenant};
use crate::mariadb::Mariadb;

#[tokio::test(flavor = "multi_thread")]
async fn three_hundred_tenants_cost_as_many_calls_as_one_and_a_read_writes_nothing() {
    let server = Mariadb::start();
    let count = async |tenants: usize| {
        let stats = Stats::default();
        let cx = plane_of("many", &server.facts(), &stats).await;
        let (schemas, users, settings) = futures::try_join!(Schema::fetch(&cx), User::fetch(&cx), Settings::fetch(&cx)).expect("a listing");
        assert_eq!((schemas.len(), users.len(), settings.len()), (tenants, tenants, 1));
        stats.calls().into_iter().filter(|(call, _)| call.starts_with("mysql.")).collect::<BTreeMap<_, _>>()
    };
    let none = count(0).await;
    assert_eq!(server.by_hand("SHOW DATABASES LIKE 'reeve'"), "", "a read makes nothing");
    let stats = Stats::default();
    let cx = plane_of("many", &server.facts(), &stats).await;
    tenant(&cx, "t0", json!({})).await;
    let one = count(1).await;
    // The others as a stack of long standing has them: what is counted is how they are read.
    let mut sql = String::new();
    for at in 1..300 {
        let (schema, user) = (format!("many-tenant-t{at}-schema"), format!("many-tenant-t{at}-user"));
        sql += &format!("CREATE DATABASE `{schema}`; CREATE USER '{user}'@'%' REQUIRE SSL; GRANT ALL ON `{schema}`.* TO '{user}'@'%'; ");
        for (kind, id) in [("schema", &schema), ("user", &user)] {
            sql += &format!(
                "INSERT INTO reeve.marks VALUES ('{kind}', '{id}', 'many', 'tenant/t{at}.{kind}', 'v1:', 'true', 'a', '', '', CURRENT_TIMESTAMP); "
            );
        }
    }
    server.by_hand(&sql);
    let many = count(300).await;
    assert_eq!(one, many);
    assert_eq!(none, many);
    let expected = ["mysql.Connect", "mysql.Grants", "mysql.Marks", "mysql.Schemata", "mysql.Settings", "mysql.Users"];
    assert_eq!(many, expected.into_iter().map(|call| (call.to_owned(), 1)).collect());
}
