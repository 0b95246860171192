//! The whole way with real eyes: Chromium, through a host's real HAProxy and over TLS, from a tenant that is cold to its login page, and what a tab that stays open does. Also takes pictures of it for
//! the docs (`make pictures`).

use std::time::{Duration, Instant};

use reeve::edge::{Entry, Rules, Said};
use reeve::sandbox::ZONE;

use crate::browser::{Browser, Options, Screen};
use crate::client::{Asks, ask};
use crate::fleet_ground::{Fleet, docker, tenant, until};
use crate::ground::{Edge, book, door, host};
use crate::rest::runs;
use crate::support::wishes;
use crate::wake::stop;

/// What the stand-in's pages are called.
const ITS_OWN: &str = "Stand-in for OpenMRS";
const NOTHING: [String; 0] = [];

/// Keeps what the window shows for the docs, when they are made anew.
async fn picture(browser: &Browser, name: &str) {
    if std::env::var("REEVE_PICTURES").is_ok_and(|value| value == "write") {
        let path = format!("{}/docs/pictures/{name}.png", env!("CARGO_MANIFEST_DIR"));
        std::fs::write(path, browser.picture().await).expect("written");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn from_a_cold_tenant_to_its_login_page_and_a_tab_that_stays_open() {
    let fleet = Fleet::start(1).await;
    let names = ["ckwc", "first", "second"];
    // Slow enough that somebody sees it starting.
    let mut files = fleet.files(&fleet.images[0], &names.map(|name| tenant(name, "")).concat());
    files[0].text = files[0].text.replace("STANDIN_START_SECONDS: \"1\"", "STANDIN_START_SECONDS: \"3\"");
    let estate = fleet.estate(wishes(&files)).await;
    estate.apply().await;
    stop(&fleet, &names).await;
    let entries = names.map(|name| (name, Entry::default()));
    let mut edge = Edge::leads(&fleet, &estate, book(&entries, Rules { max_waking: 1, ..Rules::default() })).await;
    let tls = std::net::SocketAddr::from((fleet.engine().address, 8443));
    let browser = Browser::start(&Options { served_at: Some((ZONE.to_owned(), tls)) }).await;
    browser.look(Screen { width: 640, height: 300, dark: false }).await;

    // One takes the only place among those that start and cannot, another stands in line for it.
    let node = docker(fleet.engine(), &["node", "ls", "--quiet"]).await;
    docker(fleet.engine(), &["node", "update", "--availability", "drain", &node]).await;
    for (name, state) in [("first", "\"state\":\"no_room\""), ("second", "\"position\":1")] {
        ask(&door(&fleet), &host(name), Asks::Api, "").await;
        // Who wants nothing is only told what has been noted.
        until(name, 30, async || ask(&door(&fleet), &host(name), Asks::Poll, "").await.body.contains(state)).await;
    }
    let address = format!("https://{}/openmrs/login.htm?next=%2Fopenmrs%2Fspa%2Fhome&note=a%20b", host("ckwc"));
    let begun = Instant::now();
    browser.go(&address).await;
    assert!(begun.elapsed() < Duration::from_secs(5), "at once, and not when it is ready: {:?}", begun.elapsed());
    assert_eq!(browser.title().await, "ckwc is number 2 in the queue");
    picture(&browser, "queued").await;
    assert_eq!(browser.barriers().await, NOTHING);

    // From here on nobody touches the browser: its page reloads itself.
    docker(fleet.engine(), &["node", "update", "--availability", "active", &node]).await;
    browser.until("it is next", async |browser| browser.title().await == "ckwc is number 1 in the queue").await;
    browser.until("it starts", async |browser| browser.title().await == "ckwc is starting").await;
    picture(&browser, "starting").await;
    browser.until("its own page", async |browser| browser.title().await == ITS_OWN).await;
    assert_eq!(browser.address().await, address, "path and query are as they were asked for");
    assert!(browser.text().await.contains("hostedehr-tenant-ckwc-schema"), "{}", browser.text().await);
    assert_eq!(browser.run("return document.querySelectorAll('input[type=password]').length", &[]).await, 1, "it is the login page");
    picture(&browser, "login").await;
    assert_eq!(browser.said().await, NOTHING, "no error, nothing refused by the policy");
    let requested = browser.requested().await;
    assert!(requested.len() > 3 && requested.iter().all(|one| *one == address), "{requested:?}");
    let started: Vec<String> =
        edge.said().into_iter().filter_map(|said| if let Said::Starts { tenant } = said { Some(tenant) } else { None }).collect();
    assert_eq!(started, ["first", "second", "ckwc"], "each once, in its turn");
    edge.stop().await;

    // The tab stays open, and its script asks all the time: the tenant is put to rest all the same, and sleeps on.
    let poll = "setInterval(() => fetch('/openmrs/ws/rest/v1/session').then(answer => { window.answered = answer.status; }), 200)";
    browser.run(poll, &[]).await;
    let answered = async |browser: &Browser, status: u16| browser.run("return window.answered", &[]).await == status;
    browser.until("the tenant answers it", async |browser| answered(browser, 200).await).await;
    let mut edge = Edge::leads(&fleet, &estate, book(&entries, Rules { after: Duration::from_secs(4), ..Rules::default() })).await;
    until("it rests", 60, async || !runs(&fleet, "ckwc").await).await;
    browser.until("the tab is told", async |browser| answered(browser, 503).await).await;
    edge.said();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(!edge.said().iter().any(|said| matches!(said, Said::Starts { .. })) && !runs(&fleet, "ckwc").await, "nobody was there");
    // Nor does a page that moves on without anybody: what our own page that was left open asks.
    let by_itself = "Object.assign(document.createElement('a'), { href: location.href, rel: 'noreferrer' }).click()";
    browser.run(by_itself, &[]).await;
    browser.until("it is asleep", async |browser| browser.title().await == "ckwc is asleep").await;
    picture(&browser, "asleep").await;
    assert!(!runs(&fleet, "ckwc").await);

    // A click does. (After four seconds it would rest again, on a slow machine before its page is there.)
    edge.stop().await;
    let edge = Edge::leads(&fleet, &estate, book(&entries, Rules::default())).await;
    browser.click("a").await;
    browser.until("its own page", async |browser| browser.title().await == ITS_OWN).await;
    assert_eq!(browser.address().await, address);
    browser.end().await;
    edge.stop().await;
}
