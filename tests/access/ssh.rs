//! `access.docker: ssh://...`, against a real sshd and a real engine.

use crate::fleet_ground::Fleet;
use crate::outside::Outside;
use crate::program::Program;
use crate::sshd::{Sshd, free_port, mute};

#[tokio::test]
async fn an_engine_is_reached_by_ssh_and_a_way_that_leads_nowhere_says_why() {
    let fleet = Fleet::start(1).await;
    let outside = Outside::of(&fleet).await;

    // No way: said plainly, and what is beyond is not asked about.
    let blind = outside.plan(0).await;
    assert_eq!(blind.unobserved(), ["docker", "mysql", "files", "haproxy"]);
    assert!(blind.has("the stack names no way in (spec.access.docker)"), "{}", blind.out);

    let sshd = Sshd::start(&outside).await;
    outside.stack(0, &sshd.way());
    let seen = outside.plan(0).await;
    assert_eq!(seen.unobserved(), ["mysql", "files", "haproxy"]);
    outside.moves_the_tenant(1, &sshd.way()).await;

    sshd.trusts("");
    outside.is_silent(&["docker.service", "Host key verification failed", "known_hosts", "127.0.0.1"]).await;
    sshd.trusts("stranger");
    outside.is_silent(&["Host key verification failed"]).await;
    sshd.trusts("host");
    sshd.offers("stranger");
    outside.is_silent(&["Permission denied (publickey)", "ssh-add"]).await;
    sshd.offers("user");

    outside.stack(1, &format!("{{ docker: \"ssh://root@127.0.0.1:{}\" }}", free_port()));
    outside.is_silent(&["Connection refused", "is the address right"]).await;
    outside.stack(1, &format!("{{ docker: \"ssh://root@127.0.0.1:{}\" }}", mute().await));
    outside.is_silent(&["docker.service"]).await;

    // Named and silent: an apply says so, and changes nothing where it cannot see.
    outside.stack(0, &format!("{{ docker: \"ssh://root@127.0.0.1:{}\" }}", free_port()));
    let applied = outside.reeve(&["apply", "stack", "--auto-approve"]).await;
    assert!(applied.code != 0 && !applied.has("tenant/alpha.service updated"), "{}\n{}", applied.out, applied.err);
    outside.stack(1, &sshd.way());
    outside.plan(0).await;
    outside.nobody_is_left("system dial-stdio").await;
    Program::docker(&fleet).stop().await;
    outside.is_silent(&["dial unix", "there the engine does not run", "docker-down"]).await;
}
