//! What is answered to whom.

use crate::support::{application, ask, config, route, world};

#[tokio::test]
async fn a_tenant_that_does_not_run_has_a_page_for_people_and_words_for_programs() {
    let world = world();
    world.make(&config(&["ckwc"])).await;
    let page = world.page("ckwc.example.org", "/openmrs/spa/home").await;
    assert_eq!((page.status, page.header("content-type")), (503, Some("text/html; charset=utf-8")));
    assert_eq!((page.header("retry-after"), page.header("cache-control")), (Some("10"), Some("no-store")));
    for words in ["ckwc is asleep or being moved", "It will be back", "http-equiv=\"refresh\" content=\"10\""] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    for (path, headers) in [
        ("/openmrs/ws/rest/v1/session", "Accept: text/html\r\n"), // a path of programs, whoever asks
        ("/openmrs//ws/./rest", "Accept: text/html\r\n"),
        ("/openmrs/spa/home", "Accept: application/json\r\n"), // OpenMRS's own front end
        ("/openmrs/spa/home", ""),
    ] {
        let words = world.get("ckwc.example.org", path, headers).await;
        assert_eq!((words.status, words.header("content-type")), (503, Some("application/json")), "{path}");
        assert_eq!((words.header("retry-after"), words.header("cache-control")), (Some("10"), Some("no-store")), "{path}");
        assert_eq!(words.body, "{\"error\":\"ckwc is asleep or being moved, it will be back\"}");
    }
    let post = "POST /openmrs/spa HTTP/1.1\r\nHost: CKWC.example.org.:443\r\nAccept: text/html\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab";
    let answer = ask(world.plain, post).await.unwrap();
    assert_eq!((answer.status, answer.header("content-type")), (503, Some("application/json")), "a form that is sent is no page");
}

#[tokio::test]
async fn suspended_unknown_and_blocked_are_told_apart() {
    let world = world();
    let mut want = config(&["ckwc"]);
    want.routes.insert("closed.example.org".into(), serde_json::from_value(route("closed", "suspended")).unwrap());
    world.make(&want).await;
    world.follow(&[("ckwc", application("ckwc").await)]).await;

    let page = world.page("closed.example.org", "/openmrs/spa").await;
    assert!(
        page.status == 503 && page.body.contains("closed is suspended") && page.header("cache-control") == Some("no-store"),
        "{page:?}"
    );
    assert!(page.header("retry-after").is_none() && !page.body.contains("refresh"), "it does not come back by itself");
    let words = world.get("closed.example.org", "/openmrs/ws/rest", "").await;
    assert_eq!((words.status, words.body.as_str()), (503, "{\"error\":\"closed is suspended\"}"));

    for host in ["nobody.example.org", "example.org", "127.0.0.1", "t_ckwc", "ckwc.example.org.evil.org", "s_closed", ""] {
        let page = world.page(host, "/").await;
        assert!(page.status == 404 && page.body.contains("Nothing is served under this name"), "{host}: {page:?}");
        assert_eq!(world.get(host, "/", "").await.header("content-type"), Some("application/json"), "{host}");
    }

    // However it is written, as long as Tomcat would read it as that.
    for path in [
        "/openmrs/initialsetup",
        "/openmrs/initialsetup/x",
        "/openmrs/initialsetup?a=b",
        "/openmrs//initialsetup",
        "//openmrs/initialsetup",
        "/openmrs/./initialsetup",
        "/openmrs/././initialsetup",
        "/openmrs/%69nitialsetup",
        "/openmrs/initialsetu%70",
        "/openmrs;a=b/initialsetup",
        "/openmrs/;/initialsetup",
        "/openmrs/initialsetup;jsessionid=1",
        "/openmrs%3Ba=b/initialsetup",
        "/openmrs/%2e/initialsetup",
    ] {
        let answer = world.get("ckwc.example.org", path, "").await;
        assert_eq!((answer.status, answer.header("x-tenant")), (404, None), "{path}");
    }
    for path in ["/openmrs/x/../initialsetup", "/openmrs/x/%2e%2e/initialsetup", "/openmrs/x/..;a/initialsetup", "/openmrs/x/.."] {
        let answer = world.get("ckwc.example.org", path, "").await;
        assert_eq!((answer.status, answer.header("x-tenant")), (400, None), "{path}");
    }
    let answer = world.get("ckwc.example.org", "/openmrs/initial/setup..x", "").await;
    assert_eq!((answer.status, answer.header("x-tenant")), (200, Some("ckwc")));
}

#[tokio::test]
async fn the_health_page_answers_under_any_name_and_is_not_logged() {
    let world = world();
    world.make(&config(&[])).await;
    for host in ["10.0.0.7", "whatever"] {
        let answer = world.get(host, "/.reeve/healthz", "").await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "ok\n"));
    }
    assert_eq!(world.get("whatever", "/.reeve/healthz2", "").await.status, 404);
    assert!(!world.read("haproxy.log").contains("/.reeve/healthz "), "{}", world.read("haproxy.log"));
}

#[tokio::test]
async fn the_application_is_told_who_asks_by_the_balancer_and_by_nobody_else() {
    let world = world();
    world.make(&config(&["ckwc"])).await;
    world.follow(&[("ckwc", application("ckwc").await)]).await;
    let forged = "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Real-IP: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nX-Forwarded-Host: evil\r\n";
    let seen = world.get("ckwc.example.org", "/", forged).await.body.to_ascii_lowercase();
    assert!(seen.contains("x-forwarded-for: 127.0.0.1\r\n") && seen.contains("x-forwarded-proto: http\r\n"), "{seen}");
    assert!(!seen.contains("6.6.6.6") && !seen.contains("evil"), "{seen}");

    // Over TLS, as the load balancer comes: the last address is its own, what stands before it is the client's claim.
    let out = tokio::process::Command::new("curl")
        .args(["-sik", "--max-time", "10", "-H", "Host: ckwc.example.org", "-H", "X-Forwarded-For: 6.6.6.6, 198.51.100.7"])
        .arg(format!("https://{}/openmrs/spa?patient=secret", world.tls))
        .output()
        .await
        .expect("curl runs");
    let answer = crate::support::parse(&String::from_utf8_lossy(&out.stdout)).expect("an answer over TLS");
    assert_eq!((answer.status, answer.header("strict-transport-security")), (200, Some("max-age=31536000")));
    let seen = answer.body.to_ascii_lowercase();
    assert!(seen.contains("x-forwarded-for: 198.51.100.7\r\n") && seen.contains("x-forwarded-proto: https\r\n"), "{seen}");
    assert!(!seen.contains("6.6.6.6"), "{seen}");
    assert!(seen.starts_with("get /openmrs/spa?patient=secret "), "the application itself sees all of it");

    let log = world.read("haproxy.log");
    assert!(log.contains("198.51.100.7 ckwc.example.org GET /openmrs/spa HTTP/1.1 200 "), "{log}");
    assert!(!log.contains("secret") && !log.contains('?'), "what follows a question mark may name patients: {log}");
}

#[tokio::test]
async fn what_is_too_large_is_refused_before_it_is_sent() {
    let world = world();
    let mut want = config(&["ckwc"]);
    want.max_body_mib = 1;
    world.make(&want).await;
    world.follow(&[("ckwc", application("ckwc").await)]).await;
    let post = |length: u64| format!("POST / HTTP/1.1\r\nHost: ckwc.example.org\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    let answer = ask(world.plain, &post((1 << 20) + 1)).await.unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (413, "{\"error\":\"a request may have 1 MiB at most\"}"));
    let whole = post(1 << 20) + &"x".repeat(1 << 20);
    assert_eq!(ask(world.plain, &whole).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_waker_that_is_named_answers_for_whoever_sleeps_and_one_that_is_away_leaves_a_page() {
    let world = world();
    let mut want = config(&["ckwc"]);
    let waker = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    want.waker = Some(waker.local_addr().unwrap());
    world.make(&want).await;
    drop(waker);
    let away = world.page("ckwc.example.org", "/").await;
    assert!(away.status == 503 && away.header("retry-after") == Some("10") && away.body.contains("It will be back"), "{away:?}");
    let waker = tokio::net::TcpListener::bind(want.waker.unwrap()).await.unwrap();
    crate::support::serve(waker, "the waker".into());
    // It is asked whether it is back once for all tenants, every half second.
    let begun = std::time::Instant::now();
    while world.page("ckwc.example.org", "/").await.header("x-tenant") != Some("the waker") {
        assert!(begun.elapsed() < std::time::Duration::from_secs(10), "nobody asks the waker again");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn who_only_looks_uses_nothing() {
    let world = world();
    let agents = [
        ("elb", "ELB-HealthChecker/2.0", false),
        ("google", "Mozilla/5.0 (compatible; GOOGLEBOT/2.1; +http://www.google.com/bot.html)", false),
        ("matrix", "Synapse (bot; +https://github.com/matrix-org/synapse)", false),
        ("archive", "archive.org_bot", false),
        ("monitor", "HetrixTools Uptime Monitor", false),
        ("spider", "Mozilla/5.0 (KHTML, like Gecko) SomeSpider", false),
        ("browser", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36", true),
        ("telephone", "Mozilla/5.0 (Linux; Android 9; CUBOT_P30) Mobile Safari/537.36", true),
        ("device", "okhttp/4.12.0", true),
        ("archivist", "archiveXorg/1.0", true),
    ];
    let tenants: Vec<&str> = agents.iter().map(|(tenant, ..)| *tenant).chain(["asked"]).collect();
    world.make(&config(&tenants)).await;
    for (tenant, agent, _) in agents {
        world.get(&format!("{tenant}.example.org"), "/openmrs/spa", &format!("User-Agent: {agent}\r\n")).await;
    }
    // What a browser asks before a page of elsewhere may ask, and a monitor that wants no page.
    for method in ["HEAD", "OPTIONS"] {
        let request = format!("{method} /openmrs/ws/rest/v1/session HTTP/1.1\r\nHost: asked.example.org\r\nConnection: close\r\n\r\n");
        ask(world.plain, &request).await.expect("an answer");
    }
    let used = world.cx.last_used().await.unwrap().expect("it runs");
    assert!(!used.contains_key("asked"));
    for (tenant, agent, uses) in agents {
        assert_eq!(used.contains_key(tenant), uses, "{agent}");
    }
}
