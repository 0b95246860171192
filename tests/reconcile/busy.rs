//! What is still being made cannot be changed yet, and nobody waits for that with the stack's lock.

use std::time::Duration;

use reeve::sandbox::{Options, Sandbox};

use crate::ground::{Running, SOON, Stack, record, within};

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_what_is_still_being_made_holds_nobody_up_and_is_made_afterwards() {
    let options = Options { database_takes: Duration::from_secs(60), ..Options::default() };
    let sandbox = Sandbox::start(options).await.expect("a sandbox");
    let stack = Stack::at("busy", &sandbox.endpoint);
    let yaml = |days: u16, backups: u16| {
        let spec = format!("  observability: {{ log_retention_days: {days} }}\n  database: {{ backup_days: {backups} }}\n");
        crate::support::yaml("busy", "local:record") + &spec + "  reconcile: { every: 1h }\n"
    };
    stack.write("stack.yaml", &yaml(2192, 35));
    let running = Running::start(&stack, &["--plane", "aws"]);
    running.says_within("not ready yet, and looked after from now on: database.server", Duration::from_secs(60));

    // RDS refuses the change of the server. All else is changed, and the lock is free.
    stack.write("stack.yaml", &yaml(3653, 14));
    running.says("vpc.flow_log_group: Update done");
    let is_free = || record(&stack, "lease.json").is_some_and(|lease| lease["released"].is_object());
    within(SOON, || is_free().then_some(())).expect("the lock is free");
    assert_eq!(running.count("database.server: Update done"), 0, "it was made meanwhile: {:#?}", running.log());

    running.says_within("database.server: Update done", Duration::from_secs(120));
    assert_eq!(running.count("database.server: Update failed"), 0, "{:#?}", running.log());
    running.metric_is("reeve_backing_off_resources", 0.0);
    assert_eq!(running.stop().0, Some(0));
    stack.ends(0, &["plan", stack.dir(), "--plane", "aws"]);
    stack.ends(0, &["journal", "verify", stack.dir()]);
}
