//! What people see of a tenant that wakes, with real eyes: Chromium goes the whole way, and axe-core looks at every page. Needs root and `make setup`.

#[path = "../support/browser.rs"]
mod browser;

mod waker;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use browser::{Browser, Options, Screen};
use reeve::edge::asked::{Form, Wakes, Why};
use reeve::edge::page::State;
use serde_json::json;
use tokio::time::sleep;
use waker::{LOGIN, Seen, TENANT, Waker};

const NOTHING: [String; 0] = [];
const DEEP: &str = "/openmrs/spa/patient/7f3a/chart?view=Visits%20%26%20notes&from=a%2Fb";

fn pages(seen: &[Seen]) -> Vec<&Seen> {
    seen.iter().filter(|one| one.asked.form == Form::Page).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cold_tenant_is_seen_waking_until_its_own_login_page_is_there() {
    let (waker, browser) = (Waker::start().await, Browser::start(&Options::default()).await);
    let address = format!("{}{DEEP}", waker.origin);
    let begun = Instant::now();
    // With something behind `#`, which no server sees: the page has to reload itself all the same.
    browser.go(&format!("{address}#notes")).await;
    assert_eq!(browser.title().await, format!("{TENANT} is number 2 in the queue"));
    assert!(begun.elapsed() < Duration::from_secs(5), "at once, and not when it is ready: {:?}", begun.elapsed());
    assert!(browser.text().await.contains("number 2 of 2"));
    browser.until("it starts", async |browser| browser.title().await == format!("{TENANT} is starting")).await;
    browser.until("the tenant's own page", async |browser| browser.title().await == LOGIN).await;
    assert_eq!(browser.address().await, address, "path and query are as they were asked for");

    let seen = waker.seen();
    let pages = pages(&seen);
    assert!(pages.len() >= 3, "{pages:#?}");
    assert!(pages.iter().all(|one| one.line == format!("GET {DEEP}")), "{pages:#?}");
    assert_eq!(pages[0].asked.wakes, Wakes::Yes);
    assert!(pages[1..].iter().all(|one| one.asked.wakes == Wakes::No(Why::Reload)), "{pages:#?}");
    assert!(pages.iter().rev().skip(1).all(|one| !one.tenants) && pages.last().is_some_and(|one| one.tenants), "{pages:#?}");
    assert_eq!(waker.wakes(), 1);
    assert_eq!(browser.said().await, NOTHING, "no error, nothing refused by the policy");
    let requested = browser.requested().await;
    assert!(requested.len() >= 3, "{requested:?}");
    let elsewhere: Vec<&String> = requested.iter().filter(|one| !one.starts_with(&waker.origin)).collect();
    assert_eq!(elsewhere, [] as [&String; 0]);
    browser.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_was_left_open_wakes_nobody_and_a_click_on_it_does() {
    let (waker, browser) = (Waker::start().await, Browser::start(&Options::default()).await);
    waker.never_ready();
    let address = format!("{}{DEEP}", waker.origin);
    browser.go(&address).await;
    browser.until("it starts", async |browser| browser.title().await.contains("starting")).await;
    // Whoever wanted it is gone; the waker gives up, and the page is still there.
    waker.sleep();
    browser.until("it is asleep", async |browser| browser.title().await == format!("{TENANT} is asleep")).await;
    assert_eq!(waker.wakes(), 1, "the page's own reloads are no reason");
    waker.seen();
    sleep(Duration::from_secs(4)).await;
    assert!(waker.seen().is_empty(), "it does not ask any more");

    browser.click("a").await;
    browser.until("it is woken", async |browser| browser.title().await.contains("queue")).await;
    assert_eq!((waker.wakes(), browser.address().await), (2, address));
    // Loaded anew by a person while it waits: it is wanted already, and goes on.
    browser.again().await;
    assert_eq!(waker.wakes(), 2);
    assert_eq!(browser.said().await, NOTHING);
    browser.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tab_that_stayed_open_on_the_tenants_own_page_wakes_nobody() {
    let (waker, browser) = (Waker::start().await, Browser::start(&Options::default()).await);
    browser.go(&format!("{}/openmrs/login", waker.origin)).await;
    browser.until("the tenant's own page", async |browser| browser.title().await == LOGIN).await;
    waker.sleep();
    waker.seen();
    browser.until("its script asks some times", async |_| waker.asks() >= 5).await;
    let seen = waker.seen();
    assert!(seen.iter().all(|one| one.asked.wakes == Wakes::No(Why::Background) && one.asked.form == Form::Words), "{seen:#?}");
    assert_eq!(waker.wakes(), 1);
    browser.end().await;
}

/// OpenMRS's front end has a service worker. What goes through one comes without who began it.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_worker_in_between_changes_nothing_for_people() {
    let (waker, browser) = (Waker::start().await, Browser::start(&Options::default()).await);
    let address = format!("{}/openmrs/login", waker.origin);
    browser.go(&address).await;
    browser.until("the tenant's own page", async |browser| browser.title().await == LOGIN).await;
    let register =
        "return navigator.serviceWorker.register('/openmrs/service-worker.js').then(() => navigator.serviceWorker.ready).then(() => true)";
    assert_eq!(browser.run(register, &[]).await, true);
    browser
        .until("it stands in between", async |browser| browser.run("return !!navigator.serviceWorker.controller", &[]).await == true)
        .await;
    waker.sleep();
    waker.seen();
    browser.click("a").await;
    browser.until("it is woken", async |browser| browser.title().await.contains("queue")).await;
    browser.until("the tenant's own page", async |browser| browser.title().await == LOGIN).await;
    assert_eq!(browser.address().await, address);
    let seen = waker.seen();
    let pages = pages(&seen);
    assert!(pages.iter().all(|one| one.headers["sec-fetch-dest"] == "empty"), "all of it went through: {pages:#?}");
    assert_eq!(pages[0].asked.wakes, Wakes::Yes, "{pages:#?}");
    assert!(pages.len() >= 3 && pages[1..].iter().all(|one| one.asked.wakes == Wakes::No(Why::Reload)), "{pages:#?}");
    assert_eq!(waker.wakes(), 2);
    browser.end().await;
}

/// Without TLS browsers send no fetch metadata and keep no cookie of ours: nothing tells a reload from a person, and the way is the same.
#[tokio::test(flavor = "multi_thread")]
async fn without_tls_a_tenant_wakes_all_the_same_under_its_own_name() {
    let waker = Waker::start().await;
    let port = waker.origin.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    let browser = Browser::start(&Options { served_at: Some(("clinics.example".into(), ([127, 0, 0, 1], port).into())) }).await;
    let address = format!("http://{TENANT}.clinics.example{DEEP}");
    browser.go(&address).await;
    browser.until("the tenant's own page", async |browser| browser.title().await == LOGIN).await;
    assert_eq!((browser.address().await, waker.wakes()), (address, 1));
    let seen = waker.seen();
    assert!(seen[0].headers.get("sec-fetch-mode").is_none() && seen[0].headers["host"] == format!("{TENANT}.clinics.example"), "{seen:#?}");
    browser.end().await;
}

/// Every state, and what its picture is called.
fn states() -> Vec<(&'static str, State)> {
    vec![
        ("queued", State::Queued { position: 3, of: 5 }),
        ("starting", State::Starting { since: 12, usual: Some(45), step: "The database answers.".into() }),
        ("first", State::Starting { since: 75, usual: None, step: String::new() }),
        ("ready", State::Ready),
        ("failed", State::Failed { why: "It ended before it was ready.".into(), tries: 3, next_try: 120 }),
        ("asleep", State::Asleep),
        ("suspended", State::Suspended),
        ("busy", State::Busy { doing: "A backup of its data is being restored.".into() }),
        ("no-room", State::NoRoom),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn no_state_is_a_barrier_on_any_screen() {
    let (waker, browser) = (Waker::start().await, Browser::start(&Options::default()).await);
    let long = State::Busy { doing: "w".repeat(300) };
    for (name, state) in states().into_iter().chain([("long", long)]) {
        let address = waker.still(state);
        for dark in [false, true] {
            for (width, zoom) in [(1280, 1), (320, 1), (640, 2)] {
                let place = format!("{name}, dark: {dark}, {width} wide, text {zoom} times as large");
                browser.look(Screen { width, height: 640, dark }).await;
                browser.go(&address).await;
                browser.run("document.documentElement.style.fontSize = arguments[0]", &[json!(format!("{}%", zoom * 100))]).await;
                assert_eq!(browser.barriers().await, NOTHING, "{place}");
                let wide = browser.run("return document.documentElement.scrollWidth", &[]).await;
                assert!(wide.as_u64().is_some_and(|wide| wide <= u64::from(width)), "{place}: scrolls sideways, {wide}");
                let colour = browser.run("return getComputedStyle(document.body).backgroundColor", &[]).await;
                assert_eq!(colour == "rgb(255, 255, 255)", !dark, "{place}: {colour}");
            }
        }
    }
    assert_eq!(browser.said().await, NOTHING);
    browser.end().await;
}

/// That the look for barriers can fail.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_with_barriers_is_found_out() {
    let (waker, browser) = (Waker::start().await, Browser::start(&Options::default()).await);
    browser.go(&waker.still(State::Asleep)).await;
    browser.run("document.querySelector('a').style.color = '#88a'; document.documentElement.removeAttribute('lang')", &[]).await;
    let found = browser.barriers().await.join("\n");
    assert!(found.contains("color-contrast (serious)") && found.contains("html-has-lang (serious)"), "{found}");
    browser.end().await;
}

/// Those that `tests/edge/seen.rs` takes of a real fleet; `login` is the tenant's own page.
const REAL: [&str; 4] = ["queued", "starting", "asleep", "login"];

/// `make pictures` takes them anew; else each has to be there, and a page has to show it.
#[tokio::test(flavor = "multi_thread")]
async fn each_state_has_its_picture_in_the_docs() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pictures");
    let mut wanted: Vec<(PathBuf, bool, u32, State)> =
        states().into_iter().map(|(name, state)| (folder.join(format!("{name}.png")), false, 640, state)).collect();
    let (_, starting) = states().swap_remove(1);
    wanted.push((folder.join("starting-dark.png"), true, 320, starting));
    if std::env::var("REEVE_PICTURES").is_ok_and(|value| value == "write") {
        fs::create_dir_all(&folder).expect("a folder");
        let (waker, browser) = (Waker::start().await, Browser::start(&Options::default()).await);
        let is_real = |path: &Path| REAL.iter().any(|name| path.file_stem().is_some_and(|stem| stem == *name));
        for (path, dark, width, state) in wanted.iter().filter(|(path, ..)| !is_real(path)) {
            browser.look(Screen { width: *width, height: 300 + (640 - width) / 3, dark: *dark }).await;
            browser.go(&waker.still(state.clone())).await;
            fs::write(path, browser.picture().await).expect("written");
        }
        browser.end().await;
    }
    let page = fs::read_to_string(folder.join("../waking.md")).expect("docs/waking.md");
    let mut paths: BTreeSet<PathBuf> = wanted.into_iter().map(|(path, ..)| path).collect();
    paths.extend(REAL.map(|name| folder.join(format!("{name}.png"))));
    for path in &paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}: `make pictures`", path.display()));
        assert!(bytes.starts_with(b"\x89PNG") && bytes.len() < 60_000, "{name}: {} bytes", bytes.len());
        assert!(page.contains(&format!("(pictures/{name})")), "docs/waking.md does not show {name}");
    }
    let kept = fs::read_dir(&folder).expect("docs/pictures").count();
    assert_eq!(kept, paths.len(), "docs/pictures has pictures of nothing");
}
