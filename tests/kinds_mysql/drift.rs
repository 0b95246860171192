//! What somebody changes by hand is seen, and set right where it can be.

use std::collections::BTreeSet;

use reeve::kinds::mysql::schema::Schema;
use reeve::kinds::mysql::user::User;
use reeve::planes::Class;
use serde_json::json;

use crate::life::{Life, plane, server, tenant, wish};

#[tokio::test(flavor = "multi_thread")]
async fn every_sort_of_change_behind_our_back_is_seen_and_mended() {
    let cx = plane("drift").await;
    let one = tenant(&cx, "one", json!({})).await;
    let life = Life::of(&cx, "tenant/one.user");
    server().by_hand(
        "CREATE DATABASE drift_hand; CREATE TABLE drift_hand.t (a INT, b INT); CREATE PROCEDURE drift_hand.p() SELECT 1; CREATE ROLE drift_role; GRANT drift_role TO 'reeve_root'@'%' WITH ADMIN OPTION; \
         CREATE USER drift_proxied",
    );
    let user = format!("'{}'@'%'", one.user);
    for (change, field) in [
        (format!("GRANT SELECT ON *.* TO {user}"), "rights"),
        (format!("GRANT SELECT, INSERT ON drift_hand.* TO {user}"), "rights"),
        (format!("GRANT ALL ON `drift%`.* TO {user}"), "rights"),
        (format!("GRANT SELECT ON drift_hand.t TO {user}"), "rights"),
        (format!("GRANT SELECT (a), UPDATE (b) ON drift_hand.t TO {user}"), "rights"),
        (format!("GRANT EXECUTE ON PROCEDURE drift_hand.p TO {user}"), "rights"),
        (format!("GRANT drift_role TO {user}"), "rights"),
        (format!("GRANT SELECT ON `{}`.* TO {user} WITH GRANT OPTION", one.schema), "rights"),
        (format!("GRANT DELETE HISTORY ON `{}`.* TO {user}", one.schema), "rights"),
        (format!("REVOKE DELETE ON `{}`.* FROM {user}", one.schema), "rights"),
        (format!("REVOKE ALL PRIVILEGES, GRANT OPTION FROM {user}"), "rights"),
        (format!("ALTER USER {user} REQUIRE NONE"), "require_ssl"),
        (format!("ALTER USER {user} REQUIRE X509"), "require_ssl"),
        (format!("ALTER USER {user} WITH MAX_USER_CONNECTIONS 5000"), "max_user_connections"),
        (format!("ALTER USER {user} WITH MAX_QUERIES_PER_HOUR 5"), "max_queries_per_hour"),
        (format!("ALTER USER {user} WITH MAX_UPDATES_PER_HOUR 5"), "max_updates_per_hour"),
        (format!("ALTER USER {user} WITH MAX_CONNECTIONS_PER_HOUR 5"), "max_connections_per_hour"),
        (format!("ALTER USER {user} ACCOUNT LOCK"), "account_locked"),
    ] {
        server().by_hand(&change);
        let fields = life.differs(&one.user, &one.wish).await;
        assert_eq!(fields, BTreeSet::from([field.to_owned()]), "{change}");
        let have = life.live::<User>(&one.user).await.expect("live").shape;
        life.change(&one.user, &have, &one.wish, fields).await;
        assert_eq!(life.differs(&one.user, &one.wish).await, BTreeSet::new(), "{change}");
    }
    // What root gave and the administrator may not take is told at each apply.
    server().by_hand(&format!("GRANT PROXY ON drift_proxied TO {user}"));
    let fields = life.differs(&one.user, &one.wish).await;
    assert_eq!(fields, BTreeSet::from(["rights".to_owned()]));
    let error = life.try_change(&one.user, &one.wish, &one.wish, fields).await.expect_err("refused");
    assert_eq!(error.class, Class::Denied, "{error}");
    server().by_hand(&format!("REVOKE PROXY ON drift_proxied FROM {user}"));
    // A password that somebody set is not known here: another user has to be made.
    server().by_hand(&format!("SET PASSWORD FOR {user} = PASSWORD('byHand')"));
    assert_eq!(life.differs(&one.user, &one.wish).await, BTreeSet::from(["fingerprint".to_owned()]));

    let schema = Life::of(&cx, "tenant/one.schema");
    let want: Schema = wish(json!({}));
    server().by_hand(&format!("ALTER DATABASE `{}` CHARACTER SET latin1", one.schema));
    assert_eq!(schema.differs(&one.schema, &want).await, BTreeSet::from(["charset".to_owned(), "collation".to_owned()]));
    server().by_hand("DROP DATABASE drift_hand; DROP ROLE drift_role; DROP USER drift_proxied");
}
