//! What people complain of in systems that put tenants to sleep behind a proxy, one test each, as far as it is the proxy's.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{World, application, ask, config, route, world};

/// Sablier #530, traefik #12196: a service at zero loses its route and answers 404.
#[tokio::test]
async fn a_tenant_at_zero_keeps_its_route() {
    let world = world();
    world.make(&config(&["a", "b"])).await;
    let a = application("a").await;
    world.follow(&[("a", a)]).await;
    assert_eq!(world.page("a.example.org", "/").await.status, 200);
    world.follow(&[]).await;
    assert_eq!(world.page("a.example.org", "/").await.status, 503);
    world.update(&config(&["a", "b", "c"])).await; // nor does a reload forget it
    assert_eq!(world.page("a.example.org", "/").await.status, 503);
    world.follow(&[("a", a)]).await;
    assert_eq!(world.page("a.example.org", "/").await.header("x-tenant"), Some("a"));
}

/// A front cache stores the waiting page; and a front end that sees 401 or 403 logs its user out.
#[tokio::test]
async fn no_answer_of_its_own_may_be_kept_and_none_logs_a_user_out() {
    let world = world();
    let mut want = config(&["asleep"]);
    want.routes.insert("closed.example.org".into(), serde_json::from_value(route("closed", "suspended")).unwrap());
    world.make(&want).await;
    for host in ["asleep", "closed", "nobody"] {
        for path in ["/", "/openmrs/ws/rest/v1/session", "/openmrs/initialsetup", "/.reeve/healthz"] {
            for accept in ["Accept: text/html\r\n", ""] {
                let answer = world.get(&format!("{host}.example.org"), path, accept).await;
                assert_eq!(answer.header("cache-control"), Some("no-store"), "{host} {path}: {answer:?}");
                assert!(![401, 403].contains(&answer.status), "{host} {path}: {answer:?}");
            }
        }
    }
    let text = world.read("haproxy.cfg");
    let own: Vec<&str> = text.lines().filter(|line| line.contains("return status") || line.contains("http-error status")).collect();
    let open: Vec<&&str> = own.iter().filter(|line| !line.contains("hdr Cache-Control no-store")).collect();
    assert!(own.len() > 10 && open.is_empty(), "{open:#?}");
}

/// The text with other time-outs, so that a test need not wait as long as a clinic.
async fn with_short_time_outs(world: &World) {
    let (text, map) = (world.read("haproxy.cfg"), world.read("hosts.map"));
    let text = text.replace("timeout server 75s", "timeout server 1s").replace("timeout queue 10s", "timeout queue 1s");
    world.cx.put(&reeve::planes::haproxy::files::stamped(&text, &map), &map).await.unwrap();
}

/// KEDA http-add-on #432, #1385: held first requests time out with slow Tomcat apps, which accept long before they answer.
#[tokio::test]
async fn nothing_is_held_for_whoever_sleeps_and_one_that_accepts_and_never_answers_ends_in_a_page() {
    let world = world();
    world.make(&config(&["a"])).await;
    let begun = Instant::now();
    assert_eq!(world.page("a.example.org", "/").await.status, 503);
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    with_short_time_outs(&world).await;
    let slow = TcpListener::bind("127.0.0.1:0").await.unwrap(); // connections wait in its backlog
    world.follow(&[("a", slow.local_addr().unwrap())]).await;
    let page = world.page("a.example.org", "/").await;
    assert_eq!((page.status, page.header("retry-after"), page.header("cache-control")), (503, Some("10"), Some("no-store")));
    assert!(page.body.contains("It will be back"), "{page:?}");
}

/// An application that reads each request whole, counts it, and closes without a word.
async fn mute(count: Arc<AtomicU64>) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let count = count.clone();
            tokio::spawn(async move {
                let mut part = [0; 4096];
                if matches!(stream.read(&mut part).await, Ok(1..)) {
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn a_clinical_request_is_sent_once_whatever_becomes_of_it() {
    let world = world();
    world.make(&config(&["a"])).await;
    let count = Arc::new(AtomicU64::new(0));
    world.follow(&[("a", mute(count.clone()).await)]).await;
    let post = "POST /openmrs/ws/rest/v1/obs HTTP/1.1\r\nHost: a.example.org\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab";
    let answer = ask(world.plain, post).await.unwrap();
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("10")));
    assert_eq!(count.load(Ordering::Relaxed), 1);
}

/// A container ends: what only reads is asked again, and when nobody is there by then, the answer is that of a tenant that sleeps.
#[tokio::test]
async fn what_only_reads_is_sent_again_when_its_container_ends() {
    let world = world();
    world.make(&config(&["a"])).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    world.follow(&[("a", listener.local_addr().unwrap())]).await;
    let last = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut part = [0; 4096];
        stream.read(&mut part).await.unwrap()
    });
    let page = world.page("a.example.org", "/").await;
    assert!(last.await.unwrap() > 0);
    assert_eq!((page.status, page.header("retry-after")), (503, Some("10")));
    assert!(page.body.contains("It will be back"), "{page:?}");

    // An answer that the tenant itself gives is not touched.
    let own = TcpListener::bind("127.0.0.1:0").await.unwrap();
    world.follow(&[("a", own.local_addr().unwrap())]).await;
    tokio::spawn(async move {
        let (mut stream, _) = own.accept().await.unwrap();
        let mut part = [0; 4096];
        assert!(stream.read(&mut part).await.unwrap() > 0);
        stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 5\r\n\r\nowned").await.unwrap();
    });
    let answer = world.page("a.example.org", "/").await;
    assert_eq!((answer.status, answer.body.as_str()), (502, "owned"));
}

#[tokio::test]
async fn a_web_socket_goes_through_and_survives_a_reload() {
    let world = world();
    world.make(&config(&["a"])).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    world.follow(&[("a", listener.local_addr().unwrap())]).await;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut part = [0; 4096];
                if !matches!(stream.read(&mut part).await, Ok(1..)) {
                    return;
                }
                let head =
                    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n";
                stream.write_all(head.as_bytes()).await.unwrap();
                while let Ok(read @ 1..) = stream.read(&mut part).await {
                    stream.write_all(&part[..read]).await.unwrap();
                }
            });
        }
    });
    let mut stream = TcpStream::connect(world.plain).await.unwrap();
    let head = "GET /openmrs/ws HTTP/1.1\r\nHost: a.example.org\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut part = [0; 4096];
    let read = stream.read(&mut part).await.unwrap();
    assert!(part[..read].starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&part[..read]));
    for round in 0..2 {
        stream.write_all(b"hello").await.unwrap();
        let read = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut part)).await.expect("an echo").unwrap();
        assert_eq!(&part[..read], b"hello", "round {round}");
        world.update(&config(&["a", "b"])).await;
    }
}

/// One tenant's users, or one who wants to harm, hold as many connections as they can.
#[tokio::test]
async fn a_tenant_that_is_flooded_leaves_the_others_alone() {
    let world = world();
    world.make(&config(&["a", "b"])).await;
    with_short_time_outs(&world).await;
    let slow = TcpListener::bind("127.0.0.1:0").await.unwrap();
    world.follow(&[("a", slow.local_addr().unwrap()), ("b", application("b").await)]).await;
    let mut held = Vec::new();
    for _ in 0..600 {
        let mut stream = TcpStream::connect(world.plain).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a.example.org\r\n\r\n").await.unwrap();
        held.push(stream);
    }
    for _ in 0..20 {
        let begun = Instant::now();
        assert_eq!(world.page("b.example.org", "/").await.header("x-tenant"), Some("b"));
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    }
}
