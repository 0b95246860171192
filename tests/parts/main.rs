//! The local parts behind `reeve sandbox`: the real programs, in namespaces of their own. They need root and `make setup`.

mod emulated;
mod leaving;
mod support;

use std::time::{Duration, Instant};

use mysql_async::prelude::Queryable as _;
use reeve::sandbox::parts::{Image, Options};
use support::{database, docker, get, hello, parts, published, server};

#[tokio::test]
async fn a_service_on_the_tenants_network_answers_and_reaches_only_what_it_may() {
    let begun = Instant::now();
    let parts = parts(Options::default()).await;
    // Three seconds on a quiet machine; here others of them start at the same time.
    assert!(begun.elapsed() < Duration::from_secs(30), "it took {:?}", begun.elapsed());
    let image = Image::of("hello", "1", &hello()).unwrap();
    let address = image.push(&parts.registry()).await.unwrap();
    assert_eq!(address, format!("{}/hello@{}", parts.registry(), image.digest()));

    let engine = &parts.engines()[0];
    docker(engine, &["network", "create", "-d", "bridge", "--scope", "swarm", "--config-from", "tenants-config", "tenants"]).await;
    for name in ["a", "b"] {
        let network = ["--network", "tenants", "--endpoint-mode", "dnsrr", "--publish", "mode=host,target=8080"];
        docker(engine, &[&["service", "create", "--quiet", "--detach", "--name", name], &network[..], &[&address]].concat()).await;
    }
    let (a, b) = (published(engine, "a").await, published(engine, "b").await);
    assert_eq!(get(engine.address, a, "/").await, "hello");
    assert_eq!(get(engine.address, b, "/").await, "hello");

    let database = parts.database();
    assert_eq!(get(engine.address, a, &format!("/{database}")).await, "open");
    let inside = docker(engine, &["network", "inspect", "tenants", "--format", "{{range .Containers}}{{.IPv4Address}} {{end}}"]).await;
    let neighbours = inside.split_whitespace().map(|network| format!("{}:8080", network.split('/').next().unwrap()));
    // The neighbour's port by way of its bridge, of Docker's own, of the host and of the machine; the registry, Swarm's port, a host's credentials.
    let doors = [
        format!("172.30.0.1:{b}"),
        format!("172.17.0.1:{b}"),
        format!("{}:{b}", engine.address),
        format!("{}:2377", engine.address),
        parts.registry(),
        "169.254.169.254:80".to_owned(),
    ];
    let mut closed = 0;
    for door in doors.into_iter().chain(neighbours) {
        let answer = get(engine.address, a, &format!("/{door}")).await;
        closed += usize::from(answer.starts_with("closed"));
        if !answer.starts_with("closed") {
            println!("{door}: {answer}");
        }
    }
    assert_eq!(closed, 7, "of 8: its own address is the one that answers");
}

#[tokio::test]
async fn the_database_speaks_tls_only_and_its_administrator_is_no_superuser() {
    let parts = parts(Options { mysql_port: 3399, administrator: "chief".into(), ..Options::default() }).await;
    assert_eq!(parts.database().port(), 3399);
    let mut connection = mysql_async::Conn::new(database(&parts, true)).await.unwrap();
    let rights: Vec<String> = connection.query("SHOW GRANTS").await.unwrap();
    assert!(rights[0].contains("CREATE USER") && !rights[0].contains("SUPER") && !rights[0].contains("FILE"), "{rights:?}");
    let other: u64 = connection.query_first("SELECT CONNECTION_ID()").await.unwrap().unwrap();
    let mut second = mysql_async::Conn::new(database(&parts, true)).await.unwrap();
    second.query_drop(format!("CALL mysql.rds_kill({other})")).await.unwrap();
    assert!(connection.query_drop("SELECT 1").await.is_err(), "it was killed");
    // The same name and password: it says that they are wrong.
    let error = mysql_async::Conn::new(database(&parts, false)).await.unwrap_err().to_string();
    assert!(error.contains("1045") || error.contains("3159"), "{error}");
}

#[tokio::test]
async fn two_database_servers_answer_over_tls_each_with_what_the_other_lacks_and_tenants_reach_both() {
    let parts = parts(Options { servers: 2, ..Options::default() }).await;
    let addresses = parts.databases();
    assert_eq!((addresses.len(), addresses[0], addresses[0].port()), (2, parts.database(), addresses[1].port()));
    assert_ne!(addresses[0].ip(), addresses[1].ip());
    let schemas =
        async |connection: &mut mysql_async::Conn| -> Vec<String> { connection.query("SHOW DATABASES LIKE 'of%'").await.unwrap() };
    let mut connections = Vec::new();
    for (number, schema) in ["of_first", "of_second"].into_iter().enumerate() {
        // Its name is compared with the certificate's, which the one authority signed.
        let mut connection = mysql_async::Conn::new(server(&parts, number, true)).await.unwrap();
        connection.query_drop(format!("CREATE DATABASE {schema}")).await.unwrap();
        assert!(mysql_async::Conn::new(server(&parts, number, false)).await.is_err(), "without TLS");
        connections.push(connection);
    }
    assert_eq!(schemas(&mut connections[0]).await, ["of_first"]);
    assert_eq!(schemas(&mut connections[1]).await, ["of_second"]);

    let address = Image::of("hello", "1", &hello()).unwrap().push(&parts.registry()).await.unwrap();
    let engine = &parts.engines()[0];
    docker(engine, &["network", "create", "-d", "bridge", "--scope", "swarm", "--config-from", "tenants-config", "tenants"]).await;
    let network = ["--network", "tenants", "--endpoint-mode", "dnsrr", "--publish", "mode=host,target=8080"];
    docker(engine, &[&["service", "create", "--quiet", "--detach", "--name", "a"], &network[..], &[&address]].concat()).await;
    let port = published(engine, "a").await;
    for database in addresses {
        assert_eq!(get(engine.address, port, &format!("/{database}")).await, "open", "{database}");
    }
}

#[tokio::test]
async fn more_servers_than_there_are_addresses_for_are_refused() {
    for servers in [0, 5] {
        let error = reeve::sandbox::parts::Parts::start(Options { servers, ..Options::default() }).await.unwrap_err().to_string();
        assert_eq!(error, format!("{servers} database servers are not possible: 1 to 4 are"));
    }
}

#[tokio::test]
async fn an_engine_that_is_cut_off_is_down_for_the_others_until_it_is_healed() {
    let parts = parts(Options { engines: 3, ..Options::default() }).await;
    let engines = parts.engines();
    let state = async |name: &str| {
        // While the managers choose another leader there is no answer.
        let asked = ["node", "ls", "--format", "{{.Status}} {{.ManagerStatus}}"];
        let nodes = support::try_docker(&engines[0], &asked).await.unwrap_or_default();
        nodes.lines().filter(|line| line.contains(name)).count()
    };
    assert_eq!(state("Ready").await, 3);
    assert_eq!(state("Leader").await + state("Reachable").await, 3);
    parts.cut(2).await.unwrap();
    let begun = Instant::now();
    while state("Down").await != 1 {
        assert!(begun.elapsed() < Duration::from_secs(60), "the others do not see it");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    parts.heal(2).await.unwrap();
    while state("Ready").await != 3 {
        assert!(begun.elapsed() < Duration::from_secs(120), "it does not come back");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(parts.cut(3).await.is_err(), "there is no fourth");
}

#[tokio::test]
async fn the_facts_of_the_host_name_what_is_there() {
    let parts = parts(Options::default()).await;
    let facts: serde_json::Value = serde_json::from_slice(&std::fs::read(parts.host()).unwrap()).unwrap();
    let path = |value: &serde_json::Value| {
        std::path::PathBuf::from(
            value
                .as_str()
                .unwrap()
                .split_once(":/")
                .map_or_else(|| value.as_str().unwrap().to_owned(), |(_, path)| format!("/{}", path.trim_start_matches('/'))),
        )
    };
    for there in [&facts["docker"], &facts["mysql"]["ca"], &facts["mysql"]["admin"], &facts["files"], &facts["haproxy"]["folder"]] {
        assert!(path(there).exists(), "{there}");
    }
    assert_eq!(facts["mysql"]["address"], parts.database().to_string());
    for name in ["hold", "ca.pem"] {
        assert!(path(&facts["lib"]).join(name).is_file(), "{name}");
    }
    let mode = |path: &std::path::Path| std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path).unwrap().permissions()) & 0o777;
    assert_eq!((mode(&parts.admin()), mode(parts.folder())), (0o600, 0o700));
    let run: Vec<&str> = facts["haproxy"]["run"].as_array().unwrap().iter().filter_map(|word| word.as_str()).collect();
    let said = tokio::process::Command::new(run[0]).args(&run[1..]).arg("-v").output().await.unwrap();
    assert!(String::from_utf8_lossy(&said.stdout).starts_with("HAProxy"), "{said:?}");
}
