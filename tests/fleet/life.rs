//! A tenant from its first start to its archive.

use reeve::kinds::docker::service::tasks::running;
use reeve::planes::{Docker, Plane};

use crate::fleet_ground::{Fleet, docker, get, tenant};
use crate::support::{Estate, changes};

async fn address(estate: &Estate, tenant: &str) -> Option<String> {
    let planes = estate.session.planes().fresh();
    let all = running(Docker::of(&planes).unwrap()).await.unwrap();
    all.into_iter().find(|one| one.tenant == tenant).map(|one| one.address.to_string())
}

#[tokio::test]
async fn a_stack_makes_tenants_that_answer_and_follow_the_yaml() {
    let fleet = Fleet::start(1).await;
    let tenants =
        [tenant("alpha", ""), tenant("beta", ""), tenant("gamma", "state: suspended"), tenant("delta", "state: archived")].concat();
    let mut estate = fleet.estate(fleet.wishes(&tenants)).await;
    estate.apply().await;
    estate.is_converged().await;

    for name in ["alpha", "beta"] {
        let at = address(&estate, name).await.expect("it runs");
        let (code, body) = get(&at, "x", "/openmrs/ws/rest/v1/session").await;
        assert_eq!(code, 200, "{body}");
        assert!(body.contains(&format!("hostedehr-tenant-{name}-schema")), "{body}");
    }
    assert_eq!(address(&estate, "gamma").await, None, "it is suspended");
    let services = docker(fleet.engine(), &["service", "ls", "--format", "{{.Name}} {{.Replicas}}"]).await;
    assert!(services.contains("gamma") && !services.contains("delta"), "{services}");

    // Another image: only the service changes, and it answers with it.
    estate.wishes = fleet.wishes_of(&fleet.images[1], &tenants);
    let plan = estate.plan().await;
    let changed = changes(&plan);
    assert!(changed.iter().all(|line| line.starts_with("Update tenant/") && line.contains(".service")), "{changed:#?}");
    estate.apply().await;
    estate.is_converged().await;
    let (_, body) = get(address(&estate, "alpha").await.expect("it runs"), "x", "/openmrs/ws/rest/v1/session").await;
    assert!(body.contains("\"version\":\"2\"") || body.contains("\"2\""), "{body}");

    // Somebody has a hung container go unnoticed: that is seen, and put right.
    let by_hand =
        |how: &'static [&'static str], name: &'static str| [&["service", "update", "--quiet", "--detach"][..], how, &[name]].concat();
    docker(fleet.engine(), &by_hand(&["--health-interval", "7m"], "hostedehr-tenant-alpha-service")).await;
    docker(fleet.engine(), &by_hand(&["--no-healthcheck"], "hostedehr-tenant-beta-service")).await;
    let changed = changes(&estate.plan().await);
    assert_eq!(changed.iter().filter(|line| line.contains("ContainerSpec.HealthCheck.")).count(), 2, "{changed:#?}");
    estate.apply().await;
    estate.is_converged().await;
    for name in ["alpha", "beta"] {
        let format = "{{json .Spec.TaskTemplate.ContainerSpec.Healthcheck}}";
        let check = docker(fleet.engine(), &["service", "inspect", "--format", format, &format!("hostedehr-tenant-{name}-service")]).await;
        assert!(check.contains("/reeve/hold") && !check.contains("420000000000"), "{check}");
    }
}
