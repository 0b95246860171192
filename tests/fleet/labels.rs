//! What is written on a service beside what is wished of it keeps its container.

use jiff::Timestamp;
use reeve::kinds::docker::service::wake::{Wake, change};
use reeve::kinds::docker::service::{of_ours, services};
use reeve::planes::{Docker, Plane};

use crate::fleet_ground::{Fleet, docker, tenant, until};

const SERVICE: &str = "hostedehr-tenant-alpha-service";

/// The tasks of alpha that are to run.
async fn tasks(fleet: &Fleet) -> String {
    docker(fleet.engine(), &["service", "ps", "--quiet", "--no-trunc", "--filter", "desired-state=running", SERVICE]).await
}

async fn inspected(fleet: &Fleet, format: &str) -> String {
    docker(fleet.engine(), &["service", "inspect", "--format", format, SERVICE]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_label_starts_nobody_anew_whatever_was_done_to_the_service() {
    let fleet = Fleet::start(1).await;
    let mut estate = fleet.estate(fleet.wishes(&tenant("alpha", ""))).await;
    estate.apply().await;
    let first = tasks(&fleet).await;
    // What no plan knows of: the number of forced starts, and a host name, which the client's model has and reeve never says.
    let forced = ["service", "update", "--quiet", "--detach", "--force", "--hostname", "by-hand", SERVICE];
    docker(fleet.engine(), &forced).await;
    until("another runs in its place", 120, async || {
        let now = tasks(&fleet).await;
        now != first && inspected(&fleet, "{{.UpdateStatus.State}}").await == "completed"
    })
    .await;
    let (second, template) = (tasks(&fleet).await, inspected(&fleet, "{{json .Spec.TaskTemplate}}").await);
    assert!(template.contains("\"ForceUpdate\":1") && template.contains("by-hand"), "{template}");

    let planes = estate.session.planes().fresh();
    let cx = Docker::of(&planes).unwrap();
    let all = services(cx).await.unwrap();
    let id = all.iter().find(|one| of_ours(cx, one).is_some()).and_then(|one| one.id.clone()).expect("its service");
    let wanted = Wake { wanted: Some(Timestamp::now()), ..Wake::default() };
    estate
        .held(async |held| {
            let planes = estate.session.under(held);
            assert!(change(Docker::of(&planes).unwrap(), &id, |_, runs| Some((wanted.clone(), runs))).await.unwrap());
        })
        .await;
    assert!(inspected(&fleet, "{{json .Spec.Labels}}").await.contains("reeve-wake"));
    assert_eq!(inspected(&fleet, "{{json .Spec.TaskTemplate}}").await, template);
    tokio::time::sleep(std::time::Duration::from_secs(10)).await;
    assert_eq!(tasks(&fleet).await, second, "the same task");

    // An update takes away what was done by hand, and says of the old task that it leaves, of no other, and starts once.
    estate.wishes = fleet.wishes_of(&fleet.images[1], &tenant("alpha", ""));
    estate.apply().await;
    let template = inspected(&fleet, "{{json .Spec.TaskTemplate}}").await;
    assert!(template.contains("\"ForceUpdate\":1") && !template.contains("by-hand"), "{template}");
    let labels = inspected(&fleet, "{{index .Spec.Labels \"reeve-leaving\"}}").await;
    let third = tasks(&fleet).await;
    assert!(labels.contains(&second) && !labels.contains(&third), "{labels} {third}");
    estate.is_converged().await;
}
