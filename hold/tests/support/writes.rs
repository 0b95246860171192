//! An application that writes all the time and connects again at once, and what must hold of what it wrote.

use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder, SslOpts};

use super::support::MariaDb;

/// The command that starts it: the test program again, with one test named.
#[allow(non_snake_case)]
pub fn WRITER() -> Vec<&'static str> {
    vec![Box::leak(std::env::current_exe().unwrap().display().to_string().into_boxed_str()), "--exact", "writer", "--nocapture"]
}

/// A tenant with the table that is written to; the password is `geheim`.
pub fn prepare(server: &MariaDb, name: &str) {
    server.tenant(name, "geheim");
    server.sql(&format!(
        "CREATE TABLE `{name}`.written (n BIGINT AUTO_INCREMENT PRIMARY KEY, epoch BIGINT NOT NULL, at DATETIME(6) NOT NULL)"
    ));
}

/// The epoch of the last row; 0 when there is none.
pub fn last_epoch(server: &MariaDb, name: &str) -> u64 {
    server.sql(&format!("SELECT COALESCE((SELECT epoch FROM `{name}`.written ORDER BY n DESC LIMIT 1), 0)"))[0].parse().unwrap()
}

/// No epoch wrote after a later one had begun, each only between its start and its end, and in the log no two are side by side.
pub fn check(server: &MariaDb, name: &str) {
    let epochs: Vec<u64> =
        server.sql(&format!("SELECT epoch FROM `{name}`.written ORDER BY n")).iter().map(|row| row.parse().unwrap()).collect();
    assert!(epochs.len() > 10, "{} rows", epochs.len());
    let mixed: Vec<_> = epochs.windows(2).filter(|pair| pair[0] > pair[1]).take(5).collect();
    assert!(mixed.is_empty(), "an earlier epoch wrote after a later one: {mixed:?}");
    let outside = server.sql(&format!(
        "SELECT w.n, w.epoch, w.at, l.app_started_at, l.ended_at, l.lost_at FROM `{name}`.written w JOIN `{name}`.reeve_writer_log l USING (epoch) \
         WHERE w.at < l.app_started_at OR w.at > COALESCE(l.ended_at, l.lost_at, '9999-01-01')"
    ));
    assert!(outside.is_empty(), "written outside of its epoch: {outside:#?}");
    let overlap = server.sql(&format!(
        "SELECT a.epoch, b.epoch FROM `{name}`.reeve_writer_log a JOIN `{name}`.reeve_writer_log b ON a.epoch < b.epoch \
         WHERE a.app_started_at IS NOT NULL AND b.app_started_at IS NOT NULL AND b.app_started_at < COALESCE(a.ended_at, a.lost_at, '9999-01-01')"
    ));
    assert!(overlap.is_empty(), "epochs overlap: {overlap:?}");
}

/// Writes rows that bear its epoch.
pub fn write_for_ever() -> ! {
    let var = |name: &str| std::env::var(name).unwrap();
    let opts = OptsBuilder::default()
        .ip_or_hostname("127.0.0.1")
        .tcp_port(var("DB_PORT").parse().unwrap())
        .user(Some(var("DB_USER")))
        .pass(Some(var("DB_PASSWORD")))
        .db_name(Some(var("DB_USER")))
        .prefer_socket(false)
        .ssl_opts(SslOpts::default().with_danger_accept_invalid_certs(true));
    let epoch = var("REEVE_EPOCH");
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        loop {
            if let Ok(mut conn) = Conn::new(opts.clone()).await {
                while conn.query_drop(format!("INSERT INTO written (epoch, at) VALUES ({epoch}, UTC_TIMESTAMP(6))")).await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
}
