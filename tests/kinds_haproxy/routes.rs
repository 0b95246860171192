//! Requests go where the tenant runs, whatever happens meanwhile, and never to another.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::FutureExt;
use reeve::kinds::{Kind, haproxy::config::Config};
use reeve::planes::error::Class;
use reeve::planes::haproxy::Tasks;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{application, config, tasks, world};

#[tokio::test]
async fn following_sets_only_what_differs_and_reads_it_back() {
    let world = world();
    world.make(&config(&["a", "b", "c"])).await;
    let (a, b) = (application("a").await, application("b").await);
    let done = world.cx.follow(&tasks(&[("a", a), ("b", b), ("stranger", a)])).await.unwrap();
    assert_eq!((done.given.len(), done.taken.len(), done.unknown), (2, 0, vec!["stranger".to_owned()]));
    for (tenant, status) in [("a", 200), ("b", 200), ("c", 503)] {
        let answer = world.page(&format!("{tenant}.example.org"), "/").await;
        assert_eq!(answer.status, status, "{tenant}");
        assert_eq!(answer.header("x-tenant"), (status == 200).then_some(tenant));
    }
    assert!(world.cx.follow(&tasks(&[("a", a), ("b", b)])).await.unwrap().is_nothing());
    assert_eq!(world.stats.calls()["haproxy.set_server"], 1, "what is already so is not set again");

    // Moved, swapped, stopped.
    let c = application("c").await;
    let (new_a, new_b) = (application("a").await, application("b").await);
    let done = world.cx.follow(&tasks(&[("a", new_a), ("c", c)])).await.unwrap();
    assert_eq!((done.given.len(), done.taken), (2, vec!["b".to_owned()]));
    assert_eq!(world.page("b.example.org", "/").await.status, 503);
    world.follow(&[("a", new_a), ("b", new_b), ("c", c)]).await;
    for tenant in ["a", "b", "c"] {
        assert_eq!(world.page(&format!("{tenant}.example.org"), "/").await.header("x-tenant"), Some(tenant));
    }
}

#[tokio::test]
async fn a_tenant_that_refuses_is_answered_by_the_page_and_comes_back_by_itself() {
    let world = world();
    world.make(&config(&["a"])).await;
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    world.follow(&[("a", address)]).await;
    let begun = Instant::now();
    let page = world.page("a.example.org", "/").await;
    assert!(page.status == 503 && page.body.contains("a is asleep or being moved"), "{page:?}");
    assert!(begun.elapsed() < Duration::from_secs(4), "in about a second: {:?}", begun.elapsed());
    let begun = Instant::now();
    assert_eq!(world.page("a.example.org", "/").await.status, 503);
    assert!(begun.elapsed() < Duration::from_millis(900), "the second one waits for nothing: {:?}", begun.elapsed());
    crate::support::serve(tokio::net::TcpListener::bind(address).await.unwrap(), "a".into());
    for _ in 0..100 {
        if world.page("a.example.org", "/").await.status == 200 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it stays down");
}

#[tokio::test]
async fn a_cold_start_sends_nobody_anywhere() {
    let world = world();
    world.make(&config(&["a", "b"])).await;
    let (a, b) = (application("a").await, application("b").await);
    world.follow(&[("a", a), ("b", b)]).await;
    world.update(&config(&["a", "b", "c"])).await; // a reload, with addresses
    assert_eq!(world.page("a.example.org", "/").await.header("x-tenant"), Some("a"));
    let text = world.read("haproxy.cfg");
    assert!(!text.contains(&a.to_string()) && !text.contains(&b.to_string()), "no address is at rest in the file");
    world.killed().await;
    let have = world.live().await.shape;
    world.try_update(&have, &config(&["a", "b", "c"]), &["running"]).await.unwrap();
    for tenant in ["a", "b"] {
        let page = world.page(&format!("{tenant}.example.org"), "/").await;
        assert_eq!((page.status, page.header("x-tenant")), (503, None), "{tenant}");
    }
}

#[tokio::test]
async fn addresses_that_a_crash_left_in_the_file_are_seen_and_taken_out() {
    let world = world();
    let want = config(&["a"]);
    world.make(&want).await;
    let a = application("a").await;
    let text = world.read("haproxy.cfg");
    let left = reeve::planes::haproxy::slot::filled(&text, &[("a".to_owned(), a)].into());
    std::fs::write(world.at("haproxy.cfg"), left).unwrap();
    let have = world.live().await.shape;
    assert!(have.edited.contains(&format!("+  server s {a}")), "{}", have.edited);
    world.try_update(&have, &want, &["edited"]).await.unwrap();
    assert_eq!((world.read("haproxy.cfg"), world.live().await.shape), (text, want));
}

#[tokio::test]
async fn what_does_not_follow_is_drift_and_following_needs_no_reload() {
    let mut world = world();
    let want = config(&["a", "b"]);
    world.make(&want).await;
    let a = application("a").await;
    let known = Tasks::new(move || async move { Ok(tasks(&[("a", a)])) }.boxed());
    world.cx = world.cx.with_tasks(known);
    let have = world.live().await.shape;
    assert_eq!(have, Config { following: false, ..want.clone() });
    world.try_update(&have, &want, &["following"]).await.unwrap();
    assert_eq!(world.live().await.shape, want);
    assert_eq!(world.page("a.example.org", "/").await.header("x-tenant"), Some("a"));
    assert!(!world.stats.calls().contains_key("haproxy.reload"));
    let calls = world.stats.calls();
    let _ = world.live().await;
    let more: u64 = world.stats.calls().values().sum::<u64>() - calls.values().sum::<u64>();
    assert_eq!(more, 3, "the files, the worker, its servers: whatever the number of tenants");

    let silent = Tasks::new(|| async { Err(reeve::planes::Error::new(Class::Unreachable, "docker.TaskList", "no answer")) }.boxed());
    let error = Config::fetch(&world.cx.with_tasks(silent)).await.unwrap_err();
    assert_eq!(error.class, Class::Unreachable, "not known is not the same as stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reloads_under_load_fail_no_request_and_send_none_to_another() {
    let world = Arc::new(world());
    world.make(&config(&["a", "b"])).await;
    let (a, b) = (application("a").await, application("b").await);
    world.follow(&[("a", a), ("b", b)]).await;
    let (stop, done, bad) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut clients = Vec::new();
    for client in 0..8 {
        let (world, stop, done, bad) = (world.clone(), stop.clone(), done.clone(), bad.clone());
        let (tenant, keeps) = (["a", "b"][client % 2], client < 4);
        clients.push(tokio::spawn(async move {
            let mut kept = None;
            while !stop.load(Ordering::Relaxed) {
                let served = match keeps {
                    true => one_of_many(world.plain, tenant, &mut kept).await,
                    false => world.page(&format!("{tenant}.example.org"), "/").await.header("x-tenant") == Some(tenant),
                };
                (if served { &done } else { &bad }).fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    for round in 0..10 {
        world.update(&config(if round % 2 == 0 { &["a", "b", "c"] } else { &["a", "b"] })).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    stop.store(true, Ordering::Relaxed);
    futures::future::join_all(clients).await;
    let (done, bad) = (done.load(Ordering::Relaxed), bad.load(Ordering::Relaxed));
    assert!(bad == 0 && done > 500, "{bad} of {} requests failed", done + bad);
    assert_eq!(world.stats.calls()["haproxy.reload"], 10);
}

/// One request on a connection that is kept as long as HAProxy keeps it, as the load balancer does. It repeats nothing: a connection that closes without having
/// announced it is a failed request.
async fn one_of_many(to: std::net::SocketAddr, tenant: &str, kept: &mut Option<TcpStream>) -> bool {
    let mut stream = match kept.take() {
        Some(stream) => stream,
        None => TcpStream::connect(to).await.expect("a connection"),
    };
    let request = format!("GET / HTTP/1.1\r\nHost: {tenant}.example.org\r\n\r\n");
    if stream.write_all(request.as_bytes()).await.is_err() {
        return false;
    }
    let (mut answer, mut part) = (String::new(), [0; 4096]);
    loop {
        match stream.read(&mut part).await {
            Ok(read @ 1..) => answer.push_str(&String::from_utf8_lossy(&part[..read])),
            _ => return false,
        }
        let Some(found) = crate::support::parse(&answer) else { continue };
        let length: usize = found.header("content-length").and_then(|length| length.parse().ok()).unwrap_or_default();
        if found.body.len() < length {
            continue;
        }
        if found.header("connection") != Some("close") {
            *kept = Some(stream);
        }
        return found.header("x-tenant") == Some(tenant);
    }
}
